"""``inhouse run`` as a user has it."""

import socket
import time

import pytest

from support.model_server import Hangup, ModelServer, Pause, Reasoning, call
from support.terminal import INTERRUPT, Terminal


def test_text_goes_to_stdout_and_status_to_stderr(local: Terminal, server: ModelServer):
    local.agent()
    server.play("Hel", "lo 😀")

    done = local("run", "helper", "hi", "--trust")

    assert done.status == 0
    assert done.out == "Hello 😀\n"
    assert "environment" in done.err
    assert "127.0.0.1" in done.err
    assert "\x1b" not in done.out + done.err


def test_the_prompt_may_come_from_standard_input(local: Terminal, server: ModelServer):
    local.agent()

    local("run", "helper", "--trust", stdin="from a pipe\n")

    messages = server.chats[0].body["messages"]
    assert messages[0] == {"role": "user", "content": "from a pipe"}
    assert messages[1]["content"] == "Be short."


def test_json_prints_one_event_a_line_and_ends_with_finish(local: Terminal, server: ModelServer):
    local.agent()
    server.play(Reasoning("hm"), "a", "b")

    events = local("run", "helper", "hi", "--trust", "--json").events

    assert [event["seq"] for event in events] == list(range(len(events)))
    assert events[0]["kind"] == "start"
    assert "".join(event["delta"] for event in events if event["kind"] == "text") == "ab"
    assert events[-1]["kind"] == "finish"
    assert events[-1]["result"]["status"] == "completed"
    assert events[-1]["result"]["text"] == "ab"
    assert [event["kind"] for event in events].count("finish") == 1


def test_a_tool_reads_a_file_of_the_workspace(local: Terminal, server: ModelServer):
    local.agent(more="toolNames: ['read_files'],")
    (local.workspace / "a.txt").write_text("the content")
    server.play(call("read_files", paths=["a.txt"]))
    server.play("It says: the content")

    done = local("run", "helper", "read it", "--trust")

    assert done.status == 0
    assert "Read a.txt" in done.err
    assert "the content" in str(server.chats[1].body["messages"])


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_reader_that_goes_cancels_the_run_without_a_traceback(
    local: Terminal, server: ModelServer, more: list[str]
):
    local.agent()
    server.play("first words", *(f" {number}" for number in range(20_000)), Pause(60))
    with local.start("run", "helper", "hi", "--trust", *more) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(20)
        process.stdout.close()
        process.wait(30)
        said = process.stderr.read()

    assert process.returncode == 130
    assert "Traceback" not in said
    assert "BrokenPipe" not in said
    (record,) = local("audit", "--json").json
    assert record["status"] == "cancelled"


def test_tables_are_whole_where_they_are_piped(local: Terminal, server: ModelServer):
    local.agent()
    runs = [local("run", "helper", "hi", "--trust", "--json").events for _ in range(2)]

    table = local("audit").out

    ids = {events[-1]["runId"] for events in runs}
    assert len(ids) == 2
    assert all(each in table for each in ids)
    assert "…" not in table


def test_ctrl_c_cancels_and_keeps_what_was_said(local: Terminal, server: ModelServer):
    local.agent()
    server.play("first words", Pause(60))
    process = local.start("run", "helper", "hi", "--trust", "--json")
    assert process.stdout is not None
    while "first words" not in process.stdout.readline():
        pass

    process.send_signal(INTERRUPT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130, err
    assert '"status": "cancelled"' in out.splitlines()[-1]
    assert "first words" in out.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "nobody", "hi"], "No agent 'nobody'.  Agents: helper"),
        (["run", "helper", "hi", "--endpoint", "nowhere"], "'nowhere'"),
        (["run", "helper", "hi", "--params", "{"], "--params is not JSON"),
        (["run", "helper", "hi", "--params", "[]"], "--params takes a JSON object"),
        (["run", "helper", "hi", "--workspace", "missing"], "No folder"),
        (["explain", "nobody"], "No agent 'nobody'"),
    ],
)
def test_bad_usage_says_what_would_work(local: Terminal, arguments: list[str], expected: str):
    local.agent()

    done = local(*arguments, "--trust")

    assert done.status == 2
    assert expected in done.err
    assert "Traceback" not in done.err


def test_without_any_endpoint_the_error_names_three_ways(terminal: Terminal):
    terminal.agent()

    done = terminal("run", "helper", "hi", "--trust")

    assert done.status == 2
    for way in ("inhouse endpoint add", "CODEBUFF_LOCAL_BASE_URL", "embedded"):
        assert way in done.err


def test_an_untrusted_workspace_runs_nothing(local: Terminal, server: ModelServer):
    local.agent()

    done = local("run", "helper", "hi")

    assert done.status == 2
    assert "inhouse trust" in done.err
    assert server.requests == []


def test_a_dead_server_is_named_with_a_remedy(terminal: Terminal):
    terminal.agent()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = f"http://127.0.0.1:{port}/v1"

    done = terminal("run", "helper", "hi", "--trust")

    assert done.status == 1
    assert str(port) in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"error": {"message": "bad key"}}, "key"),
        (404, {"error": {"message": "model 'some/model' not found"}}, "test-model"),
        (200, "<!doctype html><html><body>Welcome</body></html>", "/v1"),
    ],
)
def test_what_a_server_refuses_is_explained(
    local: Terminal, server: ModelServer, status: int, body: object, expected: str
):
    local.agent()
    server.fail(status, body)

    done = local("run", "helper", "hi", "--trust")

    assert done.status == 1
    assert expected in done.err
    assert "Traceback" not in done.err


