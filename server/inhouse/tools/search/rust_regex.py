r"""A regular expression as ripgrep reads it, written for Python's `re`.  Pure.

Syntax: https://docs.rs/regex/latest/regex/#syntax, with ``^``, ``$`` and ``.`` as ripgrep's
``--crlf`` has them, and what its second engine (PCRE2) adds where Python has the same.
"""

import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from attrs import define, frozen

BEGIN = r"(?:\A|(?<=\n)|(?<=\r)(?!\n))"
END = r"(?:(?=\r)|(?<!\r)(?=\n)|\Z)"
_WORD_START, _WORD_END = r"(?<!\w)(?=\w)", r"(?<=\w)(?!\w)"
_PLACES = {
    r"\<": _WORD_START,
    r"\>": _WORD_END,
    r"\b{start}": _WORD_START,
    r"\b{end}": _WORD_END,
    r"\b{start-half}": r"(?<!\w)",
    r"\b{end-half}": r"(?!\w)",
    r"\z": r"\Z",
    r"\Z": r"(?=\n?\Z)",
    r"\R": r"(?:\r\n|[\n\r\f\x0b\x85\u2028\u2029])",
}
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\x0b\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_TOKEN = re.compile(
    r"""
    \\[pP](?:\{(?P<long>[^}]*)\}|(?P<short>\w))
  | \\[xuU]\{(?P<code>[0-9A-Fa-f]{1,8})\}
  | \\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})
  | \\b\{[a-z-]+\}
  | \\.
  | \(\?P?<(?P<name>[A-Za-z_]\w*)>
  | \(\?(?P<flags>[a-zA-Z]*(?:-[a-zA-Z]+)?)(?P<scoped>[:)])
  | \(\?(?:P[=>]|<?[=!]|[>#|])
  | .
    """,
    re.VERBOSE | re.DOTALL,
)
_CLASS_TOKEN = re.compile(
    r"""
    \[:(?P<not>\^?)(?P<posix>[a-z]+):\]
  | \\[pP](?:\{(?P<long>[^}]*)\}|(?P<short>\w))
  | \\[xuU]\{(?P<code>[0-9A-Fa-f]{1,8})\}
  | \\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})
  | \\.
  | &&|--|~~
  | .
    """,
    re.VERBOSE | re.DOTALL,
)
_NESTED = re.compile(r"\[(?!\^)[^\[\]\\]*\](?=[^\[]*\])")


@define
class _Group:
    dot_all: bool
    flags: tuple[str, ...] = ()
    """Flags that hold to its end: each is a group of Python's within it."""


@frozen
class Translated:
    """An expression for Python."""

    text: str
    may_cross: bool
    """It may match over a line end, as far as ripgrep can tell; else it searches line by line."""


def translated(pattern: str, *, dot_all: bool = False) -> Translated:
    """Translate; *dot_all* lets ``.`` match line ends.

    Raises `re.error` for what only ripgrep can do.
    """
    parts: list[str] = []
    groups = [_Group(dot_all)]
    at, crosses = 0, "\n" in pattern
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        assert token is not None  # noqa: S101  it takes any character
        text, group = token[0], groups[-1]
        at = token.end()
        if text == "[":
            found, at = _class(pattern, at)
            parts.append(found)
            crosses = crosses or re.fullmatch(found, "\n") is not None
        elif text == ".":
            parts.append(r"(?s:.)" if group.dot_all else r"[^\r\n]")
            crosses = crosses or group.dot_all
        elif text in {"^", "$"}:
            parts.append(BEGIN if text == "^" else END)
            crosses = True
        elif text == "|":
            parts.append(")" * len(group.flags) + "|" + "".join(group.flags))
        elif text == ")":
            parts.append(")" * len(group.flags) + ")")
            groups = groups[:-1] or groups
        elif token["scoped"]:
            parts.append(_flags(token["flags"], token["scoped"], groups))
        elif text.startswith("("):
            groups.append(_Group(group.dot_all))
            parts.append(f"(?P<{token['name']}>" if token["name"] else text)
            crosses = crosses or (text != "(" and not token["name"])
        else:
            parts.append(_escape(text, token))
            crosses = crosses or (text[0] == "\\" and _crosses(text, parts[-1]))
    return Translated("".join(parts) + ")" * len(groups[0].flags), crosses)


def _crosses(escape: str, found: str) -> bool:
    """Return whether an escape may match a line end; one that PCRE2 alone knows counts too."""
    if escape[1].isdigit() or escape in {r"\R", r"\Z", r"\h", r"\H"}:
        return True
    return escape not in _PLACES and re.fullmatch(found, "\n") is not None


