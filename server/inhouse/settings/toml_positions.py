"""Finds where a setting is in a TOML file."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import tree_sitter
import tree_sitter_toml

from inhouse.core.positions import position_at
from inhouse.core.text import START, Position, Range

Path = tuple[str | int, ...]
_Span = tuple[int, int]

_KEYS = ("bare_key", "quoted_key", "dotted_key")


def locate(text: str, path: Sequence[str | int]) -> Range:
    """Return the range of the value at ``path``, or of the nearest thing around it."""
    wanted = tuple(path)
    exact, begun = _index(text)
    longest = (wanted[:length] for length in range(len(wanted), 0, -1))
    found = next((exact[each] for each in longest if each in exact), None)
    best = found or begun.get(wanted[0] if wanted else None)
    if best is None:
        return START
    source = text.encode()
    return Range(_position(source, best[0]), _position(source, best[1]))


@lru_cache(maxsize=4)
def _index(text: str) -> tuple[dict[Path, _Span], dict[str | int | None, _Span]]:
    """Return the place of each path, and the first place that begins with a name."""
    language = tree_sitter.Language(tree_sitter_toml.language())
    tree = tree_sitter.Parser(language).parse(text.encode())
    exact: dict[Path, _Span] = {}
    begun: dict[str | int | None, _Span] = {}
    for path, node in _written(tree.root_node):
        span = node.start_byte, node.end_byte
        exact.setdefault(path, span)
        begun.setdefault(path[0], span)
    return exact, begun


def _written(root: tree_sitter.Node) -> Iterator[tuple[Path, tree_sitter.Node]]:
    counts: dict[Path, int] = {}
    for node in root.named_children:
        if node.type == "pair":
            yield from _pair((), node)
        elif node.type in ("table", "table_array_element"):
            key = next((one for one in node.named_children if one.type in _KEYS), None)
            if key is None:
                continue
            prefix: Path = _parts(key)
            if node.type == "table_array_element":
                counts[prefix] = counts.get(prefix, -1) + 1
                prefix = (*prefix, counts[prefix])
            yield prefix, key
            for pair in node.named_children:
                if pair.type == "pair":
                    yield from _pair(prefix, pair)


def _pair(prefix: Path, node: tree_sitter.Node) -> Iterator[tuple[Path, tree_sitter.Node]]:
    children = [one for one in node.named_children if one.type != "comment"]
    if len(children) == 2:  # noqa: PLR2004  key and value
        yield from _value((*prefix, *_parts(children[0])), children[1], children[0])


def _value(
    path: Path, node: tree_sitter.Node, shown: tree_sitter.Node
) -> Iterator[tuple[Path, tree_sitter.Node]]:
    """Return a simple value's own node, and the key's for a table or list."""
    inside = node.type in ("inline_table", "array")
    yield path, shown if inside else node
    if node.type == "inline_table":
        for pair in node.named_children:
            if pair.type == "pair":
                yield from _pair(path, pair)
    elif node.type == "array":
        items = [one for one in node.named_children if one.type != "comment"]
        for index, item in enumerate(items):
            yield from _value((*path, index), item, item)


def _parts(key: tree_sitter.Node) -> tuple[str, ...]:
    if key.type == "dotted_key":
        return tuple(part for one in key.named_children for part in _parts(one))
    text = (key.text or b"").decode()
    return (text[1:-1] if key.type == "quoted_key" else text,)


def _position(source: bytes, offset: int) -> Position:
    before = source[:offset].decode(errors="replace")
    return position_at(before, len(before))
