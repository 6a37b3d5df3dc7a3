"""Helix, with configuration alone, in a terminal that tmux keeps."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.model_server import call

from .conftest import EDITORS, Workplace, installed

pytestmark = [pytest.mark.editor, pytest.mark.timeout(300)]
CAPTURES = Path(__file__).parent / "screenshots"


class Helix:
    """One Helix in a terminal of its own."""

    def __init__(self, workplace: Workplace, folder: Path) -> None:
        self.socket = f"inhouse-{os.getpid()}"
        config = folder / "helix"
        config.mkdir()
        (config / "config.toml").write_text("[editor.lsp]\ndisplay-messages = true\n")
        (config / "languages.toml").write_text(
            "[language-server.inhouse]\n"
            f"command = {json.dumps(workplace.environ['INHOUSE'])}\n"
            'args = ["-m", "inhouse", "lsp"]\n'
            "config = { trusted = true, inhouse = { showTranscript = true } }\n"
            "[[language]]\n"
            'name = "python"\n'
            'language-servers = ["inhouse"]\n'
            "[[language]]\n"
            'name = "markdown"\n'
            'language-servers = ["inhouse"]\n'
        )
        environ = workplace.environ | {
            "XDG_CONFIG_HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        hx = f"{EDITORS}/helix/hx {workplace.folder}/a.py"
        self.tmux(
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-c",
            str(workplace.folder),
            "-x",
            "110",
            "-y",
            "30",
            hx,
            env=environ,
        )

    def tmux(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-L", self.socket, *arguments],
            capture_output=True,
            text=True,
            env=env,
            check=False,
        )
        return done.stdout

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "0", *keys)
        time.sleep(0.3)

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "0")

    def shows(self, text: str, seconds: float = 60) -> bool:
        end = time.monotonic() + seconds
        while text not in self.screen():
            if time.monotonic() > end:
                print(self.screen())
                return False
            time.sleep(0.1)
        return True

    def capture(self, name: str) -> None:
        CAPTURES.mkdir(exist_ok=True)
        (CAPTURES / f"helix-{name}.txt").write_text(self.screen())


@pytest.fixture
def helix(workplace: Workplace, tmp_path: Path) -> Iterator[Helix]:
    installed("helix")
    editor = Helix(workplace, tmp_path)
    yield editor
    editor.tmux("kill-server")


def test_a_user_in_helix(workplace: Workplace, helix: Helix):
    server = workplace.server
    server.play("It is a number, says the model.")
    replacement = {"oldString": "two = 2", "newString": "two = 22"}
    server.play(call("str_replace", path="a.py", replacements=[replacement]))
    server.play("Changed.")
    assert helix.shows("one = 1")

    helix.keys("x")
    assert menu(helix, "Ask helper about this")
    helix.capture("actions")
    choose(helix, "Ask helper about this")
    assert helix.shows("It is a number, says the model.")
    helix.capture("transcript")
    assert "one = 1" in str(server.chats[0].body["messages"])

    helix.keys(":buffer-close!", "Enter")
    helix.keys("g", "g", "j", "x")
    choose(helix, "Ask helper about this")
    assert helix.shows("Changed.")
    helix.keys(":buffer-close!", "Enter")
    helix.keys("g", "g", "j")
    assert choose(helix, "Apply this hunk")
    assert helix.shows("two = 22")
    helix.capture("applied")
    helix.keys("u")
    assert "two = 22" not in helix.screen()


def menu(helix: Helix, title: str) -> bool:
    """Open the menu of code actions until it has the one that is looked for."""
    for _ in range(40):
        helix.keys("Space", "a")
        if helix.shows(title, 2):
            return True
        helix.keys("Escape")
    return False


def choose(helix: Helix, title: str) -> bool:
    if title not in helix.screen() and not menu(helix, title):
        return False
    lines = [
        line
        for line in helix.screen().splitlines()
        if "Ask " in line
        or "hunk" in line
        or "Apply" in line
        or "Reject" in line
        or "Show diff" in line
        or "Cancel" in line
    ]
    index = next(number for number, line in enumerate(lines) if title in line)
    for _ in range(index):
        helix.keys("Down")
    helix.keys("Enter")
    return True
