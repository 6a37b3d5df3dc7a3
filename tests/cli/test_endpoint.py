"""Adding an endpoint: found on loopback, described by options, chosen at a terminal."""

import os
import pty
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from inhouse.core.endpoint_kinds import Kind, Service
from inhouse.host.endpoint_setup import discover
from inhouse.settings.write_settings import change_user_settings
from support.model_server import ModelServer
from support.terminal import Terminal


def settings_of(terminal: Terminal) -> Path:
    return terminal.home / "inhouse" / "config" / "config.toml"


async def test_only_servers_that_answer_are_found(server: ModelServer) -> None:
    where = (
        Service("vllm", "vLLM", Kind.VLLM, server.base_url, is_found=True),
        Service("ollama", "Ollama", Kind.OLLAMA, "http://127.0.0.1:9", is_found=True),
    )
    found = await discover(where)
    assert [one.service.name for one in found] == ["vllm"]
    assert [model.id for model in found[0].models] == ["test-model"]


async def test_nothing_but_loopback_is_asked() -> None:
    there = Service("vllm", "vLLM", Kind.VLLM, "http://192.0.2.1:8000/v1", is_found=True)
    assert await discover((there,)) == ()


def test_an_endpoint_is_tested_written_and_the_default(
    terminal: Terminal, server: ModelServer
) -> None:
    terminal.user_settings("# mine\nmaxSteps = 7  # few\n")

    added = terminal("endpoint", "add", "mine", "--url", server.base_url, "--model", "test-model")

    assert added.status == 0, added.err
    text = settings_of(terminal).read_text()
    assert text.startswith("# mine\nmaxSteps = 7  # few\n")
    settings = tomllib.loads(text)
    assert settings["defaultEndpoint"] == "mine"
    assert settings["endpoints"]["mine"]["models"] == {"*": "test-model"}
    server.play("Two files.")
    ran = terminal("run", "ask", "What is here?")
    assert ran.out == "Two files.\n"
    assert server.chats[-1].body["model"] == "test-model"


def test_a_refused_key_adds_nothing(terminal: Terminal, server: ModelServer) -> None:
    server.models_status = 401
    terminal.environ["SECRET_KEY"] = "wrong-key-123456"
    added = terminal(
        "endpoint", "add", "mine", "--url", server.base_url, "--key-variable", "SECRET_KEY"
    )
    assert added.status == 1
    assert "key" in added.err.lower()
    assert "name it with `--key-variable`" in added.err
    assert not settings_of(terminal).exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing",), "needs --url"),
        (("a b", "--url", "http://127.0.0.1:9/v1", "--no-test"), "is not a name"),
        (("dead", "--url", "http://127.0.0.1:9/v1"), "127.0.0.1:9"),
        (("mine", "--url", "http://127.0.0.1:9/v1", "--key-variable", "NOT_SET"), "NOT_SET"),
    ],
)
def test_what_cannot_be_added_says_why(
    terminal: Terminal, arguments: tuple[str, ...], told: str
) -> None:
    added = terminal("endpoint", "add", *arguments)
    assert added.status != 0
    assert told in added.err
    assert not settings_of(terminal).exists()


def test_broken_settings_are_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("a = [")
    with pytest.raises(Exception, match="cannot be changed"):
        change_user_settings(path, {("defaultEndpoint",): "x"})
    assert path.read_text() == "a = ["


def test_settings_below_a_table_named_inhouse_stay_there(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[inhouse]\nmaxSteps = 3\n")
    change_user_settings(path, {("endpoints", "a", "kind"): "ollama", ("maxSteps",): None})
    assert tomllib.loads(path.read_text()) == {"inhouse": {"endpoints": {"a": {"kind": "ollama"}}}}


def test_options_stand_anywhere_and_piped_text_comes_behind_the_prompt(
    terminal: Terminal, server: ModelServer
) -> None:
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    server.play("ok")
    ran = terminal("run", "ask", "--model", "m1", "Explain", "this", stdin="x = 1\n")
    assert ran.status == 0, ran.err
    sent = str(server.chats[-1].body)
    assert re.search(r"Explain this\\n\\nx = 1", sent)
    assert server.chats[-1].body["model"] == "m1"


def test_the_project_is_found_from_a_folder_inside_it(
    terminal: Terminal, server: ModelServer
) -> None:
    terminal.agent("helper")
    inner = terminal.workspace / "src" / "deep"
    inner.mkdir(parents=True)
    done = subprocess.run(
        terminal.command("agents"),
        cwd=inner,
        env=terminal.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "helper" in done.stdout


def test_new_and_init_write_what_works_and_never_over_a_file(
    terminal: Terminal, server: ModelServer
) -> None:
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    assert terminal("init").status == 0
    assert terminal("new", "Namer").status == 0
    again = terminal("new", "namer")
    assert again.status == 2
    assert "already exists" in again.err
    server.play("ok")
    assert terminal("run", "namer", "go", "--trust").out == "ok\n"
    assert "error" not in terminal("agents").out


def test_the_first_run_at_a_terminal_helps_to_add_an_endpoint(terminal: Terminal) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        terminal.command("run", "ask", "hello"),
        cwd=terminal.workspace,
        env={**terminal.environment, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    while b"Which one" not in seen:
        seen += os.read(ours, 65_536)
    os.write(ours, b"0\n")
    assert process.wait(30) == 2
    os.close(ours)
    assert b"OpenRouter" in seen


def test_a_server_that_is_added_again_keeps_its_name_and_what_else_is_set(
    terminal: Terminal, server: ModelServer
) -> None:
    terminal.user_settings(
        '[endpoints.mine]\nkind = "openai"\n'
        f'baseUrl = "{server.base_url}"\ncontextWindow = 4096  # small\n'
    )

    added = terminal("endpoint", "add", "--url", server.base_url, "--model", "test-model")

    assert "Changed the endpoint 'mine'" in added.out, added.err
    text = settings_of(terminal).read_text()
    assert "contextWindow = 4096  # small" in text
    assert list(tomllib.loads(text)["endpoints"]) == ["mine"]


def test_a_remedy_of_what_was_not_added_names_options_and_no_setting(terminal: Terminal) -> None:
    failed = terminal("endpoint", "add", "mine", "--url", "http://127.0.0.1:9/v1")
    assert "correct `--url`" in failed.err
    assert "endpoints.mine" not in failed.err
