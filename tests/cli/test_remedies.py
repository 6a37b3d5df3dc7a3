"""What the message of a failed run says to do, done word by word, makes the next run work."""

import re
from collections.abc import Callable

import pytest

from support.model_server import ModelServer
from support.terminal import Terminal

UNAUTHORIZED = {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}
NO_MODEL = {"error": {"message": "The model does not exist", "code": "model_not_found"}}
Do = Callable[[Terminal, ModelServer, str], None]


def own(server: ModelServer, more: str = "", url: str = "") -> str:
    """Settings with one endpoint, the default."""
    url = url or server.base_url
    return f'defaultEndpoint = "own"\n[endpoints.own]\nbaseUrl = "{url}"\n{more}\n'


def found(pattern: str, said: str) -> tuple[str, ...]:
    match = re.search(pattern, said)
    assert match, said
    return match.groups()


def keep(terminal: Terminal, name: str, key: str) -> None:
    """Do ``key set``; there is no keyring, so do what that says, too."""
    refused = terminal("key", "set", name, stdin=f"{key}\n")
    assert "inhouse key set NAME --file" in refused.err
    assert terminal("key", "set", name, "--file", stdin=f"{key}\n").status == 0


def set_a_first_key(terminal: Terminal, server: ModelServer, said: str) -> None:
    (name,) = found(r"Run `inhouse key set (\w+)`", said)
    keep(terminal, name, "sk-right-12345")
    setting, value = found(r'set `endpoints\.own\.(\w+)` to ("[^"]+")', said)
    terminal.user_settings(own(server, f"{setting} = {value}"))


def set_the_kept_key(terminal: Terminal, server: ModelServer, said: str) -> None:
    (name,) = found(r"inhouse key set (\w+)", said)
    keep(terminal, name, "sk-right-12345")


def set_the_variable(terminal: Terminal, server: ModelServer, said: str) -> None:
    (name,) = found(r"Set the variable (\w+) to the right one", said)
    terminal.environ[name] = "sk-right-12345"


def map_the_model(terminal: Terminal, server: ModelServer, said: str) -> None:
    setting, value = found(r"Map the name with `endpoints\.own\.(\w+)`, e\.g\. (\{[^}]*\})", said)
    terminal.user_settings(own(server, f"{setting} = {value}"))


def correct_the_url(terminal: Terminal, server: ModelServer, said: str) -> None:
    url, setting = found(r"Write (\S+) in `endpoints\.own\.(\w+)`", said)
    assert setting == "baseUrl"
    terminal.user_settings(own(server, url=url))


def bind_the_key(terminal: Terminal, server: ModelServer, said: str) -> None:
    name, host = found(r"inhouse key bind (\S+) ([\w.]+:\d+|[\w.]+)", said)
    assert terminal("key", "bind", name, host).status == 0


def allow_the_variable(terminal: Terminal, server: ModelServer, said: str) -> None:
    (line,) = found(r"(allowedEnvironment = \[[^]]*\])", said)
    terminal.user_settings(f"{line}\n")


def give_a_prompt(terminal: Terminal, server: ModelServer, said: str) -> None:
    (agent,) = found(r'inhouse run (\w+) "…"', said)
    assert terminal("run", agent, "…").status == 0


@pytest.mark.parametrize(
    "do",
    [
        set_a_first_key,
        set_the_kept_key,
        set_the_variable,
        map_the_model,
        correct_the_url,
        bind_the_key,
        allow_the_variable,
        give_a_prompt,
    ],
)
@pytest.mark.timeout(150)
def test_a_remedy_done_word_by_word_works(terminal: Terminal, server: ModelServer, do: Do) -> None:
    terminal.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    terminal.user_settings(own(server))
    arguments = ["run", "ask", "hi", "--trust"]
    match do.__name__:
        case "set_a_first_key":
            server.fail(401, UNAUTHORIZED)
        case "set_the_kept_key":
            keep(terminal, "team", "sk-wrong-12345")
            terminal.user_settings(own(server, 'apiKey = "${keyring:team}"'))
            server.fail(401, UNAUTHORIZED)
        case "set_the_variable":
            terminal.environ["OWN_KEY"] = "sk-wrong-12345"
            terminal.user_settings(own(server, 'apiKey = "${env:OWN_KEY}"'))
            server.fail(401, UNAUTHORIZED)
        case "map_the_model":
            server.fail(404, NO_MODEL)
        case "correct_the_url":
            terminal.user_settings(own(server, url=server.base_url.replace("http:", "https:")))
        case "bind_the_key":
            keep(terminal, "team", "sk-right-12345")
            terminal.user_settings("")
            terminal.settings(own(server, 'apiKey = "${keyring:team}"'))
        case "allow_the_variable":
            terminal.environ["TEAM_URL"] = server.base_url
            terminal.user_settings("")
            terminal.settings(own(server, url="${env:TEAM_URL}"))
        case _:
            arguments = ["run", "ask"]

    failed = terminal(*arguments)
    assert failed.status in (1, 2), failed.err
    do(terminal, server, failed.err)
    done = terminal("run", "ask", "hi", "--trust")

    assert done.status == 0, done.err
    last = server.chats[-1]
    keyed = do in (set_a_first_key, set_the_kept_key, set_the_variable, bind_the_key)
    assert last.headers["authorization"] == ("Bearer sk-right-12345" if keyed else "Bearer unused")
    assert do is not map_the_model or last.body["model"] == "test-model"


def test_a_run_without_a_prompt_asks_the_model_nothing_unless_its_agent_needs_none(
    local: Terminal, server: ModelServer
) -> None:
    local.agent("steps", more="handleSteps: function* () { yield 'STEP' },")
    assert local("run", "ask").status == 2
    assert not server.requests
    for arguments in (("ask", ""), ("review",), ("steps", "--trust")):
        assert local("run", *arguments).status == 0
    assert "There is no prompt." in local("run", "-c").err


def test_doctor_fails_if_nothing_can_run_and_its_remedy_works(
    terminal: Terminal, server: ModelServer
) -> None:
    nothing = terminal("doctor")
    assert nothing.status == terminal("doctor", "--json").status == 1
    assert terminal("doctor", "--json").out.strip() == "[]"
    variable, command = found(r"(CODEBUFF_LOCAL_BASE_URL)=\S+ inhouse (\w+)", nothing.out)
    terminal.environ[variable] = server.base_url
    assert terminal(command).status == 0
