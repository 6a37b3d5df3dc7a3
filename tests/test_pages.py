"""What the README and the tutorial tell people to do works when it is done literally."""

import argparse
import ast
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from inhouse.cli import parser as cli_parser
from support.fake_servers import ollama
from support.gguf import gguf  # noqa: F401  a fixture
from support.model_server import ModelServer, call
from support.replay import Replay, http_head, ndjson
from support.terminal import Terminal

ROOT = Path(__file__).resolve().parent.parent
PAGES = (
    "README.md",
    "docs/tutorial.md",
    *(f"docs/how-to/{name}.md" for name in ("neovim", "emacs", "helix", "sublime", "zed")),
)
SETS_UP = ("pip ", "python3 scripts/")
"""Commands that other tests and CI itself run."""


def commands(page: str) -> list[str]:
    text = (ROOT / page).read_text("utf-8")
    blocks = re.findall(r"(?ms)^ *```sh\n(.*?)^ *```$", text)
    lines = (line.strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line and not line.startswith(SETS_UP)]


def promised(page: str) -> list[re.Pattern[str]]:
    """Each line of output that a page shows, with any figures and any endpoint."""
    text = (ROOT / page).read_text("utf-8")
    blocks = re.findall(r"(?ms)^```text\n(.*?)^```$", text)
    lines = (line for block in blocks for line in block.splitlines() if line.strip())
    free = (("\\d[\\d.,:]*", "[\\\\d.,:]+"), ("ollama · qwen\\S*", "\\\\S+ · \\\\S+"))
    found = []
    for line in lines:
        pattern = re.escape(line).replace("\\ ", " ").replace("\\-", "-").replace("\\.", ".")
        for old, new in reversed(free):
            pattern = re.sub(old, new, pattern)
        found.append(re.compile(pattern))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_works_in_its_order(
    page: str, terminal: Terminal, server: ModelServer
) -> None:
    """The model server is the one that `endpoint add` would have found at its usual port."""

    def add(arguments: list[str]) -> list[str]:
        return [*arguments, "test", "--url", server.base_url, "--model", "test-model"]

    if not any(line.startswith("inhouse endpoint add") for line in commands(page)):
        terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url  # a page that comes later
    said = follow(page, terminal, add)
    for line in promised(page):
        assert line.search(said), f"{line.pattern!r} in {said}"
    asked = [one for one in server.requests if one.method == "POST"]
    assert asked or not any("inhouse run" in line for line in commands(page))


def follow(
    page: str,
    terminal: Terminal,
    add: "Callable[[list[str]], list[str] | None]",
    more: tuple[str, ...] = (),
    *,
    model: str | None = None,
    last: str = "nothing is the last",
) -> str:
    """Do all that a page says, or up to its *last* command, and give all that was printed."""
    found, said = commands(page), ""
    assert found
    for line in found:
        words = shlex.split(line, comments=True)
        assert words[0] == "inhouse", line
        arguments = words[1:]
        if arguments[:2] == ["endpoint", "add"]:
            taken = add(arguments)
            if taken is None:
                continue
            arguments = taken
        if arguments[:2] == ["model", "install"]:
            if model is None:
                continue  # tests/privacy and scripts/setup.py do it
            arguments.append(model)
        if arguments[0] == "run":
            arguments += more
        done = terminal(*arguments, timeout=120)
        proposed = arguments[:2] == ["run", "edit"] and done.status == 3
        assert done.status == 0 or proposed, f"{line}: {done.err}{done.out}"
        assert "Traceback" not in done.err
        said += done.out + done.err
        if line.startswith(last):
            break
    return said


def test_the_tutorial_works_on_ollama(terminal: Terminal) -> None:
    lines = [
        {"model": "qwen3:4b", "message": {"role": "assistant", "content": "Two files."}},
        {
            "model": "qwen3:4b",
            "message": {"role": "assistant", "content": ""},
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 12,
            "eval_count": 3,
        },
    ]
    chat = [http_head(200, "application/x-ndjson"), *ndjson(*lines)]
    with Replay(ollama(chat=chat)) as server:
        said = follow(
            "docs/tutorial.md",
            terminal,
            lambda arguments: [*arguments, "ollama", "--url", server.root, "--model", "qwen3:4b"],
        )

    assert "ask → ollama · qwen3:4b · local" in said
    assert "Two files." in said


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty")
def test_on_a_terminal_the_tutorials_way_asks_once(terminal: Terminal, server: ModelServer) -> None:
    """Whether to make an edit; the commands that can ask are these, and `endpoint add`."""
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    ways = [shlex.split(line)[1:] for line in commands("docs/tutorial.md")]
    ways = [words for words in ways if words[0] in ("trust", "run")]
    assert [words[:2] for words in ways][-4:] == [
        ["trust"],
        ["run", "namer"],
        ["run", "edit"],
        ["trust"],
    ]
    asked = []
    for words in ways:
        if words == ["trust"]:
            terminal.agent("namer")
        if words[:2] == ["run", "edit"]:
            server.play(call("write_file", path="notes.txt", content="today\n"))
        done = terminal.on_screen(*words, answers=["y"] * 9)
        assert done.status == 0, done.out
        asked += re.findall(r"(\S[^\n]*\?)\n(?:  [^\n]*\n)*  [a-z/]+ \(Enter", plain(done.out))

    assert asked == ["Apply this change to notes.txt?"]
    assert (terminal.workspace / "notes.txt").read_text() == "today\n"


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.mark.model
@pytest.mark.timeout(400)
def test_the_tutorial_works_on_the_embedded_model(terminal: Terminal, gguf: Path) -> None:  # noqa: F811
    """As far as its first answer: what comes after that is the same, and slow on a busy machine."""
    said = follow(
        "docs/tutorial.md",
        terminal,
        lambda _: None,
        ("--embedded",),
        model=str(gguf),
        last="inhouse run ask",
    )

    assert "ask → embedded" in said
    assert "contacted no host" not in said


