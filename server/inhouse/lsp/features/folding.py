"""Folds session documents and transcripts: turns, thinking, calls, output."""

import re
from collections.abc import Iterator

from inhouse.core.json_values import Json

_TURN = re.compile(r"## \d+ · ")
_HEADING = re.compile(r"(#{1,6}) ")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_CALL = re.compile(r"(- [✓✗✎?⚠i»] |  - \[[ x]\] )")
_OPENS, _CLOSES = "<details>", "</details>"
_TURNS_LEVEL = 2


def folding_ranges(text: str) -> list[Json]:
    """Return the ranges of a document, by line, outermost first.

    A heading in the model's text folds within its turn; one in a fence does not count.
    """
    lines = text.split("\n")
    fences = list(_fences(lines))
    inside = {number for start, end in fences for number in range(start, end + 1)}
    plain = ["" if number in inside else line for number, line in enumerate(lines)]
    found = dict.fromkeys([*fences, *_calls(plain), *_sections(plain, lines)], "")
    found |= dict.fromkeys(_details(plain), "region")
    return [
        {"startLine": start, "endLine": end, **({"kind": kind} if kind else {})}
        for (start, end), kind in sorted(found.items(), key=lambda one: (one[0][0], -one[0][1]))
        if end > start
    ]


def _fences(lines: list[str]) -> Iterator[tuple[int, int]]:
    fence, start = "", 0
    for number, line in enumerate(lines):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence, start = mark[1], number
        elif mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
            yield start, number
            fence = ""


def _calls(lines: list[str]) -> Iterator[tuple[int, int]]:
    start = -1
    for number, line in enumerate([*lines, ""]):
        is_call = _CALL.match(line) is not None
        if start >= 0 and not is_call:
            yield start, number - 1
        start = (number if start < 0 else start) if is_call else -1


def _details(lines: list[str]) -> Iterator[tuple[int, int]]:
    opened: list[int] = []
    for number, line in enumerate(lines):
        if line.startswith(_OPENS):
            opened.append(number)
        elif line.startswith(_CLOSES) and opened:
            yield opened.pop(), number


def _sections(plain: list[str], lines: list[str]) -> Iterator[tuple[int, int]]:
    headings: list[tuple[int, int]] = []  # (line, level) of the open headings
    for number, line in enumerate(plain):
        if level := _level(line):
            while headings and headings[-1][1] >= level:
                yield headings.pop()[0], _last(lines, number)
            headings.append((number, level))
    for start, _ in headings:
        yield start, _last(lines, len(lines))


def _level(line: str) -> int:
    """Return the level of a heading; 0 if the line is not one."""
    if _TURN.match(line):
        return _TURNS_LEVEL
    heading = _HEADING.match(line)
    return _TURNS_LEVEL + len(heading[1]) if heading else 0


def _last(lines: list[str], end: int) -> int:
    """Find the last line before *end* that is not empty."""
    while end > 0 and not lines[end - 1].strip():
        end -= 1
    return end - 1
