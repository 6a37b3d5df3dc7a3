"""Runs the command that the options name."""

import argparse
import asyncio
from collections.abc import Callable, Coroutine

Command = Callable[[argparse.Namespace], Coroutine[object, object, int]]


def run_command(options: argparse.Namespace) -> int:
    """Run one command and return its exit status."""
    return asyncio.run(_command(options.command)(options))


def _command(name: str) -> Command:  # noqa: C901, PLR0911, PLR0912  one case a command
    # Each command loads what it needs: `inhouse key list` loads no model and no parser.
    match name:
        case "run":
            from .run import run  # noqa: PLC0415

            return run
        case "chat":
            from .chat import chat  # noqa: PLC0415

            return chat
        case "sessions":
            from .sessions import sessions  # noqa: PLC0415

            return sessions
        case "agents" | "explain":
            from . import agents  # noqa: PLC0415

            return agents.agents if name == "agents" else agents.explain
        case "doctor":
            from .doctor import doctor  # noqa: PLC0415

            return doctor
        case "audit" | "costs":
            from . import audit  # noqa: PLC0415

            return audit.audit if name == "audit" else audit.costs
        case "trust":
            from .trust import trust  # noqa: PLC0415

            return trust
        case "key" | "model":
            from . import key_and_model  # noqa: PLC0415

            return key_and_model.key if name == "key" else key_and_model.model
        case "endpoint":
            from .endpoint import endpoint  # noqa: PLC0415

            return endpoint
        case "new" | "init":
            from . import new  # noqa: PLC0415

            return new.new if name == "new" else new.init
        case "mcp":
            from .mcp import mcp  # noqa: PLC0415

            return mcp
        case "schema":
            from .print_schema import print_schema  # noqa: PLC0415

            return print_schema
        case "completion":
            from .completion import completion  # noqa: PLC0415

            return completion
        case "welcome":
            from .welcome import welcome  # noqa: PLC0415

            return welcome
        case "setup":
            from .setup import setup  # noqa: PLC0415

            return setup
        case _:
            raise AssertionError(name)
