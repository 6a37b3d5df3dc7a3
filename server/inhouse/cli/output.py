"""Terminal output: what a run says on stdout, everything else on stderr."""

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterable
from datetime import datetime
from functools import cache

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
"""Columns if there is no terminal: a program wants whole cells."""


class _CleanConsole(Console):
    """Prints untrusted text without anything that a terminal obeys or an eye misses.

    Rich applies styles apart from the text, so no text needs escape sequences.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Clean each piece of text, whoever prints it."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(visible(segment.text), segment.style)


@cache
def status() -> Console:
    """Return the console for status and errors: stderr, without colour in a pipe."""
    return _CleanConsole(stderr=True, highlight=False, soft_wrap=True)


@cache
def report() -> Console:
    """Return the console for tables and explanations: stdout."""
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return _CleanConsole(highlight=False, soft_wrap=True, width=width)


@cache
def answer() -> Console:
    """Return the console for a rendered answer: stdout, as wide as the terminal."""
    return _CleanConsole(highlight=False)


def text(delta: str) -> None:
    """Print what a model says exactly as it says it."""
    sys.stdout.write(delta.encode("utf-8", "replace").decode("utf-8"))
    sys.stdout.flush()


def diff(text: str) -> None:
    """Print a unified diff with nothing hidden in it: additions in green, deletions in red."""
    for each in visible(text).splitlines():
        style = _DIFF.get(each[:1], "dim")
        status().print(each, markup=False, style="bold" if each[:3] in _FILES else style)


_DIFF = {"+": "green", "-": "red", "@": "cyan"}
_FILES = ("+++", "---")


def said(delta: str) -> None:
    """Print what a model says unchanged, except for what a terminal would obey."""
    text(without_controls(delta) if sys.stdout.isatty() else delta)


def said_beside(delta: str) -> None:
    """Print what a model says on standard error, since standard output is used otherwise."""
    sys.stderr.write(without_controls(delta) if sys.stderr.isatty() else delta)
    sys.stderr.flush()


def nobody_reads() -> None:
    """Drop pending output, since the reader of the pipe has gone."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def local_time(moment: str) -> str:
    """Convert a time from UTC (ISO 8601) to this machine's time zone."""
    try:
        return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return moment


def line(value: object) -> None:
    """Print one JSON value on one line."""
    sys.stdout.write(_json(value) + "\n")
    sys.stdout.flush()


def document(value: object) -> None:
    """Print one JSON value, indented for people."""
    sys.stdout.write(_json(value, indent=2) + "\n")
    sys.stdout.flush()


def _json(value: object, indent: int | None = None) -> str:
    """Escape also what JSON allows in strings but a terminal may obey."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_OBEYED = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def error(message: str) -> None:
    """Print an error; the message says what would work."""
    status().print("[bold red]inhouse:[/]", end=" ")
    status().print(visible(as_in_file(message)), markup=False)


def warning(message: str) -> None:
    """Print a warning."""
    status().print("[yellow]inhouse:[/]", end=" ")
    status().print(as_in_file(message), markup=False)
