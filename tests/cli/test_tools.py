"""Tools from a terminal: what they change, what they refuse, what no request ever holds."""

import json

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


def test_without_an_answer_nothing_is_changed_and_nothing_runs(
    local: Terminal, server: ModelServer
):
    (local.workspace / "a.py").write_text("x = 1\n")
    local.agent(more="toolNames: ['write_file', 'run_terminal_command'],")
    server.play(call("write_file", path="a.py", instructions="", content="gone"))
    server.play(call("run_terminal_command", command="touch made"))
    server.play("done")

    ran = local("run", "helper", "go", "--json", "--trust")

    assert ran.status == 0, ran.err
    assert (local.workspace / "a.py").read_text() == "x = 1\n"
    assert not (local.workspace / "made").exists()
    told = json.dumps(server.chats[-1].body)
    assert "nobody answered" in told
    assert "Nobody allowed this command" in told
