"""Emacs with its own eglot, and the file that ``inhouse setup emacs --write`` puts in place."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.model_server import Pause
from support.screen import Screen

from .conftest import Workplace, add_second_agent, ask_two_questions, crash, edit_two, installed

pytestmark = [pytest.mark.editor, pytest.mark.timeout(300)]
INIT = """
(setq inhibit-startup-screen t make-backup-files nil create-lockfiles nil auto-save-default nil)
(setq warning-minimum-level :error native-comp-async-report-warnings-errors nil)
(menu-bar-mode -1)
(add-to-list 'load-path "~/.config/emacs/lisp")
(require 'inhouse)
(setq inhouse-trusted t)
(inhouse-setup)
"""


def start(workplace: Workplace, more: str = "") -> Screen:
    installed("emacs")
    config = Path(workplace.environ["HOME"], ".config/emacs")
    config.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "inhouse", "setup", "emacs", "--write"],
        env=workplace.environ,
        capture_output=True,
        check=True,
    )
    (config / "init.el").write_text(INIT + more)
    screen = Screen("emacs -nw a.py", workplace.folder, workplace.environ)
    assert screen.shows("one = 1", "a.py")
    return screen


@pytest.fixture
def emacs(workplace: Workplace) -> Iterator[Screen]:
    screen = start(workplace)
    command(screen, "eglot")
    assert screen.shows("now managing")
    yield screen
    screen.close()


def command(emacs: Screen, name: str, *answers: str) -> None:
    emacs.keys("M-x")
    emacs.type(name, "Enter")
    for answer in answers:
        emacs.type(answer, "Enter")


def ask(emacs: Screen, prompt: str) -> None:
    command(emacs, "inhouse-run")
    assert emacs.shows("Agent:")
    emacs.type("helper", "Enter")
    assert emacs.shows("Prompt:")
    emacs.type(prompt, "Enter")


def act(emacs: Screen, title: str) -> None:
    """Take a code action."""
    for _ in range(5):
        command(emacs, "eglot-code-actions")
        if emacs.shows("[eglot] Pick an action", seconds=10):
            emacs.type(f"{title}\t")
            if emacs.shows(f"): {title}", seconds=2):
                emacs.keys("Enter")
                return
        emacs.keys("C-g")
    pytest.fail(f"no {title!r}")


@pytest.mark.matrix("list", "Emacs", "`M-x inhouse-run`")
@pytest.mark.matrix("run", "Emacs", "`M-x inhouse-run`, also with a region")
@pytest.mark.matrix("stream", "Emacs", "buffer")
def test_a_user_picks_an_agent_and_its_text_streams(emacs: Screen, workplace: Workplace) -> None:
    workplace.server.play("It is a ", Pause(1), "number.")
    emacs.keys("C-Space", "C-n")
    command(emacs, "inhouse-run")
    assert emacs.shows("Agent:")
    emacs.keys("?")
    assert emacs.shows("helper  Helps with code.  (environment, local)")
    emacs.picture("emacs-picker")
    emacs.type("hel\t", "Enter")
    assert emacs.shows("Prompt:")
    emacs.type("what is this?", "Enter")
    assert emacs.shows("It is a number.", "completed")
    emacs.picture("emacs-transcript")
    told = str(workplace.server.chats[0].body["messages"])
    assert "what is this?" in told
    assert "one = 1" in told


@pytest.mark.matrix("progress", "Emacs", "mode line")
@pytest.mark.matrix("cancel", "Emacs", "`M-x inhouse-cancel`")
def test_progress_is_in_the_mode_line_and_cancel_ends_it(
    emacs: Screen, workplace: Workplace
) -> None:
    workplace.server.play(Pause(3), "slowly ", Pause(100))
    ask(emacs, "be slow")
    assert emacs.shows("waiting for")
    assert emacs.shows("slowly")
    assert emacs.shows("[eglot:workspace/")
    command(emacs, "inhouse-cancel")
    assert emacs.shows("slowly", "cancelled", "[eglot:workspace]")
    assert workplace.server.closed == 1


@pytest.mark.matrix("question", "Emacs", "minibuffer")
def test_questions_are_asked_and_answered(emacs: Screen, workplace: Workplace) -> None:
    ask_two_questions(workplace)
    ask(emacs, "ask me")
    assert emacs.shows("Which fruit? (Apples/Pears/")
    emacs.type("Pears", "Enter")
    assert emacs.shows("How many?")
    emacs.type("a dozen", "Enter")
    assert emacs.shows("All right.")
    assert "Pears" in str(workplace.server.chats[1].body["messages"][-1])
    assert "a dozen" in str(workplace.server.chats[2].body["messages"][-1])


@pytest.mark.matrix("review", "Emacs", "Flymake note with code actions")
@pytest.mark.matrix("meanwhile", "Emacs")
@pytest.mark.matrix("undo", "Emacs")
def test_a_hunk_is_applied_where_it_stands_by_now_and_undone(
    emacs: Screen, workplace: Workplace
) -> None:
    edit_two(workplace)
    ask(emacs, "change two")
    assert emacs.shows("completed")
    assert emacs.shows("! two = 2\n")
    emacs.keys("M-<")
    emacs.type("zero = 0", "Enter")
    emacs.keys("C-n")
    act(emacs, "Apply this hunk")
    assert emacs.shows("zero = 0\n", "two = 22\n")
    command(emacs, "undo")
    assert emacs.shows("zero = 0\n", "two = 2\n")
    assert (workplace.folder / "a.py").read_text() == "one = 1\ntwo = 2\nthree = 3\n"


@pytest.mark.matrix("unsaved", "Emacs")
def test_what_is_not_saved_is_what_the_model_reads(emacs: Screen, workplace: Workplace) -> None:
    workplace.server.play("Seen.")
    emacs.type("unsaved = True", "Enter")
    ask(emacs, "what is this?")
    assert emacs.shows("Seen.")
    assert "unsaved = True" in str(workplace.server.chats[0].body["messages"])


@pytest.mark.matrix("crash", "Emacs", "told; eglot starts it again")
@pytest.mark.matrix("old run", "Emacs", "`M-x inhouse-runs`")
def test_a_crash_is_told_nothing_said_is_lost_and_the_next_server_has_the_old_runs(
    emacs: Screen, workplace: Workplace
) -> None:
    workplace.server.play("Said before the crash.")
    ask(emacs, "first")
    assert emacs.shows("completed")
    workplace.server.play("Half an answer", Pause(100))
    ask(emacs, "second")
    assert emacs.shows("Half an answer")
    crash(workplace)
    assert emacs.shows("Half an answer", "The server stopped; this is what was said.")
    for _ in range(10):
        command(emacs, "inhouse-runs")
        if emacs.shows("Run:", seconds=5):
            break
    emacs.type("helper  completed  first", "Enter")
    assert emacs.shows("Said before the crash.", "run-1-")


@pytest.mark.matrix("agents changed", "Emacs")
def test_a_new_definition_is_offered(emacs: Screen, workplace: Workplace) -> None:
    add_second_agent(workplace)
    for _ in range(30):
        command(emacs, "inhouse-run")
        assert emacs.shows("Agent:")
        emacs.keys("?")
        if emacs.shows("second", seconds=2):
            return
        emacs.keys("C-g")
    pytest.fail(emacs.text)


def test_a_code_action_runs_an_agent_and_shows_it(emacs: Screen, workplace: Workplace) -> None:
    workplace.server.play("A line.")
    act(emacs, "Ask helper about this selection")
    assert emacs.shows("*inhouse helper 1*", "A line.", "completed")


def test_a_typo_in_an_agents_name_is_no_choice(emacs: Screen) -> None:
    command(emacs, "inhouse-run")
    assert emacs.shows("Agent:")
    emacs.type("helpr", "Enter")
    assert emacs.shows("[No match]")


def test_where_no_server_runs_it_says_how_to_start_one(workplace: Workplace) -> None:
    screen = start(workplace)
    command(screen, "inhouse-run")
    told = screen.shows("Inhouse is not running here; M-x eglot starts it")
    screen.close()
    assert told
