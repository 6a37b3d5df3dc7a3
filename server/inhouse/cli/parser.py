"""What the command line takes."""

import argparse
import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from os.path import expanduser
from typing import NoReturn

from inhouse import __version__

EPILOG = (
    "Exit status: 0 completed, 1 failed, 2 bad usage or configuration, "
    "3 completed with proposed edits that were not applied, 130 cancelled."
)

_MOST_DIGITS = 9
"""Longer numbers of turns, days or rows are slips, and overflow where they are kept or added."""
_SHOWN = 40


class _Parser(argparse.ArgumentParser):
    """Suggests what was probably meant, as later versions of Python do."""

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(each) for each in action.choices]
        meant = get_close_matches(str(value), choices, 1)
        said = f"Did you mean {meant[0]!r}?  " if meant else ""
        raise argparse.ArgumentError(
            None, f"No {_noun(action)} {value!r}.  {said}Known: {', '.join(choices)}"
        )

    def error(self, message: str) -> NoReturn:
        """Name the option that was probably meant, then exit as argparse does."""
        given = message.removeprefix("unrecognized arguments: ")
        if given != message:
            options = [name for one in self._actions for name in one.option_strings]
            word = given.split()[0].partition("=")[0]
            meant = get_close_matches(word, options, 1)
            said = f"Did you mean {meant[0]}?  " if meant else ""
            message = f"unknown: {given}.  {said}`{self.prog} --help` lists the options."
        super().error(message)


def whole_number(text: str) -> int:
    """Read the whole number of an option or a command.

    Raises `argparse.ArgumentTypeError`, whose text says what would be one.
    """
    digits = text.strip()
    if not digits.isdecimal() or len(digits) > _MOST_DIGITS:
        shown = digits if len(digits) <= _SHOWN else f"{digits[:_SHOWN]}…"
        raise argparse.ArgumentTypeError(
            f"{shown!r} is not a whole number from 0 to {'9' * _MOST_DIGITS}"
        )
    return int(digits)


def _noun(action: argparse.Action) -> str:
    name = action.metavar if isinstance(action.metavar, str) else action.dest
    return name.lower()


def _top() -> argparse.ArgumentParser:
    return _Parser(prog="inhouse", description="Run AI agents on models you choose.", epilog=EPILOG)


