"""Which commands run without a question: those that the user's list names.

An entry allows exactly what it says; where it is plain words, it also allows more plain words
after them (``git log`` allows ``git log --oneline``, not ``git push``).  Anything that a shell
would expand, join or redirect makes a command match only an entry that is the very same text.
"""

import re
import shlex
from collections.abc import Callable, Sequence

_SPECIAL = re.compile(r"[;&|<>()$`\\!{}*?\[\]~#^%\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*\+?=")


def is_listed(
    command: str, allowed: Sequence[str], *, may_name: Callable[[str], bool] = lambda _: True
) -> bool:
    """Tell whether the list allows *command*.

    *may_name* tells whether an argument may name that path: what the user wrote is theirs,
    but the words after it come from a model.
    """
    command = command.strip(" \t\n")
    if not command:
        return False
    if any(command == entry.strip() for entry in allowed):
        return True
    words = plain_words(command)
    if words is None:
        return False
    for entry in allowed:
        start = plain_words(entry.strip().removesuffix(" *"))
        if start and words[: len(start)] == start:
            return all(may_name(path) for word in words[len(start) :] for path in _paths(word))
    return False


def plain_words(command: str) -> tuple[str, ...] | None:
    """Split a command that is one program and its arguments, with nothing for a shell to do."""
    if _SPECIAL.search(command) or not command.strip():
        return None
    try:
        words = tuple(shlex.split(command))
    except ValueError:
        return None
    return None if not words or _ASSIGNMENT.match(words[0]) else words


def _paths(word: str) -> list[str]:
    """Give what in an argument may be a path: ``x``, ``--output=x`` and ``-ox``."""
    if not word.startswith("-"):
        found = [word]
    elif "=" in word:
        found = [word.partition("=")[2]]
    else:
        found = [word[2:]] if len(word) > 2 and word[1] != "-" else []  # noqa: PLR2004  -o and more
    found += [each.partition("=")[2] for each in found if "=" in each]
    return [each for each in found if each]
