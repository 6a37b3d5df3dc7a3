"""One conversation goes round the doors, and the model's server sees one history.

VS Code's part is its client's half of the protocol, spoken to a real server: the workbench itself
is not started here.
"""

import json
import subprocess
import sys

import pytest

from support.editor import VSCODE, open_editor

from .conftest import Workplace, edit_two, trust
from .test_helix import choose, command, menu, printed
from .test_helix import start as start_helix
from .test_neovim import start as start_neovim

pytestmark = [pytest.mark.editor, pytest.mark.timeout(300)]


def inhouse(workplace: Workplace, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "inhouse", *arguments],
        cwd=workplace.folder,
        env=workplace.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def history(workplace: Workplace, index: int) -> list[str]:
    """What the server saw in one request, a message each, byte by byte."""
    return [json.dumps(one) for one in workplace.server.chats[index].body["messages"]]


async def test_a_conversation_goes_round_the_doors(workplace: Workplace) -> None:
    trust(workplace)
    source = workplace.folder / "a.py"
    before = source.read_text()
    edit_two(workplace)
    inhouse(workplace, "run", "helper", "change two", "--yes-edits")
    assert "two = 22" in source.read_text()
    first = history(workplace, 1)

    workplace.server.play("I changed two.")
    for nvim in start_neovim(workplace):
        nvim.type(":InhouseReply what did you do?", "Enter")
        assert nvim.shows("I changed two.", "completed")
    second = history(workplace, 2)
    assert second[: len(first)] == first
    assert "Changed." in second[len(first)]
    assert any("what did you do?" in one for one in second[len(first) + 1 :])

    workplace.server.play("Because you asked.")
    helix = start_helix(workplace, printed(workplace))
    menu(helix, "Ask helper about this selection")
    helix.keys("Escape")
    command(helix, "inhouse.session.open")
    assert helix.shows("what did you do?", "I changed two.")
    helix.type("/what did you do", "Enter")
    helix.type("cwhy", "Escape")
    choose(helix, "Send to helper from turn 2 on, in a fork")
    assert helix.shows("Because you asked.", "Forked from")
    helix.close()
    third = history(workplace, 3)
    same = next(at for at, one in enumerate(second) if "what did you do?" in one)
    assert third[:same] == second[:same]
    assert "why?" in third[same]
    assert not any("I changed two." in one for one in third)

    listed = json.loads(inhouse(workplace, "sessions", "--json"))
    fork, original = sorted(listed, key=lambda one: "forkedFrom" not in one)
    async with open_editor(
        workplace.folder,
        capabilities=VSCODE,
        options={"trusted": True},
        environ=workplace.environ,
    ) as editor:
        uri = editor.open(source)
        undone = await editor.command("inhouse.session.undo", {"session": original["id"]})
        assert undone == {"restored": [uri], "problems": []}
        assert editor.buffers[uri] == before

    shown = inhouse(workplace, "sessions", "show", fork["id"])
    assert "## 2 · You\n\nwhy?\n\n## 2 · helper\n\nBecause you asked.\n\n*completed" in shown
    shown = inhouse(workplace, "sessions", "show", original["id"])
    assert "its changes were undone" in shown
    assert "## 2 · You\n\nwhat did you do?\n\n## 2 · helper\n\nI changed two.\n\n*comp" in shown
