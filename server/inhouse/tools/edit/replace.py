r"""Finds the text that a model wants replaced, exactly or approximately.  Pure.

Exactly first, then with other indentation, then ignoring white space, then with other quotation
marks or spellings of accents.  There must be one place; otherwise an error lists the lines.  A text
of white space alone never matches.  Whatever is equal in the old and the new string keeps the
file's own bytes; ``\r\n`` and ``\n`` are the same here.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from attrs import frozen

from inhouse.core.errors import ToolError

from .alignment import Folded, aligned, as_it_is, folded
from .new_text import spliced

_SHOWN = 200
_MOST_TOKENS = 5_000
_MOST_WORK = 5_000_000
"""Possible starts times the length compared there; more is not worth the time."""
_MOST_LINES = 10


@frozen
class Replacement:
    """One piece of text to replace."""

    old: str
    new: str
    everywhere: bool = False


@frozen
class Replaced:
    """The new text, and what could not be replaced."""

    text: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@frozen
class _Span:
    start: int
    end: int


def replace(text: str, replacements: Sequence[Replacement]) -> Replaced:
    """Make the *replacements* one after another; report each that fails as a problem."""
    problems: list[str] = []
    notes: list[str] = []
    for replacement in replacements:
        try:
            text, note = replace_one(text, replacement)
        except ToolError as error:
            problems.append(str(error))
        else:
            notes += [note] if note else []
    return Replaced(text, tuple(problems), tuple(notes))


def replace_one(text: str, replacement: Replacement) -> tuple[str, str]:
    """Return the new text and a word on how the place was found; raises `ToolError`."""
    plain, old, new = (
        each.replace("\r\n", "\n") for each in (text, replacement.old, replacement.new)
    )
    if not old.strip():
        raise ToolError(
            "The old string is white space alone, which never matches.  "
            "Give the lines around it too.",
            code="no_match",
        )
    if old == new:
        raise ToolError("The old and the new string are the same: nothing to do.", code="no_change")
    for fold, find, note in _WAYS:
        seen, sought = fold(plain), fold(old)
        if fold is folded and (seen.text, sought.text) == (plain, old):
            continue  # nothing that the other ways have not tried
        spans = find(seen.text, sought.text)
        if not spans:
            continue
        if len(spans) == 1 and not replacement.everywhere:
            spans += _overlapping(seen.text, sought.text, spans[0], find)
        if len(spans) > 1 and not replacement.everywhere:
            raise ToolError(_too_many(seen.text, spans, old), code="many_matches")
        pieces = [
            (
                seen.offsets[span.start],
                seen.offsets[span.end],
                aligned(seen.part(span.start, span.end), old, new) if note else new,
            )
            for span in spans
        ]
        return spliced(text, pieces), note
    raise ToolError(
        f"The old string was not found: {_brief(old)}.  "
        "Read the file again and copy the text exactly.",
        code="no_match",
    )


def _overlapping(
    text: str, old: str, found: _Span, find: Callable[[str, str], list[_Span]]
) -> list[_Span]:
    """Find another match that begins inside the one that was found."""
    line = text.find("\n", found.start, found.end) + 1
    start = found.start + 1 if find is _exactly else line
    if not 0 < start < found.end:
        return []
    more = find(text[start : found.end + len(old)], old)
    return [_Span(start + more[0].start, start + more[0].end)] if more else []


def _exactly(text: str, old: str) -> list[_Span]:
    spans: list[_Span] = []
    at = text.find(old)
    while at != -1:
        spans.append(_Span(at, at + len(old)))
        at = text.find(old, at + len(old))
    return spans


def _indented(text: str, old: str) -> list[_Span]:
    """Find whole lines that differ from *old* only by one consistent change of indentation."""
    wanted = old.split("\n")
    closed = wanted[-1] == ""
    wanted = wanted[:-1] if closed else wanted
    lines = text.split("\n")
    starts = _line_starts(lines)
    stripped = [line.strip(" \t") for line in lines]
    sought = [line.strip(" \t") for line in wanted]
    anchor = next(index for index, line in enumerate(sought) if line)
    if stripped.count(sought[anchor]) * len(sought) > _MOST_WORK:
        return []
    spans: list[_Span] = []
    at = 0
    while at + len(sought) <= len(lines):
        if stripped[at + anchor] == sought[anchor] and stripped[at : at + len(sought)] == sought:
            found = lines[at : at + len(sought)]
            if _in_one_way(wanted, found):
                last = at + len(sought) - 1
                end = starts[last] + len(lines[last])
                end += 1 if closed and end < len(text) else 0
                spans.append(_Span(starts[at], end))
                at += len(sought)
                continue
        at += 1
    return spans


def _loosely(text: str, old: str) -> list[_Span]:
    """Find *old* with any white space, or none, between its words and signs."""
    tokens = re.findall(r"\w+|[^\w\s]", old)
    if len(tokens) > _MOST_TOKENS or text.count(tokens[0]) * len(tokens) > _MOST_WORK:
        return []
    parts = [re.escape(tokens[0])]
    for before, after in pairwise(tokens):
        glued = _is_word(before) and _is_word(after)
        parts += [r"\s+" if glued else r"\s*", re.escape(after)]
    head = r"(?<!\w)" if _is_word(tokens[0]) else ""
    tail = r"(?!\w)" if _is_word(tokens[-1]) else ""
    found = re.finditer(head + "".join(parts) + tail, text)
    return [_widened(text, old, match.start(), match.end()) for match in found]


_WAYS: tuple[tuple[Callable[[str], Folded], Callable[[str, str], list[_Span]], str], ...] = (
    (as_it_is, _exactly, ""),
    (as_it_is, _indented, "matched with other indentation, which was kept"),
    (as_it_is, _loosely, "matched ignoring white space"),
    (folded, _exactly, "matched with other quotation marks or accents; the file's own were kept"),
    (folded, _indented, "matched with other quotation marks or accents; the file's own were kept"),
    (folded, _loosely, "matched with other quotation marks or accents; the file's own were kept"),
)


def _widened(text: str, old: str, start: int, end: int) -> _Span:
    """Widen a match to the line's indentation and end, if *old* had them too."""
    line = text.rfind("\n", 0, start) + 1
    if not text[line:start].strip():
        start = line
    if old.endswith("\n"):
        rest = re.compile(r"[ \t]*\n").match(text, end)
        end = rest.end() if rest else end
    return _Span(start, end)


def _in_one_way(wanted: Sequence[str], found: Sequence[str]) -> bool:
    """Return whether each indentation of *old* corresponds to one of the file."""
    ours: dict[str, str] = {}
    return all(
        ours.setdefault(_indent(left), _indent(right)) == _indent(right)
        for left, right in zip(wanted, found, strict=True)
        if left.strip()
    )


def _line_starts(lines: Sequence[str]) -> list[int]:
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _is_word(token: str) -> bool:
    return token[0].isalnum() or token[0] == "_"


def _too_many(text: str, spans: Sequence[_Span], old: str) -> str:
    numbers = [text.count("\n", 0, span.start) + 1 for span in spans]
    return (
        f"The old string was found {len(spans)} times, at lines {listed(numbers)}: {_brief(old)}.  "
        "Give more of the lines around it, or set allowMultiple to true to replace all of them."
    )


def listed(numbers: Sequence[int]) -> str:
    """Write line numbers, ten at most."""
    shown = ", ".join(str(number) for number in numbers[:_MOST_LINES])
    return shown + (", …" if len(numbers) > _MOST_LINES else "")


def _brief(old: str) -> str:
    return repr(old if len(old) <= _SHOWN else old[:_SHOWN] + "…")
