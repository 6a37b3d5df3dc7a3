"""Parses text to a syntax tree whose offsets are UTF-16 code units, as in editors."""

import re
import time
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from inhouse.core.text import Position, Range
from inhouse.definitions.readers.source_ranges import Lines

if TYPE_CHECKING:
    from tree_sitter import Language, Node

_SMALL = 64 * 1024
_CHUNK = 8 * 1024
_SECONDS = 1.0
_TYPESCRIPT = "typescript"
_TSX = "tsx"
_LONE_CR = re.compile(r"\r(?!\n)")


@frozen
class Source:
    """A parsed text."""

    root: "Node"
    data: bytes
    lines: Lines
    complete: bool = True
    """False if parsing was given up because the text is too complex."""
    added: int = 0
    """Characters added before the text, which its ranges exclude."""
    same_lines: bool = True
    """Whether the parser's lines equal an editor's; the parser does not end lines at a lone CR."""

    def text(self, node: "Node") -> str:
        return self.slice(node.start_byte, node.end_byte)

    def slice(self, start: int, end: int) -> str:
        if self.lines.plain and start >= 2 * self.added:
            return self.lines.text[start // 2 - self.added : end // 2 - self.added]
        return self.data[start:end].decode("utf-16-le", "surrogatepass")

    def range(self, node: "Node") -> Range:
        if self.same_lines:
            start, end = node.start_point, node.end_point
            return Range(Position(start[0], start[1] // 2), Position(end[0], end[1] // 2))
        return self.span(node.start_byte // 2, node.end_byte // 2)

    def span(self, start: int, end: int) -> Range:
        """Return the range of a node in the parsed text, in UTF-16 code units."""
        return self.lines.wide_range(start - self.added, end - self.added)


def parse_typescript(text: str) -> Source:
    return _parse(text, _TYPESCRIPT)


def parse_tsx(text: str) -> Source:
    return _parse(text, _TSX)


def parse_value(text: str) -> Source:
    """Parse a text that is one expression: JSON, with or without comments."""
    parsed = _parse(f"({text}\n)", _TYPESCRIPT)
    return evolve(parsed, lines=Lines(text), added=1, same_lines=False)


def parse_toml(text: str) -> Source:
    return _parse(text, "toml")


def leaves(node: "Node") -> Iterator["Node"]:
    """Yield the tokens of a tree from left to right, without recursion."""
    stack = [node]
    while stack:
        current = stack.pop()
        if current.child_count:
            stack.extend(reversed(current.children))
        else:
            yield current


def _parse(text: str, grammar: str) -> Source:
    from tree_sitter import Parser  # noqa: PLC0415 - loaded on first use

    data = text.encode("utf-16-le", "surrogatepass")
    parser = Parser(_language(grammar))
    same_lines = _LONE_CR.search(text) is None
    if len(data) <= _SMALL:
        root = parser.parse(data, encoding="utf16le").root_node
        return Source(root, data, Lines(text), same_lines=same_lines)
    deadline = time.monotonic() + _SECONDS
    given_up = False

    def read(offset: int, _point: object) -> bytes:
        nonlocal given_up
        if time.monotonic() > deadline:
            given_up = True
            return b""
        return data[offset : offset + _CHUNK]

    root = parser.parse(read, encoding="utf16le").root_node
    return Source(root, data, Lines(text), not given_up, same_lines=same_lines)


@cache
def _language(grammar: str) -> "Language":
    from tree_sitter import Language  # noqa: PLC0415 - loaded on first use

    if grammar == "toml":
        import tree_sitter_toml  # noqa: PLC0415

        return Language(tree_sitter_toml.language())
    import tree_sitter_typescript  # noqa: PLC0415

    if grammar == _TSX:
        return Language(tree_sitter_typescript.language_tsx())
    return Language(tree_sitter_typescript.language_typescript())
