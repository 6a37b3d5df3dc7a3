"""Detects an answer that repeats itself while it streams, so that it can be cut."""

import re
import zlib

from attrs import define, field

LOOK_EVERY = 64
"""Pieces between two checks."""
TAIL = 3_000
"""How many characters at the end are checked."""
PACKED = 0.045
"""A tail that compresses to less than this share says nothing new.  Tables and lists of numbers,
the most regular useful texts, compress to 0.06 or more."""
ROUNDS = 6
"""The same words must occur at least this often at the end of a shorter text."""
LEAST = 1_200
_MARKER = re.compile(r"^[ \t]*(?:\d+[.)][ \t]*)?", re.MULTILINE)
"""In a numbered list, each round has another number and perhaps another margin."""
_FEW = 3
"""A rule or a row of zeros has at most this many different characters and is allowed."""


@define(eq=False)
class Runaway:
    """Watches the pieces of one answer; costs next to nothing while nothing is wrong."""

    _pieces: list[str] = field(factory=list[str])
    _new: int = 0

    def goes_on(self, text: str, pieces: int = 1) -> bool:
        """Add text that came in so many pieces; return whether the answer repeats itself."""
        self._pieces.append(text)
        self._new += pieces
        if self._new < LOOK_EVERY:
            return False
        self._new = 0
        tail = "".join(self._pieces)[-TAIL:]
        self._pieces = [tail]
        return repeats_itself(tail)


def repeats_itself(text: str) -> bool:
    """Return whether a text's end repeats itself, even if each round grows."""
    tail = text[-TAIL:]
    if len(tail) < LEAST or len(set(tail[-LEAST:])) <= _FEW + 1:
        return False
    data = tail.encode("utf-8", "replace")
    if len(tail) == TAIL and len(zlib.compress(data)) < PACKED * len(data):
        return True
    return _goes_round(tail) or _goes_round(_MARKER.sub("", tail))


def _goes_round(tail: str) -> bool:
    circle = _circle(tail)
    return circle is not None and tail.endswith(circle * max(ROUNDS, -(-LEAST // len(circle))))


def _circle(tail: str) -> str | None:
    """Return the words from where the last ones stood before."""
    last = tail[-24:]
    before = tail.rfind(last, 0, len(tail) - 1)
    return tail[before + len(last) :] if before >= 0 else None
