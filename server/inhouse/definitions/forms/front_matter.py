"""The head of a Markdown file, between two lines of three hyphens."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from attrs import evolve, frozen

from inhouse.core.text import Position, Range
from inhouse.definitions.forms.yaml_text import yaml_literal
from inhouse.definitions.readers.parsed_values import Literal, ParsedEntry
from inhouse.definitions.readers.source_ranges import Lines

_KEY = re.compile(r"([\"']?)([A-Za-z][\w-]*)\1[ \t]*:(?:[ \t]+(.*))?$")
_LIMIT = re.compile(
    r"^[ \t{\"']+(?:permissions?|permission[-_]?mode|(?:dis)?allowed[-_]?tools|tools|deny)"
    r"[\"']?[ \t]*:",
    re.MULTILINE | re.IGNORECASE,
)
"""A limit inside of another key's text: a slip of indentation or of brackets."""
_MOST_READ = 200
"""How many keys are read as YAML one by one; the rest is text."""
_FENCE = re.compile(r"---[ \t]*$")


@frozen
class FrontMatter:
    """Head and body of a file."""

    yaml: str
    """The text up to the second fence, with the first one blanked so that positions stay
    correct."""
    body: str
    body_start: int
    lines: Lines

    @property
    def start(self) -> Range:
        return self.lines.range(0, 3)

    @property
    def body_range(self) -> Range:
        return self.lines.range(self.body_start, len(self.lines.text))


def front_matter(text: str) -> FrontMatter | None:
    """Split a file; None if it has no front matter."""
    lines = Lines(text)
    if not text.startswith("---") or _FENCE.match(_line(lines, 0)) is None:
        return None
    for number in range(1, lines.count):
        if _FENCE.match(_line(lines, number)) is not None:
            start = lines.start(number)
            after = lines.start(number + 1) if number + 1 < lines.count else len(text)
            head = "   " + text[3:start]
            return FrontMatter(head, text[after:], after, lines)
    return FrontMatter("   " + text[3:], "", len(text), lines)


@frozen
class Lenient:
    """Front matter that is not YAML, as far as it can be read."""

    fields: Mapping[str, ParsedEntry]
    unread: Range | None
    """Lines that belong to no key."""


def lenient(path: Path, front: FrontMatter) -> Lenient:
    """Read front matter that is not YAML key by key: what is YAML by itself, else as text."""
    fields: dict[str, ParsedEntry] = {}
    unread: Range | None = None
    for start, end in _blocks(front):
        line = _line(front.lines, front.lines.position(start).line)
        match = _KEY.match(line)
        if match is None:
            words = [each for each in front.yaml[start:end].splitlines() if each.strip()]
            if any(not each.lstrip().startswith("#") for each in words):
                unread = front.lines.range(start, end)
            continue
        is_text = True
        name = match[2]
        key = front.lines.range(start + match.start(2), start + match.end(2))
        entry = _as_text(front, start, end, match, key)
        if len(fields) < _MOST_READ:
            block = front.yaml[start:end]
            literal, problems = yaml_literal(path, block, block)
            if literal is not None and not problems:
                read = (literal.fields or {}).get(name)
                moved = front.lines.position(start).line
                is_text = read is None
                entry = entry if read is None else ParsedEntry(key, _below(read.value, moved))
        if is_text and _LIMIT.search(front.yaml, start, end):
            unread = front.lines.range(start, end)
        fields[name] = entry
    return Lenient(fields, unread)


def _blocks(front: FrontMatter) -> Iterator[tuple[int, int]]:
    """Return where each key's lines begin and end; what precedes the first key is a block too."""
    starts = [front.lines.start(1)] if front.lines.count > 1 else []
    for number in range(2, front.lines.count):
        offset = front.lines.start(number)
        if offset >= len(front.yaml):
            break
        if _KEY.match(_line(front.lines, number)):
            starts.append(offset)
    yield from pairwise([*starts, len(front.yaml)])


def _below(literal: Literal, count: int) -> Literal:
    """Return a value as it stands further below, by *count* lines."""
    fields = None
    if literal.fields is not None:
        fields = {
            name: ParsedEntry(_lower(entry.key, count), _below(entry.value, count))
            for name, entry in literal.fields.items()
        }
    items = literal.items and tuple(_below(item, count) for item in literal.items)
    return evolve(literal, range=_lower(literal.range, count), fields=fields, items=items)


def _lower(place: Range, count: int) -> Range:
    start, end = place.start, place.end
    return Range(
        Position(start.line + count, start.character), Position(end.line + count, end.character)
    )


def _as_text(
    front: FrontMatter, start: int, end: int, match: "re.Match[str]", key: Range
) -> ParsedEntry:
    first, *rest = front.yaml[start:end].splitlines()
    words = [first[match.start(3) :] if match[3] else "", *rest]
    text = " ".join(word.strip() for word in words if word.strip())
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    return ParsedEntry(key, Literal(text, front.lines.range(start + match.end(2) + 1, end)))


def _line(lines: Lines, number: int) -> str:
    start = lines.start(number)
    end = lines.start(number + 1) if number + 1 < lines.count else len(lines.text)
    return lines.text[start:end].rstrip("\r\n")
