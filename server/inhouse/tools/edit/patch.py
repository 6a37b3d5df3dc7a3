"""The diffs of ``apply_patch``: pure.

The format is the one OpenAI's models are trained on ("V4A"): lines with ``+``, ``-`` or a space
before them, in sections that ``@@`` opens, followed by the name of what contains the section. A
section is found by its lines, exactly, or else ignoring white space at the ends of lines, or else
indentation, or else quotation marks and accents.  There must be exactly one place for it, otherwise
an error lists the lines: anchors and, in a diff of ``diff -u``, line numbers choose among equal
places. Headers of ``diff -u`` and of the whole ``*** Begin Patch`` envelope are skipped, since
models write them; they must name the file that the patch is for.
"""

import re
from collections.abc import Callable, Container, Iterator, Sequence

from attrs import evolve, field, frozen

from inhouse.core.errors import ToolError

from .alignment import Indents, folded
from .new_text import with_last_line_end, with_line_ends
from .replace import Replaced, listed

_END_OF_FILE = "*** End of File"
_NO_NEWLINE = "\\ No newline"
_BEGIN = "*** Begin Patch"
_FILE = re.compile(r"^\*\*\* (Update|Add|Delete) File: *(.*?) *$")
_MOVE = re.compile(r"^(?:\*\*\* Move to:|rename to ) *(.*?) *$")
_HEREDOC = re.compile(r"^(apply_patch\s+)?<<\s*['\"]?(\w+)['\"]?$")
_CLOSING = ("*** End Patch", "```")
_GIT_HEADER = re.compile(
    r"^(diff --git |index [0-9a-f]+\.\.|(new|deleted) file mode |(old|new) mode |similarity |```)"
)
_NUMBERS = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@ ?")
_KIND = {"Update": "update_file", "Add": "create_file", "Delete": "delete_file"}
_SHOWN = 8
"""How many lines of a section an error shows."""
_LOOKS: tuple[tuple[Callable[[str], str], str], ...] = (
    (lambda line: line, ""),
    (str.rstrip, ""),
    (str.strip, "matched with other indentation, which was kept"),
    (
        lambda line: folded(line.strip()).text,
        "matched with other quotation marks or accents; the file's own were kept",
    ),
)


IsOther = Callable[[str], bool]


@frozen
class _Section:
    anchors: tuple[str, ...]
    """The text after each ``@@``: the way down to the lines."""
    lines: tuple[tuple[str, str], ...]
    """Sign and text."""
    number: int | None = None
    """The first of its old lines in the numbering of ``diff -u``, from 0."""
    at_end: bool = False
    unended: frozenset[str] = frozenset()
    """Signs of the lines below which ``\\ No newline at end of file`` stands."""

    @property
    def old(self) -> tuple[str, ...]:
        return tuple(text for sign, text in self.lines if sign != "+")


@frozen
class _Chunk:
    start: int
    end: int
    new: tuple[str, ...] = field(repr=False)


@frozen
class _Found:
    """A possible place of a section, from 0, and how it was found."""

    section: _Section
    places: tuple[int, ...]
    note: str = ""


def check_target(diff: str, kind: str, path: str, *, is_other: IsOther = lambda _: False) -> None:
    """Refuse a patch for another file, for several, or for a move.

    *is_other* says whether a name is that of another existing file.
    """
    lines = _unwrapped(diff)
    if moves := [match[1] for line in lines if (match := _MOVE.match(line))]:
        raise ToolError(
            f"The patch moves the file to {moves[0]!r}, which apply_patch does not do: nothing was "
            "changed.  Create the new file and delete the old one, in two calls.",
            code="patch",
        )
    named = list(_named_files(lines))
    if len(named) > 1:
        raise ToolError(
            f"The patch is for {len(named)} files ({', '.join(name for _, name in named)}): "
            "nothing was changed.  Make one call for each file.",
            code="patch",
        )
    for wanted, name in named:
        if wanted is not None and _KIND[wanted] != kind:
            raise ToolError(
                f"The patch says '{wanted} File', but the operation's type is {kind!r}: nothing "
                f"was changed.  Send the type {_KIND[wanted]!r}, or another patch.",
                code="patch",
            )
        if not _same_file(name, path) or is_other(name):
            raise ToolError(
                f"The patch is for {name!r}, but the operation's path is {path!r}: nothing was "
                "changed.  Send the path that the patch is for.",
                code="patch",
            )


