"""What the README and the tutorial tell people to do works when it is done literally."""

import re
import shlex
from pathlib import Path

import pytest

from support.model_server import ModelServer
from support.terminal import Terminal

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/tutorial.md", "docs/how-to/zed.md")
SETS_UP = ("pip ", "python3 scripts/")
"""Commands that other tests and CI itself run."""


def commands(page: str) -> list[str]:
    text = (ROOT / page).read_text("utf-8")
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", text)
    lines = (line.strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line and not line.startswith(SETS_UP)]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_works_in_its_order(
    page: str, terminal: Terminal, server: ModelServer
) -> None:
    """The model server is the one that `endpoint add` would have found at its usual port."""
    found = commands(page)
    assert found
    if not any(line.startswith("inhouse endpoint add") for line in found):
        terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url  # a page that comes later
    for line in found:
        words = shlex.split(line, comments=True)
        assert words[0] == "inhouse", line
        arguments = words[1:]
        if arguments[:2] == ["endpoint", "add"]:
            arguments += ["test", "--url", server.base_url, "--model", "test-model"]
        if arguments[:2] == ["model", "install"]:
            continue  # tests/privacy and scripts/setup.py do it
        done = terminal(*arguments)
        assert done.status == 0, f"{line}: {done.err}{done.out}"
        assert "Traceback" not in done.err
    assert [one for one in server.requests if one.method == "POST"]


def test_the_readmes_agents_are_those_on_board(terminal: Terminal) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    told = re.search(r"Five agents come with Inhouse[^\n]*", text)
    assert told is not None
    named = set(re.findall(r"`([a-z-]+)`", told[0]))
    found = terminal("agents", "--json").json["agents"]
    assert named == {one["id"] for one in found if one["onBoard"]}
