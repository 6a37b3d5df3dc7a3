"""Emacs with the file that ``inhouse setup emacs --write`` puts in place."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.model_server import Pause
from support.screen import Screen

from .conftest import (
    Workplace,
    add_second_agent,
    ask_two_questions,
    crash,
    edit_two,
    edit_two_and_look,
    installed,
    seen_by_the_command,
    send_on_save,
    servers,
    until,
)

pytestmark = [pytest.mark.editor, pytest.mark.timeout(300)]
INIT = """
(setq inhibit-startup-screen t make-backup-files nil create-lockfiles nil auto-save-default nil)
(setq warning-minimum-level :error native-comp-async-report-warnings-errors nil)
(menu-bar-mode -1)
(add-to-list 'load-path "~/.config/emacs/lisp")
(setq inhouse-trusted t)
(require 'inhouse)
"""


OTHER_SERVER = """
import json, sys
while header := sys.stdin.buffer.readline():
    size = int(header.split(b":")[1])
    sys.stdin.buffer.readline()
    asked = json.loads(sys.stdin.buffer.read(size))
    if "id" in asked and "method" in asked:
        result = {"capabilities": {}} if asked["method"] == "initialize" else None
        body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()
        sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
        sys.stdout.buffer.flush()
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
    send_on_save(workplace)
    screen = start(workplace)
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
        command(emacs, "inhouse-actions")
        if emacs.shows("Action:", seconds=10):
            emacs.type(f"{title}\t")
            if emacs.shows(f"Action: {title}", seconds=2):
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
    assert emacs.shows("helper  Helps with code.  (environment, local)", "…  (environment, local)")
    emacs.picture("emacs-picker")
    emacs.type("hel\t", "Enter")
    assert emacs.shows("Prompt:")
    emacs.type("what is this?", "Enter")
    assert emacs.shows("It is a number.", "completed · test-model on environment (local) · ")
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
    command(emacs, "inhouse-cancel")
    assert emacs.shows("slowly", "cancelled")
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


@pytest.mark.matrix("review", "Emacs", "the new text below the old; `M-x inhouse-apply`")
@pytest.mark.matrix("meanwhile", "Emacs")
@pytest.mark.matrix("undo", "Emacs")
def test_a_hunk_is_applied_where_it_stands_by_now_and_undone(
    emacs: Screen, workplace: Workplace
) -> None:
    edit_two(workplace)
    ask(emacs, "change two")
    assert emacs.shows("proposed: a.py (+1 ", "completed", "1 change waits in a.py")
    assert emacs.shows("two = 2\ntwo = 22\nthree"), "the new text is seen before it is there"
    emacs.picture("emacs-change")
    emacs.keys("M-<")
    emacs.type("zero = 0", "Enter")
    command(emacs, "inhouse-next-change")
    command(emacs, "inhouse-apply")
    assert emacs.loses("two = 2\n")
    assert emacs.shows("zero = 0\n", "two = 22\n")
    command(emacs, "undo")
    assert emacs.shows("zero = 0\n", "two = 2\n")
    assert (workplace.folder / "a.py").read_text() == "one = 1\ntwo = 2\nthree = 3\n"


def test_a_command_sees_what_is_proposed_and_a_crash_loses_none_of_it(
    workplace: Workplace,
) -> None:
    edit_two_and_look(workplace)
    emacs = start(workplace)
    ask(emacs, "change two")
    assert emacs.shows("completed", "1 change waits in a.py")
    assert "two = 22" in seen_by_the_command(workplace)
    assert "laid over them: a.py" in seen_by_the_command(workplace)
    crash(workplace)
    assert emacs.loses("two = 22")
    assert emacs.shows("two = 2\ntwo = 22\nthree"), "it is drawn again by the next server"
    assert (workplace.folder / "a.py").read_text() == "one = 1\ntwo = 2\nthree = 3\n"
    command(emacs, "inhouse-next-change")
    command(emacs, "inhouse-apply")
    assert emacs.loses("two = 2\n")
    assert emacs.shows("two = 22\n")


def test_the_fifth_crash_stops_the_server_and_the_next_run_starts_it_again(
    emacs: Screen, workplace: Workplace
) -> None:
    workplace.server.play("It answers.")
    ask(emacs, "first")
    assert emacs.shows("It answers.", "completed")
    for number in range(1, 6):
        crashed = crash(workplace)
        if number < 5:
            wait_for_another_server(emacs, crashed)
    assert emacs.shows("Inhouse crashed 5 times in 3 minutes and stays stopped")
    assert servers(workplace) == []
    workplace.server.play("It answers again.")
    ask(emacs, "second")
    assert emacs.shows("It answers again.", "completed")


def wait_for_another_server(emacs: Screen, crashed: int) -> None:
    """Wait until a server other than that with this process id has answered `initialize`."""
    for _ in range(60):
        emacs.keys("M-:")
        emacs.type(
            "(let ((s (car (hash-table-values inhouse--connections)))) (and s "
            f"(/= {crashed} (process-id (jsonrpc--process s))) (inhouse--answered s) "
            f'(concat "not " "{crashed}")))',
            "Enter",
        )
        if emacs.shows(f'"not {crashed}"', seconds=1):
            return
    pytest.fail(emacs.text)


@pytest.mark.matrix("unsaved", "Emacs")
def test_what_is_not_saved_is_what_the_model_reads(emacs: Screen, workplace: Workplace) -> None:
    workplace.server.play("Seen.")
    emacs.type("unsaved = True", "Enter")
    ask(emacs, "what is this?")
    assert emacs.shows("Seen.")
    assert "unsaved = True" in str(workplace.server.chats[0].body["messages"])


@pytest.mark.matrix("crash", "Emacs", "reported; restarts by itself")
@pytest.mark.matrix("old run", "Emacs", "`M-x inhouse-runs`")
def test_a_crash_is_told_nothing_said_is_lost_and_the_next_server_has_the_old_runs(
    emacs: Screen, workplace: Workplace
) -> None:
    for number in (1, 2):
        workplace.server.play("Said before the crash.")
        ask(emacs, "first")
        assert emacs.shows(f"*inhouse helper {number}*", "completed")
    workplace.server.play("Half an answer", Pause(100))
    ask(emacs, "second")
    assert emacs.shows("Half an answer")
    crash(workplace)
    assert emacs.shows("Half an answer", "The server stopped.  The text so far is above.")
    for _ in range(10):
        command(emacs, "inhouse-runs")
        if emacs.shows("Run:", seconds=5):
            break
    emacs.keys("?")
    assert emacs.shows(" 1. ", " 2. ", "helper  completed  first"), "two that are alike are two"
    emacs.picture("emacs-runs")
    emacs.type(" 2\t", "Enter")
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
    act(emacs, "Ask helper about this line")
    assert emacs.shows("*inhouse helper 1*", "A line.", "completed")


def test_a_typo_in_an_agents_name_is_no_choice(emacs: Screen) -> None:
    command(emacs, "inhouse-run")
    assert emacs.shows("Agent:")
    emacs.type("helpr", "Enter")
    assert emacs.shows("[No match]")


def test_where_there_is_no_program_it_says_what_to_install(workplace: Workplace) -> None:
    screen = start(workplace, '(setq inhouse-command \'("no-such-inhouse" "lsp"))')
    command(screen, "inhouse-run")
    told = screen.shows("There is no program no-such-inhouse")
    screen.close()
    assert told


def test_the_buffers_own_language_server_is_left_alone(workplace: Workplace) -> None:
    """Eglot manages the file with another server, before and after a run."""
    other = Path(workplace.environ["HOME"], "other_server.py")
    other.write_text(OTHER_SERVER)
    programs = f'(setq eglot-server-programs \'((python-mode "{sys.executable}" "{other}")))'
    screen = start(workplace, f"(require 'eglot) {programs}")
    command(screen, "eglot")
    assert screen.shows("now managing")
    workplace.server.play("It is a number.")
    ask(screen, "what is this?")
    assert screen.shows("It is a number.", "completed")
    screen.keys("M-:")
    screen.type('(format "%s %s" (eglot-managed-p) (jsonrpc-name (eglot-current-server)))', "Enter")
    managed = screen.shows('"t EGLOT')
    screen.close()
    assert managed


def test_definitions_have_a_mode_with_completion_and_problems(workplace: Workplace) -> None:
    broken = workplace.folder / ".agents/broken.ts"
    broken.write_text(
        "export default {\n  id: 'broken',\n  displayName: 'B',\n  model: 7,\n  \n}\n"
    )
    screen = start(workplace)
    screen.keys("C-x", "C-f")
    screen.type(str(broken), "Enter")
    assert screen.shows("id: 'broken'", "Agent")
    command(screen, "flymake-show-buffer-diagnostics")
    assert screen.shows("model")
    screen.keys("C-x", "1")
    screen.keys("M-<", "C-n", "C-n", "C-n", "C-n")
    screen.type("  spawnerP")
    command(screen, "completion-at-point")
    assert screen.shows("spawnerPrompt")
    screen.close()


def test_a_conversation_goes_on_in_one_buffer_and_in_its_document(
    emacs: Screen, workplace: Workplace
) -> None:
    workplace.server.play("First answer.")
    ask(emacs, "one")
    assert emacs.shows("First answer.", "completed")
    workplace.server.play("Second answer.")
    command(emacs, "inhouse-reply")
    assert emacs.shows("Reply:")
    emacs.type("and two?", "Enter")
    assert emacs.shows("and two?", "Second answer.", "*inhouse helper 1*", "one = 1")
    command(emacs, "inhouse-sessions")
    assert emacs.shows("Session:")
    emacs.type("\t", "Enter")
    assert emacs.shows("## 3 · You")
    emacs.keys("C-x", "1", "M->")
    emacs.type("Typed at the end")
    workplace.server.play("In the ", Pause(2), "document.")
    command(emacs, "inhouse-actions")
    assert emacs.shows("Action:")
    emacs.type("Send to\t", "Enter")
    assert emacs.shows("In the", "## 4 · You")
    emacs.keys("M->")
    emacs.type("typed meanwhile")
    assert emacs.shows("In the document.", "*completed", "typed meanwhile")
    sent = [m["content"] for m in workplace.server.chats[-1].body["messages"]]
    assert {"First answer.", "and two?", "Typed at the end"} <= set(sent)
    emacs.picture("emacs-session")
    workplace.server.play("Saving *sends*:\n\n", Pause(3), "- that is `all`.")
    emacs.keys("C-x", "C-s")
    assert emacs.shows("Saving *sends*:", "## 5 · You")
    emacs.keys("M->")
    emacs.type("below")
    assert emacs.shows("- that is `all`.", "below")
    workplace.server.play("Last words.")
    emacs.keys("C-x", "C-s")
    assert emacs.shows("Last words.", "## 6 · You")
    emacs.picture("emacs-session-saved")
    emacs.keys("C-x", "C-s")
    (path,) = Path(workplace.environ["INHOUSE_HOME"]).rglob("sessions/*.md")
    assert emacs.shows("Wrote")
    turns = [
        "## 3 · You\n\nTyped at the end\n\n## 3 · helper\n\nIn the document.\n\n*completed",
        "## 4 · You\n\ntyped meanwhile\n\n## 4 · helper\n\nSaving *sends*:\n\n- that is `all`.\n",
        "## 5 · You\n\nbelow\n\n## 5 · helper\n\nLast words.\n\n*completed",
    ]
    written = until(lambda: path.read_text("utf-8"), lambda text: all(t in text for t in turns))
    assert written.partition("## 6 · You")[2].strip() == ""
