"""``inhouse completion``: makes a shell complete commands, options, agents and sessions."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping

import argcomplete
from argcomplete.shell_integration import shellcode

from inhouse.core.errors import InhouseError
from inhouse.core.json_values import mapping
from inhouse.host.host import Host

from . import COMPLETED, output
from .open_host import open_host

_HOW = {
    "bash": 'Add this to ~/.bashrc:  eval "$(inhouse completion bash)"',
    "zsh": 'Add this to ~/.zshrc:  eval "$(inhouse completion zsh)"',
    "fish": "Run:  mkdir -p ~/.config/fish/completions; "
    "inhouse completion fish > ~/.config/fish/completions/inhouse.fish",
    "powershell": "Add this to $PROFILE:  inhouse completion powershell | Out-String | iex",
}

_ZSH = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\n"
"""A new ``.zshrc`` has not set up the completion that zsh's part belongs to."""


async def completion(options: argparse.Namespace) -> int:
    """Print the shell's part; say where it goes to those who look at it."""
    code: str = shellcode(["inhouse"], shell=options.shell)  # pyright: ignore[reportUnknownMemberType]
    if options.shell == "zsh":
        first, _, rest = code.partition("\n")  # It names the program, and must stay the first line.
        code = f"{first}\n{_ZSH}{rest}"
    output.text(code)
    if sys.stdout.isatty():  # A shell that reads it would show the hint at each start.
        output.status().print(f"\n{_HOW[options.shell]}", markup=False, style="dim")
    return COMPLETED


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks what may come next, then exit."""
    for command in _commands(parser):
        for action in command._actions:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  argcomplete's way
            if (answer := _ANSWERS.get(action.dest)) is not None:
                setattr(action, "completer", answer)  # noqa: B010  an attribute of argcomplete's
    argcomplete.autocomplete(parser, always_complete_options=False)


def _commands(parser: argparse.ArgumentParser) -> Iterable[argparse.ArgumentParser]:
    for action in parser._actions:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  argcomplete's way
        for command in mapping(action.choices).values():  # those of a command with commands
            if isinstance(command, argparse.ArgumentParser):
                yield command
                yield from _commands(command)


async def _agents(host: Host) -> dict[str, str]:
    usable = (one for one in host.agents() if one.usable and one.agent.shadowed_by is None)
    return {one.agent.id: one.agent.display_name for one in usable}


async def _endpoints(host: Host) -> dict[str, str]:
    return {one.name: one.base_url for one in host.endpoints()}


async def _sessions(host: Host) -> dict[str, str]:
    return {one.id: one.title for one in await host.sessions.summaries(limit=50)}


class _Look:
    """Called by argcomplete for a word: reads the workspace and opens no connection."""

    def __init__(self, ask: Callable[[Host], Awaitable[dict[str, str]]]) -> None:
        self._ask = ask

    def __call__(self, parsed_args: argparse.Namespace, **_: object) -> dict[str, str]:
        """Return the possible words, each described; none if the workspace is unreadable."""
        options = argparse.Namespace(
            command="completion",
            workspace=getattr(parsed_args, "workspace", None),
            trust=False,
            embedded=False,
        )

        async def look() -> dict[str, str]:
            async with open_host(options) as host:
                return await self._ask(host)

        try:
            return asyncio.run(look())
        except (InhouseError, OSError):
            return {}


_ANSWERS: Mapping[str, _Look] = {
    "agent": _Look(_agents),
    "other_agent": _Look(_agents),
    "endpoint": _Look(_endpoints),
    "session": _Look(_sessions),
}