def created(diff: str) -> str:
    r"""Return the text of the file that *diff* creates; raises `ToolError`.

    It ends with a line break, unless the diff says ``\ No newline at end of file``.
    """
    lines = [each for each in _lines(diff) if not each.startswith(("@@", _NO_NEWLINE))]
    wrong = next((line for line in lines if line and line[0] != "+"), None)
    if wrong is not None:
        raise ToolError(
            f"In the diff of a new file every line starts with '+'; this one does not: {wrong!r}.",
            code="patch",
        )
    text = ("\r\n" if "\r\n" in diff else "\n").join(line[1:] for line in lines)
    return text if f"\n{_NO_NEWLINE}" in diff else with_last_line_end(text)


def updated(text: str, diff: str) -> Replaced:
    r"""Return *text* with *diff* applied; raises `ToolError`.

    Unchanged lines keep their line ends; new ones get those of the lines that they replace or
    follow.  The end of the text stays as it is, unless the diff changes it with ``\ No newline at
    end of file``.
    """
    rows = _rows(text)
    lines = [line for line, _ in rows]
    sections = _sections(_lines(diff), frozenset(lines))
    found = _placed([_candidates(lines, section) for section in sections])
    chunks: list[_Chunk] = []
    for each in found:
        chunks += _chunks(each.section, each.places[0], lines)
    usual = "\r\n" if "\r\n" in (diff if len(rows) == 1 else text) else "\n"
    for chunk in reversed(chunks):
        rows[chunk.start : chunk.end] = _ended(rows, chunk, usual)
    notes = dict.fromkeys(each.note for each in found if each.note)
    if rows and _ends_with_newline(lines, rows, found[-1]):
        rows.append(("", ""))
    elif len(rows) > 1 and not rows[-1][0] and _ends_without(lines, found[-1]):
        rows.pop()
    return Replaced(_joined(rows, usual), notes=tuple(notes))


_Row = tuple[str, str]
"""A line and its end; the last one has none, and is empty if the text ends with a line break."""


def _rows(text: str) -> list[_Row]:
    *whole, last = text.split("\n")
    ended = [(line[:-1], "\r\n") if line.endswith("\r") else (line, "\n") for line in whole]
    return [*ended, (last, "")]


def _ended(rows: Sequence[_Row], chunk: "_Chunk", usual: str) -> list[_Row]:
    """Give the new lines of a chunk the line ends of the old ones."""
    above = rows[max(chunk.start - 1, 0)][1] or usual
    old = "".join(line + (end or above) for line, end in rows[chunk.start : chunk.end])
    new = "".join(f"{line}\n" for line in chunk.new)
    return _rows(with_line_ends(old, new, usual=above == "\r\n"))[:-1]


def _joined(rows: Sequence[_Row], usual: str) -> str:
    parts: list[str] = []
    above = next((end for _, end in rows if end), usual)
    for line, end in rows[:-1]:
        above = end or above
        parts.append(line + above)
    return "".join((*parts, *(line for line, _ in rows[-1:])))


def _ends_with_newline(lines: Sequence[str], rows: Sequence[_Row], last: "_Found") -> bool:
    """Return whether a line break belongs at the end, if there is none now."""
    if last.section.unended and _reaches_end(lines, last):
        return last.section.unended == frozenset("-") and bool(lines[-1])
    # The diff removed an empty line that is only the end of the last one.
    return not lines[-1] and bool(rows[-1][0])


def _ends_without(lines: Sequence[str], last: "_Found") -> bool:
    return "+" in last.section.unended and _reaches_end(lines, last)


def _reaches_end(lines: Sequence[str], found: "_Found") -> bool:
    return found.places[0] + len(found.section.old) >= _end(lines)


