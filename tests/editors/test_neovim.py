"""Neovim, with the module that ``inhouse setup neovim --write`` puts in place."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.model_server import Pause, call
from support.screen import Screen

from .conftest import (
    EDITORS,
    ROOT,
    Workplace,
    add_second_agent,
    ask_two_questions,
    crash,
    edit_two,
    installed,
    servers,
)

pytestmark = [pytest.mark.editor, pytest.mark.timeout(300)]
INIT = """
vim.o.statusline = "%f %m %{v:lua.require'inhouse'.status()}"
vim.o.laststatus, vim.o.swapfile = 2, false
vim.keymap.set("n", "ga", vim.lsp.buf.code_action)
require("inhouse").setup({ trusted = true })
"""


@pytest.fixture
def nvim(workplace: Workplace) -> Iterator[Screen]:
    yield from start(workplace)


def start(workplace: Workplace) -> Iterator[Screen]:
    installed("neovim")
    subprocess.run(
        [sys.executable, "-m", "inhouse", "setup", "neovim", "--write"],
        env=workplace.environ,
        capture_output=True,
        check=True,
    )
    config = Path(workplace.environ["HOME"], ".config/nvim")
    config.mkdir(parents=True, exist_ok=True)
    (config / "init.lua").write_text(INIT)
    screen = Screen(f"{EDITORS}/neovim/bin/nvim a.py", workplace.folder, workplace.environ)
    assert screen.shows("one = 1")
    wait_for_server(screen)
    yield screen
    screen.close()


def wait_for_server(nvim: Screen) -> None:
    ready = "vim.wait(60000, function() local c = vim.lsp.get_clients({name='inhouse'})[1] "
    nvim.type(f":lua {ready} return c and c.initialized end) print('rea' .. 'dy')", "Enter")
    assert nvim.shows("ready")
    nvim.type(":echo", "Enter")


def ask(nvim: Screen, prompt: str) -> None:
    nvim.type(f":InhouseRun helper {prompt}", "Enter")


def choose(nvim: Screen, key: str, title: str) -> None:
    """Open a menu and take the entry with this title."""
    nvim.type(key)
    assert nvim.shows(title, "number and <Enter>")
    line = next(line for line in nvim.text.splitlines() if title in line)
    nvim.type(line.split(":")[0].strip(), "Enter")


def propose(nvim: Screen, workplace: Workplace) -> None:
    edit_two(workplace)
    ask(nvim, "change two")
    assert nvim.shows("proposed: a.py (+1 ", "completed", "1 change waits in a.py")
    nvim.type("]i")


@pytest.mark.matrix("list", "Neovim", "`:InhouseRun`")
@pytest.mark.matrix("run", "Neovim", "`:InhouseRun`, also with a range")
@pytest.mark.matrix("stream", "Neovim", "split that follows")
def test_a_user_picks_an_agent_and_its_text_streams(nvim: Screen, workplace: Workplace) -> None:
    workplace.server.play("It is a ", Pause(1), "number.")
    nvim.type("ggV:InhouseRun", "Enter")
    assert nvim.shows(
        "1: helper  Helps with code.  (environment, local)", "…  (environment, local)"
    )
    nvim.picture("neovim-picker")
    nvim.type("1", "Enter")
    assert nvim.shows("helper:\n")
    nvim.type("what is this?", "Enter")
    assert nvim.shows("It is a number.", "completed · test-model on environment (local) · ")
    nvim.picture("neovim-transcript")
    told = str(workplace.server.chats[0].body["messages"])
    assert "what is this?" in told
    assert "one = 1" in told


@pytest.mark.matrix("progress", "Neovim", "status line")
@pytest.mark.matrix("cancel", "Neovim", "`:InhouseCancel`")
def test_progress_is_in_the_status_line_and_cancel_ends_it(
    nvim: Screen, workplace: Workplace
) -> None:
    workplace.server.play(Pause(3), "slowly ", Pause(100))
    ask(nvim, "be slow")
    assert nvim.shows("helper: waiting for", "helper on environment")
    assert nvim.shows("slowly")
    nvim.type(":InhouseCancel", "Enter")
    assert nvim.shows("slowly", "cancelled")
    assert nvim.loses("helper on environment")
    assert workplace.server.closed == 1


@pytest.mark.matrix("question", "Neovim", "Neovim's own choice; a prompt for free text")
def test_questions_are_asked_and_answered(nvim: Screen, workplace: Workplace) -> None:
    ask_two_questions(workplace)
    ask(nvim, "ask me")
    assert nvim.shows("Which fruit?", "Pears")
    line = next(line for line in nvim.text.splitlines() if "Pears" in line)
    nvim.type(line.split(":")[0].strip(), "Enter")
    assert nvim.shows("How many?")
    nvim.type("a dozen", "Enter")
    assert nvim.shows("All right.")
    assert "Pears" in str(workplace.server.chats[1].body["messages"][-1])
    assert "a dozen" in str(workplace.server.chats[2].body["messages"][-1])


def test_a_command_is_allowed_by_a_word_and_never_by_what_was_typed_for_something_else(
    workplace: Workplace,
) -> None:
    definition = workplace.folder / ".agents/helper.ts"
    tools = "toolNames: ['run_terminal_command', "
    definition.write_text(definition.read_text().replace("toolNames: [", tools))
    for screen in start(workplace):
        workplace.server.play(Pause(2), call("run_terminal_command", command="touch made"))
        workplace.server.play("Well then.")
        ask(screen, "touch")
        screen.type("i1")
        assert screen.shows("waiting for your answer")
        screen.type("2", "Enter")
        screen.type("run", "Enter")
        assert len(workplace.server.chats) == 1
        screen.keys("Escape")
        assert screen.shows("Run this command?", "Word (Enter: deny)")
        screen.type("2", "Enter")
        assert screen.shows("Nothing was allowed by")
        assert len(workplace.server.chats) == 1
        screen.type("run", "Enter")
        assert screen.loses("Word (Enter: deny)")
        assert screen.loses("helper on environment")  # The run has ended.
        assert "exitCode" in str(workplace.server.chats[1].body["messages"][-1])


@pytest.mark.matrix("review", "Neovim", "diagnostic with code actions")
@pytest.mark.matrix("meanwhile", "Neovim")
@pytest.mark.matrix("undo", "Neovim")
def test_a_hunk_is_applied_where_it_stands_by_now_and_undone(
    nvim: Screen, workplace: Workplace
) -> None:
    propose(nvim, workplace)
    assert nvim.shows("two = 2")
    nvim.type("ggOzero = 0", "Escape")
    nvim.type("gg]i")
    time.sleep(0.5)
    choose(nvim, "ga", "Apply this hunk")
    assert nvim.shows("zero = 0", "two = 22")
    nvim.type("u")
    assert nvim.loses("two = 22")
    time.sleep(1)
    signs = "#vim.diagnostic.get(0)"
    nvim.type(f":lua print('signs ' .. {signs} .. ' ' .. #require('inhouse').status())", "Enter")
    assert nvim.shows("signs 0 0"), "an undo brings back no sign of what is decided"
    assert nvim.shows("zero = 0", "two = 2")
    assert (workplace.folder / "a.py").read_text() == "one = 1\ntwo = 2\nthree = 3\n"


@pytest.mark.matrix("unsaved", "Neovim")
def test_what_is_not_saved_is_what_the_model_reads(nvim: Screen, workplace: Workplace) -> None:
    workplace.server.play("Seen.")
    nvim.type("ggOunsaved = True", "Escape")
    ask(nvim, "what is this?")
    assert nvim.shows("Seen.")
    assert "unsaved = True" in str(workplace.server.chats[0].body["messages"])


@pytest.mark.matrix("crash", "Neovim", "reported; restarts by itself")
@pytest.mark.matrix("old run", "Neovim", "`:InhouseRuns`")
def test_a_crash_is_told_nothing_said_is_lost_and_the_next_server_has_the_old_runs(
    nvim: Screen, workplace: Workplace
) -> None:
    workplace.server.play("Said before the crash.")
    ask(nvim, "first")
    assert nvim.shows("completed")
    workplace.server.play("Half an answer", Pause(100))
    ask(nvim, "second")
    assert nvim.shows("Half an answer")
    nvim.keys("Escape")
    crash(workplace)
    assert nvim.shows("Client inhouse quit with exit code 0 and signal 9")
    nvim.keys("Enter")
    assert nvim.shows("Half an answer", "The server stopped.  The text so far is above.")
    wait_for_server(nvim)
    nvim.type(":messages", "Enter")  # On the screen it may have given way to another one.
    assert nvim.shows("Inhouse crashed and was restarted.", "Press ENTER")
    nvim.keys("Enter")
    nvim.type(":InhouseRuns", "Enter")
    assert nvim.shows("helper  completed  first")
    line = next(line for line in nvim.text.splitlines() if "completed  first" in line)
    nvim.type(line.split(":")[0].strip(), "Enter")
    assert nvim.shows("Said before the crash.", "**completed**")


def test_the_fifth_crash_stops_the_server_and_edit_starts_it_again(
    nvim: Screen, workplace: Workplace
) -> None:
    for number in range(1, 6):
        crash(workplace)
        if number < 5:
            wait_for_client(nvim, number + 1)
    assert nvim.shows("Inhouse crashed 5 times in 3 minutes and stays stopped.")
    assert servers(workplace) == []
    nvim.keys("Enter")
    nvim.type(":edit", "Enter")
    wait_for_client(nvim, 6)
    workplace.server.play("It answers.")
    ask(nvim, "are you there?")
    assert nvim.shows("It answers.", "completed")


def wait_for_client(nvim: Screen, number: int) -> None:
    """Wait until the client with this number, which counts the starts, is initialized."""
    nvim.type(
        ":lua vim.wait(60000, function() local c = vim.lsp.get_clients({name='inhouse'})[1] "
        f"return c and c.id == {number} and c.initialized end) print('up' .. ' {number}')",
        "Enter",
    )
    assert nvim.shows(f"up {number}")
    nvim.keys("Enter")


def test_a_proposed_change_comes_back_after_a_crash(nvim: Screen, workplace: Workplace) -> None:
    propose(nvim, workplace)
    assert nvim.shows("two = 2")
    crash(workplace)
    assert nvim.shows("Client inhouse quit with exit code 0 and signal 9")
    nvim.keys("Enter")
    assert nvim.shows("1 proposed change waits for your decision, from before the restart.")


@pytest.mark.matrix("agents changed", "Neovim")
def test_a_new_definition_is_offered(nvim: Screen, workplace: Workplace) -> None:
    add_second_agent(workplace)
    for _ in range(30):
        nvim.type(":InhouseRun", "Enter")
        if nvim.shows("2: second", seconds=2):
            return
        nvim.keys("Escape")
    pytest.fail(nvim.text)


def test_a_typo_in_an_agents_name_is_told_and_leaves_no_window(nvim: Screen) -> None:
    nvim.type(":InhouseRun helpr why?", "Enter")
    assert nvim.shows("No agent 'helpr'.", "Agents: helper")
    nvim.keys("Enter")
    assert nvim.shows("one = 1", "two = 2")
    assert "helpr" not in nvim.text.replace(":InhouseRun helpr", "")
    nvim.type(":InhouseRun hel", "Tab")
    assert nvim.shows(":InhouseRun helper")


def test_a_code_action_runs_an_agent_in_the_same_window(nvim: Screen, workplace: Workplace) -> None:
    workplace.server.play("A line.")
    choose(nvim, "ga", "Ask helper about this line")
    assert nvim.shows("A line.", "completed", "one = 1")


def test_a_server_that_is_not_there_or_dies_at_once_is_told(workplace: Workplace) -> None:
    installed("neovim")
    config = Path(workplace.environ["HOME"], ".config/nvim")
    (config / "lua").mkdir(parents=True)
    module = ROOT / "server/inhouse/cli/editors/neovim/inhouse.lua"
    (config / "lua/inhouse.lua").write_text(module.read_text("utf-8"), "utf-8")
    for command, told in (
        ("{ 'no-such-inhouse' }", "Inhouse: there is no program no-such-inhouse."),
        ("{ 'false' }", "Inhouse exited right after starting."),
    ):
        (config / "init.lua").write_text(f"require('inhouse').setup({{ cmd = {command} }})")
        screen = Screen(f"{EDITORS}/neovim/bin/nvim a.py", workplace.folder, workplace.environ)
        assert screen.shows(told)
        screen.close()


def test_changes_in_several_files_are_found_compared_and_decided_by_keys(
    nvim: Screen, workplace: Workplace
) -> None:
    (workplace.folder / "b.py").write_text("".join(f"line {n}\n" for n in range(30)))
    pairs = [{"oldString": f"line {n}\n", "newString": f"LINE {n} é\n"} for n in (2, 20)]
    workplace.server.play(call("read_files", paths=["b.py"]))
    workplace.server.play(call("str_replace", path="b.py", replacements=pairs))
    edit_two(workplace)
    ask(nvim, "change both")
    assert nvim.shows("completed", "1 change waits in a.py")
    assert nvim.shows("2 changes wait in b.py")
    nvim.type("]i")
    time.sleep(0.5)
    nvim.type("]i")
    assert nvim.shows("I line 2")
    nvim.type(":InhouseDiff", "Enter")
    assert nvim.shows("proposed: b.py", "LINE 2 é", "line 2")
    nvim.picture("neovim-diff")
    nvim.type("q")
    assert nvim.loses("proposed: b.py")
    nvim.type("\\ia")
    assert nvim.shows("LINE 2 é", "1 change waits in b.py")
    nvim.type("]i")
    time.sleep(0.5)
    nvim.type(":InhouseReject", "Enter")
    assert nvim.loses("1 change waits in b.py")
    nvim.type("]i")
    time.sleep(0.5)
    nvim.type(":InhouseApply!", "Enter")
    assert nvim.shows("two = 22")
    assert nvim.loses("waits in")
    nvim.type(":InhouseNext", "Enter")
    assert nvim.shows("No change is waiting.")


def test_a_run_starts_from_a_transcript_and_from_a_file_outside_the_root(
    nvim: Screen, workplace: Workplace, tmp_path: Path
) -> None:
    workplace.server.play("The first answer.")
    ask(nvim, "first")
    assert nvim.shows("The first answer.", "completed")
    nvim.type(":InhouseTranscript", "Enter")
    workplace.server.play("The second answer.")
    nvim.type(":InhouseRun helper from the transcript", "Enter")
    assert nvim.shows("The second answer.", "completed")
    outside = tmp_path / "outside.txt"
    outside.write_text("the text outside\n")
    nvim.type(f":wincmd p | edit {outside}", "Enter")
    assert nvim.shows("the text outside")
    workplace.server.play("The third answer.")
    nvim.type("V:InhouseRun helper from outside", "Enter")
    assert nvim.shows("The third answer.", "completed")
    asked = [str(chat.body["messages"]) for chat in workplace.server.chats]
    assert "from the transcript" in asked[1]
    assert "from outside" in asked[2]
    assert "the text outside" in asked[2]


def test_the_run_to_cancel_is_picked(nvim: Screen, workplace: Workplace) -> None:
    for name in ("first", "second"):
        workplace.server.play(f"{name} words", Pause(100))
        ask(nvim, f"the {name} prompt")
        assert nvim.shows(f"{name} words")
    nvim.type(":InhouseCancel", "Enter")
    assert nvim.shows("the first prompt", "the second prompt", "number and <Enter>")
    line = next(line for line in nvim.text.splitlines() if "  the first prompt" in line)
    nvim.type(line.split(":")[0].strip(), "Enter")
    assert nvim.shows("Cancelled helper.")
    nvim.type(":InhouseCancel", "Enter")
    assert nvim.loses("helper on environment")
    assert workplace.server.closed == 2


def test_help_and_health_are_there_and_an_installation_is_upgraded_by_the_same_command(
    nvim: Screen, workplace: Workplace
) -> None:
    nvim.type(":help inhouse-review", "Enter")
    assert nvim.shows("An edit waits until you decide.")
    nvim.type(":checkhealth inhouse", "Enter")
    assert nvim.shows("OK The server runs for", "agents have a model")
    nvim.picture("neovim-health")
    folder = Path(workplace.environ["HOME"], ".local/share/nvim/site/pack/inhouse/start/inhouse")
    module = folder / "lua/inhouse.lua"
    new = module.read_text()

    def install() -> str:
        command = [sys.executable, "-m", "inhouse", "setup", "neovim", "--write"]
        done = subprocess.run(
            command, env=workplace.environ, capture_output=True, text=True, check=True
        )
        return done.stderr

    assert "is up to date" in install()
    module.write_text("-- changed by the user")
    assert "Your changed file is kept" in install()
    assert module.read_text() == new
    assert module.with_name("inhouse.lua.old").read_text() == "-- changed by the user"


def test_a_conversation_goes_on_in_one_buffer_and_in_its_document(
    nvim: Screen, workplace: Workplace
) -> None:
    workplace.server.play("First answer.")
    ask(nvim, "one")
    assert nvim.shows("First answer.", "completed", "one = 1")
    workplace.server.play("Second ", Pause(1), "answer.")
    nvim.type(":InhouseReply and two?", "Enter")
    assert nvim.shows("## You", "and two?", "Second answer.", "one = 1")
    assert "First answer." in str(workplace.server.chats[1].body["messages"])
    workplace.server.play("For ever ", Pause(60))
    ask(nvim, "another run")
    assert nvim.shows("For ever", "one = 1")
    workplace.server.play("Beside it.")
    ask(nvim, "a third")
    assert nvim.shows("For ever", "Beside it.", "one = 1")
    nvim.type(":InhouseCancel", "Enter")
    assert nvim.shows("cancelled")
    nvim.type(":only", "Enter")
    nvim.type(":InhouseSessions", "Enter")
    assert nvim.shows("one  (helper, 2 turns, completed)")
    line = next(line for line in nvim.text.splitlines() if "one  (helper, 2 turns" in line)
    nvim.type(line.split(":")[0].strip(), "Enter")
    assert nvim.shows("# one", "First answer.", "## 3 · You")
    workplace.server.play("In the document.")
    nvim.type("GoWritten at the end", "Escape")
    choose(nvim, "ga", "Send to helper")
    assert nvim.shows("In the document.", "## 4 · You")
    sent = [m["content"] for m in workplace.server.chats[-1].body["messages"]]
    assert {"First answer.", "and two?", "Written at the end"} <= set(sent)
    nvim.picture("neovim-session")
