"""An answer as it arrives: rendered block by block on a terminal, unchanged anywhere else."""

import re
import sys

from rich.console import Console
from rich.markdown import Markdown

from inhouse.core.unicode import without_controls

from . import output

_FENCE = re.compile(r" {0,12}(`{3,}|~{3,})")
_TAIL = 200


class Answer:
    """Takes pieces of Markdown and prints them."""

    def __init__(self, *, rendered: bool, beside: bool = False) -> None:
        """With *beside*, print to standard error, since standard output is used otherwise."""
        self._rendered = rendered and not beside
        self._say = output.said_beside if beside else output.said
        self._pending = ""
        """The text of a block that has not ended."""
        self._line_ended = True

    @property
    def is_mid_line(self) -> bool:
        """Whether the last output did not end its line."""
        return not self._line_ended

    @property
    def is_rendered(self) -> bool:
        """Whether blocks are rendered when they are complete."""
        return self._rendered

    @property
    def pending(self) -> str:
        """What is not yet printed."""
        return self._pending

    @property
    def tail(self) -> str:
        """The end of what is not printed yet."""
        return self._pending[-_TAIL:]

    def add(self, text: str) -> None:
        """Print *text*, or the blocks that it completes."""
        if not self._rendered:
            self._say(text)
            self._line_ended = text.endswith("\n")
            return
        self._pending += text
        if "\n" in text and (end := _complete(self._pending)):
            block, self._pending = self._pending[:end], self._pending[end:]
            self._render(block)

    def flush(self) -> None:
        """Print what is left, since something else comes or nothing more."""
        if self._pending.strip():
            block, self._pending = self._pending, ""
            self._render(block)
        self._pending = ""

    def end_line(self) -> None:
        """End the current line, if it is not empty."""
        if self.is_mid_line:
            self._say("\n")
            self._line_ended = True

    def _render(self, block: str) -> None:
        console = output.answer()
        # The terminal must not obey anything in it; the console escapes what an eye would miss.
        markdown = Markdown(without_controls(block), hyperlinks=False, code_theme="ansi_dark")
        console.print(markdown)
        console.print()
        self._line_ended = True


def renders() -> bool:
    """Return whether answers are rendered: only on a terminal that shows more than text."""
    return sys.stdout.isatty() and not Console(file=sys.stdout).is_dumb_terminal


def _complete(text: str) -> int:
    """Return the end of the last block that is complete: a blank line outside of fenced code."""
    end = at = 0
    fence = ""
    for line in text.splitlines(keepends=True):
        at += len(line)
        found = _FENCE.match(line)
        if fence:
            closes = found and found[1].startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if closes else fence
        elif found:
            fence = found[1]
        elif not line.strip() and line.endswith("\n"):
            end = at
    return end
