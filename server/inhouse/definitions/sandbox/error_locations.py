"""Finds where in the user's text something went wrong.

The interpreter counts lines in what is left of a file without its types, and the tool that removes
them does not say what it moved.  So the tokens of both texts are matched.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from inhouse.core.positions import position_at

if TYPE_CHECKING:
    from tree_sitter import Node

_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|[\w$]+|\s+|.", re.DOTALL
)
_LEFT_OUT = frozenset(";,()")
_MOST_TOKENS = 3000
_NEAR, _FAR = 12, 600

ErrorLocation = tuple[int, int]
"""Line and column from zero, the column in UTF-16 code units."""


def original_place(original: str, shown: str, line: int, column: int) -> ErrorLocation:
    """Find the original place of a place in the shown text."""
    at = _offset(shown, line, column)
    if original == shown:
        return place(original, at)
    theirs, ours = _tokens(shown), _tokens(original)
    index = next((i for i, token in enumerate(theirs) if token[1] + len(token[0]) > at), None)
    if index is None:
        return 0, 0
    matched = _matched if len(theirs) + len(ours) < _MOST_TOKENS else _walked
    found = matched([token[0] for token in theirs], [token[0] for token in ours], index)
    return place(original, ours[found][1] if found is not None else 0)


def _walked(theirs: list[str], ours: list[str], index: int) -> int | None:
    """Walk through both side by side: quick, and wrong only if much was added."""
    at, found = 0, None
    for number in range(index + 1):
        after = theirs[number + 1] if number + 1 < len(theirs) else ""
        for distance, token in enumerate(ours[at : at + _FAR]):
            here = at + distance
            near = distance < _NEAR or ours[here + 1 : here + 2] == [after]
            if token == theirs[number] and near:
                found, at = here, here + 1
                break
    return found


def _matched(theirs: list[str], ours: list[str], index: int) -> int | None:
    matcher = SequenceMatcher(None, theirs, ours, autojunk=False)
    nearest = None
    for block in matcher.get_matching_blocks():
        if block.a <= index < block.a + block.size:
            return block.b + index - block.a
        if block.size and block.a > index:
            return block.b if nearest is None else nearest
        if block.size:
            nearest = block.b + block.size - 1
    return nearest


def _tokens(text: str) -> list[tuple[str, int]]:
    """Split into tokens without white space and comments, with unified quotes."""
    tokens: list[tuple[str, int]] = []
    for found in _TOKEN.finditer(text):
        word = found[0]
        if word.isspace() or word.startswith(("//", "/*")) or word in _LEFT_OUT:
            continue
        if word[0] in "\"'" and len(word) > 1:
            word = f'"{word[1:-1]}"'
        tokens.append((word, found.start()))
    return tokens


def _offset(text: str, line: int, column: int) -> int:
    at = 0
    for _ in range(line):
        end = text.find("\n", at)
        if end < 0:
            return len(text)
        at = end + 1
    return min(at + column, len(text))


def place(text: str, at: int) -> ErrorLocation:
    """Return the line and the column of an offset, as editors count them."""
    position = position_at(text, at)
    return position.line, position.character


def import_place(text: str, specifier: str, name: str = "") -> ErrorLocation:
    """Find where a specifier, or a name from it, is imported, or at least written."""
    tokens = _tokens(text)
    written = [i for i, (word, _) in enumerate(tokens) if word == f'"{specifier}"']
    for index in written if name else ():
        for at in range(index - 1, -1, -1):
            if tokens[at][0] == name:
                return place(text, tokens[at][1])
            if tokens[at][0] in ("import", "export"):
                break
    for index in written:
        if index and tokens[index - 1][0] in ("from", "import", "require"):
            return place(text, tokens[index][1])
    return place(text, tokens[written[0]][1] if written else 0)


def name_place(text: str, name: str, near: ErrorLocation, *, tsx: bool) -> ErrorLocation:
    """Find where an undefined name is used; the interpreter knows only the statement."""
    found = [
        _start(text, node)
        for node in _nodes(text, tsx=tsx)
        if node.type in ("identifier", "shorthand_property_identifier")
        and (node.text or b"").decode("utf-8", "replace") == name
        and not _declares(node)
    ]
    return next((each for each in found if each >= near), found[0] if found else near)


def syntax_place(text: str, *, tsx: bool) -> ErrorLocation:
    """Find the first thing that cannot be parsed."""
    for node in _nodes(text, tsx=tsx, only_broken=True):
        if node.is_error or node.is_missing:
            return _start(text, node)
    return 0, 0


def _declares(node: "Node") -> bool:
    """Return whether a name is declared at a place, not used."""
    parent = node.parent
    if parent is None or parent.type in ("import_specifier", "import_clause", "namespace_import"):
        return True
    return parent.type.endswith(("declarator", "_declaration", "parameter")) and (
        parent.child_by_field_name("name") == node or parent.child_by_field_name("pattern") == node
    )


def _nodes(text: str, *, tsx: bool, only_broken: bool = False) -> Iterator["Node"]:
    import tree_sitter_typescript  # noqa: PLC0415 - slow, and rarely needed
    from tree_sitter import Language, Parser  # noqa: PLC0415

    language = (
        tree_sitter_typescript.language_tsx()
        if tsx
        else tree_sitter_typescript.language_typescript()
    )
    content = text.encode("utf-8", "replace")
    nodes = [Parser(Language(language)).parse(content).root_node]
    while nodes:
        node = nodes.pop()
        yield node
        if node.has_error or not only_broken:
            nodes.extend(reversed(node.children))


def _start(text: str, node: "Node") -> ErrorLocation:
    before = text.encode("utf-8", "replace")[: node.start_byte]
    return place(text, len(before.decode("utf-8", "replace")))