def _parsers() -> "tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]":
    parser = _top()
    parser.add_argument("--version", action="version", version=f"inhouse {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _serving(commands)
    _running(commands)
    _looking(commands)
    _managing(commands)
    return parser, commands.choices


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line.  Options may come anywhere after the command's name."""
    parser, commands = _parsers()
    if "_ARGCOMPLETE" in os.environ:
        from .completion import complete  # noqa: PLC0415  only when a shell asks

        complete(parser)  # Does not return.
    if not arguments:
        return argparse.Namespace(command="welcome", workspace=None, trust=False)
    name = arguments[0] if arguments else ""
    if name not in commands:
        return parser.parse_args(arguments)
    try:
        options = commands[name].parse_intermixed_args(arguments[1:])
    except TypeError:  # argparse cannot intermix arguments if a command has subcommands.
        return parser.parse_args(arguments)
    options.command = name
    if getattr(options, "embedded", False):
        options.endpoint = options.endpoint or "embedded"
    return options


Commands = argparse._SubParsersAction  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  it has no public name


def _serving(commands: "Commands[argparse.ArgumentParser]") -> None:
    # The door itself reads its options (`inhouse.lsp.stdio`).
    commands.add_parser("lsp", help="run the language server on standard input and output")
    # The door itself reads its options (`inhouse.acp.serve`).
    commands.add_parser("acp", help="run as an agent for Zed, JetBrains and other ACP clients")


def _running(commands: "Commands[argparse.ArgumentParser]") -> None:
    run = commands.add_parser("run", help="run one agent", epilog=EPILOG)
    run.add_argument(
        "agent",
        nargs="?",
        default="",
        help="the agent's id (see `inhouse agents`); not needed to continue a session",
    )
    run.add_argument(
        "prompt",
        nargs="*",
        help="what to do; piped input is added after it; `-` reads standard input",
    )
    run.add_argument("--params", metavar="JSON", help="a JSON object for the agent's inputSchema")
    run.add_argument(
        "--endpoint", help="use this endpoint instead of the one that the settings choose"
    )
    run.add_argument("--model", help="use this model instead of the definition's")
    run.add_argument("--embedded", action="store_true", help="use the embedded model")
    run.add_argument("--json", action="store_true", help="print one RunEvent per line")
    run.add_argument("--yes-edits", action="store_true", help="apply edits without asking")
    run.add_argument(
        "--patch",
        type=expanduser,
        metavar="FILE",
        help="change nothing and write proposed edits to FILE as a patch; `-` prints only the "
        "patch",
    )
    run.add_argument("--show-thinking", action="store_true", help="print the model's thinking too")
    _plain(run)
    _going_on(run)
    run.add_argument(
        "--agent", dest="other_agent", metavar="ID", help="continue with another agent"
    )
    _common(run)
    chat = commands.add_parser("chat", help="talk with an agent", epilog=EPILOG)
    chat.add_argument(
        "agent",
        nargs="?",
        default="",
        help="default: the session's agent, or the first that can run",
    )
    chat.add_argument(
        "--endpoint", help="use this endpoint instead of the one that the settings choose"
    )
    chat.add_argument("--model", help="use this model instead of the definition's")
    chat.add_argument("--embedded", action="store_true", help="use the embedded model")
    chat.add_argument("--yes-edits", action="store_true", help="apply edits without asking")
    chat.add_argument("--show-thinking", action="store_true", help="print the model's thinking too")
    _plain(chat)
    _going_on(chat)
    _common(chat)
    sessions = commands.add_parser("sessions", help="list, show, export, undo or delete sessions")
    sessions.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=["list", "show", "export", "delete", "undo", "rename", "compact"],
    )
    sessions.add_argument(
        "session",
        nargs="*",
        help="the session's id or its beginning (default: the newest); also `undo ID TURN`, "
        "`rename ID TITLE`",
    )
    sessions.add_argument(
        "--query", help="list sessions with this text in their title, id or prompts"
    )
    sessions.add_argument("--limit", type=whole_number, default=20)
    sessions.add_argument("--all", action="store_true", help="list the sessions of all folders")
    sessions.add_argument("--json", action="store_true")
    sessions.add_argument(
        "--output", type=expanduser, metavar="FILE", help="the file that `export` writes"
    )
    _common(sessions)


def _plain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plain", action="store_true", help="print the answer without rendering Markdown"
    )


def _going_on(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c", "--continue", dest="last", action="store_true", help="continue the last session"
    )
    parser.add_argument("--session", metavar="ID", help="continue this session")
    parser.add_argument(
        "--fork",
        type=whole_number,
        metavar="TURN",
        help="continue in a new session that has the turns before this one",
    )


def _looking(commands: "Commands[argparse.ArgumentParser]") -> None:
    agents = commands.add_parser("agents", help="list the agents and their problems")
    agents.add_argument("--json", action="store_true")
    agents.add_argument(
        "--check", action="store_true", help="exit with 1 if a definition has an error, for CI"
    )
    _common(agents)
    explain = commands.add_parser("explain", help="show where an agent would run, and why")
    explain.add_argument("agent")
    explain.add_argument("--endpoint")
    explain.add_argument("--model")
    explain.add_argument("--embedded", action="store_true")
    explain.add_argument("--json", action="store_true")
    _common(explain)
    doctor = commands.add_parser("doctor", help="check each endpoint")
    doctor.add_argument("endpoint", nargs="*", help="only these")
    doctor.add_argument("--json", action="store_true")
    _common(doctor)
    mcp = commands.add_parser("mcp", help="list or check the MCP servers that agents use")
    servers = mcp.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in (
        ("list", "list them without starting any"),
        ("check", "start each, list its tools and report problems"),
    ):
        action = servers.add_parser(name, help=text)
        action.add_argument("--json", action="store_true")
        _common(action)
    audit = commands.add_parser("audit", help="show which hosts each run contacted")
    audit.add_argument("run", nargs="?", help="only this run")
    audit.add_argument("--limit", type=whole_number, default=20)
    audit.add_argument("--json", action="store_true")
    audit.add_argument("--run", dest="only", metavar="ID", help="the same as RUN")
    audit.add_argument(
        "--verify",
        action="store_true",
        help="prove it in a network namespace, with probes and by repeating a run (the last one)",
    )
    audit.add_argument("--forget", action="store_true", help="delete all records, after asking")
    audit.add_argument("--yes", action="store_true", help="delete without asking")
    _common(audit)
    costs = commands.add_parser("costs", help="show what runs cost, and what local runs saved")
    costs.add_argument("--days", type=whole_number, default=30)
    costs.add_argument("--json", action="store_true")
    _common(costs)


