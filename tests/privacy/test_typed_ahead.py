"""Questions at a real terminal: only what was typed after they stood there whole answers them."""

import os
import pty
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from attrs import define

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pty")

ASKING = """
import asyncio, sys
from inhouse.cli.approver import TerminalApprover
from inhouse.core.ports import Question

async def main():
    sys.stdin.readline()
    approver = TerminalApprover()
    kind, *choices = sys.argv[1:]
    print("ANSWER", await approver.ask(Question(
        "q", "Run it?", tuple(choices), kind=kind, safe="" if kind == "question" else choices[0]
    )))

asyncio.run(main())
"""
COMMAND = ("command", "Deny", "Run once", "Allow for this run", "Always allow this exact command")


@define
class Screen:
    file: int
    seen: str = ""

    def until(self, words: str, seconds: float = 20) -> str:
        end = time.monotonic() + seconds
        while words not in self.seen and time.monotonic() < end:
            if select.select([self.file], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.file, 65_536).decode(errors="replace")
                except OSError:
                    break
        assert words in self.seen, self.seen
        return self.seen

    def type(self, keys: str) -> None:
        os.write(self.file, keys.encode())


@contextmanager
def asked(*question: str) -> Iterator[Screen]:
    """Have a question asked in a process whose terminal this is, after one line of input."""
    pid, file = pty.fork()
    if not pid:
        os.execv(sys.executable, [sys.executable, "-c", ASKING, *question])
    try:
        yield Screen(file)
    finally:
        os.close(file)
        os.waitpid(pid, 0)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("run\n", "('Run once',)"),
        ("Allow\n", "('Allow for this run',)"),
        ("always\n", "('Always allow this exact command',)"),
        ("\n", "('Deny',)"),
        ("no\n", "('Deny',)"),
    ],
)
def test_a_word_allows_and_enter_does_not(typed: str, answer: str):
    with asked(*COMMAND) as screen:
        screen.type("\n")
        screen.until("word (Enter: deny): ")
        screen.type(typed)

        assert answer in screen.until("ANSWER " + answer)


@pytest.mark.parametrize(
    "ahead", ["run\n", "2\n", "run", "\n\nrun\nrun\n", "\x1b[200~run\n\x1b[201~"]
)
def test_what_was_typed_ahead_answers_nothing(ahead: str):
    with asked(*COMMAND) as screen:
        screen.type("\n" + ahead)
        screen.until("Run it?")
        screen.type("run\n")  # Before it says that an answer counts.
        screen.until("word (Enter: deny): ")
        time.sleep(0.3)
        assert not select.select([screen.file], [], [], 0)[0], "something was taken for an answer"
        screen.type("no\n")

        screen.until("ANSWER ('Deny',)")


@pytest.mark.parametrize("typed", ["1", "2", "y", "r", "yes", "run it"])
def test_no_digit_and_no_letter_allows(typed: str):
    with asked(*COMMAND) as screen:
        screen.type("\n")
        screen.until("word (Enter: deny): ")
        screen.type(f"{typed}\n")
        screen.until("Type one of the words 'deny', 'run', 'allow', 'always'")
        screen.seen = ""
        screen.until("word (Enter: deny): ")
        screen.type("\n")

        screen.until("ANSWER ('Deny',)")


def test_words_that_begin_alike_are_told_apart():
    with asked("edit", "Reject", "Apply", "Apply all in this run") as screen:
        screen.type("\n")
        screen.until("word (Enter: reject): ")
        screen.type("apply\n")

        screen.until("ANSWER ('Apply',)")


def test_a_model_s_own_question_takes_a_number():
    with asked("question", "Red", "Blue") as screen:
        screen.type("\n")
        screen.until("number: ")
        screen.type("2\n")

        screen.until("ANSWER ('Blue',)")