def _lines(diff: str) -> list[str]:
    """Split the diff without its wrapping."""
    lines = _unwrapped(diff)
    at = 0
    while at < len(lines) and _wraps(lines, at):
        at += 1
    return lines[at:]


def _unwrapped(diff: str) -> list[str]:
    lines = [line.removesuffix("\r") for line in diff.split("\n")]
    while lines and not lines[0].strip():
        del lines[0]
    closing: list[str] = [*_CLOSING]
    if lines and (heredoc := _HEREDOC.match(lines[0].strip())):
        closing.append(heredoc[2])
        del lines[0]
    while lines and (not lines[-1] or lines[-1].strip() in closing):
        lines.pop()
    return lines


def _wraps(lines: Sequence[str], at: int) -> bool:
    line = lines[at]
    if line.startswith("--- "):
        return at + 1 < len(lines) and lines[at + 1].startswith("+++ ")
    if line.startswith("+++ "):
        return at > 0 and lines[at - 1].startswith("--- ")
    return bool(line.startswith(_BEGIN) or _FILE.match(line) or _GIT_HEADER.match(line))


def _named_files(lines: Sequence[str]) -> Iterator[tuple[str | None, str]]:
    """Yield each file that headers name, with what to do to it if they say so."""
    for at, line in enumerate(lines):
        if match := _FILE.match(line):
            yield match[1], match[2]
        elif line.startswith("--- ") and _is_header(lines, at):
            old, new = (each[4:].partition("\t")[0].strip() for each in (line, lines[at + 1]))
            if old == "/dev/null":
                yield "Add", new.removeprefix("b/")
            elif new == "/dev/null":
                yield "Delete", old.removeprefix("a/")
            elif old.startswith("a/") and new.startswith("b/"):
                yield None, new[2:]
            else:
                yield None, new


def _is_header(lines: Sequence[str], at: int) -> bool:
    """Return whether a line is a ``diff -u`` header, not a removed line that begins with dashes."""
    if not lines[at + 1 : at + 2] or not lines[at + 1].startswith("+++ "):
        return False
    below = lines[at + 2] if at + 2 < len(lines) else ""
    return at == 0 or _wraps(lines, at - 1) or below.startswith("@@ -")


def _same_file(named: str, path: str) -> bool:
    """Compare paths as models write them: with ``a/``, from another folder, or absolute."""
    name = named.strip("\"'`").replace("\\", "/").removeprefix("./")
    spellings = {name, name.partition("/")[2]} if name[:2] in {"a/", "b/"} else {name}
    return not name or any(
        each == path or path.endswith(f"/{each}") or each.endswith(f"/{path}") for each in spellings
    )


def _sections(lines: Sequence[str], in_file: Container[str]) -> list[_Section]:
    sections: list[_Section] = []
    anchors: list[str] = []
    number: int | None = None
    body: list[tuple[str, str]] = []
    unended: set[str] = set()
    for line in lines:
        at_end = line.strip() == _END_OF_FILE and line[1:] not in in_file
        if body and (at_end or line.startswith("@@")):
            made = _Section(tuple(anchors), tuple(body), number, at_end, frozenset(unended))
            sections.append(made)
            anchors, body, number, unended = [], [], None, set()
        if line.startswith(_NO_NEWLINE):
            unended |= {body[-1][0]} if body else set()
        elif numbers := _NUMBERS.match(line):
            # An addition without old lines goes below the line that the number names.
            number = int(numbers[1]) - (0 if numbers[2] == "0" else 1)
        elif line.startswith("@@"):
            anchors += _anchor(line)
        elif not at_end:
            body.append(_signed(line))
    if body:
        sections.append(_Section(tuple(anchors), tuple(body), number, unended=frozenset(unended)))
    if not any(sign != " " for section in sections for sign, _ in section.lines):
        raise ToolError(
            "The diff changes nothing: no line in it starts with '+' or '-'.", code="patch"
        )
    return sections


def _anchor(line: str) -> list[str]:
    anchor = line[2:].removesuffix("@@").removeprefix(" ")
    return [anchor] if anchor.strip(" .…") else []


