"""What was trusted is what is loaded: the same files, the same bytes, and nothing beside them."""

import asyncio
import json
import os
import threading
from pathlib import Path

import pytest

from inhouse.core.errors import InhouseError
from inhouse.core.files import FileSnapshot, NotAFileError, read_regular
from inhouse.core.request import RunRequest
from inhouse.store.trust import Untrusted
from support.hosts import open_host
from support.model_server import ModelServer
from support.terminal import Terminal

GOOD = "export default { id: 'x', displayName: 'X', model: 'm', systemPrompt: 'good' }\n"
EVIL = GOOD.replace("'good'", "'EVIL'")
COMPUTED = (
    "import { P } from '../lib/p'\n"
    "export default { id: 'x', displayName: 'X', model: 'm', systemPrompt: [P].join('') }\n"
)
USERS = GOOD.replace("'good'", "'mine'")

PLACES = (
    *(".agents/x.ts", ".agents/sub/x.ts", ".agents/__pycache__/x.ts", ".agents/.git/x.ts"),
    *(".agents/node_modules/x.ts", ".agents/skills/x.ts", ".agents/scripts/x.ts"),
    *(".agents/skills-a/x.ts", ".agents/.hidden/x.ts", ".agents/__PYCACHE__/x.ts"),
    *(".agents/a\u200b/x.ts", ".agents/\u202egnp/x.ts", ".agents/x.mts", ".agents/x.json"),
    *(".claude/agents/x.md", ".claude/agents/__pycache__/x.md", ".opencode/agent/x.md"),
    *(".opencode/agents/node_modules/x.md", ".agents/x.yaml", ".agents/x.toml", ".agents/X.TS"),
)
"""Where a clone may put an agent.  Add what you think of."""


def text_for(place: str) -> str:
    match place.rpartition(".")[2].lower():
        case "md":
            return "---\nname: x\ndescription: d\nid: x\nmodel: m\n---\nEVIL\n"
        case "json":
            return '{"id": "x", "displayName": "X", "model": "m", "systemPrompt": "EVIL"}'
        case "yaml":
            return "id: x\ndisplayName: X\nmodel: m\nsystemPrompt: EVIL\n"
        case "toml":
            return 'id = "x"\ndisplayName = "X"\nmodel = "m"\nsystemPrompt = "EVIL"\n'
        case _:
            return EVIL


