"""Hostile tool calls: none reads or writes outside, each gives something a model can act on."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from inhouse.core.errors import ToolError
from inhouse.core.ports import ToolSpec
from inhouse.core.settings import CommandMode, EditMode
from inhouse.tools import specs
from inhouse.tools.input.check_input import check_input
from inhouse.tools.prompt_values import placeholders
from support.workspaces import Bench, bench, write_files

CALLS = json.loads(Path(__file__).with_name("hostile_calls.json").read_text(encoding="utf-8"))
CODEBUFF = json.loads(Path(__file__).with_name("codebuff_tools.json").read_text("utf-8"))
CANARY = "canary-3f9a"
TOOLS = sorted({call["tool"] for call in CALLS})

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and devices of POSIX")

INSIDE = {
    "src/a.py": "def a(): pass\n",
    ".env": f"KEY={CANARY}\n",
    "src/.env.production": f"KEY={CANARY}\n",
    "keys/server.pem": f"{CANARY}\n",
    ".git/config": f"[remote]\nurl = https://{CANARY}@x.test\n",
    ".gitignore": "build/\n",
    "build/secret.txt": f"{CANARY}\n",
    "deep/.gitignore": "private.txt\n",
    "deep/private.txt": f"{CANARY}\n",
    "data.bin": b"\0\1" + CANARY.encode(),
    "huge.txt": b"x" * 11_000_000,
}


def hostile_bench(tmp_path: Path, **settings: Any) -> Bench:
    outside = tmp_path / "outside"
    write_files(outside, {"secret.txt": f"{CANARY}\n", "more/secret.txt": f"{CANARY}\n"})
    home = tmp_path / "home"
    write_files(home, {".ssh/id_rsa": f"{CANARY}\n"})
    environment = {"PATH": os.environ["PATH"], "OPENAI_API_KEY": CANARY, "HOME": str(home)}
    here = bench(
        tmp_path / "w",
        INSIDE,
        edits=EditMode.APPLY,
        environment=environment,
        home=home,
        **settings,
    )
    links = {
        "link-file": outside / "secret.txt",
        "link-folder": outside,
        "link-root": Path("/"),
        "chain": Path("link-folder/more"),
        "innocent.txt": Path(".env"),
        "loop": Path("loop"),
    }
    for name, target in links.items():
        (here.root / name).symlink_to(target)
    os.mkfifo(here.root / "pipe")
    return here


def snapshot(*folders: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def protected_files(root: Path) -> dict[str, bytes]:
    names = [name for name in INSIDE if CANARY.encode() in _bytes(INSIDE[name])]
    return {name: (root / name).read_bytes() for name in names if name != "data.bin"}


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


@pytest.mark.parametrize("tool", TOOLS)
async def test_hostile_calls_reach_nothing_and_are_answered(tmp_path: Path, tool: str):
    here = hostile_bench(tmp_path)
    outside = str(tmp_path / "outside")
    before = snapshot(tmp_path / "outside", tmp_path / "home"), protected_files(here.root)

    for call in CALLS:
        if call["tool"] == tool:
            text = json.dumps(call["input"]).replace("{outside}", outside)
            result = await answered(here, tool, json.loads(text))
            assert CANARY not in result, call
            assert len(result) < 120_000, call
            assert "Traceback" not in result, call

    assert (snapshot(tmp_path / "outside", tmp_path / "home"), protected_files(here.root)) == before
    assert (here.root / "innocent.txt").is_symlink()
    assert not any(CANARY in str(each) for each in here.happenings)


async def answered(here: Bench, tool: str, arguments: dict[str, Any]) -> str:
    """Call as the loop does: a `ToolError` is a result too."""
    try:
        async with asyncio.timeout(30):
            result = await here.step(tool, **arguments)
        if tool in CODEBUFF:
            jsonschema.Draft202012Validator(CODEBUFF[tool]["output"]).validate(result)
    except ToolError as error:
        result = {"errorMessage": str(error)}
    assert result is not None
    text = json.dumps(result)
    assert len(text) > 2 or result == []
    return text


async def test_listed_commands_do_not_open_what_is_refused(tmp_path: Path):
    here = hostile_bench(
        tmp_path, commands=CommandMode.ALLOW_LISTED, allowed_commands=("cat", "ls", "head -c 10")
    )
    secrets = [".env", "./.env", "src/../.env", "innocent.txt", "link-file", "link-folder", ".e*"]
    secrets += ["../outside/secret.txt", "/etc/passwd", "~/.ssh/id_rsa", "$HOME/.ssh/id_rsa"]
    secrets += ["build/secret.txt", "-- .env", "src/a.py .env", "--x=.env", "'.env'", '".e"nv']
    secrets += ["src/a.py > ../outside/secret.txt", "src/a.py; cat .env", "src/a.py\ncat .env"]

    for secret in secrets:
        result = await answered(here, "run_terminal_command", {"command": f"cat {secret}"})
        assert "only listed commands" in result, secret

    fine = await here.call("run_terminal_command", command="cat src/a.py")
    assert fine["stdout"] == "def a(): pass\n"


async def test_prompts_hold_no_secret(tmp_path: Path):
    here = hostile_bench(tmp_path)

    for name, ask in placeholders(here.context).items():
        assert CANARY not in await ask(), name


WRONG = ("", "{", "[]", "null", '"x"', "{}", '{"paths": 5}', '{"paths": [{}]}', '{"paths": [[]]}')
BROKEN = ("nonsense", "{" * 5_000, "[" * 5_000, '{"paths": ["a"', "\x00", '{"path": {"paths": {}}}')


@pytest.mark.parametrize("arguments", [*WRONG, *BROKEN])
@pytest.mark.parametrize("tool", ["read_files", "write_file", "str_replace", "apply_patch"])
async def test_wrong_json_and_wrong_types_are_mended_or_explained(
    tmp_path: Path, tool: str, arguments: str
):
    here = bench(tmp_path)
    problem, checked = mended(specs.spec(tool), arguments)

    if checked is not None:
        json.dumps(await here.step(tool, **checked))
    else:
        assert len(problem) > 20


def mended(spec: ToolSpec, arguments: str) -> tuple[str, Mapping[str, Any] | None]:
    try:
        return "", check_input(spec, arguments)
    except ToolError as error:
        return str(error), None


def test_the_corpus_tries_every_tool_of_the_workspace(tmp_path: Path):
    tools = {name for name, tool in bench(tmp_path).tools.items() if tool.offered}

    assert tools - {"ask_user", "open_files", "selection"} == set(TOOLS)
