"""The diffs that models write for apply_patch."""

from pathlib import Path

import pytest

from inhouse.core.errors import ToolError
from inhouse.tools.edit.patch import created, updated
from support.workspaces import bench


@pytest.mark.parametrize(
    ("text", "diff", "expected"),
    [
        ("a\nb\nc\n", " a\n-b\n+B\n c", "a\nB\nc\n"),
        ("a\nb\nc\n", "@@\n a\n-b\n+B\n", "a\nB\nc\n"),
        ("a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B", "a\nB\n"),
        ("a\nb\n", "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n+B", "a\nB\n"),
        ("a\n", "*** Begin Patch\n*** Update File: f\n@@\n-a\n+A\n*** End Patch", "A\n"),
        ("a\n", "```diff\n@@\n-a\n+A\n```", "A\n"),
        ("x\na\nx\na\n", "@@\n x\n-a\n+1\n@@\n x\n-a\n+2", "x\n1\nx\n2\n"),
        ("one\ntwo\n", "@@\n+zero\n one", "zero\none\ntwo\n"),
        ("one", "@@\n one\n+two", "one\ntwo"),
        ("one\n", "@@\n+two\n*** End of File", "one\ntwo\n"),
        ("a  \nb\n", "@@\n a\n-b\n+B", "a  \nB\n"),
        ("    a\n    b\n", "@@\n a\n-b\n+    B", "    a\n    B\n"),
        ("a\r\nb\r\nc\r\n", "@@\n a\n-b\n+B\n+B2", "a\r\nB\r\nB2\r\nc\r\n"),
        ("a\r\nb", "@@\n a\n-b", "a\r\n"[:1]),
        ("a\r\nb\r\nc", "@@\n-c\n+d\n+e", "a\r\nb\r\nd\r\ne"),
        ("-- sql\nb\n", "@@\n--- sql\n+-- SQL\n b", "-- SQL\nb\n"),
        (
            "class A:\n  x\nclass B:\n  x\n",
            "@@ class B:\n-  x\n+  y",
            "class A:\n  x\nclass B:\n  y\n",
        ),
        ("a\nb\n", "@@ not there\n-b\n+B", "a\nB\n"),
        ("a\n\nb\n", "@@\n a\n\n-b\n+B", "a\n\nB\n"),
        ("a\nb\n", "@@\n a\n-b\n-\n+c", "a\nc\n"),
        ("a\nb", "@@\n-b\n\\ No newline at end of file\n+b", "a\nb\n"),
        ("a\nb\n", "@@\n-b\n+b\n\\ No newline at end of file", "a\nb"),
        ("a\nb\nc\n", "@@\n-b\n+B\n\\ No newline at end of file", "a\nB\nc\n"),
        (
            "*** End of File\na\nb\na\n",
            "@@\n *** End of File\n-a\n+A",
            "*** End of File\nA\nb\na\n",
        ),
        ("a\r\na\na\n", "@@ -1,2 +1 @@\n-a\n a\n a", "a\na\n"),
    ],
)
def test_an_update_finds_its_lines(text: str, diff: str, expected: str):
    assert updated(text, diff).text == expected


@pytest.mark.parametrize(
    ("diff", "expected"),
    [
        ("+a\n+b\n+", "a\nb\n"),
        ("+a\n+b", "a\nb\n"),
        ("+a\n\\ No newline at end of file", "a"),
        ("--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a", "a\n"),
        ("*** Add File: f\n+++ x\n+", "++ x\n"),
    ],
)
def test_a_new_file_is_its_added_lines(diff: str, expected: str):
    assert created(diff) == expected


def test_sections_come_in_the_order_of_the_file():
    with pytest.raises(ToolError, match="in the order of the file"):
        updated("a\nb\n", "@@\n-b\n+B\n@@\n-a\n+A")


async def test_a_patch_that_names_another_file_that_is_there_is_refused(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "a\n", "src/a.txt": "a\n"})
    diff = "*** Update File: a.txt\n@@\n-a\n+b"

    refused = await here.call(
        "apply_patch", operation={"type": "update_file", "path": "src/a.txt", "diff": diff}
    )

    assert "is for 'a.txt'" in refused["errorMessage"]
    assert (tmp_path / "src/a.txt").read_text() == "a\n"
