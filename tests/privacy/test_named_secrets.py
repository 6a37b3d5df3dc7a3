"""What a user or an editor names is read by the same rules as what a tool reads, at every door.

`NAMES` is the corpus of names of files that no agent may read; add what you think of.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import acp
import pytest

from inhouse.acp.prompt_content import read_prompt
from inhouse.core.events import EventPayload
from inhouse.host.named_context import completions, named_context
from support.workspaces import Bench, bench

SECRET = "canary-7d31"
FILES = {
    **dict.fromkeys(
        [
            *(".env", ".env.local", ".env.bak", "x.env", "sub/.env", "sub/id_rsa", "id_rsa.bak"),
            *("server.pem", ".ssh/config", ".git/config", ".aws/credentials", "Ünï/.env"),
            "ignored.txt",
        ],
        SECRET,
    ),
    ".gitignore": "ignored.txt\n",
    "a.txt": "plain",
    "sub/ok.txt": "plain",
}
LINKS = {
    "link.txt": ".env",
    "outlink.txt": "../home/secret.txt",
    "dirlink": "../home",
    "gitlink": ".git",
    "loop": "loop",
}
NAMES = [
    *(".env", "./.env", ".ENV", ".Env", "sub/.env", "sub/../.env", "sub/./.env", "a.txt/../.env"),
    *("../home/secret.txt", "../home/.env", "./sub/../../w/.env", "/etc/passwd", "/dev/stdin"),
    *("/proc/self/environ", "~/.env", "~", "$HOME/.env", "//etc/passwd", "\\.env", "sub\\.env"),
    *("{root}/.env", "{root}/../home/secret.txt", "//{root}/.env", "file:.env"),
    *("file://{root}/.env", "file:///{root}/.env", "file://{root}/../home/secret.txt"),
    *("link.txt", "outlink.txt", "dirlink", "dirlink/", "dirlink/secret.txt", "dirlink/.env"),
    *("hard.txt", "hard-out.txt", "gitlink", "gitlink/config", "loop", ".git", ".git/", ".ssh/"),
    *(".git/config", ".ssh/config", "x.env", ".env.bak", "id_rsa.bak", "server.pem", ".env.local"),
    *(".aws/credentials", "ignored.txt", ".env:1", ".env:1-2", "link.txt:1", ".env.", ".env/"),
    *(".env::$DATA", ".env\u200b", ".e\u200bnv", "%2eenv", ".env%00", "\uff0eenv", ".env#L1"),
    *("sub", "sub/", ".", "..", "../", "/", "./", "Ünï", "diff", "open", "selection"),
]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="makes links")


@pytest.fixture
def here(tmp_path: Path) -> Bench:
    made = bench(tmp_path / "w", FILES)
    (tmp_path / "home").mkdir()
    for name in (".env", "secret.txt"):
        (tmp_path / "home" / name).write_text(SECRET)
    for name, target in LINKS.items():
        (made.root / name).symlink_to(target)
    (made.root / "hard.txt").hardlink_to(made.root / ".env")
    (made.root / "hard-out.txt").hardlink_to(tmp_path / "home/secret.txt")
    return made


async def attached(here: Bench, prompt: str) -> str:
    told: list[EventPayload] = []

    async def diff() -> str:
        return ""

    naming: Callable[[], Awaitable[str]] = diff
    return await named_context(
        prompt, workspace=here.workspace, roots=(here.root,), diff=naming, emit=told.append
    )


@pytest.mark.parametrize("written", ["see @{} now", 'see @"{}" now', 'see @"{}'])
async def test_no_name_in_a_prompt_attaches_a_secret(here: Bench, written: str):
    for name in NAMES:
        named = name.replace("{root}", str(here.root))
        text = await attached(here, written.replace("{}", named))
        assert SECRET not in text, named
        assert ".env" not in text, named

    assert "plain" in await attached(here, written.replace("{}", "a.txt"))


async def test_no_link_of_an_acp_client_attaches_a_secret(here: Bench):
    for name in NAMES:
        place = name.replace("{root}", str(here.root))
        uris = [
            place,
            f"file://{here.root}/{place}",
            f"file://{place}",
            f"FILE://{here.root}/{place}",
        ]
        prompt = read_prompt([acp.resource_link_block("x", uri) for uri in uris], here.root)
        assert SECRET not in await attached(here, prompt.text), name


@pytest.mark.parametrize(
    "place", [".env", "sub/.env", "link.txt", ".ENV", "../home/.env", ".git/config", "%2eenv"]
)
def test_no_text_that_an_acp_client_hands_over_is_a_secret_files(here: Bench, place: str):
    text = acp.embedded_text_resource(f"file://{here.root}/{place}", SECRET)
    other = acp.embedded_text_resource(f"file://{here.root}/a.txt", "plain")

    prompt = read_prompt([acp.resource_block(text), acp.resource_block(other)], here.root)

    assert SECRET not in prompt.text
    assert "plain" in prompt.text
    assert "no agent may read" in prompt.left_out[0]


@pytest.mark.parametrize("begun", ["", ".", ".e", "sub/", "sub/.", "../", "/", "~", "\0", "link"])
def test_completion_names_no_secret(here: Bench, begun: str):
    found = completions((here.root,), begun)

    assert not [each for each in found if "env" in each or "id_rsa" in each or "secret" in each]
