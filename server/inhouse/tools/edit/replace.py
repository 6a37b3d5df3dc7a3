r"""Find the text that a model wants replaced, as it wrote it or nearly so: pure.

Exactly first, then with other indentation, then ignoring white space.  A text of white space
alone never matches.  ``\r\n`` and ``\n`` are the same here, and what is not replaced stays as
it is, byte for byte.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from attrs import field, frozen

from inhouse.core.errors import ToolError

_SHOWN = 200
_MOST_TOKENS = 5_000
_MOST_WORK = 5_000_000
"""Places where a match may begin times what is compared there: more is not worth the time."""


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
    new: str


def replace(text: str, replacements: Sequence[Replacement]) -> Replaced:
    """Make the *replacements* one after the other; each that cannot be made is a problem."""
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
    """Give the new text and a word on how the place was found; raises `ToolError`."""
    old, new = _with_newlines(replacement.old), _with_newlines(replacement.new)
    if not old.strip():
        raise ToolError(
            "The old string is white space alone, which never matches.  "
            "Give the lines around it too.",
            code="no_match",
        )
    if old == new:
        raise ToolError("The old and the new string are the same: nothing to do.", code="no_change")
    plain = _Plain.of(text)
    for find, note in _WAYS:
        if spans := find(plain.text, old, new):
            if len(spans) > 1 and not replacement.everywhere:
                raise ToolError(_too_many(plain.text, spans, old), code="many_matches")
            return plain.put(spans), note
    raise ToolError(
        f"The old string was not found: {_brief(old)}.  "
        "Read the file again and copy the text exactly.",
        code="no_match",
    )


def _exactly(text: str, old: str, new: str) -> list[_Span]:
    spans: list[_Span] = []
    at = text.find(old)
    while at != -1:
        spans.append(_Span(at, at + len(old), new))
        at = text.find(old, at + len(old))
    return spans


def _indented(text: str, old: str, new: str) -> list[_Span]:
    """Find whole lines that differ from *old* by the same indentation everywhere."""
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
            if (shift := _shift(wanted, found)) is not None:
                last = at + len(sought) - 1
                end = starts[last] + len(lines[last])
                end += 1 if closed and end < len(text) else 0
                spans.append(_Span(starts[at], end, _reindented(new, *shift)))
                at += len(sought)
                continue
        at += 1
    return spans


def _loosely(text: str, old: str, new: str) -> list[_Span]:
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
    return [_loose_span(text, old, new, match.start(), match.end()) for match in found]


_WAYS = (
    (_exactly, ""),
    (_indented, "matched with other indentation, which was kept"),
    (_loosely, "matched ignoring white space"),
)


def _loose_span(text: str, old: str, new: str, start: int, end: int) -> _Span:
    """Take in the line's own indentation and end where *old* had them too."""
    line = text.rfind("\n", 0, start) + 1
    old_body, new_body = old.lstrip("\n"), new.lstrip("\n")
    own = text[line:start]
    if not own.strip():
        theirs = re.match(r"[ \t]*", old_body)
        indent = theirs.group() if theirs else ""
        new_body, start = _reindented(new_body, indent, own), line
    else:
        new_body = new_body.lstrip()
    if old.endswith("\n"):
        rest = re.compile(r"[ \t]*\n").match(text, end)
        end = rest.end() if rest else end
        new_body = new_body if rest else new_body.rstrip("\n")
    return _Span(start, end, new_body)


def _shift(wanted: Sequence[str], found: Sequence[str]) -> tuple[str, str] | None:
    """Give what indentation to exchange for which, if it is the same one on every line."""
    pairs = [
        (_indent(theirs), _indent(ours))
        for theirs, ours in zip(wanted, found, strict=True)
        if theirs.strip()
    ]
    theirs, ours = min(pairs, key=lambda pair: len(pair[0]))
    same = all(
        left.startswith(theirs) and right == ours + left[len(theirs) :] for left, right in pairs
    )
    return (theirs, ours) if same else None


def _reindented(text: str, theirs: str, ours: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        ours + line[len(theirs) :] if line.strip() and line.startswith(theirs) else line
        for line in lines
    )


@frozen
class _Plain:
    r"""A text with ``\n`` only, and the way back to the text it was made from."""

    text: str
    original: str
    returns: tuple[int, ...] = field(repr=False)
    r"""Where in the plain text there was an ``\r`` before the ``\n``."""

    @classmethod
    def of(cls, original: str) -> "_Plain":
        returns = (match.start() for match in re.finditer("\r\n", original))
        return cls(
            _with_newlines(original),
            original,
            tuple(start - number for number, start in enumerate(returns)),
        )

    def put(self, spans: Sequence[_Span]) -> str:
        """Replace the *spans* in the original, with the line ends it has."""
        crlf = len(self.returns) * 2 > self.text.count("\n")
        parts: list[str] = []
        at = 0
        for span in spans:
            parts.append(self.original[at : self._back(span.start)])
            parts.append(span.new.replace("\n", "\r\n") if crlf else span.new)
            at = self._back(span.end)
        return "".join((*parts, self.original[at:]))

    def _back(self, offset: int) -> int:
        return offset + bisect_left(self.returns, offset)


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n")


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
    lines = [text.count("\n", 0, span.start) + 1 for span in spans]
    shown = ", ".join(str(line) for line in lines[:10]) + (", …" if len(lines) > 10 else "")  # noqa: PLR2004
    return (
        f"The old string was found {len(spans)} times, at lines {shown}: {_brief(old)}.  "
        "Give more of the lines around it, or set allowMultiple to true to replace all of them."
    )


def _brief(old: str) -> str:
    return repr(old if len(old) <= _SHOWN else old[:_SHOWN] + "…")
