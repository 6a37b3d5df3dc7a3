r"""Patterns written by habit: with ``\n`` in them, or grep's ``\|``.  Pure."""

import re

from attrs import evolve

from .flags import Flags

_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\n|.", re.DOTALL)
_BASIC = re.compile(r"\\[|(){}+?]")
_NEWLINES = {"\n", "\\n", "\\r\\n"}
_SWAPPED = frozenset("|(){}+?")


def over_lines(pattern: str, flags: Flags) -> tuple[str, Flags]:
    r"""Let a pattern with a line break match across lines, in texts with ``\r\n`` too."""
    literal = flags.has("--fixed-strings")
    pieces: list[str] = list(pattern) if literal else _PIECE.findall(pattern)
    if not _NEWLINES.intersection(pieces):
        return pattern, flags
    if literal:
        pieces = [piece if piece == "\n" else re.escape(piece) for piece in pieces]
    text = "".join(r"\r?\n" if piece in _NEWLINES else piece for piece in pieces)
    kept = (each for each in flags.arguments if each != "--fixed-strings")
    return text.replace(r"\r\r?\n", r"\r?\n"), evolve(flags, arguments=(*kept, "--multiline"))


def from_basic(pattern: str) -> str:
    r"""Convert a basic regular expression of grep to an extended one: ``a\|b`` is ``a|b``."""
    if not _BASIC.search(pattern):
        return pattern
    return "".join(
        piece[1:]
        if piece[:1] == "\\" and piece[1:] in _SWAPPED
        else f"\\{piece}"
        if piece in _SWAPPED
        else piece
        for piece in _PIECE.findall(pattern)
    )
