"""The house holds what docs/architecture.md says of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SERVER = ROOT / "server" / "inhouse"
MODULES = sorted(SERVER.rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(SERVER).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def decided_by_kind(tree: ast.Module) -> Iterator[int]:
    """Lines where something depends on a kind's name: any ``Kind.X`` that no call is given."""
    given = {
        id(value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for value in (*call.args, *(one.value for one in call.keywords))
    }
    given |= {
        id(default)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for default in (*function.args.defaults, *function.args.kw_defaults)
    }
    for node in ast.walk(tree):
        is_kind = (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "Kind"
            and node.attr.isupper()
        )
        if is_kind and id(node) not in given:
            yield node.lineno


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_only_the_declaration_of_kinds_decides_by_a_kinds_name(path: Path) -> None:
    if named(path) == "core/endpoint_kinds.py":
        assert list(decided_by_kind(parsed(path)))  # the test sees what it looks for
        return

    assert not list(decided_by_kind(parsed(path))), "look at a fact of kind.profile instead"
