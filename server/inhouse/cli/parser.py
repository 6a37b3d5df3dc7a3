"""What the command line takes."""

import argparse
import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from inhouse import __version__

EPILOG = (
    "Exit status: 0 completed, 1 failed, 2 bad usage or configuration, "
    "3 completed with proposed edits that were not applied, 130 cancelled."
)


class _Parser(argparse.ArgumentParser):
    """Suggests what was probably meant, as later versions of Python do."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
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
    commands.add_parser("lsp", help="the language server, on standard input and output")
    # The door itself reads its options (`inhouse.acp.serve`).
    commands.add_parser("acp", help="the agent for Zed, JetBrains and other clients of ACP")


def _running(commands: "Commands[argparse.ArgumentParser]") -> None:
    run = commands.add_parser("run", help="run one agent", epilog=EPILOG)
    run.add_argument(
        "agent",
        nargs="?",
        default="",
        help="its id; `inhouse agents` lists them; left out where a session goes on",
    )
    run.add_argument(
        "prompt",
        nargs="*",
        help="what to do, with what is piped in behind it; `-`: standard input",
    )
    run.add_argument("--params", metavar="JSON", help="an object for the agent's inputSchema")
    run.add_argument("--endpoint", help="a name from the settings, instead of what they choose")
    run.add_argument("--model", help="a model, instead of the definition's")
    run.add_argument("--embedded", action="store_true", help="on the embedded model")
    run.add_argument("--json", action="store_true", help="one RunEvent a line")
    run.add_argument("--yes-edits", action="store_true", help="apply edits without asking")
    run.add_argument(
        "--patch",
        metavar="FILE",
        help="change nothing and write the proposed edits to FILE; -: the patch alone on stdout",
    )
    run.add_argument("--show-thinking", action="store_true", help="print the model's thinking too")
    _plain(run)
    _going_on(run)
    run.add_argument("--agent", dest="other_agent", metavar="ID", help="another agent goes on")
    _common(run)
    chat = commands.add_parser("chat", help="talk with an agent", epilog=EPILOG)
    chat.add_argument("agent", nargs="?", default="", help="default: that of the session, or one")
    chat.add_argument("--endpoint", help="a name from the settings, instead of what they choose")
    chat.add_argument("--model", help="a model, instead of the definition's")
    chat.add_argument("--embedded", action="store_true", help="on the embedded model")
    chat.add_argument("--yes-edits", action="store_true", help="apply edits without asking")
    chat.add_argument("--show-thinking", action="store_true", help="print the model's thinking too")
    _plain(chat)
    _going_on(chat)
    _common(chat)
    sessions = commands.add_parser(
        "sessions", help="find, show, export, delete, undo sessions, and more"
    )
    sessions.add_argument(
        "action",
        nargs="?",
        default="list",
        choices=["list", "show", "export", "delete", "undo", "rename", "compact"],
    )
    sessions.add_argument(
        "session",
        nargs="*",
        help="its id, or the beginning of it; default: the newest.  "
        "`undo ID TURN`, `rename ID TITLE`",
    )
    sessions.add_argument("--query", help="list those with this in title, id or prompts")
    sessions.add_argument("--limit", type=int, default=20)
    sessions.add_argument("--all", action="store_true", help="list those of every folder")
    sessions.add_argument("--json", action="store_true")
    sessions.add_argument("--output", metavar="FILE", help="where `export` writes")
    _common(sessions)


def _plain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--plain", action="store_true", help="print the answer as it comes, without rendering it"
    )


def _going_on(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-c", "--continue", dest="last", action="store_true", help="go on with the last session"
    )
    parser.add_argument("--session", metavar="ID", help="go on with this session")
    parser.add_argument(
        "--fork", type=int, metavar="TURN", help="go on in a new session, from before this turn"
    )


def _looking(commands: "Commands[argparse.ArgumentParser]") -> None:
    agents = commands.add_parser("agents", help="the agents found, and what is wrong with each")
    agents.add_argument("--json", action="store_true")
    agents.add_argument(
        "--check", action="store_true", help="leave with 1 where a definition is broken, for CI"
    )
    _common(agents)
    explain = commands.add_parser("explain", help="where an agent would run, and why")
    explain.add_argument("agent")
    explain.add_argument("--endpoint")
    explain.add_argument("--model")
    explain.add_argument("--embedded", action="store_true")
    explain.add_argument("--json", action="store_true")
    _common(explain)
    doctor = commands.add_parser("doctor", help="check each endpoint for real")
    doctor.add_argument("endpoint", nargs="*", help="only these")
    doctor.add_argument("--json", action="store_true")
    _common(doctor)
    mcp = commands.add_parser("mcp", help="the MCP servers that agents name")
    servers = mcp.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in (
        ("list", "which there are; starts none"),
        ("check", "start each, list its tools, and say what is wrong"),
    ):
        action = servers.add_parser(name, help=text)
        action.add_argument("--json", action="store_true")
        _common(action)
    audit = commands.add_parser("audit", help="which hosts the runs talked to")
    audit.add_argument("run", nargs="?", help="only this run")
    audit.add_argument("--limit", type=int, default=20)
    audit.add_argument("--json", action="store_true")
    audit.add_argument("--run", dest="only", metavar="ID", help="the same as RUN")
    audit.add_argument(
        "--verify",
        action="store_true",
        help="prove it in a network namespace: fixed probes, and the run (the last one) again",
    )
    audit.add_argument("--forget", action="store_true", help="delete all records, after a question")
    audit.add_argument("--yes", action="store_true", help="delete without the question")
    _common(audit)
    costs = commands.add_parser("costs", help="what runs cost, and what local runs saved")
    costs.add_argument("--days", type=int, default=30)
    costs.add_argument("--json", action="store_true")
    _common(costs)


def _managing(commands: "Commands[argparse.ArgumentParser]") -> None:
    trust = commands.add_parser("trust", help="trust what this workspace brings, by content")
    trust.add_argument("--revoke", action="store_true")
    trust.add_argument(
        "--forget-answers",
        action="store_true",
        help="ask again for the hosts and commands that were answered here",
    )
    trust.add_argument("--show", action="store_true", help="only say what would be trusted")
    _common(trust)
    key = commands.add_parser("key", help="keys in the system's keyring")
    actions = key.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in (
        ("set", "store a key, read from the terminal or from standard input"),
        ("delete", "forget a key"),
        ("bind", "let URLs of this host, also a workspace's, receive this key"),
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
    actions.add_parser("list", help="the names of the keys stored; never the keys")
    model = commands.add_parser("model", help="the embedded model")
    models = model.add_subparsers(dest="action", required=True, metavar="ACTION")
    install = models.add_parser(
        "install", help="choose the embedded model: fetch the default one, or take a GGUF file"
    )
    install.add_argument(
        "model",
        nargs="?",
        metavar="NAME|FILE",
        help="a GGUF file (also file://...), or the name of a model; default: smollm2-135m",
    )
    models.add_parser("list", help="the models installed, and which of them fit this machine")
    endpoint = commands.add_parser("endpoint", help="find, add and list model servers")
    actions = endpoint.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="choose one from what is found, or describe it")
    add.add_argument("name", nargs="?", help="such as ollama, openrouter, or a name of your own")
    add.add_argument("--url", help="where it listens")
    add.add_argument("--kind", help="what kind of server it is; default: what the URL says")
    add.add_argument("--model", help="the model that serves agents which name no model of its own")
    add.add_argument("--key-variable", metavar="NAME", help="the variable that holds its key")
    add.add_argument("--no-default", action="store_true", help="do not make it the default")
    add.add_argument("--no-test", action="store_true", help="add it without asking the server")
    _common(add)
    _common(actions.add_parser("list", help="the endpoints there are; opens no connection"))
    _common(commands.add_parser("init", help="write inhouse.toml and a first agent"))
    new = commands.add_parser("new", help="write a definition to start from")
    new.add_argument("agent", help="the new agent's id")
    _common(new)
    schema = commands.add_parser("schema", help="a JSON Schema, for editors to check files by")
    schema.add_argument("name", nargs="?", default="definition", choices=["definition", "settings"])
    completion = commands.add_parser(
        "completion", help="print what makes a shell complete commands, options and agents"
    )
    completion.add_argument("shell", choices=["bash", "zsh", "fish", "powershell"])
    setup = commands.add_parser("setup", help="what to put where for an editor")
    setup.add_argument("editor", choices=["neovim", "emacs", "helix", "sublime", "zed", "vscode"])
    setup.add_argument(
        "--write",
        action="store_true",
        help="install it there, or upgrade it; your own files are kept",
    )


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workspace", metavar="FOLDER", help="default: the project around the current folder"
    )
    parser.add_argument("--trust", action="store_true", help="trust this workspace for this call")
