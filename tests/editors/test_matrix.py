"""The matrix of editors: what the docs say is what the tests declare."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from inhouse.settings.layers import Layer
from inhouse.settings.merge_layers import read_settings
from support.matrix import BEHAVIOURS, EDITORS, Cell, table, workbench_results

from .conftest import ROOT


def test_the_page_says_what_the_tests_declare() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/editors_matrix.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_cell_is_empty() -> None:
    page = (ROOT / "docs/how-to/editors.md").read_text("utf-8")
    table_of_page = page.partition("<!-- matrix")[2].partition("<!-- end -->")[0]
    rows = [line for line in table_of_page.splitlines() if line.startswith("| ")]
    assert len(rows) == len(BEHAVIOURS) + 2
    assert not [row for row in rows if "|  |" in row]


@pytest.mark.parametrize("editor", ["neovim", "emacs", "helix"])
def test_each_tested_editors_page_has_the_pictures_that_its_tests_make(editor: str) -> None:
    folder = ROOT / "docs/how-to"
    shown = set(re.findall(r"\((pictures/[^)]+)\)", (folder / f"{editor}.md").read_text("utf-8")))
    made = (ROOT / f"tests/editors/test_{editor}.py").read_text("utf-8")
    taken = {f"pictures/{name}.svg" for name in re.findall(r'\.picture\("([^"]+)"\)', made)}
    assert shown == taken
    assert all((folder / name).read_text("utf-8").startswith("<svg") for name in shown)


def test_no_picture_shows_a_folder_of_whoever_made_it():
    folder = ROOT / "docs" / "how-to" / "pictures"
    of_somebody = re.compile(r"(?<![~.\w])/(?:home|root|Users|work)/\w")

    shown = {path.name for path in folder.glob("*.svg") if of_somebody.search(path.read_text())}
    assert shown == set()


@pytest.mark.parametrize("editor", ["sublime", "zed"])
def test_a_page_of_an_editor_that_is_not_tested_says_so(editor: str) -> None:
    assert "not tested" in (ROOT / f"docs/how-to/{editor}.md").read_text("utf-8").lower()


def test_what_sublime_is_told_has_the_keys_that_its_package_knows() -> None:
    # docs: sublimelsp.github.io/LSP/client_configuration and the package's sublime-package.json.
    known = {"enabled", "command", "selector", "settings", "initializationOptions", "env"}
    printed = json.loads((ROOT / "server/inhouse/cli/editors/sublime.json").read_text("utf-8"))
    (client,) = printed["clients"].values()
    assert set(client) <= known
    assert client["command"] == ["inhouse", "lsp"]
    told = read_settings([Layer(client["settings"]["inhouse"], "editor")])
    assert told[0].show_transcript
    assert not told[1]


def test_a_cell_that_is_not_in_the_matrix_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="There are: VS Code"):
        Cell("cancel", "Notepad")


def test_a_failed_test_marks_its_cell(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testcase name="x [matrix: cancel = lens]"><failure/></testcase>'
        '<testcase name="y [matrix: undo]"/><testcase name="z"/></testsuites>'
    )
    results = dict(workbench_results(report))
    assert results == {
        Cell("cancel", "VS Code", "lens"): "failed",
        Cell("undo", "VS Code"): "passed",
    }
    seen = {(cell.behaviour, cell.editor): {outcome} for cell, outcome in results.items()}
    printed = table(results, seen)
    assert "FAILED: lens" in printed
    assert "passed: yes" in printed
    assert list(EDITORS) == [name for name in EDITORS if name in printed.splitlines()[0]]