def _managing(commands: "Commands[argparse.ArgumentParser]") -> None:
    trust = commands.add_parser("trust", help="trust the agents and settings in this workspace")
    trust.add_argument("--revoke", action="store_true")
    trust.add_argument(
        "--forget-answers",
        action="store_true",
        help="forget your answers about hosts and commands, so that Inhouse asks again",
    )
    trust.add_argument("--show", action="store_true", help="only show what would be trusted")
    _common(trust)
    key = commands.add_parser("key", help="manage keys in the system's keyring")
    actions = key.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in (
        ("set", "store a key, read from the terminal or from standard input"),
        ("delete", "delete a key"),
        ("bind", "let this host receive this key, even if a workspace's file names its URL"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("name")
        if name == "set":
            action.add_argument(
                "--file",
                action="store_true",
                help="keep it in a file that only you can read, instead of the keyring",
            )
        if name == "bind":
            action.add_argument("host", help="HOST or HOST:PORT")
    actions.add_parser("list", help="list the names of the stored keys, never the keys")
    model = commands.add_parser("model", help="install and list embedded models")
    models = model.add_subparsers(dest="action", required=True, metavar="ACTION")
    install = models.add_parser("install", help="install the default model, or choose a GGUF file")
    install.add_argument(
        "model",
        nargs="?",
        metavar="NAME|FILE",
        help="a GGUF file (also file://...) or the name of a model (default: smollm2-135m)",
    )
    models.add_parser("list", help="list the installed models, and which fit this machine")
    endpoint = commands.add_parser("endpoint", help="find, add and list model servers")
    actions = endpoint.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="choose one that Inhouse finds, or name one")
    add.add_argument(
        "name", nargs="?", help="such as ollama or openrouter, or a name of your choice"
    )
    add.add_argument("--url", help="its base URL")
    add.add_argument("--kind", help="the kind of server (default: from the URL)")
    add.add_argument(
        "--model", help="the model for agents that name a model which the endpoint does not have"
    )
    add.add_argument(
        "--key-variable", metavar="NAME", help="the environment variable that holds its key"
    )
    add.add_argument("--no-default", action="store_true", help="do not make it the default")
    add.add_argument("--no-test", action="store_true", help="add it without testing it")
    _common(add)
    _common(actions.add_parser("list", help="list the endpoints, without opening a connection"))
    _common(commands.add_parser("init", help="write inhouse.toml and a first agent"))
    new = commands.add_parser("new", help="write a definition to start from")
    new.add_argument("agent", help="the new agent's id")
    _common(new)
    schema = commands.add_parser("schema", help="print a JSON Schema for editors")
    schema.add_argument("name", nargs="?", default="definition", choices=["definition", "settings"])
    completion = commands.add_parser("completion", help="print the completion script for a shell")
    completion.add_argument("shell", choices=["bash", "zsh", "fish", "powershell"])
    setup = commands.add_parser("setup", help="show how to set up an editor")
    setup.add_argument("editor", choices=["neovim", "emacs", "helix", "sublime", "zed", "vscode"])
    setup.add_argument(
        "--write",
        action="store_true",
        help="install or upgrade it; files that you changed are kept",
    )


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workspace",
        type=expanduser,
        metavar="FOLDER",
        help="the project's folder (default: found from the current folder)",
    )
    parser.add_argument(
        "--trust", action="store_true", help="trust this workspace for this command"
    )
