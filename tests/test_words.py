"""Turns that a native writer does not use are in no message, no page and no text of an editor."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOREIGN = re.compile(
    r"(?<!there )\b(?:is|are) no (?!longer\b|more\b|such\b)[a-z]+"
    r"|\bof yours\b|\bmended\b|\bbrings along\b|\bin silence\b|\bswitched off\b"
    r"|\bstands (?:beside|behind|there|in)\b|\bgoes on with\b|\bgave back\b|\bholds no\b"
    r"|\bgo there without\b|\btakes no (?:pictures|tool)\b|\bimplies none\b",
    re.IGNORECASE,
)
READ = (
    *("server/inhouse/**/*.py", "client-vscode/src/**/*.ts"),
    *("server/inhouse/cli/editors/**/*.lua", "server/inhouse/cli/editors/**/*.el"),
    *("server/inhouse/cli/editors/**/*.txt", "*.md", "client-vscode/README.md"),
    *("docs/*.md", "docs/how-to/*.md", "docs/reference/*.md", "docs/decisions/*.md"),
)
UNREAD = {"CHANGELOG.md", "AGENTS.md", "benchmarks.md"}
"""History, words for engineers, and what benchmarks write."""


def texts(path: Path) -> Iterator[str]:
    """Give what people read of a file: the texts of code without docstrings, or all of a page."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        tree = ast.parse(text)
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and id(node) not in docs:
                yield str(node.value)
    elif path.suffix in (".ts", ".lua", ".el"):
        yield from re.findall(r'"(?:[^"\\\n]|\\.)*"', text)
    else:
        yield text


@pytest.mark.parametrize("pattern", READ)
def test_no_text_has_a_foreign_turn(pattern: str) -> None:
    files = [path for path in ROOT.glob(pattern) if path.name not in UNREAD]
    assert files
    found = [
        f"{path.relative_to(ROOT)}: {match[0]!r}"
        for path in files
        for text in texts(path)
        for match in FOREIGN.finditer(text)
    ]
    assert not found
