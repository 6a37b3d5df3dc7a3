"""One line of an ignore file as Git matches it (gitignore(5), wildmatch): pure."""

import re
from collections.abc import Sequence

from attrs import field, frozen


@frozen
class Pattern:
    """A line of an ignore file."""

    line: str
    regex: re.Pattern[str] = field(repr=False)
    negated: bool
    folders_only: bool

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Match a path relative to the file's folder: exactly this path, not what is in it."""
        fits = is_folder or not self.folders_only
        return fits and self.regex.fullmatch(_as_bytes(path)) is not None


def deciding(patterns: Sequence[Pattern], path: str, *, is_folder: bool) -> Pattern | None:
    """Return the last pattern that matches."""
    return next((e for e in reversed(patterns) if e.matches(path, is_folder=is_folder)), None)


def pattern_of(line: str) -> Pattern | None:
    """Read a line; None if it has no pattern, or none that Git could match."""
    text = _TRAILING_SPACES.sub("", line)
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    text = text[1:] if negated else text
    folders_only = text.endswith("/")
    text = text[:-1] if folders_only else text
    rooted = "/" in text
    text = text.removeprefix("/")
    if not text:
        return None
    try:
        body = _translated(_as_bytes(text), with_folders=rooted)
        regex = re.compile(body if rooted else f"(?:.*/)?{body}", re.DOTALL)
    except (ValueError, re.error):
        return None
    return Pattern(line, regex, negated, folders_only)


_TRAILING_SPACES = re.compile(r"(?<!\\) +$")
_STARS = re.compile(r"\*{2,}(?:(?P<slash>/)|$)")
_SPECIAL = re.compile(r"[*?\[\\]|$")


def _as_bytes(text: str) -> str:
    """Return a character for each UTF-8 byte, since ``?`` and ``[!a]`` match bytes."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def _translated(text: str, *, with_folders: bool) -> str:
    """Translate to a regular expression.  Raises `ValueError` for what Git never matches."""
    parts: list[str] = []
    # Git compares what precedes the first special character separately: stars start afresh there.
    special = _SPECIAL.search(text)
    first = special.start() if special else 0
    at = 0
    while at < len(text):
        letter = text[at]
        begins = with_folders and (at == first or text[at - 1] == "/")
        if begins and (match := _STARS.match(text, at)):
            parts.append("(?:.*/)?" if match["slash"] else ".*")
            at = match.end()
        elif letter == "*":
            parts.append("[^/]*")
            at += len(text[at:]) - len(text[at:].lstrip("*"))
        elif letter == "?":
            parts.append("[^/]")
            at += 1
        elif letter == "[":
            found, at = _letters(text, at)
            parts.append(found)
        elif letter == "\\":
            if at + 1 == len(text):
                raise ValueError("nothing follows the backslash")
            parts.append(re.escape(text[at + 1]))
            at += 2
        else:
            parts.append(re.escape(letter))
            at += 1
    return "".join(parts)


def _letters(text: str, at: int) -> tuple[str, int]:
    """Translate a bracket expression such as ``[a-z]``; return it and its end."""
    at += 1
    sign = "^" if text[at : at + 1] in {"!", "^"} else ""
    at += len(sign)
    start, letters, low = at, list[str](), ""
    while at < len(text) and (text[at] != "]" or at == start):
        if named := _CLASS.match(text, at):
            if named[1] not in _CLASSES:
                raise ValueError("there is no such class of letters")
            letters.append(_CLASSES[named[1]])
            at, low = named.end(), ""
            continue
        is_range = text[at] == "-" and bool(low) and text[at + 1 : at + 2] not in {"", "]"}
        at += 1 if is_range else 0
        at += 1 if text[at] == "\\" else 0
        if at >= len(text):
            break
        if is_range:  # A reversed range contains only its first letter.
            letters += [f"{re.escape(low)}-{re.escape(text[at])}"] if low <= text[at] else []
        else:
            letters.append(re.escape(text[at]))
        low = "" if is_range else text[at]
        at += 1
    if at >= len(text):
        raise ValueError("the bracket is not closed")
    return f"(?!/)[{sign}{''.join(letters)}]", at + 1


_CLASS = re.compile(r"\[:([^\]]*):\]")
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "digit": "0-9",
    "lower": "a-z",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}