def test_what_was_streamed_before_a_failure_is_kept(local: Terminal, server: ModelServer):
    local.agent()
    server.play("half a sen", Hangup())

    events = local("run", "helper", "hi", "--trust", "--json").events

    assert events[-1]["result"]["status"] == "failed"
    assert events[-1]["result"]["text"] == "half a sen"
    assert events[-1]["result"]["error"]["message"]


def test_broken_settings_are_told_and_the_rest_counts(local: Terminal, server: ModelServer):
    local.agent()
    local.settings('maxSteps = "many"\nprivacy = "local-only"\n')

    done = local("run", "helper", "hi", "--trust")

    assert done.status == 0
    assert "maxSteps" in done.err


def test_a_syntax_error_in_a_definition_is_shown_with_its_line(local: Terminal):
    path = local.workspace / ".agents" / "broken.ts"
    path.write_text("export default {\n  id: 'broken',\n  model: ,\n}\n")

    done = local("agents", "--trust")

    assert "broken.ts:3" in done.out
    assert "error" in done.out


def test_local_only_refuses_a_remote_endpoint(terminal: Terminal):
    terminal.agent()
    terminal.environ["OPENROUTER_API_KEY"] = "sk-or-canary-1234567890"
    terminal.user_settings('privacy = "local-only"\n')

    done = terminal("run", "helper", "hi", "--trust")

    assert done.status == 2
    assert "local-only" in done.err
    assert "canary" not in done.out + done.err


def test_a_run_leaves_a_record_of_the_hosts(local: Terminal, server: ModelServer):
    local.agent()
    local("run", "helper", "hi", "--trust")

    (record,) = local("audit", "--json").json

    assert record["agent"] == "helper"
    assert record["contacts"][0]["host"].startswith("127.0.0.1")
    assert record["contacts"][0]["bytesSent"] > 0
    assert record["contacts"][0]["local"] is True


def test_a_silent_model_does_not_hold_up_other_commands(local: Terminal, server: ModelServer):
    local.agent()
    server.play(Pause(60))
    process = local.start("run", "helper", "hi", "--trust")
    try:
        while not server.chats:
            time.sleep(0.02)

        assert local("agents", "--json", "--trust").json["agents"][0]["id"] == "helper"
    finally:
        process.kill()
        process.communicate()


def test_embedded_never_runs_anywhere_else(local: Terminal, server: ModelServer) -> None:
    """It is not installed here, and another endpoint would serve."""
    local.user_settings(
        'defaultEndpoint = "own"\n[endpoints.own]\nkind = "openai"\n'
        f'baseUrl = "{server.base_url}"\n'
    )
    done = local("run", "ask", "hi", "--embedded")

    assert done.status == 2
    assert "The embedded model is not installed" in done.err
    assert not server.chats


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (("rnu", "ask"), "No command 'rnu'.  Did you mean 'run'?"),
        (("endpoint", "ad"), "No action 'ad'.  Did you mean 'add'?"),
        (("setup", "vim"), "No editor 'vim'.  Did you mean 'neovim'?"),
        (("sessions", "shwo"), "No action 'shwo'.  Did you mean 'show'?"),
        (("run", "ask", "hi", "--modle", "x"), "unknown: --modle x.  Did you mean --model?"),
        (("run", "aks", "hi"), "No agent 'aks'.  Did you mean 'ask'?"),
        (("run", "ask", "hi", "--endpoint", "embeded"), "Did you mean 'embedded'?"),
    ],
)
def test_a_typing_error_is_answered_with_what_was_probably_meant(
    local: Terminal, typed: tuple[str, ...], told: str
) -> None:
    done = local(*typed)
    assert done.status == 2
    assert told in done.err


def test_messages_name_settings_as_the_settings_file_does(local: Terminal) -> None:
    local.user_settings('[endpoints.gone]\nkind = "openai"\nbaseUrl = "http://127.0.0.1:9/v1"\n')
    for command in (("run", "ask", "hi", "--endpoint", "gone"), ("doctor", "gone")):
        done = local(*command)
        assert "`endpoints.gone.baseUrl`" in done.out + done.err
        assert "inhouse.endpoints" not in done.out + done.err


def test_a_narrow_terminal_cuts_no_agents_name(local: Terminal) -> None:
    local.environ["COLUMNS"] = "40"
    done = local.on_screen("agents")
    assert "commit-message" in done.out
    assert "…" not in done.out
    purposes = [line for line in done.out.splitlines() if line.startswith("  ")]
    assert purposes
    assert all(len(line) <= 40 for line in purposes)


def test_a_folder_that_is_gone_is_told_in_words(local: Terminal) -> None:
    gone = local.workspace / "gone"
    inside = f'mkdir "{gone}" && cd "{gone}" && rmdir "{gone}" && "$@"'
    done = local.run(["sh", "-c", inside, "sh", *local.command("agents")])
    assert done.status == 2
    assert "The current folder no longer exists" in done.err


def test_a_folder_is_taken_as_a_shell_would_write_it_and_a_file_is_named(local: Terminal) -> None:
    (local.home / "my project").mkdir()
    assert local("agents", "--workspace", "~/my project").status == 0
    done = local("agents", "--workspace", str(local.agent()))
    assert done.status == 2
    assert "is a file, not a folder" in done.err
