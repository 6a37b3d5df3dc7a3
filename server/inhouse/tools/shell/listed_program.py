"""A listed program, hardened so that it can be started without a question."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from inhouse.core.errors import ToolError
from inhouse.core.protected_files import protected_names
from inhouse.processes import find_program
from inhouse.tools.hardened_git import ask_git, hardened_variables, without_protected

from .known_options import LOG_WITHOUT_FILES

_SHOWS_FILES = frozenset({"diff", "log", "show", "grep"})
_TAKES_OBJECTS = frozenset({"diff", "show", "grep"})
"""They show files and folders that are named by their hash, or by a tag; others only commits."""
_RANGE = re.compile(r"\.{2,3}")
_SUBMODULES = {"status": ("--ignore-submodules=all",), "diff": ("--ignore-submodules=all",)}
_LIBRARIES = frozenset({"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"})
"""Variables that may name a folder of the workspace, whose code a program would load."""
_PLAIN_DIFF = ("--no-ext-diff", "--no-textconv")
_GIT_OPTIONS = {
    **dict.fromkeys(("diff", "log", "show"), _PLAIN_DIFF),
    # Of a file that the configuration names, an error would show a line.
    "blame": ("--no-textconv", "--no-ignore-revs-file"),
    "grep": ("--no-textconv",),
}


@frozen
class Program:
    """The program to start."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]


async def prepared(
    argv: Sequence[str],
    *,
    roots: Sequence[Path],
    cwd: Path,
    environment: Mapping[str, str],
) -> Program | None:
    """Find and harden a known program; None if it is not installed outside *roots*.

    Raises `ToolError` if Git would show an object whose path is not known.
    """
    name, *rest = argv
    environment = {key: text for key, text in environment.items() if key not in _LIBRARIES}
    found = find_program(name, outside=roots)
    if found is None:
        return None
    if name == "git":
        variables = await hardened_variables(found, cwd, environment)
        is_file = rest[0] in _TAKES_OBJECTS and await _names_file(found, rest[1:], cwd, variables)
        git = (found, "--no-optional-locks", *_git(rest, is_file=is_file))
        return Program(git, variables)
    return Program((found, *_without_protected(name), *rest), environment)


async def _names_file(
    git: str, words: Sequence[str], cwd: Path, variables: Mapping[str, str]
) -> bool:
    """Return whether words name a committed file (``REVISION:PATH``).

    Raises `ToolError` if one names a file or folder by its hash or by a tag, without its path:
    it may be a protected one. Under ``REVISION:PATH`` the path was looked at already, if it
    begins at a commit's root.
    """
    named = [*dict.fromkeys(_objects(words))]
    if not named:
        return False
    starts = [f"{each.partition(':')[0] or 'HEAD'}^{{}}" for each in named]
    asked = "\n".join((*starts, *named, ""))
    answer = await ask_git(
        git,
        ("cat-file", "--batch-check=%(objecttype)"),
        cwd,
        variables,
        given=asked.encode("utf-8", "surrogateescape"),
    )
    kinds = (answer or "").split("\n")
    if len(kinds) != 2 * len(named):  # Git failed, perhaps in the middle: nothing is known.
        raise ToolError("Not run: Git could not say what these words name.", code="command")
    for name, kind in zip(named, kinds[: len(named)], strict=True):
        if kind in {"blob", "tree"} or kind.endswith(" ambiguous"):
            what = {"blob": "a file", "tree": "a folder"}.get(kind, "several objects")
            raise ToolError(
                f"Not run: {name!r} names {what} without its path, which may be protected.  "
                "Name a commit, or a file as COMMIT:PATH (git show HEAD:src/main.py).",
                code="not_listed",
            )
    whole = zip(named, kinds[len(named) :], strict=True)
    return any(":" in name and kind == "blob" for name, kind in whole)


def _objects(words: Iterable[str]) -> Iterable[str]:
    """Return every part of the words before ``--`` that Git could take for an object."""
    for word in words:
        if word == "--":
            return
        if not word.startswith("-"):
            yield from (part for part in (word, *_RANGE.split(word)) if part)


def _git(words: Sequence[str], *, is_file: bool) -> list[str]:
    """Return Git's arguments, restricted, and without the contents of protected files.

    Exclusions go last, where paths are. Between committed files (``HEAD:file``) Git's diff takes
    none: their names were checked.
    """
    subcommand, *rest = words
    own = (*_SUBMODULES.get(subcommand, ()), *_GIT_OPTIONS.get(subcommand, ()))
    shows = subcommand in _SHOWS_FILES and not (subcommand == "diff" and is_file)
    if subcommand == "log":  # Paths would hide merges.
        shows = not LOG_WITHOUT_FILES.allows(rest)
    return [subcommand, *own, *rest, *(without_protected() if shows else ())]


def _without_protected(name: str) -> list[str]:
    files, folders = protected_names()
    if name == "rg":
        return ["--no-config", *(f"--iglob=!{each}" for each in (*files, *folders))]
    if name == "diff":
        return [f"--exclude={each}" for each in files]
    return []
