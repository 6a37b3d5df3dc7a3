"""The terminal as people know it: readable lines, a review per hunk, streams of any kind."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from support.model_server import ModelServer, Pause, Reasoning, call
from support.screen import Screen
from support.terminal import Done, Terminal

on_a_terminal = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are POSIX's")
STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
MINUS = "\N{MINUS SIGN}"
LINES = [f"line {number}\n" for number in range(1, 31)]


def shown(done: Done) -> str:
    return STYLE.sub("", done.out)


@pytest.fixture
def three_hunks(local: Terminal, server: ModelServer) -> Terminal:
    (local.workspace / "a.py").write_text("".join(LINES))
    local.agent(more="toolNames: ['read_files', 'str_replace'],")
    pairs = [{"oldString": f"line {n}\n", "newString": f"LINE {n}\n"} for n in (2, 15, 28)]
    server.play(call("read_files", paths=["a.py"]))
    server.play(call("str_replace", path="a.py", replacements=pairs))
    return local


@on_a_terminal
@pytest.mark.parametrize(
    ("answers", "taken"),
    [
        (["y", "n", "y"], {2, 28}),
        (["n", "a"], {15, 28}),
        (["y", "d"], {2}),
        (["everything"], {2, 15, 28}),
        (["", "", ""], set()),
        (["what?", "y", "d"], {2}),
    ],
)
def test_edits_are_reviewed_hunk_by_hunk(
    three_hunks: Terminal, server: ModelServer, answers: list[str], taken: set[int]
):
    ran = three_hunks.on_screen("run", "helper", "go", "--trust", answers=answers)

    assert ran.status == 0, shown(ran)
    assert "Apply this change to a.py? (1 of 3)" in shown(ran)
    assert "\x1b[32m+LINE 2" in ran.out, "the diff is in colour"
    text = (three_hunks.workspace / "a.py").read_text()
    assert text == "".join(
        line.replace("line", "LINE") if number in taken else line
        for number, line in enumerate(LINES, 1)
    )
    told = json.dumps(server.chats[-1].body)
    if 0 < len(taken) < 3:
        assert f"The user took {len(taken)} of 3 changes" in told
        assert f"Edited a.py (+{len(taken)} {MINUS}{len(taken)})" in shown(ran)
    elif not taken:
        assert "The user rejected this change" in told
        assert "Not changed: a.py" in shown(ran)


@on_a_terminal
def test_a_hunk_is_edited_before_it_is_applied_and_the_turn_can_be_undone(three_hunks: Terminal):
    editor = three_hunks.home / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/LINE/Edited/ "$2"\n')
    editor.chmod(0o755)
    three_hunks.environ["EDITOR"] = f"{editor} --wait"

    ran = three_hunks.on_screen("run", "helper", "go", "--trust", answers=["e", "y", "d"])

    assert ran.status == 0, shown(ran)
    text = (three_hunks.workspace / "a.py").read_text()
    assert text == "".join(LINES).replace("line 2\n", "Edited 2\n")
    assert three_hunks("sessions", "undo").status == 0
    assert (three_hunks.workspace / "a.py").read_text() == "".join(LINES)


@on_a_terminal
def test_what_is_proposed_for_later_is_reviewed_when_the_run_has_ended(
    local: Terminal, server: ModelServer
):
    (local.workspace / "a.py").write_text("one\n")
    local.agent(more="toolNames: ['read_files', 'propose_str_replace', 'propose_write_file'],")
    pair = {"oldString": "one", "newString": "ONE"}
    server.play(call("read_files", paths=["a.py"]))
    server.play(
        call("propose_str_replace", path="a.py", replacements=[pair]),
        call("propose_write_file", path="new.py", instructions="", content="fresh\n"),
    )

    ran = local.on_screen("run", "helper", "go", "--trust", answers=["y", "n"])

    assert ran.status == 0, shown(ran)
    assert (local.workspace / "a.py").read_text() == "ONE\n"
    assert not (local.workspace / "new.py").exists()


def test_each_tool_is_one_line_that_can_be_read(local: Terminal, server: ModelServer):
    (local.workspace / "paths.py").write_text("one\ntwo\nthree\n")
    local.user_settings('edits = "apply"\ncommands = "allow-listed"\nallowedCommands = ["ls"]\n')
    local.agent(
        more="toolNames: ['read_files', 'code_search', 'str_replace', 'run_terminal_command'],"
    )
    pair = {"oldString": "two\nthree", "newString": "2\n3"}
    server.play(call("read_files", paths=["paths.py"]))
    server.play(call("code_search", pattern="two"))
    server.play(call("str_replace", path="paths.py", replacements=[pair]))
    server.play(call("str_replace", path="paths.py", replacements=[pair]))
    server.play(call("run_terminal_command", command="ls nothing"))
    server.play("done")

    ran = local("run", "helper", "go", "--trust", "--show-thinking")

    assert ran.out == "done\n"
    lines = ran.err.splitlines()
    for line in (
        "✓ Read paths.py",
        "✓ Searched for 'two'",
        f"✓ Edited paths.py (+2 {MINUS}2)",
        "✗ Ran ls nothing: exit 2",
    ):
        assert line in lines, ran.err
    assert any(line.startswith("✗ Could not edit paths.py: ") for line in lines), ran.err
    assert not any("{" in line for line in lines), ran.err


@on_a_terminal
def test_it_says_what_it_waits_for_and_for_how_long_and_leaves_nothing_of_it(
    local: Terminal, server: ModelServer
):
    local.agent()
    server.play(Pause(2.5), Reasoning("let me see"), Pause(1.5), "# Title\n\nSome *words*.\n")

    ran = local.on_screen("run", "helper", "go", "--trust")

    assert re.search(r"Waiting for the model · \d+ s", ran.out), ran.out
    assert "Thinking · " in ran.out
    assert "let me see" not in ran.out
    left = [line.rpartition("\r\x1b[K")[2] for line in ran.out.split("\n")]
    assert not any("Waiting for" in line or "Thinking" in line for line in left), left


@on_a_terminal
def test_thinking_stands_apart_from_the_answer_which_is_rendered(
    local: Terminal, server: ModelServer
):
    local.agent()
    code = "```python\nx = 1\n\ny = 2\n```\n"
    server.play(Reasoning("let me see"), "# Title\n\nSome *wo", f"rds*:\n\n{code}\n- one\n- two\n")

    ran = local.on_screen("run", "helper", "go", "--trust", "--show-thinking")

    text = shown(ran)
    assert "Thinking\nlet me see\n\n" in text
    assert text.index("let me see") < text.index("Title")
    assert "Some words:" in text
    assert " • one" in text
    assert "```" not in text
    assert "y = 2" in text


@pytest.mark.parametrize("plain", [False, True])
def test_a_piped_answer_is_what_the_model_wrote(local: Terminal, server: ModelServer, plain: bool):
    local.agent()
    server.play(Reasoning("hm"), "# Title\n\nSome *words* 😀")

    ran = local("run", "helper", "go", "--trust", *(["--plain"] if plain else []))

    assert ran.out == "# Title\n\nSome *words* 😀\n"
    assert "hm" not in ran.err
    assert "\x1b" not in ran.err
    assert "Waiting" not in ran.err


@on_a_terminal
def test_plain_answers_are_not_rendered_on_a_terminal(local: Terminal, server: ModelServer):
    local.agent()
    server.play("Some *words*.\n")

    assert "Some *words*." in shown(local.on_screen("run", "helper", "go", "--trust", "--plain"))


@on_a_terminal
@pytest.mark.parametrize(
    ("arguments", "question"),
    [("run ask", "The question: "), ("key set team --file", "Key team: ")],
)
def test_ctrl_c_at_what_is_asked_for_leaves_at_once(
    local: Terminal, server: ModelServer, arguments: str, question: str
):
    command = f"{sys.executable} -m inhouse {arguments}; echo left $?; stty -a; exec cat"
    screen = Screen(command, local.workspace, local.environment)
    try:
        assert screen.shows(question.strip())
        screen.keys("C-c")
        assert screen.shows("left 130", " echo ")
    finally:
        screen.close()
    assert not server.requests


@on_a_terminal
def test_a_missing_prompt_is_asked_for_in_the_agents_own_words(
    local: Terminal, server: ModelServer
):
    local.agent(more="inputSchema: { prompt: { type: 'string', description: 'Prompt of it.' } },")

    ran = local.on_screen("run", "helper", "--trust", answers=["typed here"])

    assert ran.status == 0, shown(ran)
    assert server.chats[0].body["messages"][0]["content"] == "typed here"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell")
@pytest.mark.parametrize(
    ("redirection", "status"),
    [
        ("<&-", 0),
        (">&-", 0),
        ("2>&-", 0),
        ("<&- >&- 2>&-", 0),
        (">/dev/full", 1),
        ("| head -c 1", None),
    ],
)
def test_streams_may_be_closed_or_full(
    local: Terminal, server: ModelServer, redirection: str, status: int | None
):
    local.agent()
    server.play("Hello 😀")
    command = " ".join(local.command("run", "helper", "hi", "--trust"))

    done = local.run(["bash", "-c", f"{command} {redirection}"])

    assert "Traceback" not in done.err
    assert "Exception" not in done.err
    if status is not None:
        assert done.status == status, done.err


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_every_pipe_speaks_utf_8(local: Terminal, server: ModelServer, encoding: str):
    local.agent()
    server.play("Hello 😀")
    local.environ.update(PYTHONIOENCODING=encoding, LC_ALL="C")

    done = local("run", "helper", "-", "--trust", stdin="\ufeffwhat is é\r\n")

    assert done.out == "Hello 😀\n"
    assert server.chats[0].body["messages"][0]["content"] == "what is é"


def test_a_pipe_that_nobody_writes_to_does_not_keep_a_prompt_waiting(
    local: Terminal, server: ModelServer
):
    local.agent()
    ours, theirs = os.pipe()
    try:
        done = subprocess.run(
            local.command("run", "helper", "hi", "--trust"),
            cwd=local.workspace,
            env=local.environment,
            stdin=ours,
            capture_output=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)

    assert done.returncode == 0
    assert b"Nothing came on standard input" in done.stderr
    assert server.chats[0].body["messages"][0]["content"] == "hi"


def test_a_fault_of_ours_is_a_sentence_and_a_file(local: Terminal):
    """A folder stands where the database of what is remembered has to be."""
    (local.home / "inhouse" / "state").mkdir(parents=True)
    (local.home / "inhouse" / "state" / "inhouse.db").mkdir()
    local.agent()

    done = local("audit")

    assert done.status in (1, 2)
    assert done.err.startswith("inhouse: ")
    assert "Traceback" not in done.err


def test_inhouse_alone_shows_the_way(terminal: Terminal, server: ModelServer):
    empty = terminal()
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    ready = terminal()

    assert empty.status == ready.status == 0
    assert "inhouse endpoint add" in empty.out
    assert "inhouse endpoint add" not in ready.out
    assert "inhouse run ask" in empty.out
    assert "inhouse run ask" in ready.out


def test_agents_fail_for_broken_definitions_only_where_ci_asks(terminal: Terminal):
    terminal.agent()
    assert terminal("agents", "--check").status == 0
    terminal.agent("broken", more="toolNames: ['serch'], model: 7,")

    assert terminal("agents").status == 0
    checked = terminal("agents", "--check")
    assert checked.status == 1
    assert ".agents/broken.ts:" in checked.out
    assert terminal("agents", "--check", "--json").status == 1


@on_a_terminal
def test_forgetting_asks_and_ids_can_be_given_back(local: Terminal):
    local.agent()
    for _ in range(2):
        local("run", "helper", "hi", "--trust")
    table = local("audit").out
    run_id = table.splitlines()[1].split()[0]
    assert [one["runId"] for one in local("audit", run_id, "--json").json] == [run_id]
    session = local("sessions").out.splitlines()[1].split()[0]
    assert local("sessions", "show", session[:8], "--json").json["id"] == session

    assert local("audit", "--forget").status == 2
    kept = local.on_screen("audit", "--forget", answers=[""])
    assert "Delete 2 records?" in shown(kept)
    assert len(local("audit", "--json").json) == 2
    local.on_screen("audit", "--forget", answers=["delete"])
    assert local("audit", "--json").json == []


def test_times_are_those_of_this_place(local: Terminal):
    local.environ["TZ"] = "Asia/Tokyo"
    local.agent()
    local("run", "helper", "hi", "--trust")
    (record,) = local("audit", "--json").json
    utc = datetime.fromisoformat(record["startedAt"])

    there = utc.astimezone(__import__("zoneinfo").ZoneInfo("Asia/Tokyo"))
    assert there.strftime("%Y-%m-%d %H:%M") in local("audit").out
    assert there.strftime("%Y-%m-%d %H") in local("sessions").out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_a_shell_gets_its_part_of_completion(terminal: Terminal, shell: str):
    done = terminal("completion", shell)

    assert done.status == 0
    assert "inhouse" in done.out
    assert done.err == "", "a shell that evaluates it at each start shows nothing"
    shown = terminal.on_screen("completion", shell).out
    assert f"inhouse completion {shell}" in shown
    program = {"powershell": "pwsh"}.get(shell, shell)
    if shutil.which(program) and shell != "fish":  # As the hint says, in a home without settings.
        reads = {"zsh": ["-f"], "bash": ["--norc"], "powershell": ["-NoProfile"]}[shell]
        evaluated = terminal.run([program, *reads, "-c", done.out])
        assert (evaluated.status, evaluated.err) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="bash")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("inhouse end", {"endpoint"}),
        ("inhouse run hel", {"helper"}),
        ("inhouse run helper --mod", {"--model"}),
        ("inhouse endpoint ", {"add", "list"}),
    ],
)
def test_a_shell_completes_commands_options_and_agents(
    terminal: Terminal, tmp_path: Path, typed: str, expected: set[str]
):
    terminal.agent()
    told = tmp_path / "told"
    terminal.environ.update(
        _ARGCOMPLETE="1",
        _ARGCOMPLETE_IFS="\n",
        _ARGCOMPLETE_STDOUT_FILENAME=str(told),
        COMP_LINE=typed,
        COMP_POINT=str(len(typed)),
        COMP_TYPE="9",
    )

    terminal()

    assert expected <= {word.strip() for word in told.read_text().split("\n")}


@pytest.mark.skipif(sys.platform == "win32", reason="rights")
def test_a_key_is_kept_in_a_file_of_the_users_alone_where_they_say_so(
    local: Terminal, server: ModelServer
):
    local.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    refused = local("key", "set", "team", stdin="sk-canary-1\n")
    assert refused.status == 2
    remedy = re.search(r"inhouse key set NAME --file", refused.err)
    assert remedy, refused.err

    done = local(*remedy[0].replace("NAME", "team").split()[1:], stdin="sk-canary-1\n")

    assert done.status == 0, done.err
    (file,) = [
        one for one in local.home.rglob("*") if one.is_file() and b"sk-canary-1" in one.read_bytes()
    ]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert local("key", "list").out.split() == ["team"]
    local.user_settings(
        f'defaultEndpoint = "own"\n[endpoints.own]\nkind = "openai-compatible"\n'
        f'baseUrl = "{server.base_url}"\napiKey = "${{keyring:team}}"\n'
    )
    local.environ.pop("CODEBUFF_LOCAL_BASE_URL")
    local.agent()
    assert local("run", "helper", "hi", "--trust").status == 0
    assert server.chats[-1].headers["authorization"] == "Bearer sk-canary-1"
    file.chmod(0o644)
    readable = local("run", "helper", "hi", "--trust")
    assert readable.status != 0
    assert f"chmod 600 '{file}'" in readable.err
    file.chmod(0o600)
    assert local("key", "delete", "team").status == 0
    assert b"sk-canary-1" not in file.read_bytes()


@pytest.mark.parametrize(
    "command",
    [["agents"], ["explain", "ask"], ["doctor"], ["run", "ask", "hi"], ["mcp", "list"], []],
)
def test_what_is_inert_is_named_in_one_line(local: Terminal, command: list[str]):
    local.agent("namer")
    local.settings('privacy = "local-only"\nedits = "apply"\n')
    told = "Not trusted, so without effect: inhouse.toml, .agents/namer.ts."

    lines = [line for line in local(*command).err.splitlines() if told in line]

    assert len(lines) == 1
    assert "`inhouse trust`" in lines[0]
    if command:
        assert told not in local(*command, "--trust").err
    assert local("trust").status == 0
    assert told not in local(*command).err
