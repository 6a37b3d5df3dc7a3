"""Syntax errors of a TypeScript text, at the place where a reader would look."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from inhouse.core.text import START, Problem, Range, Severity
from inhouse.definitions.typescript.parsing import Source, leaves

if TYPE_CHECKING:
    from tree_sitter import Node

_MOST = 3
_OPENERS = {"{": "}", "[": "]", "(": ")", "${": "}"}
_CLOSERS = frozenset(_OPENERS.values())
_QUOTES = frozenset("'\"`")
_TEXTS = frozenset({"string", "template_string"})
_SHOWN = 30


def syntax_problems(source: Source, path: Path) -> list[Problem]:
    """Return the first few syntax errors, each on a different line."""
    if not source.complete:
        message = "The file is too complex to be parsed in time.  Split it into smaller files."
        return [Problem(path, START, Severity.ERROR, "too-slow", message)]
    found: list[Problem] = []
    for node in _broken(source.root):
        problem = _problem(node, source, path)
        if all(problem.range.start.line != other.range.start.line for other in found):
            found.append(problem)
        if len(found) >= _MOST:
            break
    return found


def syntax_error(path: Path, place: Range, what: str, *, code: str = "syntax") -> Problem:
    return Problem(path, place, Severity.ERROR, code, what)


def _broken(root: "Node") -> Iterator["Node"]:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            yield node
        elif node.has_error:
            stack.extend(
                child
                for child in reversed(node.children)
                if child.has_error or child.is_missing or child.is_error
            )


def _problem(node: "Node", source: Source, path: Path) -> Problem:
    if node.is_missing:
        what = "a value" if node.type == "identifier" else f"`{node.type}`"
        return syntax_error(path, source.range(node), f"Syntax error: {what} is missing here.")
    for explain in (_backtick, _open_text, _missing_comma, _brackets):
        problem = explain(node, source, path)
        if problem is not None:
            return problem
    start = node.start_byte // 2
    words = source.text(node).split("\n", 1)[0].strip() or source.text(node).strip()
    place = source.span(start, min(node.end_byte // 2, start + len(words)))
    shown = words if len(words) <= _SHOWN else words[:_SHOWN] + "…"
    return syntax_error(path, place, f"Syntax error: `{shown}` is not expected here.")


def _backtick(node: "Node", source: Source, path: Path) -> Problem | None:
    """Find a template that ends too early: ``use `code` here`` with bare backticks."""
    before = node.prev_sibling
    while before is not None and before.child_count and before.type != "template_string":
        before = before.children[-1]
    if before is None or before.type != "template_string":
        return None
    end = before.end_byte // 2
    return syntax_error(
        path,
        source.span(end - 1, end),
        "Syntax error: this backtick ends the template text.  Write \\` inside of one.",
        code="unescaped-backtick",
    )


def _open_text(node: "Node", source: Source, path: Path) -> Problem | None:
    stack = [node]
    while stack:
        current = stack.pop()
        if current.type in _QUOTES:
            place = source.range(current)
            return syntax_error(path, place, f"Syntax error: this {current.type} is never closed.")
        inner = current.children
        stack.extend(reversed(inner[1:-1] if current.type in _TEXTS else inner))
    return None


def _missing_comma(node: "Node", source: Source, path: Path) -> Problem | None:
    children = node.children
    if len(children) == 3 and children[2].type == ":":  # noqa: PLR2004 - value, key, colon
        place = source.range(children[1])
        return syntax_error(path, place, "Syntax error: a comma is missing before this.")
    return None


def _brackets(node: "Node", source: Source, path: Path) -> Problem | None:
    waiting: list[Node] = []
    for leaf in leaves(node):
        if leaf.type in _OPENERS:
            waiting.append(leaf)
        elif leaf.type in _CLOSERS:
            if not waiting or _OPENERS[waiting[-1].type] != leaf.type:
                what = f"Syntax error: this `{leaf.type}` closes nothing."
                return syntax_error(path, source.range(leaf), what)
            waiting.pop()
    if not waiting:
        return None
    opener = waiting[-1]
    what = f"Syntax error: this `{opener.type}` is never closed."
    return syntax_error(path, source.range(opener), what)
