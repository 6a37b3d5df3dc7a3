"""Each class of attack has its files and its lists, and README.md names all of them."""

import ast
import re
from pathlib import Path

FOLDER = Path(__file__).parent


def lists_in(file: str) -> set[str]:
    """Names that a file gives to what it tries."""
    body = ast.parse((FOLDER / file).read_text("utf-8")).body
    assigned = (each for each in body if isinstance(each, (ast.Assign, ast.AnnAssign)))
    return {each.id for one in assigned for each in ast.walk(one) if isinstance(each, ast.Name)}


def test_each_class_of_attack_has_tests_and_a_list_to_add_to():
    text = (FOLDER / "README.md").read_text("utf-8")
    rows = re.findall(r"(?m)^\| (\d+) [^|]+\| ([^|]+) \| ([^|]+) \|$", text)
    named: set[str] = set()
    for number, files, lists in rows:
        there = set[str]()
        for file in files.split(", "):
            there |= lists_in(file)
            named.add(file)
        assert lists, number
        assert set(lists.split(", ")) <= there, number

    assert [number for number, _, _ in rows] == [str(one + 1) for one in range(10)]
    assert named == {each.name for each in FOLDER.glob("test_*.py")} - {Path(__file__).name}
