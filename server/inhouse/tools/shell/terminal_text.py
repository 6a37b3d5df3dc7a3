"""A command's output as a terminal would show it, limited to what a model can use."""

import re

from attrs import define, field

CHARACTERS = 50_000

HEIGHT = 24
"""Rows of a screen of which nobody said how high it is."""

_LONGEST_LINE = 65_536
_ESCAPE = re.compile(
    r"\x1b\[(?P<numbers>[0-?]*)[ -/]*(?P<final>[@-~])"  # CSI
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS and the like: a title, a link
    r"|\x1b[ -/]*[0-~]?"
)
_PIECES = re.compile(
    f"(?P<text>[^\\x00-\\x08\\x0b-\\x1f\\x7f]+)|(?P<one>[\\r\\b])|{_ESCAPE.pattern}"
)
_BREAKS = re.compile(r"(\n|\x1b\[[0-9;]*[ABEFHfJLMdsu]|\x1b\[\?(?:47|1047|1049)[hl]|\x1b[78DEM])")
"""What leaves the row that is being drawn."""
_COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
"""Colours and styles, which move nothing: most escapes of most programs."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def shown_line(raw: str) -> str:
    """Return one line as it stands there in the end: drawn over, wiped, without colours."""
    return _drawn("", 0, raw)[0]


def _drawn(row: str, at: int, raw: str) -> tuple[str, int]:
    """Draw over what stands in a row, from a column on; return the row, and where the next goes."""
    if not row and not at and not _CONTROLS.search(raw):
        return raw, len(raw)
    line = list(row)
    for piece in _PIECES.finditer(raw):
        if text := piece["text"]:
            line.extend(" " * (at - len(line)))
            line[at : at + len(text)] = text
            at += len(text)
        elif one := piece["one"]:
            at = 0 if one == "\r" else max(at - 1, 0)
        elif final := piece["final"]:
            at = _obey(line, at, final, piece["numbers"])
    return "".join(line).rstrip(" ") if row or "\r" in raw else "".join(line), at


def _obey(line: list[str], at: int, final: str, numbers: str) -> int:
    """Wipe, or move in the line; return where the next text goes."""
    number = _number(numbers)
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
        case "P":
            del line[at : at + (number or 1)]
        case "X":
            line[at : at + (number or 1)] = " " * len(line[at : at + (number or 1)])
        case _:
            pass
    return at


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else None  # noqa: PLR2004


@define
class Screen:
    """The last rows of a terminal: what may still be drawn over."""

    rows: list[str] = field(factory=list[str])
    row: int = 0
    """Where the cursor is; below the rows: in one that has nothing yet."""
    column: int = 0
    _saved: tuple[int, int] = (0, 0)
    _main: tuple[list[str], int, int] | None = None
    """What stands behind the alternate screen of a pager or an editor."""

    def draw(self, raw: str) -> None:
        """Draw text without line ends where the cursor is."""
        if raw:
            self.rows += [""] * (self.row + 1 - len(self.rows))
            self.rows[self.row], self.column = _drawn(self.rows[self.row], self.column, raw)

    def line_end(self) -> str:
        """Go to the next row; return the one that leaves the screen above, with its line end."""
        self.rows += [""] * (self.row + 1 - len(self.rows))
        self.row, self.column = self.row + 1, 0
        if self.row < HEIGHT:
            return ""
        self.row -= 1
        gone = self.rows.pop(0)
        return "" if self._main is not None else f"{gone}\n"

    def obey(self, sequence: str) -> None:
        """Move between rows, or wipe them."""
        if sequence[1] != "[":
            self._obey_short(sequence[1])
            return
        numbers, final = sequence[2:-1], sequence[-1]
        first, _, second = numbers.partition(";")
        number = _number(first)
        if final in "ABEFHfd":
            self._move(final, number or 1, _number(second) or 1)
        elif final in "su":
            self._obey_short("7" if final == "s" else "8")
        elif final in "hl":
            self._change(alternate=final == "h")
        elif final == "J":
            self._wipe(number or 0)
        elif final == "L":
            self.rows[self.row : self.row] = [""] * min(number or 1, HEIGHT)
            del self.rows[HEIGHT:]
        else:
            del self.rows[self.row : self.row + (number or 1)]

    def _move(self, final: str, number: int, column: int) -> None:
        match final:
            case "A" | "F":
                self.row -= number
            case "B" | "E":
                self.row += number
            case _:
                self.row = number - 1
        self.row = min(max(self.row, 0), HEIGHT - 1)
        if final not in {"A", "B", "d"}:
            self.column = max(column - 1, 0) if final in {"H", "f"} else 0

    def _obey_short(self, letter: str) -> None:
        match letter:
            case "7":
                self._saved = (self.row, self.column)
            case "8":
                self.row, self.column = self._saved
            case "M":
                self.row = max(self.row - 1, 0)
            case _:  # D and E
                self.row = min(self.row + 1, HEIGHT - 1)
                self.column = 0 if letter == "E" else self.column

    def _wipe(self, what: int) -> None:
        """Wipe what follows the cursor (0), what is before it (1) or all (2)."""
        here = self.rows[self.row] if self.row < len(self.rows) else ""
        if what == 0:
            self.rows[self.row :] = [here[: self.column]] if here else []
        elif what == 1:
            self.rows[: self.row + 1] = [""] * min(self.row, len(self.rows))
            if here:
                self.rows.insert(self.row, " " * min(self.column, len(here)) + here[self.column :])
        elif what == 2:  # noqa: PLR2004  as the sequence says it
            self.rows.clear()

    def _change(self, *, alternate: bool) -> None:
        """Show the alternate screen, or what stands behind it again."""
        if alternate and self._main is None:
            self._main = self.rows, self.row, self.column
            self.rows, self.row, self.column = [], 0, 0
        elif not alternate and self._main is not None:
            self.rows, self.row, self.column = self._main
            self._main = None

    def text(self, raw: str) -> str:
        """Return what stands there, with what is not drawn yet."""
        shown = Screen(list(self.rows), self.row, self.column)
        shown.draw(raw)
        rows = shown.rows + [""] * (shown.row + 1 - len(shown.rows))
        return "\n".join(rows)


@define
class Kept:
    """The beginning and end of a stream of any length, as a terminal would show it."""

    head: str = ""
    tail: str = ""
    left_out: int = 0
    _screen: Screen = field(factory=Screen)
    _line: str = ""
    """What came after the last line end, or the last move to another row."""

    def add(self, text: str) -> None:
        """Take more of the stream."""
        is_part = "\n" not in text and "\x1b" not in text and "\x1b" not in self._line
        text = self._line + text
        if "\x1b" in text:
            text = _COLOURS.sub("", text)
        if is_part:
            self._line = text
        elif "\x1b" in text or self._screen.column or self._screen.row < len(self._screen.rows):
            self._draw(text)
        else:
            self._append(text)
        if len(self._line) > _LONGEST_LINE:
            self._screen.draw(self._line)
            self._line = ""
        if any(len(row) > _LONGEST_LINE // 2 for row in self._screen.rows[-1:]):
            self._keep("\n".join(self._screen.rows))
            self._screen = Screen()

    def text(self) -> str:
        """Return what is kept; between its beginning and its end the rest is counted."""
        tail = self.tail + self._screen.text(self._line)
        over = len(tail) - CHARACTERS // 2
        left_out = self.left_out + max(over, 0)
        middle = f"\n[… {left_out:,} characters left out …]\n" if left_out else ""
        return f"{self.head}{middle}{tail[max(over, 0) :]}"

    def clear(self) -> None:
        """Forget everything so far."""
        self.head = self.tail = self._line = ""
        self._screen = Screen()
        self.left_out = 0

    def _append(self, text: str) -> None:
        """Take lines without escapes, each below the one before."""
        *whole, self._line = text.split("\n")
        rows = self._screen.rows
        rows += (shown_line(each.removesuffix("\r")) for each in whole)
        if (over := len(rows) - HEIGHT + 1) > 0:
            self._keep("".join(f"{each}\n" for each in rows[:over]))
            del rows[:over]
        self._screen.row = len(rows)

    def _draw(self, text: str) -> None:
        """Take text that moves over the screen."""
        *pieces, self._line = _BREAKS.split(text)
        gone: list[str] = []
        for raw, between in zip(pieces[::2], pieces[1::2], strict=True):
            if between != "\n":
                self._screen.draw(raw)
                self._screen.obey(between)
                continue
            self._screen.draw(raw.removesuffix("\r"))
            gone.append(self._screen.line_end())
        if rows := "".join(gone):
            self._keep(rows)

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
