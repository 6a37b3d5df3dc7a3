"""No command hands on what a terminal obeys or an eye misses, whoever wrote it."""

import json
import os
import re
import sys

import pytest

from support.model_server import ModelServer, call
from support.screen import Screen
from support.terminal import Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names and terminals of POSIX")

EVIL = "\x1b]0;EVIL\x07\x1b[8mE\u202e\x9b2J\x08"
OBEYED = re.compile("\x1b\\]0;EVIL|\x07|\x1b\\[8m|\u202e|\x9b|\x08")
WORDS = (
    *("run x hello", "run x hello --json", "run nobody hello", "agents", "explain x", "doctor"),
    *("trust --show", "mcp check", "audit", "costs", "sessions", "sessions show", "endpoint list"),
)


@pytest.fixture
def hostile(terminal: Terminal, server: ModelServer) -> Terminal:
    """A workspace, a server and a model that write escapes wherever they can write anything."""
    server.models = (f"m{EVIL}",)
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    texts = dict.fromkeys(("displayName", "spawnerPrompt", "instructionsPrompt"), EVIL)
    servers = {f"s{EVIL}": {"command": f"no-such{EVIL}", "args": [EVIL]}}
    tools = ["read_files", "run_terminal_command", "ask_user", f"t{EVIL}"]
    agent = {"id": "x", "model": f"m{EVIL}", "toolNames": tools, "mcpServers": servers, **texts}
    (terminal.workspace / ".agents/x.json").write_text(json.dumps(agent))
    (terminal.workspace / f".agents/a{EVIL}.ts").write_text(f"export default {{ id: '{EVIL}'")
    (terminal.workspace / f"a{EVIL}.txt").write_text(EVIL)
    toml = json.dumps(EVIL)
    terminal.settings(f"{toml} = 1\nprivacy = {toml}\n[endpoints.{toml}]\nbaseUrl = {toml}\n")
    server.default = [EVIL]
    server.play(
        EVIL,
        call("read_files", paths=[f"a{EVIL}.txt", EVIL]),
        call("run_terminal_command", command=f"echo {EVIL!r}"),
        call(f"t{EVIL}", **{EVIL: EVIL}),
        call("ask_user", questions=[{"question": EVIL, "options": [{"label": EVIL}]}]),
    )
    return terminal


@pytest.mark.timeout(200)
def test_no_command_hands_on_an_escape(hostile: Terminal):
    hostile("trust")
    seen: dict[str, str] = {}
    seen["run x hello | cat"] = hostile("run", "x", "hello").err  # The answer is as it was said.
    for words in WORDS:
        seen[words] = hostile.on_screen(*words.split(), answers=["", "", ""]).out

    found = {words: OBEYED.search(out) for words, out in seen.items()}
    bad = {
        words: one.string[max(0, one.start() - 80) :][:160] for words, one in found.items() if one
    }
    assert not bad, json.dumps(bad, indent=1)
    assert not [words for words, out in seen.items() if "Traceback" in out]


@pytest.mark.timeout(100)
def test_a_chat_hands_on_no_escape(hostile: Terminal):
    hostile("trust")
    command = f"{sys.executable} -m inhouse chat x"
    screen = Screen(
        command, hostile.workspace, {**hostile.environment, "TERM": os.environ.get("TERM", "xterm")}
    )
    try:
        assert screen.shows("x>")
        screen.type("hello", "Enter")
        assert screen.shows("U+202E")
        shown = screen.tmux("capture-pane", "-p", "-e", "-S", "-200")
        title = screen.tmux("display-message", "-p", "#{pane_title}")
    finally:
        screen.close()

    assert "EVIL" not in title
    assert not OBEYED.search(shown)
