"""The diffs of ``apply_patch``: pure.

The format is the one OpenAI's models are trained on ("V4A"): lines with ``+``, ``-`` or a space
before them, in sections that ``@@`` opens, with the name of what holds the section after it.
There are no line numbers; a section is found by its lines, exactly, or else ignoring white
space at the ends of lines, or else indentation.  Headers of ``diff -u`` and of the whole
``*** Begin Patch`` envelope are passed over, since models write them.
"""

import re
from collections.abc import Callable, Sequence

from attrs import field, frozen

from inhouse.core.errors import ToolError

_END_OF_FILE = "*** End of File"
_ENVELOPE = ("*** Begin Patch", "*** Update File:", "*** Add File:", "*** Delete File:")
_CLOSING = ("*** End Patch", "```")
_GIT_HEADER = re.compile(r"^(diff --git |index [0-9a-f]+\.\.|(new|deleted) file mode |```)")
_NUMBERS = re.compile(r"^@@ -\d+(,\d+)? \+\d+(,\d+)? @@ ?")
_LOOKS: tuple[Callable[[str], str], ...] = (lambda line: line, str.rstrip, str.strip)


@frozen
class _Section:
    anchors: tuple[str, ...]
    """What stands after each ``@@``: the way down to the lines."""
    lines: tuple[tuple[str, str], ...]
    """Sign and text."""
    at_end: bool = False

    @property
    def old(self) -> tuple[str, ...]:
        return tuple(text for sign, text in self.lines if sign != "+")


@frozen
class _Chunk:
    start: int
    end: int
    new: tuple[str, ...] = field(repr=False)


def created(diff: str) -> str:
    """Give the text of the file that *diff* creates; raises `ToolError`.

    As OpenAI reads it: the last line has an end where an empty ``+`` line follows it.
    """
    lines = [line for line in _lines(diff) if not line.startswith("@@")]
    wrong = next((line for line in lines if line and line[0] != "+"), None)
    if wrong is not None:
        raise ToolError(
            f"In the diff of a new file every line starts with '+'; this one does not: {wrong!r}.",
            code="patch",
        )
    return ("\r\n" if "\r\n" in diff else "\n").join(line[1:] for line in lines)


def updated(text: str, diff: str) -> str:
    """Give *text* with *diff* applied, in its own line ends; raises `ToolError`."""
    crlf = text.count("\r\n") * 2 > text.count("\n")
    lines = text.split("\n")
    plain = [line.removesuffix("\r") for line in lines]
    chunks: list[_Chunk] = []
    cursor = 0
    for section in _sections(_lines(diff)):
        at = _find(plain, section, cursor)
        chunks += _chunks(section, at)
        cursor = at + len(section.old)
    return _put(lines, chunks, ending="\r\n" if crlf else "\n")


def _lines(diff: str) -> list[str]:
    """Split the diff; leave out what only wraps it."""
    lines = [line.removesuffix("\r") for line in diff.split("\n")]
    while lines and (not lines[-1] or lines[-1].strip() in _CLOSING):
        lines.pop()
    at = 0
    while at < len(lines) and _wraps(lines, at):
        at += 1
    return [line for line in lines[at:] if not line.startswith("\\ No newline")]


def _wraps(lines: Sequence[str], at: int) -> bool:
    line = lines[at]
    if line.startswith("--- "):
        return at + 1 < len(lines) and lines[at + 1].startswith("+++ ")
    if line.startswith("+++ "):
        return at > 0 and lines[at - 1].startswith("--- ")
    return line.startswith(_ENVELOPE) or bool(_GIT_HEADER.match(line))


def _sections(lines: Sequence[str]) -> list[_Section]:
    sections: list[_Section] = []
    anchors: list[str] = []
    body: list[tuple[str, str]] = []
    for line in lines:
        at_end = line.strip() == _END_OF_FILE
        if body and (at_end or line.startswith("@@")):
            sections.append(_Section(tuple(anchors), tuple(body), at_end))
            anchors, body = [], []
        if line.startswith("@@"):
            anchors += _anchor(line)
        elif not at_end:
            body.append(_signed(line))
    if body:
        sections.append(_Section(tuple(anchors), tuple(body)))
    if not any(sign != " " for section in sections for sign, _ in section.lines):
        raise ToolError(
            "The diff changes nothing: no line in it starts with '+' or '-'.", code="patch"
        )
    return sections


def _anchor(line: str) -> list[str]:
    numbers = _NUMBERS.match(line)
    if numbers:
        return []
    anchor = line[2:].removesuffix("@@").removeprefix(" ")
    return [anchor] if anchor.strip() else []


def _signed(line: str) -> tuple[str, str]:
    if not line:
        return (" ", "")
    if line[0] not in "+- ":
        raise ToolError(
            f"Each line of the diff starts with '+', '-' or a space; this one does not: {line!r}.",
            code="patch",
        )
    return (line[0], line[1:])


def _find(lines: Sequence[str], section: _Section, cursor: int) -> int:
    for anchor in section.anchors:
        cursor = _below(lines, anchor, cursor)
    old = section.old
    if not old:
        return _end(lines) if section.at_end else cursor
    for look in _LOOKS:
        wanted = [look(line) for line in old]
        seen = [look(line) for line in lines]
        last = len(lines) - len(old)
        places = [at for at in range(cursor, last + 1) if seen[at : at + len(old)] == wanted]
        if places:
            return places[-1] if section.at_end else places[0]
    place = f" below {section.anchors[-1]!r}" if section.anchors else ""
    shown = "\n".join(old[:8])
    raise ToolError(
        f"These lines of the diff are not in the file{place}:\n{shown}\n"
        "Read the file again and copy the lines exactly, in the order of the file.",
        code="patch",
    )


def _below(lines: Sequence[str], anchor: str, cursor: int) -> int:
    """Go below the line that ``@@`` names; where there is none, the section's lines decide."""
    for look in _LOOKS:
        if any(look(line) == look(anchor) for line in lines[:cursor]):
            return cursor
        for index in range(cursor, len(lines)):
            if look(lines[index]) == look(anchor):
                return index + 1
    return cursor


def _end(lines: Sequence[str]) -> int:
    """The place after the last line: before the nothing that follows its end."""
    return len(lines) - 1 if not lines[-1] else len(lines)


def _chunks(section: _Section, at: int) -> list[_Chunk]:
    chunks: list[_Chunk] = []
    start, new, changed = at, list[str](), False
    for sign, text in (*section.lines, (" ", "")):
        if sign == " ":
            if changed:
                chunks.append(_Chunk(start, at, tuple(new)))
            at += 1
            start, new, changed = at, [], False
            continue
        changed = True
        if sign == "-":
            at += 1
        else:
            new.append(text)
    return chunks


def _put(lines: Sequence[str], chunks: Sequence[_Chunk], *, ending: str) -> str:
    """Unchanged lines keep the end they have; new ones get the file's; the last one has none."""
    kept = [
        (line.removesuffix("\r"), "\r\n" if line.endswith("\r") else "\n") for line in lines[:-1]
    ]
    result = [*kept, (lines[-1], ending)]
    for chunk in reversed(chunks):
        result[chunk.start : chunk.end] = [(line, ending) for line in chunk.new]
    if not result:
        return ""
    return "".join(line + end for line, end in result[:-1]) + result[-1][0]
