"""How the terminal looks: what a run says on stdout, everything else on stderr."""

import json
import sys
from functools import cache
from typing import Any

from rich.console import Console

from inhouse.core.text import Severity

STYLES = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFORMATION: "cyan",
    Severity.HINT: "dim",
}


@cache
def status() -> Console:
    """Give the console for status and errors: stderr, no colour where it is piped."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


@cache
def report() -> Console:
    """Give the console for tables and explanations: stdout."""
    return Console(highlight=False, soft_wrap=True)


def text(delta: str) -> None:
    """Print what a model says exactly as it says it."""
    sys.stdout.write(delta.encode("utf-8", "replace").decode("utf-8"))
    sys.stdout.flush()


def line(value: Any) -> None:
    """Print one JSON value on one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def document(value: Any) -> None:
    """Print one JSON value to be read."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def error(message: str) -> None:
    """Say what went wrong; the message says what would work."""
    status().print("[bold red]inhouse:[/]", end=" ")
    status().print(message, markup=False)


def warning(message: str) -> None:
    """Say what is odd."""
    status().print("[yellow]inhouse:[/]", end=" ")
    status().print(message, markup=False)
