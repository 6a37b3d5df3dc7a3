"""A listed program, hardened so that it can be started without a question."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from inhouse.core.protected_files import protected_names
from inhouse.processes import find_program
from inhouse.tools.hardened_git import hardened_variables

_SHOWS_FILES = frozenset({"diff", "log", "show", "grep"})
_SUBMODULES = {"status": ("--ignore-submodules=all",), "diff": ("--ignore-submodules=all",)}
_LIBRARIES = frozenset({"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"})
"""Variables that may name a folder of the workspace, whose code a program would load."""
_PLAIN_DIFF = ("--no-ext-diff", "--no-textconv")
_GIT_OPTIONS = {
    **dict.fromkeys(("diff", "log", "show"), _PLAIN_DIFF),
    "blame": ("--no-textconv",),
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
    """Find and harden a known program; None if it is not installed outside *roots*."""
    name, *rest = argv
    environment = {key: text for key, text in environment.items() if key not in _LIBRARIES}
    found = find_program(name, outside=roots)
    if found is None:
        return None
    if name == "git":
        variables = await hardened_variables(found, cwd, environment)
        return Program((found, "--no-optional-locks", *_git(rest)), variables)
    return Program((found, *_without_protected(name), *rest), environment)


def _git(words: Sequence[str]) -> list[str]:
    """Return Git's arguments, restricted, and without the contents of protected files.

    Exclusions go last, where paths are; a blob (``HEAD:file``) is checked by its name instead.
    """
    subcommand, *rest = words
    own = (*_SUBMODULES.get(subcommand, ()), *_GIT_OPTIONS.get(subcommand, ()))
    is_blob = any(":" in each for each in rest)
    shows = subcommand in _SHOWS_FILES and not is_blob
    if subcommand == "log":  # Without a patch it shows no file, and paths would hide merges.
        shows = shows and any(each.startswith(("-p", "-u", "--patch", "-U", "-c")) for each in rest)
    return [subcommand, *own, *rest, *(_pathspecs() if shows else ())]


def _pathspecs() -> list[str]:
    files, folders = protected_names()
    magic = ":(top,exclude,icase,glob)**"
    return [f"{magic}/{each}" for each in files] + [f"{magic}/{each}/**" for each in folders]


def _without_protected(name: str) -> list[str]:
    files, folders = protected_names()
    if name == "rg":
        return ["--no-config", *(f"--iglob=!{each}" for each in (*files, *folders))]
    if name == "diff":
        return [f"--exclude={each}" for each in files]
    return []
