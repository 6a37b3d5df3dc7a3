"""How the terminal looks: what a run says on stdout, everything else on stderr."""

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from inhouse.core.remedies import as_in_file
from inhouse.core.text import Severity
from inhouse.core.unicode import visible, without_controls

STYLES = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFORMATION: "cyan",
    Severity.HINT: "dim",
}


_PIPED_WIDTH = 1000
"""Columns where nobody's terminal sets a limit: a program wants the whole cell."""


class _CleanConsole(Console):
    """Prints what others wrote with nothing in it that a terminal obeys or an eye misses.

    Styles are rich's own, apart from the text: no text needs an escape.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Clean each piece of text, whoever asked for it to be printed."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(visible(segment.text), segment.style)


@cache
def status() -> Console:
    """Give the console for status and errors: stderr, no colour where it is piped."""
    return _CleanConsole(stderr=True, highlight=False, soft_wrap=True)


@cache
def report() -> Console:
    """Give the console for tables and explanations: stdout."""
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return _CleanConsole(highlight=False, soft_wrap=True, width=width)


@cache
def answer() -> Console:
    """Give the console for a rendered answer: stdout, as wide as the terminal."""
    return _CleanConsole(highlight=False)


def text(delta: str) -> None:
    """Print what a model says exactly as it says it."""
    sys.stdout.write(delta.encode("utf-8", "replace").decode("utf-8"))
    sys.stdout.flush()


def diff(text: str) -> None:
    """Print a unified diff with nothing hidden in it: what is new in green, what goes in red."""
    for each in visible(text).splitlines():
        style = _DIFF.get(each[:1], "dim")
        status().print(each, markup=False, style="bold" if each[:3] in _FILES else style)


_DIFF = {"+": "green", "-": "red", "@": "cyan"}
_FILES = ("+++", "---")


def said(delta: str) -> None:
    """Print what a model says: exactly so, but that no terminal obeys it."""
    text(without_controls(delta) if sys.stdout.isatty() else delta)


def said_beside(delta: str) -> None:
    """Print what a model says on standard error: standard output is for something else."""
    sys.stderr.write(without_controls(delta) if sys.stderr.isatty() else delta)
    sys.stderr.flush()


def nobody_reads() -> None:
    """Drop what is still to be printed: the reader of the pipe has gone."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def local_time(moment: str) -> str:
    """Give a moment that is kept as UTC (ISO 8601) in the time zone of this machine."""
    try:
        return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return moment


def count(number: int, noun: str) -> str:
    """Say how many there are: "1 run", "2 runs"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def line(value: Any) -> None:
    """Print one JSON value on one line."""
    sys.stdout.write(_json(value) + "\n")
    sys.stdout.flush()


def document(value: Any) -> None:
    """Print one JSON value to be read."""
    sys.stdout.write(_json(value, indent=2) + "\n")
    sys.stdout.flush()


def _json(value: Any, indent: int | None = None) -> str:
    """Escape also what JSON lets pass and a terminal may obey: all of it stands inside texts."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_OBEYED = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def error(message: str) -> None:
    """Say what went wrong; the message says what would work."""
    status().print("[bold red]inhouse:[/]", end=" ")
    status().print(visible(as_in_file(message)), markup=False)


def warning(message: str) -> None:
    """Say what is odd."""
    status().print("[yellow]inhouse:[/]", end=" ")
    status().print(as_in_file(message), markup=False)