def test_the_readmes_agents_are_those_on_board(terminal: Terminal) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    told = re.search(r"Five agents come with Inhouse[^\n]*", text)
    assert told is not None
    named = set(re.findall(r"`([a-z-]+)`", told[0]))
    found = terminal("agents", "--json").json["agents"]
    assert named == {one["id"] for one in found if one["onBoard"]}


# Whatever a message or a page tells people to type is a command that exists.

_SAID = re.compile(r"\binhouse ((?:[a-z]+|-[-a-z]+)(?: (?:[\w./:$%{}'*<>|\[\]=-]+|\"[^\"]*\"))*)")
_TEXTS = ("server/inhouse/**/*.py", "server/inhouse/cli/editors/**/*", "client-vscode/src/**/*.ts")
_PAGES = ("README.md", "docs/*.md", "docs/how-to/*.md", "docs/reference/*.md")


def strings_of(path: Path) -> list[str]:
    """What a person may read of a file: the texts of code, or all of a page."""
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        return [text]
    tree = ast.parse(text)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    unread = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unread
    ]


def told_commands() -> list[tuple[str, str]]:
    found = []
    for pattern in (*_TEXTS, *_PAGES):
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts:
                name = str(path.relative_to(ROOT))
                for text in strings_of(path):
                    found += [(name, told) for told in _SAID.findall(text)]
    return found


def unknown_words(parser: argparse.ArgumentParser, words: list[str]) -> list[str]:
    """The words of a command that the command line does not know."""
    name, *rest = words
    subcommands = next(
        (one for one in parser._actions if isinstance(one, argparse._SubParsersAction)), None
    )
    if subcommands is not None and name in subcommands.choices:
        return unknown_words(subcommands.choices[name], rest) if rest else []
    if subcommands is not None and not name.startswith("-"):
        return [] if "|" in name or not name.islower() else [name]
    options = {option for action in parser._actions for option in action.option_strings}
    given = (word.partition("=")[0] for word in words if word.startswith("-"))
    return [word for word in given if word not in options and word not in ("-", "--", "-…")]


def test_every_command_that_a_message_or_a_page_names_exists() -> None:
    parser, commands = cli_parser._parsers()
    told = told_commands()
    assert len(told) > 100
    wrong = []
    for where, said in told:
        words = said.replace("`", " ").split()
        if words[0] in ("lsp", "acp") or words[0] not in commands:
            # A sentence about Inhouse itself; a command stands in backticks or a block of its own.
            continue
        wrong += [(where, said, word) for word in unknown_words(parser, words)]
    assert not wrong


@pytest.mark.parametrize(
    ("broken", "remedy", "then"),
    [
        ("no-endpoint", "inhouse endpoint add", None),
        ("untrusted", "inhouse trust", "run"),
        ("no-key", "inhouse key set team", "key"),
        ("broken-settings", "This is not TOML: Invalid value (at line 1", None),
        ("unknown-agent", "Agents: helper", None),
        ("not-there", "nothing listens at 127.0.0.1:9", None),
    ],
)
def test_a_remedy_does_what_it_says(
    terminal: Terminal, server: ModelServer, broken: str, remedy: str, then: str | None
) -> None:
    """Each way to fail in the first hour, and what its message says to do, done."""
    terminal.agent()
    if broken not in ("no-endpoint", "no-key"):
        terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    name, trust = "helper", ["--trust"]
    match broken:
        case "untrusted":
            trust = []
        case "no-key":
            terminal.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
            terminal.user_settings(
                'defaultEndpoint = "own"\n[endpoints.own]\nkind = "openai-compatible"\n'
                f'baseUrl = "{server.base_url}"\napiKey = "${{keyring:team}}"\n'
            )
            terminal("key", "set", "other", "--file", stdin="sk-other-12345\n")
        case "broken-settings":
            terminal.settings("privacy =\n")
        case "unknown-agent":
            name = "helpr"
        case "not-there":
            terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = "http://127.0.0.1:9/v1"
        case _:
            pass

    failed = terminal("run", name, "hi", *trust)

    assert failed.status != 0 or broken == "broken-settings"
    assert remedy in failed.err or (broken == "no-key" and "key set NAME --file" in failed.err), (
        failed.err
    )
    assert "Traceback" not in failed.err
    if then == "run":
        assert terminal(*remedy.split()[1:]).status == 0
        assert terminal("run", name, "hi").status == 0
    if then == "key":
        assert terminal("key", "set", "team", "--file", stdin="sk-team-12345\n").status == 0
        assert terminal("run", name, "hi", *trust).status == 0
