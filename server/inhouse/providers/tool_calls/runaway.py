"""An answer that goes round in a circle: found while it streams, so that it can be cut."""

import re
import zlib

from attrs import define, field

LOOK_EVERY = 64
"""Pieces between two looks."""
TAIL = 3_000
"""Characters at the end that are looked at."""
PACKED = 0.045
"""A tail that packs to less than this part says nothing new.  Tables and lists of numbers, the
most regular texts that anybody wants, pack to 0.06 and more."""
ROUNDS = 6
"""As often at least must the same words stand at the end of a shorter text."""
LEAST = 1_200
_MARKER = re.compile(r"^[ \t]*(?:\d+[.)][ \t]*)?", re.MULTILINE)
"""Where a list counts its items, each round has another number and perhaps another margin."""
_FEW = 3
"""A ruler or a row of zeros has no more different characters than this: no circle."""


@define(eq=False)
class Runaway:
    """Watches the pieces of one answer; costs next to nothing while nothing is wrong."""

    _pieces: list[str] = field(factory=list[str])
    _new: int = 0

    def goes_on(self, text: str, pieces: int = 1) -> bool:
        """Take more, which came in so many pieces; return whether the answer repeats itself."""
        self._pieces.append(text)
        self._new += pieces
        if self._new < LOOK_EVERY:
            return False
        self._new = 0
        tail = "".join(self._pieces)[-TAIL:]
        self._pieces = [tail]
        return repeats_itself(tail)


def repeats_itself(text: str) -> bool:
    """Return whether a text ends with the same over and over, also where each round grows."""
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
