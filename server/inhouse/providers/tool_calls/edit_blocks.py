"""Edits in the form that models write best: a path on its own line, then a fenced block."""

import re
from collections.abc import Iterator
from typing import Any

from attrs import define, frozen

from inhouse.core.file_blocks import language_of, written_block

MOST_BLOCKS = 64
"""Of one answer."""
LONGEST_PATH = 300


@frozen
class Block:
    """A fenced block and its path."""

    path: str
    """Empty if there is none."""
    language: str
    body: str
    start: int
    """Where the path, or else the fence, begins."""
    end: int
    inner: tuple[int, int]
    """The range of the body."""
    lead: str = ""
    """The line above it, if that is more than a path."""


@frozen
class Replaced:
    """One SEARCH/REPLACE pair."""

    old: str
    new: str


_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})[ \t]*([^`\n]*)$")
_LABEL = re.compile(r"^(?:file(?:\s?name)?|path)\s*[:=]\s*", re.IGNORECASE)
_PATH = re.compile(r"(?:[\w@+~$.-]+[/\\])*[\w@+~$.\[\]-]+")
_BARE_NAMES = frozenset(
    {"makefile", "dockerfile", "license", "readme", "justfile", "procfile", "gemfile", "rakefile"}
)
_COMMENT = re.compile(r"^\s*(?:#|//|--|;|/\*+|<!--)\s*(.+?)\s*(?:\*/|-->)?\s*$")
_SEARCH = re.compile(
    r"^[ \t]*(?:<{4,}|-{4,}) ?(?:SEARCH|ORIGINAL|HEAD|OLD)\b[^\n]*$", re.IGNORECASE
)
_MIDDLE = re.compile(r"^[ \t]*={4,}[ \t]*$")
_REPLACE = re.compile(
    r"^[ \t]*(?:>{4,}|\+{4,})(?: ?(?:REPLACE|UPDATED|NEW)\b[^\n]*)?[ \t]*$", re.IGNORECASE
)
_LEFT_OUT = re.compile(
    r"^\s*(?:#|//|/\*|<!--|--|;|\{/\*)\s*(?:"
    r"(?:\.{3}|…)\s*\S*|"
    r".*\b(?:rest|remaining|remainder|existing|other|unchanged|previous)\b.*"
    r"\b(?:code|file|functions?|methods?|implementations?|lines|content|unchanged|same|here)\b.*"
    r"(?:\.{3}|…|unchanged|same|here)?)\s*(?:\*/|-->|\*/\})?\s*$",
    re.IGNORECASE,
)


def written_replacements(path: str, pairs: list[Replaced]) -> str:
    """Write replacements of one file as SEARCH/REPLACE blocks."""
    parts = [
        f"<<<<<<< SEARCH\n{_ended(pair.old)}=======\n{_ended(pair.new)}>>>>>>> REPLACE"
        for pair in pairs
    ]
    return written_block(path, "\n".join(parts))


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a text, in order, each with its path."""
    return list(_Scanner(text).blocks())


def replacements_in(body: str) -> list[Replaced] | None:
    """Return the SEARCH/REPLACE pairs of a block; None if there are none or they are incomplete."""
    pairs: list[Replaced] = []
    old: list[str] | None = None
    new: list[str] | None = None
    for line in body.splitlines(keepends=True):
        bare = line.rstrip("\r\n")
        if old is None:
            if _SEARCH.match(bare):
                old = []
        elif new is None:
            if _MIDDLE.match(bare):
                new = []
            else:
                old.append(line)
        elif _REPLACE.match(bare):
            pairs.append(Replaced("".join(old), "".join(new)))
            old = new = None
        else:
            new.append(line)
    if old is not None and new is not None:
        pairs.append(Replaced("".join(old), "".join(new)))  # its last line is missing
        old = None
    return pairs if pairs and old is None else None


def has_markers(body: str) -> bool:
    """Return whether a block was meant to hold SEARCH/REPLACE pairs."""
    return any(_SEARCH.match(line) for line in body.splitlines())


def left_out(body: str, known: str | None) -> str | None:
    """Return the line that stands for omitted code; None if there is none."""
    there = {line.strip() for line in (known or "").splitlines()}
    for line in body.splitlines():
        if _LEFT_OUT.match(line) and line.strip() not in there:
            return line.strip()
    return None


def without_left_out(body: str) -> str | None:
    """Return a block without the lines at its margin that stand for other code; None if none do."""
    lines = body.splitlines(keepends=True)
    kept = [line for line in lines if line[:1].isspace() or not _LEFT_OUT.match(line)]
    return None if len(kept) == len(lines) else "".join(kept)


def path_in(line: str) -> str:
    """Return the path that a line consists of; empty if it says anything else."""
    text = line.strip().lstrip("#*->").strip()
    text = re.sub(r"^\d+[.)]\s+", "", text)
    text = text.strip("*_ \t").rstrip(":").strip("*`'\" \t")
    text = _LABEL.sub("", text).strip("*`'\" \t").rstrip(":").strip("*`'\" \t")
    if (
        not text
        or len(text) > LONGEST_PATH
        or not _PATH.fullmatch(text)
        or text.endswith((".", "/"))
    ):
        return ""
    name = re.split(r"[/\\]", text)[-1]
    if "." in name.strip(".") or "/" in text or name.lower() in _BARE_NAMES or name[0] == ".":
        return text.replace("\\", "/").removeprefix("./")
    return ""


@define
class _Scanner:
    """Goes through the lines of a text once."""

    text: str

    def blocks(self) -> Iterator[Block]:
        lines = self.text.splitlines(keepends=True)
        starts: list[int] = []
        position = 0
        for line in lines:
            starts.append(position)
            position += len(line)
        starts.append(position)
        index = found = 0
        after = 0
        while index < len(lines) and found < MOST_BLOCKS:
            opening = _FENCE.match(lines[index].rstrip("\r\n"))
            if opening is None:
                index += 1
                continue
            path_line, above = _above(lines, index, after)
            language, told = _info(opening[2])
            if inside := _path_inside(lines, index, language):
                told, index = inside
                opening = _FENCE.match(lines[index].rstrip("\r\n")) or opening
                language = _info(opening[2])[0] or language
            close = _close(lines, index, opening[1], nested=_is_markdown(told or above, language))
            inner = starts[index + 1], starts[min(close, len(lines))]
            margin = len(opening[0]) - len(opening[0].lstrip(" "))
            body = _without_margin(self.text[inner[0] : inner[1]], margin)
            path = told or above
            first = path_line if path == above and above else index
            if not path:
                path, body = _first_comment(body)
            end = starts[min(close + 1, len(lines))]
            lead = "" if path else _line_above(lines, index, after)
            yield Block(path, language, body, starts[first], end, inner, lead)
            index = after = close + 1
            found += 1


def _above(lines: list[str], index: int, after: int) -> tuple[int, str]:
    """Look for a path on the line above a fence, or the one above an empty line."""
    for back in (1, 2):
        at = index - back
        if at < after:
            break
        if lines[at].strip():
            return at, path_in(lines[at])
    return index, ""


def _path_inside(lines: list[str], index: int, language: str) -> tuple[str, int] | None:
    """Find a path that was written inside the fence, perhaps with a second fence below it.

    Returns the path and the line above its text.  A list of paths is none.
    """
    path = path_in(lines[index + 1]) if index + 1 < len(lines) else ""
    if not path:
        return None
    below = lines[index + 2] if index + 2 < len(lines) else ""
    again = _FENCE.match(below.rstrip("\r\n"))
    if again is not None and again[2].strip():
        return path, index + 2
    known = language_of(path)
    if known and known == language.lower() and again is None and not path_in(below):
        return path, index + 1
    return None


def _without_margin(body: str, margin: int) -> str:
    """Remove the fence's own indentation, as in a list, from each line (CommonMark, 4.5)."""
    return re.sub(rf"^ {{1,{margin}}}", "", body, flags=re.MULTILINE) if margin else body


def _line_above(lines: list[str], index: int, after: int) -> str:
    above = (lines[at].strip() for at in (index - 1, index - 2) if at >= after)
    return next(filter(None, above), "")


def _info(info: str) -> tuple[str, str]:
    """Read the text after a fence: the language, and perhaps the path."""
    words = info.strip().strip("{}").split()
    language = words[0] if words else ""
    if ":" in language:
        language, _, rest = language.partition(":")
        words = [language, rest, *words[1:]]
    for word in words[1:]:
        named = re.sub(r"^(?:title|file|filename|path)=", "", word)
        if path := path_in(named):
            return language, path
    if "/" in language or re.fullmatch(r"[\w-]+\.\w+", language):
        return "", path_in(language)
    return language, ""


def _is_markdown(path: str, language: str) -> bool:
    return path.lower().endswith((".md", ".mdx")) or language.lower() in ("markdown", "md")


def _close(lines: list[str], opening: int, fence: str, *, nested: bool) -> int:
    """Return the line that closes a block; one behind the last where none does."""
    depth = 0
    for index in range(opening + 1, len(lines)):
        match = _FENCE.match(lines[index].rstrip("\r\n"))
        if match is None or match[1][0] != fence[0] or len(match[1]) < len(fence):
            continue
        if match[2].strip():
            depth += nested
        elif depth:
            depth -= 1
        else:
            return index
    return len(lines)


def _first_comment(body: str) -> tuple[str, str]:
    """Return the path in a comment on the first line, where some models put it."""
    line, newline, rest = body.partition("\n")
    match = _COMMENT.match(line)
    if match is None or not newline:
        return "", body
    path = path_in(match[1])
    return (path, rest) if path and "." in path else ("", body)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def plain_lines(text: Any) -> str:
    """Return a text without what differs in a quotation: blanks at the ends of lines."""
    return "\n".join(line.rstrip() for line in str(text).strip("\r\n").splitlines())
