"""Questions to the person at the terminal."""

import asyncio
import sys
import threading

from inhouse.core.ports import Question
from inhouse.core.unicode import visible

from . import output


class TerminalApprover:
    """Asks one question at a time; nobody is asked where there is no terminal."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def ask(self, question: Question) -> tuple[str, ...]:
        """Give the choices taken; empty when there is no terminal or no answer."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return ()
        async with self._turn:
            while True:
                _show(question)
                answer = await _read_line()
                if answer is None:
                    return ()
                taken = _understand(question, answer)
                if taken is not None:
                    return taken
                output.status().print("  Type a number, or the choice itself.")


def _show(question: Question) -> None:
    console = output.status()
    console.print()
    if question.detail and question.kind == "edit":
        output.diff(question.detail)
    elif question.detail:
        console.print(visible(question.detail), markup=False, style="dim")
    console.print(visible(question.text), markup=False, style="bold")
    for number, choice in enumerate(question.choices, 1):
        console.print(f"  {number}. {visible(choice)}", markup=False)
    hint = "numbers, separated by commas" if question.multiple else "number"
    console.print(f"  {hint if question.choices else 'answer'}: ", end="", markup=False)


def _understand(question: Question, answer: str) -> tuple[str, ...] | None:
    """Give the choices that *answer* takes; None where it makes no sense."""
    answer = answer.strip()
    if not question.choices:
        return (answer,) if answer else ()
    if not answer:
        return ()
    parts = answer.split(",") if question.multiple else [answer]
    taken = [_choice(question.choices, part.strip()) for part in parts]
    return tuple(each for each in taken if each is not None) if None not in taken else None


def _choice(choices: tuple[str, ...], part: str) -> str | None:
    if part.isdigit() and 1 <= int(part) <= len(choices):
        return choices[int(part) - 1]
    matches = [choice for choice in choices if choice.lower().startswith(part.lower())]
    return matches[0] if len(matches) == 1 else None


async def _read_line() -> str | None:
    """Read a line in a thread of its own, which may outlive a cancelled question."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str | None] = loop.create_future()

    def give(line: str | None) -> None:
        if not future.done():
            future.set_result(line)

    def read() -> None:
        line = sys.stdin.readline()
        loop.call_soon_threadsafe(give, line or None)

    threading.Thread(target=read, name="question", daemon=True).start()
    return await future
