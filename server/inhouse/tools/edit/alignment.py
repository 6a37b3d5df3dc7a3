"""Aligns an approximate match, so that equal parts keep the file's own characters.

The old string and the piece of the file have the same words and signs, but other white space,
quotation marks or spellings of accents.
"""

import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise

from attrs import define, field, frozen

_PIECE = re.compile(r"(\s*)(\w+|[^\w\s])")
_QUOTES = {
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    **dict.fromkeys("\u00a0\u202f\u2007\u3000", " "),
}


@frozen
class Folded:
    """A text in which similar characters are unified, with the offsets of the original."""

    text: str
    original: str
    offsets: Sequence[int]
    """Where each character begins in the original, plus the end."""

    def part(self, start: int, end: int) -> "Folded":
        """Return a part of it."""
        first = self.offsets[start]
        offsets = tuple(at - first for at in self.offsets[start : end + 1])
        return Folded(self.text[start:end], self.original[first : self.offsets[end]], offsets)


def as_it_is(text: str) -> Folded:
    """Fold nothing."""
    return Folded(text, text, range(len(text) + 1))


@lru_cache(maxsize=4)
def folded(text: str) -> Folded:
    """Compose accents, and replace other quotation marks, dashes and spaces by plain ones."""
    if text.isascii():
        return as_it_is(text)
    parts: list[str] = []
    offsets: list[int] = []
    at = 0
    while at < len(text):
        end = at + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        piece = text[at:end]
        composed = _QUOTES.get(piece) or unicodedata.normalize("NFC", _shown(piece))
        parts.append(composed)
        offsets += [at] * len(composed)
        at = end
    return Folded("".join(parts), text, (*offsets, len(text)))


def _shown(piece: str) -> str:
    """Return the text as models see it: a stray byte is shown as U+FFFD."""
    return "\ufffd" if "\ud800" <= piece <= "\udfff" else piece


@frozen
class _Piece:
    """A word or sign with the white space before it."""

    gap: str
    token: str


def aligned(found: Folded, old: str, new: str) -> str:
    """Return *new* for *old* where the file has *found*: equal pieces stay as they are there."""
    lead = min(_leading_breaks(old), _leading_breaks(new))
    old, new = old[lead:], new[lead:]
    theirs, their_end = _pieces(old)
    wanted, wanted_end = _pieces(new)
    ours, our_end = _own_pieces(found)
    if len(ours) != len(theirs):  # impossible, unless both split words differently
        return new
    indents = Indents.learned(
        [(left.gap, right.gap) for left, right in zip(theirs, ours, strict=True)]
    )
    result: list[str] = []
    for tag, start, end, new_start, new_end in _steps(theirs, wanted):
        if tag == "equal":
            result += (piece.gap + piece.token for piece in ours[start:end])
            continue
        for number, piece in enumerate(wanted[new_start:new_end]):
            at = start + number
            one_for_one = number == 0 or end - start == new_end - new_start
            if one_for_one and at < len(theirs) and theirs[at].gap == piece.gap:
                result.append(ours[at].gap + piece.token)
            else:
                first = not result and not number
                result.append(indents.translated(piece.gap, first=first) + piece.token)
    ending = our_end if wanted_end == their_end else indents.translated(wanted_end)
    return "".join((*result, ending))


def _steps(theirs: list[_Piece], wanted: list[_Piece]) -> list[tuple[str, int, int, int, int]]:
    """Compare piece by piece, skipping what is equal at both ends."""
    most = min(len(theirs), len(wanted))
    first = next((i for i in range(most) if theirs[i] != wanted[i]), most)
    rest = most - first
    last = next((i for i in range(rest) if theirs[-1 - i] != wanted[-1 - i]), rest)
    left, right = theirs[first : len(theirs) - last], wanted[first : len(wanted) - last]
    inner = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    return [
        ("equal", 0, first, 0, first),
        *((tag, a + first, b + first, c + first, d + first) for tag, a, b, c, d in inner),
        ("equal", len(theirs) - last, len(theirs), len(wanted) - last, len(wanted)),
    ]


def _pieces(text: str) -> tuple[list[_Piece], str]:
    found = list(_PIECE.finditer(text))
    end = found[-1].end() if found else 0
    return [_Piece(match[1], match[2]) for match in found], text[end:]


def _own_pieces(found: Folded) -> tuple[list[_Piece], str]:
    """Split the file's own text where the folded one is split."""
    own, at = found.original, found.offsets
    matches = list(_PIECE.finditer(found.text))
    end = matches[-1].end() if matches else 0
    pieces = [
        _Piece(own[at[m.start(1)] : at[m.start(2)]], own[at[m.start(2)] : at[m.end(2)]])
        for m in matches
    ]
    return pieces, own[at[end] :]


def _leading_breaks(text: str) -> int:
    return len(text) - len(text.lstrip("\n"))


@define
class Indents:
    """Maps a model's indentation to the file's."""

    known: dict[str, str] = field(factory=dict[str, str])
    """The model's indentation → the file's."""

    @classmethod
    def learned(cls, gaps: Sequence[tuple[str, str]]) -> "Indents":
        """Learn from the white space before the same words, the first of which begins a line."""
        made = cls()
        for number, (theirs, ours) in enumerate(gaps):
            if number == 0 or ("\n" in theirs and "\n" in ours):
                made.known.setdefault(_after_break(theirs), _after_break(ours))
        return made

    def translated(self, gap: str, *, first: bool = False) -> str:
        """Return white space of the model with the file's indentation in it."""
        if "\n" not in gap and not first:
            return gap
        before, newline, indent = gap.rpartition("\n")
        return before + newline + self.indentation(indent)

    def indentation(self, indent: str) -> str:
        """Return the file's indentation for one of the model's."""
        if indent in self.known:
            return self.known[indent]
        base = max((each for each in self.known if indent.startswith(each)), key=len, default=None)
        if base is None:
            return self._shallower(indent)
        return self.known[base] + self._deeper(indent[len(base) :])

    def _deeper(self, more: str) -> str:
        unit = self._unit()
        if unit is None or not more or more.strip(" "):
            return more
        width, ours = unit
        return ours * (len(more) // width) + " " * (len(more) % width)

    def _shallower(self, indent: str) -> str:
        """Map an indentation smaller than any known: remove as many units."""
        unit = self._unit()
        if unit is None or not self.known or indent.strip(" "):
            return indent
        width, ours = unit
        least = min(self.known, key=len)
        units = (len(least) - len(indent)) // width
        own = self.known[least]
        for _ in range(units):
            own = own.removesuffix(ours)
        return own

    def _unit(self) -> tuple[int, str] | None:
        """Return how many spaces of the model are one unit of the file, and that unit."""
        pairs = sorted(self.known.items(), key=lambda pair: len(pair[0]))
        steps = [("", ""), *pairs] if pairs and not any(not each for each, _ in pairs) else pairs
        for (low, own_low), (high, own_high) in pairwise(steps):
            if high.startswith(low) and own_high.startswith(own_low) and not high.strip(" "):
                width, ours = len(high) - len(low), own_high[len(own_low) :]
                tabs = len(ours) if ours and not ours.strip("\t") else 1
                if width and ours and width % tabs == 0:
                    return width // tabs, ours[: len(ours) // tabs]
        return None


def _after_break(gap: str) -> str:
    return gap.rpartition("\n")[2]