def _signed(line: str) -> tuple[str, str]:
    if not line:
        return (" ", "")
    if line[0] not in "+- ":
        raise ToolError(
            f"Each line of the diff starts with '+', '-' or a space; this one does not: {line!r}.",
            code="patch",
        )
    return (line[0], line[1:])


def _candidates(lines: Sequence[str], section: _Section) -> _Found:
    """Return every possible place of a section.  Raises `ToolError` if there is none."""
    if not section.old:
        return _Found(section, _additions(lines, section))
    for look, note in _LOOKS:
        places = _matches(lines, section.old, look)
        if not places:
            continue
        if section.at_end:
            last = {_end(lines), len(lines)}
            places = [at for at in places if at + len(section.old) in last] or places
        if section.anchors:
            places = _below_anchors(lines, section, places)
        elif section.number is not None and len(places) > 1:
            places = _nearest(places, section.number)
        return _Found(section, tuple(places), note)
    place = f" below {section.anchors[-1]!r}" if section.anchors else ""
    raise ToolError(
        f"These lines of the diff are not in the file{place}:\n{_shown(section)}\n"
        "Read the file again and copy the lines exactly, in the order of the file.",
        code="patch",
    )


def _matches(lines: Sequence[str], old: Sequence[str], look: Callable[[str], str]) -> list[int]:
    wanted = [look(line) for line in old]
    seen = [look(line) for line in lines]
    last = len(lines) - len(old)
    return [
        at
        for at in range(last + 1)
        if seen[at] == wanted[0] and seen[at : at + len(wanted)] == wanted
    ]


def _additions(lines: Sequence[str], section: _Section) -> tuple[int, ...]:
    """Find the place of a section that has only new lines."""
    if section.at_end:
        return (_end(lines),)
    if section.anchors:
        ends = sorted({end for _, end in _chains(lines, section.anchors)})
        if not ends:
            raise _no_anchor(section)
        return tuple(end + 1 for end in ends)
    if section.number is not None:
        return (min(section.number, _end(lines)),)
    if not any(lines):
        return (0,)
    raise ToolError(
        f"The diff does not say where these lines go:\n{_shown(section)}\nGive the lines above or "
        "below them with a space in front, or end the section with '*** End of File'.",
        code="patch",
    )


def _below_anchors(lines: Sequence[str], section: _Section, places: list[int]) -> list[int]:
    """Keep the places that the anchors lead to, in order."""
    chains = _chains(lines, section.anchors)
    inside = [at for at in places if any(end <= at < _block_end(lines, end) for _, end in chains)]
    if inside:
        return inside
    if len(places) == 1 and len(section.anchors) == 1:
        return places  # The lines themselves are unambiguous.
    if not chains:
        raise _no_anchor(section)
    raise ToolError(
        f"These lines of the diff are not below {section.anchors[-1]!r}, but elsewhere in the "
        f"file, at lines {listed([at + 1 for at in places])}:\n{_shown(section)}\n"
        "Read the file again, and name what holds them.",
        code="patch",
    )


