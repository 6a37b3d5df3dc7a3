"""Finds a cursor's place in TypeScript or JSON by tokens, which works in broken text."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from inhouse.definitions.readers.cursor_place import CursorWord, Role, Whereabouts, whereabouts
from inhouse.definitions.readers.parsed_values import DEEPEST
from inhouse.definitions.readers.source_ranges import JsonPath, Lines
from inhouse.definitions.typescript.parsing import (
    Source,
    parse_tsx,
    parse_typescript,
    parse_value,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_TEXTS = frozenset({"string", "template_string"})
_QUOTES = frozenset("'\"`")
_BEFORE_OBJECT = frozenset(
    {":", "=", "(", ",", "[", "default", "?", "return", "||", "&&", "??", ""}
)
_WORDS = frozenset(
    {
        "identifier",
        "property_identifier",
        "shorthand_property_identifier",
        "number",
        "type_identifier",
    }
)
_CLOSERS = {"}": "{", "]": "[", ")": "("}
_MOST = 200_000


@frozen
class _Token:
    kind: str
    start: int
    end: int
    text: str

    @property
    def is_word(self) -> bool:
        return self.kind in _WORDS or self.kind in _TEXTS


@define
class _Frame:
    kind: str
    path: JsonPath | None
    """None if it is not data, such as the body of a function."""
    key: str | None = None
    index: int = 0
    questions: int = 0
    """Open ``?`` of ``a ? b : c``, whose colon does not make a key."""
    last: _Token | None = field(default=None)

    @property
    def inner(self) -> JsonPath | None:
        """The path of a value that begins here."""
        if self.path is None or len(self.path) > DEEPEST:
            return None
        if self.kind == "{":
            return (*self.path, self.key) if self.key is not None else None
        return (*self.path, self.index) if self.kind == "[" else self.path


def script_place(path: Path, text: str, offset: int) -> Whereabouts | None:
    suffix = path.suffix.lower()
    if suffix in {".json", ".jsonc"}:
        source = parse_value(text)
    else:
        source = parse_tsx(text) if suffix in {".tsx", ".jsx"} else parse_typescript(text)
    lines = Lines(text)
    frames = [_Frame("(", ())]
    before: _Token | None = None
    current: _Token | None = None
    for token in _tokens(source, text):
        if token.start >= offset and not (token.is_word and token.start == offset):
            break
        if token.end > offset or (token.end == offset and token.is_word):
            current = token
            break
        _step(frames, token, before)
        before = token
    return _result(frames, current, before, lines, offset)


def _step(frames: list[_Frame], token: _Token, before: _Token | None) -> None:
    frame = frames[-1]
    match token.kind:
        case "{" | "${":
            data = token.kind == "{" and _opens_object(before, frame)
            frames.append(_Frame("{", frame.inner if data else None))
        case "[" | "(":
            frames.append(_Frame(token.kind, frame.inner))
        case "}" | "]" | ")":
            while len(frames) > 1:
                closed = frames.pop()
                if closed.kind == _CLOSERS[token.kind]:
                    break
        case ",":
            frame.key, frame.index, frame.questions = None, frame.index + 1, 0
        case "?":
            frame.questions += 1
        case ":" if frame.questions:
            frame.questions -= 1
        case ":" if frame.kind == "{" and before is not None and before.is_word:
            frame.key = _bare(before).text
        case _:
            pass


def _opens_object(before: _Token | None, frame: _Frame) -> bool:
    if frame.kind == "{" and frame.key is None:
        return False
    return (before.kind if before is not None else "") in _BEFORE_OBJECT


def _result(
    frames: list[_Frame], current: _Token | None, before: _Token | None, lines: Lines, offset: int
) -> Whereabouts | None:
    frame = frames[-1]
    if frame.path is None or len(frames) == 1:
        return None
    word = _word(current, offset)
    if word is None:
        return None
    if frame.kind == "{" and frame.key is None:
        role, container = Role.KEY, frame.path
        return whereabouts(role, container, (*container, word.text), word, lines)
    if frame.kind == "{" and _is_new_key(current, before, lines, offset):
        return whereabouts(Role.KEY, frame.path, (*frame.path, word.text), word, lines)
    inner = frame.inner
    return whereabouts(Role.VALUE, inner, inner, word, lines) if inner is not None else None


def _is_new_key(current: _Token | None, before: _Token | None, lines: Lines, offset: int) -> bool:
    """Return whether a new line after a complete value begins a key, so that a comma is missing."""
    if before is None or before.kind not in {*_TEXTS, "number", "]", "}", "true", "false"}:
        return False
    if current is not None and current.kind not in _WORDS:
        return False
    start = current.start if current is not None else offset
    return lines.position(start).line > lines.position(before.end).line


def _word(current: _Token | None, offset: int) -> CursorWord | None:
    if current is None:
        return CursorWord("", offset, "")
    if not current.is_word:
        return CursorWord("", offset, "")
    bare = _bare(current)
    typed = bare.text[: max(0, offset - bare.start)]
    return CursorWord(bare.text, bare.start, typed, bare.quoted)


def _bare(token: _Token) -> CursorWord:
    if token.kind not in _TEXTS:
        return CursorWord(token.text, token.start, token.text)
    closed = len(token.text) > 1 and token.text[-1] == token.text[0]
    inner = token.text[1:-1] if closed else token.text[1:]
    return CursorWord(inner, token.start + 1, inner, quoted=True)


def _tokens(source: Source, text: str) -> Iterator[_Token]:
    """Yield tokens from left to right; an unclosed string ends with its line."""
    at, units, limit, skip = 0, 0, _MOST, 0
    wide = not text.isascii()
    for node in _leaves(source.root):
        start, end = node.start_byte // 2 - source.added, node.end_byte // 2 - source.added
        if start < 0 or start < skip:
            continue
        if wide:
            at, units = _advance(text, at, units, start)
            from_, to = at, _advance(text, at, units, end)[0]
        else:
            from_, to = start, end
        kind = node.type
        if kind in _QUOTES:
            line_end = text.find("\n", from_)
            to = line_end if line_end >= 0 else len(text)
            kind, skip = "string", start + (to - from_)
        if to > from_:
            yield _Token(kind, from_, to, text[from_:to])
        limit -= 1
        if limit <= 0:
            return


def _advance(text: str, at: int, units: int, target: int) -> tuple[int, int]:
    """Convert an offset in characters to one in UTF-16 code units."""
    while units < target and at < len(text):
        units += 2 if text[at] > "\uffff" else 1
        at += 1
    return at, units


def _leaves(root: "Node") -> Iterator["Node"]:
    stack = [root]
    while stack:
        node = stack.pop()
        whole = node.type in _TEXTS and not node.has_error
        if node.child_count and not whole:
            stack.extend(reversed(node.children))
        elif node.type != "comment":
            yield node
