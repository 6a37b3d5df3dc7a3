"""The keyrings that users have: a desktop's, a locked one, one that never answers, none."""

import shutil
import time
from pathlib import Path

import pytest

from support.editor import NEOVIM, open_editor
from support.model_server import ModelServer
from support.terminal import Done, Terminal

CANARY = "sk-canary-desktop"
TESTS = Path(__file__).parent.parent

desktop = pytest.mark.skipif(
    not (shutil.which("gnome-keyring-daemon") and shutil.which("dbus-run-session")),
    reason="NOT TESTED HERE: no GNOME Keyring (gnome-keyring, dbus)",
)


@pytest.fixture
def home(terminal: Terminal, tmp_path: Path, server: ModelServer) -> Terminal:
    terminal.agent()
    terminal.user_settings(
        f'defaultEndpoint = "team"\n[endpoints.team]\nbaseUrl = "{server.base_url}"\n'
        'apiKey = "${keyring:team}"\n'
    )
    terminal.environ |= {"XDG_RUNTIME_DIR": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    return terminal


def in_a_session(home: Terminal, script: str) -> Done:
    """Run a shell script on a bus of its own; ``inhouse`` is `Terminal`'s command."""
    inhouse = " ".join(home.command())
    text = f'inhouse() {{ {inhouse} "$@"; }}\n{script}\nkill $(cat "$XDG_RUNTIME_DIR/pid") 2>&1'
    return home.run(["dbus-run-session", "--", "sh", "-c", text], timeout=120)


DAEMON = (
    "gnome-keyring-daemon --foreground --components=secrets {} >/dev/null 2>&1 & "
    'echo $! > "$XDG_RUNTIME_DIR/pid"; sleep 1'
)


@desktop
@pytest.mark.timeout(130)
def test_a_desktops_keyring_keeps_a_key_and_a_run_gets_it(home: Terminal, server: ModelServer):
    done = in_a_session(
        home,
        f"printf pw > pw; < pw {DAEMON.format('--unlock')}\n"
        f"echo {CANARY} | inhouse key set team && inhouse key list && "
        "inhouse run helper hi --trust && inhouse explain helper --trust; inhouse key delete team",
    )

    assert "'team' is in the keyring" in done.err
    assert [one.headers["authorization"] for one in server.chats] == [f"Bearer {CANARY}"]
    assert "'team' is gone" in done.err
    assert CANARY not in done.out + done.err
    kept = [one for one in home.home.rglob("*") if one.is_file()]
    assert not any(CANARY.encode() in one.read_bytes() for one in kept)


@desktop
@pytest.mark.timeout(130)
def test_a_locked_desktop_keyring_says_that_it_is_locked(home: Terminal, server: ModelServer):
    done = in_a_session(
        home,
        f"printf pw > pw; < pw {DAEMON.format('--unlock')}\n"
        f"echo {CANARY} | inhouse key set team\n"
        'kill $(cat "$XDG_RUNTIME_DIR/pid"); sleep 1\n'
        f"{DAEMON.format('')}\ninhouse run helper hi --trust",
    )

    assert server.chats == []
    assert "Unlock it and try again" in done.err, done
    assert "${env:NAME}" in done.err
    assert "Traceback" not in done.err


def test_without_a_keyring_the_message_says_what_works(home: Terminal, server: ModelServer):
    home.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"

    run = home("run", "helper", "hi", "--trust")
    kept = home("key", "set", "team", stdin=CANARY)

    for done in (run, kept):
        assert done.status != 0
        assert "no keyring" in done.err
        assert "${env:NAME}" in done.err
        assert CANARY not in done.err
    assert server.chats == []


@pytest.mark.timeout(90)
async def test_a_keyring_that_never_answers_holds_nothing_else_up(
    home: Terminal, server: ModelServer
):
    environ = {
        **home.environment,
        "PYTHON_KEYRING_BACKEND": "support.stuck_keyring.Keyring",
        "PYTHONPATH": str(TESTS),
    }
    async with open_editor(
        home.workspace, capabilities=NEOVIM, options={"trusted": True}, environ=environ
    ) as editor:
        started = await editor.command("inhouse.run", {"agent": "helper"})
        asked: list[float] = []
        for _ in range(20):
            began = time.monotonic()
            await editor.command("inhouse.runs")
            asked.append(time.monotonic() - began)
        done = await editor.ended(started["runId"], 60)

    assert sorted(asked)[10] < 1
    assert done["status"] == "failed"
    assert "did not answer within" in done["error"]["message"]
    assert "Unlock it" in done["error"]["message"]
    assert server.chats == []