def _chains(lines: Sequence[str], anchors: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places of the first and last anchor, each below the one before."""
    for look, _ in _LOOKS:
        seen = [look(line) for line in lines]
        wanted = [look(anchor) for anchor in anchors]
        chains = [(at, at) for at, line in enumerate(seen) if line == wanted[0]]
        for anchor in wanted[1:]:
            chains = [
                (first, at)
                for first, above in chains
                for at in range(above + 1, _block_end(lines, above))
                if seen[at] == anchor
            ]
        if chains:
            return chains
    return []


def _block_end(lines: Sequence[str], anchor: int) -> int:
    """Return where the block that an anchor opens has certainly ended: at its next sibling.

    A sibling has the same indentation and begins with the same word, as the next ``def`` or
    ``class`` does, or the next heading.
    """
    own = lines[anchor]
    depth, word = _depth(own), _first_word(own)
    for at in range(anchor + 1, len(lines)):
        line = lines[at]
        if line.strip() and _depth(line) == depth and _first_word(line) == word:
            return at
    return len(lines)


def _depth(line: str) -> int:
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())


def _first_word(line: str) -> str:
    words = [word for word in line.split() if word not in _MODIFIERS]
    return words[0] if words else ""


_MODIFIERS = frozenset(
    (
        *("async", "export", "default", "public", "private", "protected", "internal", "static"),
        *("final", "abstract", "pub", "override", "virtual", "inline", "extern", "unsafe"),
        *("sealed", "partial", "open", "data"),
    )
)
"""Words that may precede the keyword of a declaration."""


def _nearest(places: list[int], number: int) -> list[int]:
    """Choose by the line number of ``diff -u``; equally near places stay ambiguous."""
    least = min(abs(at - number) for at in places)
    return [at for at in places if abs(at - number) == least]


def _placed(found: Sequence[_Found]) -> list[_Found]:
    """Choose a place for each section, in file order; there must be only one solution."""
    first = _in_order(found)
    last = _in_reverse(found)
    for each, early, late in zip(found, first, last, strict=True):
        if early != late:
            lines = [at + 1 for at in each.places if early <= at <= late]
            raise ToolError(
                f"These lines of the diff stand {len(lines)} times in the file, at lines "
                f"{listed(lines)}:\n{_shown(each.section)}\n"
                "Give more of the lines around them, or the name of what holds them after '@@'.",
                code="many_matches",
            )
    return [evolve(each, places=(at,)) for each, at in zip(found, first, strict=True)]


def _in_order(found: Sequence[_Found]) -> list[int]:
    """Return the first place of each section below the one before it.  Raises `ToolError`."""
    chosen: list[int] = []
    cursor = 0
    for each in found:
        at = next((at for at in each.places if at >= cursor), None)
        if at is None:
            raise ToolError(
                f"These lines of the diff are not in the file below those of the section before "
                f"it:\n{_shown(each.section)}\n"
                "Write the sections in the order of the file, and none of them twice.",
                code="patch",
            )
        chosen.append(at)
        cursor = at + len(each.section.old)
    return chosen


def _in_reverse(found: Sequence[_Found]) -> list[int]:
    """Return the last place of each section above the one after it; `_in_order` has found one."""
    chosen: list[int] = []
    limit = None
    for each in reversed(found):
        size = len(each.section.old)
        fitting = [at for at in each.places if limit is None or at + size <= limit]
        limit = fitting[-1]
        chosen.append(limit)
    return chosen[::-1]


def _end(lines: Sequence[str]) -> int:
    """Return the place after the last line."""
    return len(lines) - 1 if not lines[-1] else len(lines)


def _chunks(section: _Section, at: int, lines: Sequence[str]) -> list[_Chunk]:
    """Return the changes; new lines get the file's indentation if the section's differs."""
    old = section.old
    pairs = [
        (_indent(theirs), _indent(ours))
        for theirs, ours in zip(old, lines[at:], strict=False)
        if theirs.strip()
    ]
    indents = Indents(dict(reversed(pairs)))
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
            replaced = lines[start + len(new)] if start + len(new) < at else None
            new.append(_in_place(text, replaced, indents))
    return chunks


def _in_place(line: str, replaced: str | None, indents: Indents) -> str:
    """Give a new line the file's indentation, unless it has that of the line it replaces."""
    own = _indent(line)
    if not line.strip() or all(theirs == ours for theirs, ours in indents.known.items()):
        return line
    if replaced is not None and own == _indent(replaced):
        return line
    return indents.indentation(own) + line[len(own) :]


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _shown(section: _Section) -> str:
    shown = section.old or tuple(text for _, text in section.lines)
    return "\n".join((*shown[:_SHOWN], *(("…",) if len(shown) > _SHOWN else ())))


def _no_anchor(section: _Section) -> ToolError:
    way = " → ".join(map(repr, section.anchors))
    return ToolError(
        f"There is no {way} in the file, in this order: nothing was changed.  Copy whole lines of "
        "the file after '@@', or leave that out and give the lines around the change.",
        code="patch",
    )
