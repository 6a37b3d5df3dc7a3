"""Helix, with nothing but the configuration that ``inhouse setup helix`` prints."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.model_server import Pause
from support.screen import Screen

from .conftest import (
    EDITORS,
    Workplace,
    add_second_agent,
    ask_two_questions,
    crash,
    edit_two,
    edit_two_and_look,
    installed,
    seen_by_the_command,
    send_on_save,
    trust,
    until,
)

pytestmark = [pytest.mark.editor, pytest.mark.timeout(300)]


def printed(workplace: Workplace) -> str:
    return subprocess.run(
        [sys.executable, "-m", "inhouse", "setup", "helix"],
        env=workplace.environ,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def alone(workplace: Workplace) -> str:
    """Give the configuration without other servers: Helix 25.01 loses its connections otherwise.

    That happens when it restarts several of them after a crash.
    """
    return re.sub(
        r"language-servers = \[.*\]", 'language-servers = ["inhouse"]', printed(workplace)
    )


def start(workplace: Workplace, languages: str) -> Screen:
    config = Path(workplace.environ["HOME"], ".config/helix")
    config.mkdir(parents=True, exist_ok=True)
    (config / "config.toml").write_text("[editor.lsp]\ndisplay-progress-messages = true\n")
    (config / "languages.toml").write_text(languages)
    screen = Screen(f"{EDITORS}/helix/hx a.py", workplace.folder, workplace.environ)
    assert screen.shows("one = 1")
    return screen


@pytest.fixture
def helix(workplace: Workplace) -> Iterator[Screen]:
    installed("helix")
    trust(workplace)
    send_on_save(workplace)
    screen = start(workplace, printed(workplace))
    yield screen
    screen.close()


def menu(helix: Screen, title: str) -> None:
    """Open the menu of code actions, again until it has what is looked for."""
    for _ in range(40):
        helix.keys("Space", "a")
        if helix.shows(title, seconds=2):
            return
        helix.keys("Escape")
    pytest.fail(f"no {title!r}")


def choose(helix: Screen, title: str) -> None:
    """Take an entry of the menu; the first one is marked already."""
    menu(helix, title)
    left = min(line.find(title) for line in helix.text.splitlines() if title in line)
    beside = [line[left - 1 :] for line in helix.text.splitlines() if len(line) > left + 3]
    entries = [line.split("  ")[0].strip() for line in beside if line[0] == " " and line[1] != " "]
    words = ("Ruff", "Answer", "Apply", "Ask", "Cancel", "Create", "Reject", "Run", "Show", "Trust")
    words += ("Compact", "Fork", "Say", "Send", "Stop", "Undo")
    entries = [entry for entry in entries if entry.startswith(words)]
    for _ in range(next(n for n, entry in enumerate(entries) if entry.startswith(title))):
        helix.keys("Down")
    helix.keys("Enter")


def command(helix: Screen, name: str) -> None:
    helix.type(f":lsp-workspace-command {name}", "Enter")


def propose(helix: Screen, workplace: Workplace) -> None:
    edit_two(workplace)
    helix.keys("g", "g", "j", "x")
    choose(helix, "Ask helper about this selection")
    assert helix.shows("Changed.", "completed")
    helix.type(":buffer-close!", "Enter")
    assert helix.shows("two = 2")


@pytest.mark.matrix("list", "Helix", "`Space` `a`")
@pytest.mark.matrix("run", "Helix", "code action, prompt comment")
@pytest.mark.matrix("stream", "Helix", "file, through `applyEdit`")
def test_a_user_asks_about_a_selection_and_the_answer_streams(
    helix: Screen, workplace: Workplace
) -> None:
    workplace.server.play("It is a ", Pause(1), "number, ", Pause(1), "it says.")
    helix.keys("x")
    menu(helix, "Ask helper about this selection")
    helix.picture("helix-actions")
    helix.keys("Escape")
    choose(helix, "Ask helper about this selection")
    assert helix.shows("It is a number, it says.", "completed")
    helix.picture("helix-transcript")
    assert "one = 1" in str(workplace.server.chats[0].body["messages"])


def test_a_comment_that_speaks_to_an_agent_runs_it(helix: Screen, workplace: Workplace) -> None:
    workplace.server.play("For ever.")
    helix.type("ggO# @helper: why is it two?", "Escape")
    choose(helix, "Run helper")
    assert helix.shows("For ever.")
    assert "why is it two?" in str(workplace.server.chats[0].body["messages"])


@pytest.mark.matrix("progress", "Helix", "status line")
@pytest.mark.matrix("cancel", "Helix", "code action, `:lsp-workspace-command`")
def test_progress_is_in_the_status_line_and_both_ways_to_cancel_end_it(
    helix: Screen, workplace: Workplace
) -> None:
    for closed, cancel in enumerate(("action", "command"), 1):
        workplace.server.play("slowly ", Pause(100))
        helix.keys("x")
        choose(helix, "Ask helper about this selection")
        assert helix.shows("slowly", "writing: …slowly")
        if cancel == "action":
            choose(helix, "Cancel helper")
        else:
            command(helix, "inhouse.cancel")
        assert helix.shows("slowly", "cancelled")
        assert workplace.server.closed == closed
        helix.type(":buffer-close!", "Enter")
        assert helix.shows("two = 2")


@pytest.mark.matrix("question", "Helix", "code action; a selection is free text")
def test_questions_are_answered_by_code_actions(helix: Screen, workplace: Workplace) -> None:
    ask_two_questions(workplace)
    helix.keys("x")
    choose(helix, "Ask helper about this selection")
    assert helix.shows("Which fruit?")
    menu(helix, "Answer 'Pears'")
    helix.picture("helix-question")
    helix.keys("Escape")
    choose(helix, "Answer 'Pears'")
    assert helix.shows("- ? How many?")
    helix.keys("g", "g", "O")
    helix.type("a dozen", "Escape")
    helix.keys("x")
    choose(helix, "Answer with this selection")
    assert helix.shows("All right.")
    assert "Pears" in str(workplace.server.chats[1].body["messages"][-1])
    assert "a dozen" in str(workplace.server.chats[2].body["messages"][-1])


@pytest.mark.matrix("review", "Helix", "diagnostic with code actions")
@pytest.mark.matrix("meanwhile", "Helix")
@pytest.mark.matrix("undo", "Helix")
def test_a_hunk_is_applied_where_it_stands_by_now_and_undone(
    helix: Screen, workplace: Workplace
) -> None:
    propose(helix, workplace)
    helix.type("ggOzero = 0", "Escape")
    helix.keys("g", "g", "j", "j")
    choose(helix, "Apply this hunk")
    assert helix.shows("1  zero = 0", "3  two = 22")  # With numbers: not what the diagnostic tells.
    helix.keys("u")
    assert helix.loses("3  two = 22")
    assert helix.shows("1  zero = 0", "3  two = 2")
    assert (workplace.folder / "a.py").read_text() == "one = 1\ntwo = 2\nthree = 3\n"


def test_a_command_sees_what_is_proposed_and_a_crash_loses_none_of_it(
    workplace: Workplace,
) -> None:
    installed("helix")
    edit_two_and_look(workplace)
    trust(workplace)
    helix = start(workplace, alone(workplace))
    helix.keys("g", "g", "j", "x")
    choose(helix, "Ask helper about this selection")
    assert helix.shows("Changed.", "completed")
    assert "two = 22" in seen_by_the_command(workplace)
    assert "laid over them: a.py" in seen_by_the_command(workplace)
    assert (workplace.folder / "a.py").read_text() == "one = 1\ntwo = 2\nthree = 3\n"
    helix.type(":buffer-close!", "Enter")
    assert helix.shows("two = 2")
    crash(workplace)
    assert helix.shows("Language server exited")
    helix.type(":lsp-restart", "Enter")
    helix.keys("g", "g", "j")
    choose(helix, "Apply this hunk")
    assert helix.shows("2  two = 22")
    helix.type(":w", "Enter")
    assert helix.shows("written")
    assert (workplace.folder / "a.py").read_text() == "one = 1\ntwo = 22\nthree = 3\n"


@pytest.mark.matrix("unsaved", "Helix")
def test_what_is_not_saved_is_what_the_model_reads(helix: Screen, workplace: Workplace) -> None:
    workplace.server.play("Seen.")
    helix.type("ggOunsaved = True", "Escape")
    choose(helix, "Ask helper about this file")
    assert helix.shows("Seen.")
    assert "unsaved = True" in str(workplace.server.chats[0].body["messages"])


@pytest.mark.matrix("crash", "Helix", "reported; `:lsp-restart`")
@pytest.mark.matrix("old run", "Helix", "`:lsp-workspace-command inhouse.transcript`")
def test_after_a_crash_nothing_said_is_lost_and_the_next_server_has_the_old_runs(
    workplace: Workplace,
) -> None:
    installed("helix")
    trust(workplace)
    helix = start(workplace, alone(workplace))
    workplace.server.play("Half an answer", Pause(100))
    helix.keys("x")
    choose(helix, "Ask helper about this selection")
    assert helix.shows("9  Half an answer")
    crash(workplace)
    assert helix.shows("9  Half an answer", "Language server exited")
    helix.type(":buffer-close!", "Enter")
    assert helix.shows("two = 2")
    helix.type(":lsp-restart", "Enter")
    workplace.server.play("A whole answer.")
    choose(helix, "Ask helper about this selection")
    assert helix.shows("A whole answer.", "completed")
    helix.type(":buffer-close!", "Enter")
    helix.type(":lsp-restart", "Enter")
    menu(helix, "Ask helper about this selection")
    helix.keys("Escape")
    command(helix, "inhouse.transcript")
    shown = helix.shows("A whole answer.", "completed")
    helix.close()
    assert shown


@pytest.mark.matrix("agents changed", "Helix")
def test_a_new_definition_is_offered(helix: Screen, workplace: Workplace) -> None:
    add_second_agent(workplace)
    menu(helix, "Ask second about")


def test_whoever_has_not_said_whether_they_trust_a_workspace_is_asked(
    workplace: Workplace,
) -> None:
    installed("helix")
    screen = start(workplace, printed(workplace))
    workplace.server.play("Trusted.")
    choose(screen, "Ask helper about this selection")
    assert screen.shows("Trust the agents and settings in this", "See question.md.", "code action")
    assert screen.shows("+++ now/.agents", "+  id: 'helper'")
    screen.picture("helix-trust")
    assert not workplace.server.chats
    choose(screen, "Answer 'Trust this workspace'")
    shown = screen.shows("Trusted.", "completed")
    screen.close()
    assert shown


def test_a_conversation_goes_on_in_its_document(helix: Screen, workplace: Workplace) -> None:
    workplace.server.play("First answer.")
    helix.keys("x")
    choose(helix, "Ask helper about this selection")
    assert helix.shows("First answer.", "completed")
    helix.type(":buffer-close!", "Enter")
    command(helix, "inhouse.session.open")
    assert helix.shows("## 1 · You", "First answer.", "## 2 · You")
    workplace.server.play("It is ", Pause(2), "typed text.")
    helix.type("geoWhat is this?", "Escape")
    choose(helix, "Send to helper")
    assert helix.shows("## 2 · helper", "It is", "## 3 · You")
    helix.type("geoAnd that?", "Escape")
    assert helix.shows("It is typed text.", "And that?")
    helix.picture("helix-session")
    lines = [line.strip() for line in helix.text.splitlines()]
    draft = next(at for at, line in enumerate(lines) if line.endswith("And that?"))
    assert any("## 3 · You" in line for line in lines[:draft])
    sent = [m["content"] for m in workplace.server.chats[1].body["messages"]]
    assert "What is this?" in sent
    workplace.server.play("Saving *sends*:\n\n", Pause(3), "- that is `all`.")
    helix.type(":w", "Enter")
    assert helix.shows("Saving *sends*:")
    helix.keys("g", "e")
    assert helix.shows("## 4 · You")
    helix.type("oAnd below.", "Escape")
    assert helix.shows("- that is `all`.", "And below.")
    sent = [m["content"] for m in workplace.server.chats[2].body["messages"]]
    assert {"What is this?", "It is typed text.", "And that?"} <= set(sent)
    workplace.server.play("Last words.")
    helix.type(":w", "Enter")
    assert helix.shows("Last words.")
    helix.keys("g", "e")
    assert helix.shows("## 5 · You")
    helix.picture("helix-session-saved")
    helix.type(":w", "Enter")
    (path,) = Path(workplace.environ["INHOUSE_HOME"]).rglob("sessions/*.md")
    assert helix.shows("written")
    turns = [
        "## 2 · You\n\nWhat is this?\n\n## 2 · helper\n\nIt is typed text.\n\n*completed",
        "## 3 · You\n\nAnd that?\n\n## 3 · helper\n\nSaving *sends*:\n\n- that is `all`.\n\n*comp",
        "## 4 · You\n\nAnd below.\n\n## 4 · helper\n\nLast words.\n\n*completed",
    ]
    written = until(lambda: path.read_text("utf-8"), lambda text: all(t in text for t in turns))
    assert written.partition("## 5 · You")[2].strip() == ""
    assert len(workplace.server.chats) == 4, "saving without a prompt sends nothing"


def test_the_snippet_adds_to_the_servers_of_each_language_and_takes_none_away(
    workplace: Workplace,
) -> None:
    """Asked of Helix itself, with the snippet as its configuration and without any."""
    installed("helix")
    config = Path(workplace.environ["HOME"], ".config/helix")
    config.mkdir(parents=True)
    snippet = printed(workplace)
    languages = re.findall(r'^name = "(.*)"$', snippet, re.MULTILINE)
    assert len(languages) > 40

    def servers(language: str) -> list[str]:
        asked = [f"{EDITORS}/helix/hx", "--health", language]
        done = subprocess.run(
            asked, env=workplace.environ, capture_output=True, text=True, check=True
        )
        plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
        listed = plain.partition("language servers:")[2].partition("Configured debug")[0]
        return re.findall(r"^\s+\S (\S+):", listed, re.MULTILINE)

    before = {language: servers(language) for language in languages}
    (config / "languages.toml").write_text(snippet)
    for language in languages:
        assert servers(language) == [*before[language], "inhouse"]