def _flags(letters: str, scoped: str, groups: list[_Group]) -> str:
    """Take ``(?i)``, which holds to the end of its group, or open ``(?i:``."""
    on, _, off = letters.partition("-")
    if set(on) - set("imsxuR") or set(off) - set("imsxR"):
        raise re.error(f"flags that are not known here: (?{letters}")
    dot_all = ("s" in on or groups[-1].dot_all) and "s" not in off
    ours = "".join(each for each in on if each in "ix")
    theirs = "".join(each for each in off if each in "ix")
    opening = f"(?{ours}{'-' + theirs if theirs else ''}:" if ours or theirs else "(?:"
    if scoped == ":":
        groups.append(_Group(dot_all))
        return opening
    groups[-1].dot_all = dot_all
    groups[-1].flags += (opening,)
    return opening


def _escape(text: str, token: re.Match[str]) -> str:
    if text in _PLACES:
        return _PLACES[text]
    if text in {r"\h", r"\H"}:
        return r"[ \t]" if text == r"\h" else r"[^ \t]"
    if text in {r"\K", r"\G", r"\Q", r"\E", r"\C", r"\X"}:
        raise re.error(f"{text} is not known here")
    if token["code"]:
        return re.escape(_letter(token["code"]))
    if token["long"] or token["short"]:
        sign = "^" if (text[1] == "P") != (token["long"] or "").startswith("^") else ""
        return f"[{sign}{_category((token['long'] or token['short']).removeprefix('^'))}]"
    return text


def _class(pattern: str, at: int) -> tuple[str, int]:
    """Translate what stands in brackets, from *at* on; return it and where it ends."""
    sign = "^" if pattern[at : at + 1] == "^" else ""
    at += len(sign)
    start, parts = at, list[str]()
    while at < len(pattern) and (pattern[at] != "]" or at == start):
        token = _CLASS_TOKEN.match(pattern, at)
        assert token is not None  # noqa: S101  it takes any character
        if not token["posix"] and (nested := _NESTED.match(pattern, at)):
            parts.append(_class(pattern, at + 1)[0][1:-1])
            at = nested.end()
            continue
        at = token.end()
        parts.append(_in_class(token, is_first=token.start() == start))
    if at >= len(pattern):
        raise re.error("unclosed character class")
    return f"[{sign}{''.join(parts)}]", at + 1


def _in_class(token: re.Match[str], *, is_first: bool) -> str:
    text = token[0]
    if token["posix"]:
        if token["posix"] not in _CLASSES or token["not"]:
            raise re.error(f"{text} is not known here")
        return _CLASSES[token["posix"]]
    if token["code"]:
        return re.escape(_letter(token["code"]))
    if token["long"] or token["short"]:
        if text[1] == "P":
            raise re.error(f"{text} in brackets is not known here")
        return _category(token["long"] or token["short"])
    if text in {r"\h", r"\<", r"\>"}:
        return r" \t" if text == r"\h" else text[1]
    if text in {"&&", "~~"} or (text == "--" and not is_first):
        raise re.error(f"{text} in brackets is not known here")
    return "\\[" if text == "[" else text


def _letter(code: str) -> str:
    number = int(code, 16)
    if number > sys.maxunicode:
        raise re.error(f"there is no character {code}")
    return chr(number)


_LONG_NAMES = {
    "letter": "L",
    "alphabetic": "L",
    "alpha": "L",
    "uppercase": "Lu",
    "uppercase_letter": "Lu",
    "upper": "Lu",
    "lowercase": "Ll",
    "lowercase_letter": "Ll",
    "lower": "Ll",
    "number": "N",
    "punctuation": "P",
    "punct": "P",
    "symbol": "S",
    "separator": "Z",
    "mark": "M",
    "control": "Cc",
    "cntrl": "Cc",
}


@lru_cache(maxsize=16)
def _category(name: str) -> str:
    r"""Return the characters of a general category (``\p{Lu}``), as they stand in brackets."""
    wanted = _LONG_NAMES.get(name.lower().replace(" ", "_"), name)
    known = re.fullmatch(r"[LMNPSZC][a-z]?", wanted) is not None
    found = _ranges(wanted) if known else ()
    ranges = [f"{re.escape(chr(a))}-{re.escape(chr(b))}" for a, b in found]
    if not ranges:
        raise re.error(f"\\p{{{name}}} is not known here")
    return "".join(ranges)


def _ranges(category: str) -> Iterator[tuple[int, int]]:
    start: int | None = None
    for code in range(sys.maxunicode + 2):
        inside = code <= sys.maxunicode and unicodedata.category(chr(code)).startswith(category)
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            yield start, code - 1
            start = None
