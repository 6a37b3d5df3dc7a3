"""What works in which editor: declared by the tests, printed after they ran, kept in the docs.

A test says which cell it fills: ``@pytest.mark.matrix("cancel", "Helix", "code action")``.
A node test of the workbench says it in its title: ``test("… [matrix: cancel = lens]", …)``.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from attrs import frozen

EDITORS = {
    "VS Code": "VS Code",
    "Neovim": "Neovim 0.11",
    "Emacs": "Emacs 30",
    "Helix": "Helix 25.01",
}
BEHAVIOURS = {
    "list": "list the agents",
    "run": "run an agent on a file or a selection",
    "stream": "follow the text in a transcript",
    "progress": "see progress",
    "cancel": "cancel a run; its text is kept",
    "question": "answer a question",
    "review": "review: nothing is written before you apply a hunk",
    "undo": "one undo takes an applied hunk back",
    "unsaved": "the model reads unsaved text",
    "meanwhile": "the document changes during a run: nothing is lost",
    "old run": "open the transcript of a run from before a restart",
    "crash": "the server crashes during a run",
    "agents changed": "changes in `.agents` are noticed",
}
_TAG = re.compile(r"\[matrix: ([^\]=]+?)(?: = ([^\]]+))?\]")
_WORKBENCH = "VS Code"


@frozen
class Cell:
    behaviour: str
    editor: str
    how: str = "yes"

    def __attrs_post_init__(self) -> None:
        for given, known in ((self.behaviour, BEHAVIOURS), (self.editor, EDITORS)):
            if given not in known:
                raise ValueError(f"No {given!r} in the matrix.  There are: {', '.join(known)}")


def tagged(title: str) -> Iterator[Cell]:
    """Give the cells that a node test's title names."""
    for behaviour, how in _TAG.findall(title):
        yield Cell(behaviour, _WORKBENCH, how or "yes")


def workbench_cells(folder: Path) -> Iterator[Cell]:
    """Give the cells that the node tests of a folder declare."""
    for file in sorted(folder.glob("*.test.mjs")):
        yield from tagged(file.read_text("utf-8"))


def workbench_results(junit: Path) -> Iterator[tuple[Cell, str]]:
    """Read node's junit report: the cells of its tests, and how each went."""
    for case in ET.parse(junit).iter("testcase"):
        outcome = "skipped" if case.find("skipped") is not None else "passed"
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = "failed"
        for cell in tagged(case.get("name", "")):
            yield cell, outcome


def table(cells: Iterable[Cell], outcomes: dict[tuple[str, str], set[str]] | None = None) -> str:
    """The matrix in Markdown, with how each cell's tests went where that is given."""
    words: dict[tuple[str, str], list[str]] = defaultdict(list)
    for cell in cells:
        known = words[cell.behaviour, cell.editor]
        known += [] if cell.how in known else [cell.how]
    rows = [["behaviour", *EDITORS.values()], ["---"] * (len(EDITORS) + 1)]
    for behaviour, title in BEHAVIOURS.items():
        row = [title]
        for editor in EDITORS:
            told = "; ".join(words.get((behaviour, editor), ()))
            if told and outcomes is not None:
                told = f"{_outcome(outcomes.get((behaviour, editor), set()))}: {told}"
            row.append(told)
        rows.append(row)
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _outcome(seen: set[str]) -> str:
    order = ("failed", "skipped", "passed")
    return next(
        (each.upper() if each == "failed" else each for each in order if each in seen), "not run"
    )
