"""The matrix of editors: what the docs say is what the tests declare."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.matrix import EDITORS, Cell, table, workbench_results

from .conftest import ROOT


def test_the_page_says_what_the_tests_declare() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/editors_matrix.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


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
