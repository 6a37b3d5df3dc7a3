"""Neovim, with the module that ``inhouse setup neovim`` puts in place."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.model_server import Pause, call

from .conftest import EDITORS, Workplace, installed

pytestmark = [pytest.mark.editor, pytest.mark.timeout(300)]
SESSION = Path(__file__).parent / "neovim" / "session.lua"


def test_a_user_in_neovim(workplace: Workplace):
    installed("neovim")
    written = subprocess.run(
        [sys.executable, "-m", "inhouse", "setup", "neovim", "--write"],
        env=workplace.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    server = workplace.server
    server.play("It is ", "a number.")
    replacement = {"oldString": "two = 2", "newString": "two = 22"}
    server.play(call("str_replace", path="a.py", replacements=[replacement]))
    server.play("Changed.")
    server.play("slowly ", Pause(60))
    lua_home = f"{workplace.environ['HOME']}/.config/nvim"

    done = subprocess.run(
        [
            EDITORS / "neovim/bin/nvim",
            "--headless",
            "-u",
            "NONE",
            "-l",
            SESSION,
        ],
        env=workplace.environ | {"LUA_HOME": lua_home},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    print(written.stderr, done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    assert "unsaved" in str(server.chats[0].body["messages"])
