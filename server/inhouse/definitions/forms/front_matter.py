"""The head of a Markdown file, between two lines of three hyphens."""

import re

from attrs import frozen

from inhouse.core.text import Range
from inhouse.definitions.readers.parsed_values import Literal, ParsedEntry
from inhouse.definitions.readers.source_ranges import Lines

_KEY = re.compile(r"([A-Za-z][\w-]*):(?:[ \t]+(.*))?$")
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


def lenient(front: FrontMatter) -> Literal:
    """Read ``key: text`` line by line, if it is not YAML."""
    fields: dict[str, ParsedEntry] = {}
    name, words, start, key = "", list[str](), 0, front.start
    for number in range(1, front.lines.count):
        offset = front.lines.start(number)
        if offset >= len(front.yaml):
            break
        line = _line(front.lines, number)
        match = _KEY.match(line)
        if match is None:
            words.append(line.strip())
            continue
        _keep(fields, name, words, key, front.lines.range(start, offset))
        name, words = match[1], [(match[2] or "").strip()]
        key = front.lines.range(offset, offset + len(name))
        start = offset + len(name) + 1
    _keep(fields, name, words, key, front.lines.range(start, len(front.yaml)))
    return Literal(None, front.start, fields=fields)


def _keep(
    fields: dict[str, ParsedEntry], name: str, words: list[str], key: Range, place: Range
) -> None:
    text = " ".join(word for word in words if word)
    if name and text:
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            text = text[1:-1]
        fields[name] = ParsedEntry(key, Literal(text, place))


def _line(lines: Lines, number: int) -> str:
    start = lines.start(number)
    end = lines.start(number + 1) if number + 1 < lines.count else len(lines.text)
    return lines.text[start:end].rstrip("\r\n")
