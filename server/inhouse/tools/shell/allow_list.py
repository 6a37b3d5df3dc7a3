"""Which commands run without a question: those that the user's list names.

An entry is a command of the workspace's root, or ``cd FOLDER && …`` of another folder of it.
It allows:

- its own text, whatever is in it: the user wrote it;
- where it is plain words that begin a program whose options are known (`known_options`): more
  words after them that are known to read only, and name no file that a tool may not read;
- where it ends in `` *``: also, for a program whose options are not known, more words that are
  no options.

A program whose options are known is then started without a shell, from its place on the ``PATH``
outside of the workspace (`listed_program`).
"""

import re
import shlex
from collections.abc import Callable, Sequence

from attrs import frozen

from .known_options import known

_SPECIAL = re.compile(r"[;&|<>()$`\\!{}*?\[\]~#^%\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*\+?=")
_ELSEWHERE = re.compile(r"^cd +(?P<folder>\S+) +&& +(?P<command>.+)$", re.DOTALL)


@frozen
class Listed:
    """What the list allows."""

    argv: tuple[str, ...] | None = None
    """The program and arguments, to be started without a shell; None for the text as it is."""


def find_listed(
    command: str,
    allowed: Sequence[str],
    *,
    folder: str = "",
    may_name: Callable[[str], bool] = lambda _: True,
) -> Listed | None:
    """Return how the list allows *command* in *folder* (from the root, with slashes), or None.

    *may_name* says whether an argument may name a path: the user wrote the entry, but the words
    after it come from a model.
    """
    command = command.strip(" \t\n")
    words = plain_words(command)
    found: Listed | None = None
    for entry in allowed:
        place, text = _parts(entry)
        if place != folder or not text or not command:
            continue
        if text == command:
            # Known programs are safer without a shell and without the repository's programs.
            return Listed(words) if words and _reads_only(words) else Listed()
        if words is not None and found is None and _begins(text, words, may_name):
            found = Listed(words if known(words) is not None else None)
    return found


def plain_words(command: str) -> tuple[str, ...] | None:
    """Split a command that is one program with arguments and has no shell syntax."""
    if _SPECIAL.search(command) or not command.strip():
        return None
    try:
        words = tuple(shlex.split(command))
    except ValueError:
        return None
    return None if not words or _ASSIGNMENT.match(words[0]) else words


def _parts(entry: str) -> tuple[str, str]:
    entry = entry.strip()
    found = _ELSEWHERE.match(entry)
    if found is None:
        return "", entry
    return found["folder"].removeprefix("./").rstrip("/"), found["command"].strip()


def _begins(entry: str, words: tuple[str, ...], may_name: Callable[[str], bool]) -> bool:
    start = plain_words(entry.removesuffix(" *"))
    if not start or words[: len(start)] != start:
        return False
    more = words[len(start) :]
    if not all(may_name(path) for word in more for path in _paths(word)):
        return False
    if known(words) is not None:
        return _reads_only(words)
    is_open = entry.endswith(" *") and words[0] not in {"git", "sudo", "env"}
    return is_open and not any(each.startswith("-") or "=" in each for each in more)


def _reads_only(words: Sequence[str]) -> bool:
    found = known(words)
    if found is None:
        return False
    options, named = found
    rest = words[named:]
    # A Git format can ask for a signature, which starts a program.
    return options.allows(rest) and not any("%G" in each for each in rest)


def _paths(word: str) -> list[str]:
    """Return the possible paths in an argument: ``x``, ``--output=x``, ``-ox``, ``HEAD:x``."""
    if not word.startswith("-"):
        found = [word]
    elif "=" in word:
        found = [word.partition("=")[2]]
    else:
        found = [word[2:]] if len(word) > 2 and word[1] != "-" else []  # noqa: PLR2004  -o and more
    found += [each.partition("=")[2] for each in found if "=" in each]
    found += [part for each in found if ":" in each for part in each.split(":")]
    return [each for each in found if each]
