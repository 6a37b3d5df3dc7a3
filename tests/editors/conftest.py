"""A workspace, a model server and an editor's environment, for tests in real editors."""

import contextlib
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from attrs import frozen

from support.matrix import Cell, table, workbench_cells, workbench_results
from support.model_server import ModelServer, Usage, call
from support.screen import OPENED

ROOT = Path(__file__).parents[2]
EDITORS = Path(os.environ.get("INHOUSE_EDITORS") or ROOT / ".editors")
AGENT = """export default {
  id: 'helper', displayName: 'Helper', model: 'test-model',
  spawnerPrompt: 'Helps with code.',
  toolNames: ['read_files', 'str_replace', 'ask_user', 'end_turn'],
}
"""
CELLS = pytest.StashKey[list[Cell]]()


@frozen
class Workplace:
    folder: Path
    environ: dict[str, str]
    server: ModelServer


@pytest.fixture(autouse=True)
def no_terminal_is_left() -> Iterator[None]:
    """Also where a test fails before its editor is ready."""
    yield
    while OPENED:
        OPENED.pop().close()


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    folder = tmp_path / "workspace"
    (folder / ".agents").mkdir(parents=True)
    (folder / ".agents" / "helper.ts").write_text(AGENT)
    (folder / "inhouse.toml").write_text("")
    (folder / "a.py").write_text("one = 1\ntwo = 2\nthree = 3\n")
    with ModelServer() as server:
        server.usage = Usage(prompt_tokens=500)
        environ = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "HOME": str(tmp_path),
            "TERM": "xterm-256color",
            "INHOUSE_HOME": str(tmp_path / "inhouse"),
            "CODEBUFF_LOCAL_BASE_URL": server.base_url,
        }
        yield Workplace(folder, environ, server)


def installed(name: str) -> None:
    """Install one editor with the project's own script."""
    done = subprocess.run(
        ["bash", str(ROOT / "scripts" / "setup-editors"), name],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"NOT TESTED: {name} cannot be installed here: {done.stderr[-300:]}")


def declared(items: list[pytest.Item]) -> list[Cell]:
    """Every cell of the matrix that a test fills, or says why it stays empty."""
    marks = [mark for item in items for mark in item.iter_markers("matrix")]
    return [
        *(Cell(*mark.args) for mark in marks),
        *workbench_cells(Path(__file__).parent / "vscode"),
    ]


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    session.config.stash[CELLS] = declared(items)
    for item in items:
        cells = [Cell(*mark.args) for mark in item.iter_markers("matrix")]
        item.user_properties += [("matrix", [cell.behaviour, cell.editor]) for cell in cells]
    if wanted := os.environ.get("INHOUSE_MATRIX"):  # scripts/editors_matrix.py
        Path(wanted).write_text(table(session.config.stash[CELLS]) + "\n", "utf-8")


@pytest.fixture
def workbench_went(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    """Takes node's junit report into the matrix."""

    def take(report: Path) -> None:
        for cell, outcome in workbench_results(report):
            properties = request.node.user_properties
            properties.append(("matrix-cell", [cell.behaviour, cell.editor, outcome]))

    return take


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    outcomes: dict[tuple[str, str], set[str]] = defaultdict(set)
    reports = [
        (outcome, report)
        for outcome in ("passed", "failed", "skipped")
        for report in terminalreporter.getreports(outcome)
        if isinstance(report, pytest.TestReport)
    ]
    for outcome, report in reports:
        for name, value in report.user_properties:
            if name == "matrix":
                outcomes[value[0], value[1]].add(outcome)
            elif name == "matrix-cell":
                outcomes[value[0], value[1]].add(value[2])
    if outcomes:
        terminalreporter.section("what works in which editor")
        cells = terminalreporter.config.stash.get(CELLS, [])
        terminalreporter.write_line(table(cells, outcomes))


def edit_two(workplace: Workplace) -> None:
    """Have the model propose another number for ``two``."""
    replacement = {"oldString": "two = 2", "newString": "two = 22"}
    workplace.server.play(call("str_replace", path="a.py", replacements=[replacement]))
    workplace.server.play("Changed.")


def edit_two_and_look(workplace: Workplace) -> None:
    """Have the model propose another number for ``two``, then look at the file with a command."""
    definition = workplace.folder / ".agents/helper.ts"
    tools = "toolNames: ['run_terminal_command', "
    definition.write_text(definition.read_text().replace("toolNames: [", tools))
    settings = Path(workplace.environ["INHOUSE_HOME"], "config/config.toml")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('allowedCommands = ["cat a.py"]\n')
    replacement = {"oldString": "two = 2", "newString": "two = 22"}
    workplace.server.play(call("str_replace", path="a.py", replacements=[replacement]))
    workplace.server.play(call("run_terminal_command", command="cat a.py"))
    workplace.server.play("Changed.")


def seen_by_the_command(workplace: Workplace) -> str:
    """Give what the model was told of the command."""
    return str(workplace.server.chats[2].body["messages"][-1])


def ask_two_questions(workplace: Workplace) -> None:
    """Have the model ask for a choice, then for words of the user's own."""
    options = [{"label": "Apples"}, {"label": "Pears"}]
    workplace.server.play(
        call("ask_user", questions=[{"question": "Which fruit?", "options": options}])
    )
    workplace.server.play(call("ask_user", questions=[{"question": "How many?", "options": []}]))
    workplace.server.play("All right.")


def add_second_agent(workplace: Workplace) -> None:
    """Write another definition while the editor runs."""
    definition = (workplace.folder / ".agents/helper.ts").read_text()
    (workplace.folder / ".agents/second.ts").write_text(definition.replace("helper", "second"))


def servers(workplace: Workplace) -> list[psutil.Process]:
    """The language servers of this workplace."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            own = process.environ().get("INHOUSE_HOME") == workplace.environ["INHOUSE_HOME"]
            if own and process.cmdline()[-1:] == ["lsp"]:
                found.append(process)
    return found


def crash(workplace: Workplace) -> int:
    """Kill the language server as soon as one runs; give its process id."""
    until = time.monotonic() + 60
    while not (running := servers(workplace)):
        assert time.monotonic() < until, "no server runs"
        time.sleep(0.1)
    (server,) = running
    server.kill()
    return server.pid


def until(look: Callable[[], str], good: Callable[[str], bool], seconds: float = 30) -> str:
    """Look again until it is *good*; give what was seen last."""
    end = time.monotonic() + seconds
    while not good(seen := look()) and time.monotonic() < end:
        time.sleep(0.1)
    assert good(seen), seen
    return seen


def send_on_save(workplace: Workplace) -> None:
    """Let saving a session's document send what stands at its end."""
    settings = Path(workplace.environ["INHOUSE_HOME"], "config/config.toml")
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("sendOnSave = true\n")


def trust(workplace: Workplace) -> None:
    """Trust the workspace, as a user does who is not asked in the editor."""
    command = [sys.executable, "-m", "inhouse", "trust"]
    done = subprocess.run(
        command,
        cwd=workplace.folder,
        env=workplace.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