@pytest.mark.parametrize("linked", [False, True])
async def test_no_place_makes_a_clone_trusted_and_takes_the_users_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, linked: bool
):
    """Each place in turn; also as a link to a folder that lies elsewhere in the clone."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home/.agents").mkdir(parents=True)
    (tmp_path / "home/.agents/x.ts").write_text(USERS)
    for number, place in enumerate(PLACES):
        folder = tmp_path / f"{number}"
        path = folder / "work" / place
        target = folder / "work/src/deep" if linked else path.parent
        target.mkdir(parents=True)
        (target / path.name).write_text(text_for(place))
        if linked:
            path.parent.parent.mkdir(parents=True, exist_ok=True)
            path.parent.symlink_to(target)
        async with open_host(folder, {}, trusted=None) as host:
            agent = host.world.catalog.agents["x"]
            if agent.from_workspace:
                assert isinstance(host.world.trusting.state, Untrusted), place
            else:
                assert agent.source == tmp_path / "home/.agents/x.ts", place
            with pytest.raises(InhouseError):
                host.plan(RunRequest("x", "hi"))  # there is no endpoint, or no trust


@pytest.fixture
def victim(terminal: Terminal, server: ModelServer) -> Terminal:
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    return terminal


async def test_alternating_contents_are_never_run_untrusted(tmp_path: Path):
    """Somebody swaps the file all the time; what is served was trusted, or nothing is."""
    path = tmp_path / "work/.agents/x.ts"
    path.parent.mkdir(parents=True)
    path.write_text(GOOD)
    stop = threading.Event()

    def swap() -> None:
        other = path.with_suffix(".tmp")
        while not stop.is_set():
            for text in (EVIL, GOOD):
                other.write_text(text)
                other.replace(path)

    async with open_host(tmp_path, {}, trusted=None) as host:
        await host.trust()
        thread = threading.Thread(target=swap)
        thread.start()
        try:
            for number in range(40):
                await host.reload(None if number % 2 else {path} if number % 3 else ())
                agent = host.world.catalog.agents.get("x")
                if host.world.trusting.trusted and agent and agent.definition:
                    assert agent.definition.system_prompt == "good"
                await asyncio.sleep(0)
        finally:
            stop.set()
            thread.join()


def module(victim: Terminal, text: str) -> Path:
    path = victim.workspace / "lib/p.ts"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_changed_helper_is_not_even_evaluated(victim: Terminal, server: ModelServer):
    """Evaluated, this one would fail by itself, and say so."""
    helper = module(victim, "export const P = 'good'")
    (victim.workspace / ".agents/x.ts").write_text(COMPUTED)
    assert victim("trust").status == 0
    assert victim("run", "x", "hi").status == 0

    helper.write_text("throw new Error('it ' + 'was evaluated')")
    for words in (("agents",), ("explain", "x"), ("run", "x", "hi"), ("trust", "--show")):
        done = victim(*words)
        assert "it was evaluated" not in done.out + done.err, words

    assert len(server.chats) == 1
    shown = victim("trust", "--show")
    assert "lib/p.ts" in shown.out + shown.err


def test_a_module_that_is_new_to_a_trusted_definition_is_not_evaluated_either(
    victim: Terminal, server: ModelServer
):
    module(victim, "export const P = 'good'")
    (victim.workspace / ".agents/x.ts").write_text(COMPUTED)
    assert victim("trust").status == 0
    assert victim("run", "x", "hi").status == 0

    (victim.workspace / "lib/p.ts").unlink()
    (victim.workspace / "lib/p").mkdir()
    (victim.workspace / "lib/p/index.ts").write_text("throw new Error('it ' + 'was evaluated')")
    done = victim("run", "x", "hi")

    assert done.status == 2
    assert "it was evaluated" not in done.out + done.err
    assert len(server.chats) == 1


def test_one_yes_is_enough_for_a_definition_with_modules(victim: Terminal, server: ModelServer):
    """The trusted way asks no more than before: packages and computed imports belong to the yes."""
    module(victim, "import { Q } from 'pack'\nexport const P = 'good' + Q")
    package = victim.workspace / "node_modules/pack"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"name": "pack", "main": "index.js", "type": "module"}')
    (package / "index.js").write_text("export const Q = '!'")
    (victim.workspace / ".agents/x.ts").write_text(COMPUTED)

    assert victim("trust").status == 0
    for _ in range(2):
        assert victim("run", "x", "hi").status == 0

    assert "good!" in json.dumps(server.chats[1].body)


def test_the_words_of_an_editor_or_of_an_option_end_at_the_workspace(
    victim: Terminal, server: ModelServer
):
    beside = victim.workspace.parent / ".agents"
    beside.mkdir()
    (beside / "x.ts").write_text(EVIL)
    (victim.workspace / ".agents/own.ts").write_text(GOOD.replace("'x'", "'own'"))

    outside = victim("run", "x", "hi", "--trust")
    own = victim("run", "own", "hi", "--trust")

    assert outside.status == 2
    assert "outside the workspace" in outside.err
    assert own.status == 0, own
    assert len(server.chats) == 1
    assert victim("trust").status == 0
    assert victim("run", "x", "hi").status == 0  # by content it can be trusted


def test_beside_an_untrusted_parent_the_users_own_agent_keeps_its_name(
    victim: Terminal, server: ModelServer
):
    beside = victim.workspace.parent / ".agents"
    beside.mkdir()
    (beside / "x.ts").write_text(EVIL)
    (victim.home / ".agents").mkdir()
    (victim.home / ".agents/x.ts").write_text(USERS)

    done = victim("run", "x", "hi", "--trust")

    assert done.status == 0, done
    assert "mine" in json.dumps(server.chats[0].body)


def test_a_module_outside_of_the_workspace_is_not_the_editors_to_trust(
    victim: Terminal, server: ModelServer
):
    (victim.workspace.parent / "package.json").write_text('{"workspaces": ["*"]}')
    package = victim.workspace.parent / "node_modules/pack"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"name": "pack", "main": "index.js", "type": "module"}')
    (package / "index.js").write_text("throw new Error('it ' + 'was evaluated')")
    module(victim, "import { Q } from 'pack'\nexport const P = 'good' + Q")
    (victim.workspace / ".agents/x.ts").write_text(COMPUTED)

    done = victim("run", "x", "hi", "--trust")

    assert done.status == 2
    assert "it was evaluated" not in done.out + done.err
    assert "not trusted" in done.err


@pytest.mark.parametrize("how", ["removed", "loosened", "broken", "emptied"])
def test_what_a_trusted_workspace_narrowed_stays_narrow_until_the_user_has_seen_the_change(
    victim: Terminal, server: ModelServer, how: str
):
    (victim.home / ".agents").mkdir()
    remote = "localProvider: { baseUrl: 'https://llm.example.com/v1' }"
    (victim.home / ".agents/mine.ts").write_text(
        f"export default {{ id: 'mine', displayName: 'M', model: 'm', {remote} }}"
    )
    victim.settings('privacy = "local-only"\n')
    assert victim("trust").status == 0
    before = victim("explain", "mine", "--json").json
    assert before["refused"]

    toml = victim.workspace / "inhouse.toml"
    match how:
        case "removed":
            toml.unlink()
        case "loosened":
            toml.write_text('privacy = "any"\n')
        case "broken":
            toml.write_text("privacy = \n")
        case _:
            toml.write_text("")
    after = victim("explain", "mine", "--json").json

    assert "local-only" in after["refused"]["reason"]
    shown = victim("trust", "--show")
    assert "inhouse.toml" in shown.out + shown.err
    if how in ("removed", "emptied"):
        assert victim("trust").status == 0
        assert not victim("explain", "mine", "--json").json.get("refused")


def test_a_snapshot_reads_each_file_once(tmp_path: Path):
    path, link = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"first")
    link.symlink_to(path)
    files = FileSnapshot()

    assert files.read(path) == b"first"
    path.write_bytes(b"second")

    assert files.read(link) == b"first"
    assert FileSnapshot().read(path) == b"second"
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            files.read(tmp_path / "none")
    (tmp_path / "none").write_bytes(b"")
    with pytest.raises(FileNotFoundError):
        files.read(tmp_path / "none")


@pytest.mark.skipif(os.name == "nt", reason="makes pipes and links")
@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "device", "loop", "folder", "large", "socket", "endless"])
def test_nothing_but_a_regular_file_of_a_sane_size_is_read(tmp_path: Path, kind: str):
    path = tmp_path / "x"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "endless":
            path.symlink_to("/proc/self/mem")
        case "loop":
            path.symlink_to(path)
        case "folder":
            path.mkdir()
        case "large":
            with path.open("wb") as file:
                file.truncate(1 << 40)
        case _:
            import socket

            with socket.socket(socket.AF_UNIX) as one:
                one.bind(str(path)[:100])

    with pytest.raises(OSError, match=r".") as caught:
        read_regular(path, 1_000)
    if kind in {"pipe", "folder", "large"}:
        assert isinstance(caught.value, NotAFileError)


@pytest.mark.parametrize(
    ("ignored", "imported", "is_read"),
    [
        ("notes.md\n", "../notes.md", False),
        ("local/\n", "../local/data.json", False),
        ("local/\n", "../local/code.ts", True),
        ("other.md\n", "../notes.md", True),
        ("node_modules/\n", "pack/data.json", True),
    ],
)
async def test_what_tools_do_not_read_because_git_ignores_it_is_not_imported(
    tmp_path: Path, ignored: str, imported: str, *, is_read: bool
):
    work = tmp_path / "work"
    files = {
        ".gitignore": ignored,
        "notes.md": "canary",
        "local/data.json": '"canary"',
        "local/code.ts": "export default 'canary'\n",
        "node_modules/pack/package.json": '{"name": "pack"}',
        "node_modules/pack/data.json": '"canary"',
    }
    for name, text in files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (work / ".git").mkdir()
    (work / ".agents").mkdir()
    (work / ".agents/x.ts").write_text(
        f"import P from '{imported}'\n"
        "export default { id: 'x', displayName: 'X', model: 'm', systemPrompt: [P].join('') }\n"
    )

    async with open_host(tmp_path) as host:
        agent = host.world.catalog.agents["x"]

    prompt = "" if agent.definition is None else agent.definition.system_prompt
    assert ("canary" in prompt) is is_read
    assert is_read or "ignores it" in str(agent.problems)
