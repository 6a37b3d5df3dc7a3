"""A command's output as a terminal would show it, limited to what a model can use."""

import re

from attrs import define

CHARACTERS = 50_000

_LONGEST_LINE = 65_536
_ESCAPE = re.compile(
    r"\x1b\[(?P<numbers>[0-?]*)[ -/]*(?P<final>[@-~])"  # CSI
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS and the like: a title, a link
    r"|\x1b[ -/]*[0-~]?"
)
_PIECES = re.compile(
    f"(?P<text>[^\\x00-\\x08\\x0b-\\x1f\\x7f]+)|(?P<one>[\\r\\b])|{_ESCAPE.pattern}"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def shown_line(raw: str) -> str:
    """Return one line as finally shown: overwritten, erased, without colours."""
    if not _CONTROLS.search(raw):
        return raw
    line: list[str] = []
    at = 0
    for piece in _PIECES.finditer(raw):
        if text := piece["text"]:
            line.extend(" " * (at - len(line)))
            line[at : at + len(text)] = text
            at += len(text)
        elif one := piece["one"]:
            at = 0 if one == "\r" else max(at - 1, 0)
        elif final := piece["final"]:
            at = _obey(line, at, final, piece["numbers"])
    return "".join(line).rstrip(" ") if "\r" in raw else "".join(line)


def _obey(line: list[str], at: int, final: str, numbers: str) -> int:
    """Erase, or move in the line; return where the next text goes."""
    number = int(numbers) if numbers.isdigit() and len(numbers) < 5 else None  # noqa: PLR2004
    match final:
        case "K" if number == 1:
            line[:at] = " " * min(at, len(line))
        case "K":
            del line[0 if number == 2 else at :]  # noqa: PLR2004  2 erases the whole line
        case "C":
            return at + (number or 1)
        case "D":
            return max(at - (number or 1), 0)
        case "G":
            return max((number or 1) - 1, 0)
        case _:
            pass
    return at


@define
class Kept:
    """The beginning and end of a stream of any length, as a terminal would show it."""

    head: str = ""
    tail: str = ""
    left_out: int = 0
    _line: str = ""
    """The text after the last line end."""

    def add(self, text: str) -> None:
        """Add more of the stream."""
        *whole, self._line = (self._line + text).split("\n")
        if whole:
            self._keep("".join(f"{shown_line(each.removesuffix(chr(13)))}\n" for each in whole))
        if len(self._line) > _LONGEST_LINE:
            drawn = shown_line(self._line)
            if len(drawn) > _LONGEST_LINE // 2:
                self._keep(drawn)
                drawn = ""
            self._line = drawn

    def text(self) -> str:
        """Return what is kept, with a count of what is missing in between."""
        tail = self.tail + shown_line(self._line)
        over = len(tail) - CHARACTERS // 2
        left_out = self.left_out + max(over, 0)
        middle = f"\n[… {left_out:,} characters left out …]\n" if left_out else ""
        return f"{self.head}{middle}{tail[max(over, 0) :]}"

    def clear(self) -> None:
        """Forget everything so far."""
        self.head = self.tail = self._line = ""
        self.left_out = 0

    def _keep(self, text: str) -> None:
        room = CHARACTERS // 2 - len(self.head)
        if room > 0:
            self.head += text[:room]
            text = text[room:]
        self.tail += text
        if len(self.tail) > CHARACTERS:
            over = len(self.tail) - CHARACTERS // 2
            self.left_out += over
            self.tail = self.tail[over:]
