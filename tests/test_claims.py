"""docs/claims.md names tests: they are there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "claims.md").read_text("utf-8")


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_claim_names_tests_that_are_there():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)

    assert len(named) > 25
    missing = [f"{path}::{name}" for path, name in named if name not in names_in(ROOT / path)]
    assert missing == []


def test_every_claim_has_one():
    claims = re.split(r"^\d+\. ", PAGE, flags=re.MULTILINE)[1:]

    assert len(claims) == 12
    assert all("`tests/" in claim for claim in claims)
