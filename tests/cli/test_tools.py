"""Tools from a terminal: what they change, what they refuse, what no request ever holds."""

import json
import re
import subprocess
import sys

import pytest

from support.model_server import ModelServer, call
from support.terminal import Terminal

CANARY = "canary-77b1"


def test_an_agent_reads_searches_edits_and_runs_a_listed_command(
    local: Terminal, server: ModelServer
):
    (local.workspace / "a.py").write_bytes(b"x = 1\r\n")
    (local.workspace / ".env").write_text(f"KEY={CANARY}\n")
    local.user_settings('edits = "apply"\ncommands = "allow-listed"\nallowedCommands = ["cat"]\n')
    local.environ["OTHER_API_KEY"] = CANARY
    local.agent(
        more="toolNames: ['read_files', 'code_search', 'str_replace', 'run_terminal_command'],"
        "systemPrompt: 'Files: {CODEBUFF_FILE_TREE_PROMPT_SMALL}',"
    )
    pair = {"oldString": "x = 1", "newString": "x = 2"}
    server.play(call("read_files", paths=["a.py", ".env", "../outside"]))
    server.play(call("code_search", pattern="x = |canary"))
    server.play(call("str_replace", path="a.py", replacements=[pair]))
    server.play(call("run_terminal_command", command="cat a.py"))
    server.play(call("run_terminal_command", command="cat .env"))
    server.play(call("run_terminal_command", command="env"))
    server.play("done")

    ran = local("run", "helper", "go", "--json", "--trust")

    assert ran.status == 0, ran.err
    assert (local.workspace / "a.py").read_bytes() == b"x = 2\r\n"
    told = json.dumps([each.body for each in server.chats])
    assert "x = 2" in told
    assert "[BLOCKED]" in told
    assert "[FILE_OUTSIDE_PROJECT]" in told
    assert "only listed commands may run" in told
    assert "a.py" in json.dumps(server.chats[0].body)
    assert CANARY not in told
    assert CANARY not in ran.out + ran.err


def test_without_a_terminal_nothing_is_changed_and_nothing_runs(
    local: Terminal, server: ModelServer
):
    (local.workspace / "a.py").write_text("x = 1\n")
    local.agent(more="toolNames: ['read_files', 'write_file', 'run_terminal_command'],")
    server.play(call("read_files", paths=["a.py"]))
    server.play(call("write_file", path="a.py", instructions="", content="gone"))
    server.play(call("run_terminal_command", command="touch made"))
    server.play("done")

    ran = local("run", "helper", "go", "--json", "--trust")

    assert ran.status == 3, ran.err
    assert "--patch FILE" in ran.err
    assert ran.events[-1]["result"]["edits"][0]["state"] == "proposed"
    assert (local.workspace / "a.py").read_text() == "x = 1\n"
    assert not (local.workspace / "made").exists()
    told = json.dumps(server.chats[-1].body)
    assert "as if it had been accepted" in told
    assert "Nobody allowed this command" in told


ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
on_a_terminal = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX's")


@pytest.mark.parametrize("tools", ["propose_", ""])
@pytest.mark.parametrize("to", ["stdout", "file", "alone"])
def test_proposed_edits_are_a_patch_that_git_applies(
    local: Terminal, server: ModelServer, tools: str, to: str
):
    (local.workspace / "a.py").write_text("one\ntwo\n")
    local.agent(more=f"toolNames: ['read_files', '{tools}str_replace', '{tools}write_file'],")
    pair = {"oldString": "two", "newString": "TWO"}
    server.play(call("read_files", paths=["a.py"]))
    server.play(
        call(f"{tools}str_replace", path="a.py", replacements=[pair]),
        call(f"{tools}write_file", path="new.py", instructions="", content="fresh\n"),
    )
    more = {"stdout": [], "file": ["--patch", "p.diff"], "alone": ["--patch", "-"]}[to]

    ran = local("run", "helper", "go", "--trust", *more)

    assert ran.status == 3, ran.err
    assert "Edits of 2 files are proposed; nothing was changed." in ran.err
    assert "--yes-edits" in ran.err
    assert (local.workspace / "a.py").read_text() == "one\ntwo\n"
    assert not (local.workspace / "new.py").exists()
    patch = local.workspace / "p.diff"
    if to != "file":
        patch.write_text(ran.out)
        assert ran.out.startswith("ok\n\n---" if to == "stdout" else "---")
    else:
        assert ran.out == "ok\n"
    subprocess.run(["git", "apply", "p.diff"], cwd=local.workspace, check=True)
    assert (local.workspace / "a.py").read_text() == "one\nTWO\n"
    assert (local.workspace / "new.py").read_text() == "fresh\n"


@on_a_terminal
def test_a_change_is_shown_as_a_diff_and_made_after_a_yes_only(
    local: Terminal, server: ModelServer
):
    (local.workspace / "a.py").write_bytes(b"one\r\ntwo\r\n")
    local.agent(more="toolNames: ['str_replace'],")
    for old, new in (("one", "ONE"), ("two", "TWO")):
        pair = {"oldString": old, "newString": new}
        server.play(call("str_replace", path="a.py", replacements=[pair]))

    ran = local.on_screen("run", "helper", "go", "--trust", answers=["reject", "apply"])

    shown = ESCAPES.sub("", ran.out)
    assert ran.status == 0, ran.out
    assert "-one\n+ONE\n two\n" in shown
    assert "Apply this change to a.py?" in shown
    assert (local.workspace / "a.py").read_bytes() == b"one\r\nTWO\r\n"
    assert "rejected" in json.dumps(server.chats[-1].body)


@on_a_terminal
def test_nothing_a_model_says_is_obeyed_by_the_terminal(local: Terminal, server: ModelServer):
    """Escapes could hide lines of a diff, answer a question or write to the clipboard."""
    trick = "\x1b[2K\x1b]52;c;aGk=\x07\x9b8m\u202e"
    (local.workspace / "a.py").write_text("one\n")
    local.agent(more="toolNames: ['read_files', 'write_file', 'run_terminal_command', 'nothing'],")
    server.play(call("read_files", paths=["a.py"]))
    server.play(
        f"said {trick}",
        call("write_file", path="a.py", instructions="", content=f"evil(){trick}\n"),
        call(f"no{trick}tool"),
        call("run_terminal_command", command=f"printf '{trick}'"),
    )

    ran = local.on_screen("run", "helper", "go", "--trust", answers=["apply", "deny"])

    assert (local.workspace / "a.py").read_text() == f"evil(){trick}\n"
    assert "evil()<U+001B>[2K<U+001B>]52;c;aGk=<U+0007><U+009B>8m<U+202E>" in ran.out
    assert "\x1b[2K" not in ran.out
    assert "\x1b]52" not in ran.out
    assert "\x9b" not in ran.out
    assert "\x07" not in ran.out
