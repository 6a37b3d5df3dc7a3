"""Questions to the person at the terminal.

What was typed before a question was completely shown is discarded, and a moment must pass without a
key press.  Enter takes the safe choice; anything that may do harm needs a word, never a digit or a
letter that was meant for something else.  Edits, which are reviewed and can be undone, also take
the letters of ``git add -p``.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from inhouse.core.own_thread import in_own_thread
from inhouse.core.ports import Question
from inhouse.core.unicode import visible

from . import output
from .streams import is_terminal

_QUIET = 0.6
"""Seconds without a key press after which input counts as an answer."""
_PIECE = 4_096


class TerminalApprover:
    """Asks one question at a time; nobody is asked without a terminal."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def ask(self, question: Question) -> tuple[str, ...]:
        """Return the choices; empty if there is no terminal or no answer."""
        if not is_terminal():
            return ()
        async with self._turn:
            while True:
                show_question(question)
                answer = await _read_line(lambda: _invite(question))
                if answer is None:
                    return ()
                taken = understood(question, answer)
                if taken is not None:
                    return taken
                output.status().print(f"  {_help(question)}", markup=False)


def show_question(question: Question) -> None:
    console = output.status()
    console.print()
    if question.diff or (question.detail and question.kind == "edit"):
        output.diff(question.diff or question.detail)
    elif question.detail and question.detail not in question.text:
        console.print(visible(question.detail), markup=False, style="dim")
    console.print(visible(question.text), markup=False, style="bold")
    if question.safe:
        for choice, word in zip(question.choices, _shown_words(question), strict=True):
            console.print(f"  {visible(word)}", markup=False, style="bold", end="")
            console.print(f"  {visible(choice)}", markup=False)
        return
    for number, choice in enumerate(question.choices, 1):
        console.print(f"  {number}. {visible(choice)}", markup=False)


def _invite(question: Question) -> None:
    """Show that input counts as an answer from now on."""
    if question.safe:
        words = _shown_words(question)
        hint = f"{'/'.join(words) if question.keys else 'word'} (Enter: {words[0]})"
    elif question.choices:
        hint = "numbers, separated by commas" if question.multiple else "number"
    else:
        hint = "answer"
    output.status().print(f"  {hint}: ", end="", markup=False)


def _help(question: Question) -> str:
    if question.safe:
        words = ", ".join(repr(each) for each in _shown_words(question))
        return f"Nothing was allowed.  Type one of the words {words}."
    return "Type a number, or the choice itself."


def understood(question: Question, answer: str) -> tuple[str, ...] | None:
    """Return the choices that *answer* selects; None if it makes no sense."""
    answer = answer.strip()
    if not question.choices:
        return (answer,) if answer else ()
    if question.safe:
        return _by_word(question, answer)
    if not answer:
        return ()
    parts = answer.split(",") if question.multiple else [answer]
    taken = [_choice(question.choices, part.strip()) for part in parts]
    return tuple(each for each in taken if each is not None) if None not in taken else None


def _by_word(question: Question, answer: str) -> tuple[str, ...] | None:
    typed = " ".join(answer.lower().split())
    if typed in {"", "n", "no"}:
        return (question.safe,)
    keys = question.keys or question.choices
    for choice, word, key in zip(question.choices, _words(question.choices), keys, strict=True):
        if typed in {word, choice.lower(), key.lower()}:
            return (choice,)
    return None


def _shown_words(question: Question) -> list[str]:
    return list(question.keys) or _words(question.choices)


def _words(choices: tuple[str, ...]) -> list[str]:
    """Return the fewest first words that distinguish each choice."""
    split = [choice.lower().split() for choice in choices]

    def word(own: list[str]) -> str:
        for count in range(1, len(own)):
            start = own[:count]
            if sum(each[:count] == start for each in split) == 1:
                return " ".join(start)
        return " ".join(own)

    return [word(each) for each in split]


def _choice(choices: tuple[str, ...], part: str) -> str | None:
    if part.isdigit() and 1 <= int(part) <= len(choices):
        return choices[int(part) - 1]
    matches = [choice for choice in choices if choice.lower().startswith(part.lower())]
    return matches[0] if len(matches) == 1 else None


async def _read_line(invite: Callable[[], None]) -> str | None:
    """Read a line in a thread; a cancelled question takes no later line."""
    over = threading.Event()

    def read() -> str | None:
        line = _read_line_windows(invite, over) if os.name == "nt" else _read_tty(invite, over)
        return line or None

    try:
        return await asyncio.wrap_future(in_own_thread(read, "question"))
    finally:
        over.set()


def _read_tty(invite: Callable[[], None], over: threading.Event) -> str:
    import select  # noqa: PLC0415  not on every system

    file = sys.stdin.fileno()
    _wait_for_quiet(file, over)
    if over.is_set():
        return ""
    invite()
    while not over.is_set():
        if select.select([file], [], [], 0.1)[0]:
            # In its usual mode a terminal returns a whole line, or nothing at end of file.
            return os.read(file, _PIECE).decode(errors="replace")
    return ""


def _wait_for_quiet(file: int, over: threading.Event) -> None:
    """Discard what was typed until nothing is typed for a moment."""
    import select  # noqa: PLC0415  not on every system

    with _key_by_key(file):
        while not over.is_set() and select.select([file], [], [], _QUIET)[0]:
            if not os.read(file, _PIECE):
                return


@contextmanager
def _key_by_key(file: int) -> Generator[None]:
    """Read single keys before Enter is pressed, without echoing them."""
    import termios  # noqa: PLC0415  not on every system

    before = termios.tcgetattr(file)
    changed = termios.tcgetattr(file)
    changed[3] &= ~(termios.ICANON | termios.ECHO)
    termios.tcsetattr(file, termios.TCSANOW, changed)
    try:
        yield
    finally:
        termios.tcsetattr(file, termios.TCSAFLUSH, before)


def _read_line_windows(invite: Callable[[], None], over: threading.Event) -> str:
    import msvcrt  # noqa: PLC0415  only there

    pressed, get = getattr(msvcrt, "kbhit"), getattr(msvcrt, "getwch")  # noqa: B009  typed for another system
    quiet_since = time.monotonic()
    while not over.is_set() and time.monotonic() - quiet_since < _QUIET:
        if pressed():
            get()
            quiet_since = time.monotonic()
        time.sleep(0.02)
    invite()
    return sys.stdin.readline()
