r"""Turns a model's text into a file's text: line ends, last line, no wrapping fence."""

import re
from bisect import bisect_left
from collections.abc import Sequence

from inhouse.core.errors import ToolError
from inhouse.core.hunks import changed_lines, lines
from inhouse.core.unicode import clean_text

_FENCE = re.compile(r"```[a-zA-Z]*\n(.*)\n```\s*", re.DOTALL)
_MARKDOWN = (".md", ".markdown", ".mdx", ".mdc", ".qmd", ".rmd")
_TEX = (".tex", ".sty", ".cls", ".ltx", ".bib")
_PROSE = (*_MARKDOWN, *_TEX, ".txt", ".rst", ".adoc", ".org")
_QUOTED = re.compile(
    r"""(?<!\\)"(?:[^"\\]|\\.)*"|(?<!\\)'(?:[^'\\]|\\.)*'"""
    r"""|(?<![\\`])`(?!`)(?:[^`\\]|\\.)*`(?!`)"""
)
_ESCAPED_BREAK = re.compile(r"(?<!\\)\\n")
"""As a text's own line breaks look if it was escaped twice; those in its strings have more."""
_NO_BREAK = re.compile(
    r"(?<![\w)\]}:;>\"'.])(?<!\*/)\\n(?!\\n|\\t|\t|  |$)"  # within a line: {\nabla}, /\n/
    r"|\b\w:\\n"  # C:\new
    r"""|\\(?![nrtbfu"/\\'])"""  # \s, \U: no escape of JSON
)
_IS_LINE = re.compile(r"\S\s+\S|[:;,{}()\[\]>]\s*$")
"""More than one word, or the end of a line of code."""


def whole_text(old: str | None, content: str, *, name: str) -> tuple[str, tuple[str, ...]]:
    """Return the text that *content* means for a file, and what the model should be told.

    As in Codebuff, a line break at the beginning is removed, and in a new file also a code fence
    around the whole text; a new file ends with a line break.  Raises `ToolError` if the text was
    escaped twice.
    """
    twice = not name.lower().endswith(_TEX) and _is_escaped_twice(content)
    if twice and not _ESCAPED_BREAK.search(old or ""):
        raise ToolError(
            "Nothing was written: the text is one line, with the two characters \\n where line "
            "breaks seem to be meant.  Send real ones (\\n in JSON, not \\\\n).  If one line is "
            "meant, end it with an empty line."
        )
    if content.startswith("\n") and not (old or "").startswith(("\n", "\r\n")):
        content = content[1:]
    if old is not None:
        return with_line_ends(old, _with_stray_bytes(old, content)), ()
    notes: tuple[str, ...] = ()
    fenced = None if name.lower().endswith(_MARKDOWN) else _FENCE.fullmatch(content)
    if fenced is not None:
        content = fenced[1]
        notes = ("The code fence around the whole text was taken off.",)
    return with_last_line_end(content), notes


def _is_escaped_twice(text: str) -> bool:
    """Return whether a text of one line is surely several: each break is where a line may end."""
    if "\n" in text:
        return False
    bare = _QUOTED.sub('""', text).replace("\\\\", "")
    parts = bare.split("\\n")
    lines_in = sum(_IS_LINE.search(part) is not None for part in parts)
    return len(parts) > 2 and lines_in > 1 and not _NO_BREAK.search(bare)  # noqa: PLR2004


def is_prose(name: str) -> bool:
    """Return whether the lines of a file of this name are no code."""
    return name.lower().endswith(_PROSE)


def with_last_line_end(text: str) -> str:
    """End the last line of a new file like its other lines."""
    if not text or text.endswith("\n"):
        return text
    return text + ("\r\n" if "\r\n" in text else "\n")


def with_line_ends(original: str, new: str, *, usual: bool | None = None) -> str:
    r"""Give *new*, written with ``\n``, the line ends of the text it is made from.

    Lines that are equal keep theirs; one that replaces another gets the end of that; one that is
    added gets the end of the line above it.  A text that has ``\r\n`` itself is left alone. *usual*
    says whether other lines end in ``\r\n``.
    """
    if ("\r\n" not in original and not usual) or "\r\n" in new or "\n" not in new:
        return new
    default = True if usual is None else usual
    old_lines, new_lines = lines(original), lines(new)
    plain = [line.removesuffix("\r\n") + "\n" if _is_crlf(line) else line for line in old_lines]
    result: list[str] = []
    at = 0
    for start, end, new_start, new_end in changed_lines(plain, new_lines):
        result += old_lines[at:start]
        for number, line in enumerate(new_lines[new_start:new_end]):
            model = _model_line(old_lines, start, end, number, default=default)
            result.append(line[:-1] + "\r\n" if line.endswith("\n") and model else line)
        at = end
    return "".join((*result, *old_lines[at:]))


def spliced(original: str, pieces: Sequence[tuple[int, int, str]]) -> str:
    r"""Insert new pieces in their places and change nothing else.

    Each piece is a start, an end and a new text, top to bottom, where ``\r\n`` counts as the one
    character ``\n``.  The new lines get line ends as in `with_line_ends`.
    """
    breaks = [match.start() - at for at, match in enumerate(re.finditer("\r\n", original))]
    parts: list[str] = []
    done = 0
    for start, end, new in pieces:
        first, last = start + bisect_left(breaks, start), end + bisect_left(breaks, end)
        line = original.rfind("\n", 0, first) + 1
        head = original[line:first]
        # Other lines end like the one in which the piece ends, or else the one before it.
        near = original.find("\n", last)
        near = line - 1 if near < 0 else near
        usual = original[max(near - 1, 0) : near + 1] == "\r\n"
        made = with_line_ends(original[line:last], head + new, usual=usual)
        parts += (original[done:first], made[len(head) :])
        done = last
    return "".join((*parts, original[done:]))


def _with_stray_bytes(old: str, content: str) -> str:
    """Restore bytes that could not be shown in lines that are otherwise unchanged."""
    own = {clean_text(line): line for line in lines(old) if clean_text(line) != line}
    if not own:
        return content
    return "".join(own.get(line, line) for line in lines(content))


def _model_line(old_lines: list[str], start: int, end: int, number: int, *, default: bool) -> bool:
    r"""Return whether the line that decides ends in ``\r\n``."""
    near = (start + number,) if start + number < end else ()
    for at in (*near, *range(end - 1, -1, -1), end):
        if at < len(old_lines) and old_lines[at].endswith("\n"):
            return _is_crlf(old_lines[at])
    return default


def _is_crlf(line: str) -> bool:
    return line.endswith("\r\n")
