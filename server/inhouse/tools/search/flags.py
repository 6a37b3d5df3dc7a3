"""The ripgrep flags that a model may use: only those that choose lines and files."""

import re
import shlex
from collections.abc import Sequence

from attrs import frozen

from inhouse.core.errors import ToolError

_SWITCHES = {
    "-i": "--ignore-case",
    "-s": "--case-sensitive",
    "-S": "--smart-case",
    "-w": "--word-regexp",
    "-x": "--line-regexp",
    "-F": "--fixed-strings",
    "-v": "--invert-match",
    "-U": "--multiline",
    "-P": "--pcre2",
    "-l": "--files-with-matches",
    "-c": "--count",
}
_LONG_SWITCHES = {*_SWITCHES.values(), "--multiline-dotall", "--crlf", "--no-ignore-case"}
_VALUES = {
    "-A": "--after-context",
    "-B": "--before-context",
    "-C": "--context",
    "-g": "--glob",
    "-t": "--type",
    "-T": "--type-not",
    "-m": "--max-count",
    "-d": "--max-depth",
}
_LONG_VALUES = {*_VALUES.values(), "--iglob"}
_NUMBERS = {"--after-context", "--before-context", "--context", "--max-count", "--max-depth"}
_USELESS = {"-n", "-H", "-N", "-R", "--line-number", "--with-filename", "--no-heading"} | {
    *("--heading", "--column", "--hidden", "-.", "--color=never", "--color=auto", "--no-messages"),
    *("--recursive", "-a", "--text"),
    # Habits from grep: either the default here, or with another meaning in ripgrep.
    *("-r", "-E", "-G", "-I", "--extended-regexp", "--basic-regexp", "--dereference-recursive"),
    *("-h", "-o", "--no-filename", "--only-matching", "--color", "--color=always", "."),
}
_OF_GREP = {
    "--include": "",
    "--exclude": "!",
    "--exclude-dir": "!",
}
"""grep's flags with a file pattern, and ripgrep's equivalent."""
_MOST_CONTEXT = 100


@frozen
class Flags:
    """The flags of a search."""

    arguments: tuple[str, ...] = ()
    """For ripgrep, long and with ``=``."""
    files_only: bool = False
    counts_only: bool = False
    per_file: int | None = None

    def has(self, name: str) -> bool:
        return name in self.arguments

    @property
    def after(self) -> int:
        """Lines that are shown below a match."""
        return context(self.arguments, "after")


def context(arguments: Sequence[str], side: str) -> int:
    """Return how many lines are shown ``before`` or ``after`` a match; ``-A`` and ``-B`` win."""
    own = number(arguments, f"--{side}-context")
    return (number(arguments, "--context") or 0) if own is None else own


def number(arguments: Sequence[str], name: str) -> int | None:
    """Return the number of a flag; None if it is not given."""
    values = [each.partition("=")[2] for each in arguments if each.startswith(f"{name}=")]
    return int(values[-1]) if values else None


def read_flags(text: str) -> Flags:
    """Split *text* like a shell; raises `ToolError` for a flag that a model may not use."""
    try:
        words = shlex.split(text.replace("\\", "\\\\"))
    except ValueError as error:
        raise ToolError(f"The flags {text!r} cannot be read: {error}.", code="flags") from None
    arguments: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if re.fullmatch(r"-\d+", word):
            word = f"-C{word[1:]}"
        if word in _USELESS:
            continue
        arguments.append(_long(word, waiting) if word.startswith("--") else _short(word, waiting))
    arguments = [each for each in arguments if each]
    return Flags(
        tuple(each for each in arguments if not each.startswith(_OURS)),
        files_only="--files-with-matches" in arguments,
        counts_only="--count" in arguments,
        per_file=number(arguments, "--max-count"),
    )


_OURS = ("--files-with-matches", "--count", "--max-count=")


def _long(word: str, waiting: list[str]) -> str:
    name, equals, value = word.partition("=")
    if name in _LONG_SWITCHES and not equals:
        return name
    if name in _OF_GREP:
        pattern = value if equals else _next(name, waiting)
        return _with_value("--glob", _OF_GREP[name] + pattern)
    if word == "--perl-regexp":
        return "--pcre2"
    if name in _LONG_VALUES:
        return _with_value(name, value if equals else _next(name, waiting))
    raise _refused(word)


def _short(word: str, waiting: list[str]) -> str:
    """Read ``-i``, ``-tpy``, ``-A 3`` and bundles such as ``-in``."""
    if not word.startswith("-") or word == "-":
        raise ToolError(
            f"{word!r} is not a flag.  Give a folder as 'cwd', and files as '-g PATTERN'.",
            code="flags",
        )
    letter, rest = word[:2], word[2:]
    if letter in _VALUES:
        return _with_value(_VALUES[letter], rest.removeprefix("=") or _next(letter, waiting))
    if letter not in _SWITCHES and letter not in _USELESS:
        raise _refused(word)
    if rest:
        waiting.insert(0, f"-{rest}")
    return _SWITCHES.get(letter, "")


def _next(name: str, waiting: list[str]) -> str:
    if not waiting:
        raise ToolError(f"The flag {name} needs a value.", code="flags")
    return waiting.pop(0)


def _with_value(name: str, value: str) -> str:
    if name in _NUMBERS:
        if not value.isascii() or not value.isdigit():
            raise ToolError(f"The flag {name} takes a number, not {value!r}.", code="flags")
        if "context" in name:
            value = str(min(int(value), _MOST_CONTEXT))
    elif "\0" in value or "\n" in value:
        raise ToolError(f"The value of {name} has a control character in it.", code="flags")
    return f"{name}={value}"


def _refused(word: str) -> ToolError:
    offered = " ".join((*_SWITCHES, *(f"{each} N" for each in ("-A", "-B", "-C", "-m", "-d"))))
    return ToolError(
        f"The flag {word!r} is not offered.  Offered: {offered} -g GLOB -t TYPE -T TYPE "
        "--iglob GLOB --multiline-dotall.",
        code="flags",
    )
