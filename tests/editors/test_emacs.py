"""Emacs with eglot, and the file that ``inhouse setup emacs`` prints."""

import subprocess
from pathlib import Path

import pytest

from support.model_server import Pause, call

from .conftest import ROOT, Workplace, installed

pytestmark = [pytest.mark.editor, pytest.mark.timeout(300)]
SESSION = Path(__file__).parent / "emacs" / "session.el"


def test_a_user_in_emacs(workplace: Workplace):
    installed("emacs")
    server = workplace.server
    server.play("It is ", "a number.")
    replacement = {"oldString": "two = 2", "newString": "two = 22"}
    server.play(call("str_replace", path="a.py", replacements=[replacement]))
    server.play("Changed.")
    server.play("slowly ", Pause(60))
    shipped = ROOT / "server/inhouse/cli/editors/inhouse.el"

    done = subprocess.run(
        ["emacs", "-Q", "--batch", "-l", SESSION],
        env=workplace.environ | {"EL": str(shipped)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    assert "zero = 0" in str(server.chats[0].body["messages"])
