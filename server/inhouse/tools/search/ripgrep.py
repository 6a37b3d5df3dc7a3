"""How ripgrep is run, and the substitute if there is none."""

import asyncio
import json
import os
import sys
import sysconfig
import tempfile
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

from attrs import frozen

from inhouse import processes
from inhouse.core.protected_files import REPOSITORIES
from inhouse.tools.access.access_policy import NOISE
from inhouse.tools.access.paths import WorkspacePath, slashes

from .results import Query

_SECONDS = 60.0
_CHOOSING = ("--glob=", "--iglob=", "--type=", "--type-not=", "--max-depth=")


@frozen
class Command:
    """One search of one folder, or of one text."""

    words: tuple[str, ...]
    place: WorkspacePath
    cwd: Path
    given: bytes = b""
    """Its standard input."""
    path: str | None = None
    """The path of the text from the place's root; None if the results say it."""
    skip: frozenset[str] = frozenset()
    """Files whose matches do not count."""


MOST_MEMORY = 1 << 30
"""In bytes: ripgrep reads a workspace's ignore files to their end, and one may be a device."""


@cache
def find() -> str | None:
    """Return the ripgrep that was installed with this program, or else one on the path."""
    name = "rg.exe" if os.name == "nt" else "rg"
    folders = (sysconfig.get_path("scripts"), str(Path(sys.executable).parent))
    for folder in folders:
        if Path(folder, name).is_file():
            return str(Path(folder, name))
    return processes.find_program("rg")


def of_folder(program: str, query: Query, place: WorkspacePath, *, skip: frozenset[str]) -> Command:
    """Search the files on disk."""
    words = (*_search(program, query), *walk(query, place), "--", f"./{place.relative}")
    return Command(words, place, place.root, skip=skip)


def of_text(program: str, query: Query, place: WorkspacePath, path: str, text: str) -> Command:
    """Search one text by the same rules."""
    given = text.encode("utf-8", "replace")
    return Command((*_search(program, query), "--", "-"), place, place.root, given, path)


async def matches(program: str, pattern: str, text: str) -> bool:
    """Return whether one text matches; an invalid expression matches everything."""
    words = (program, "--no-config", "--quiet", "--multiline", f"--regexp={pattern}", "--", "-")
    try:
        done = await processes.run(words, seconds=_SECONDS, given=text.encode("utf-8", "replace"))
    except TimeoutError:
        return True
    return done.code != 1


async def chosen(
    program: str, query: Query, place: WorkspacePath, paths: Collection[str]
) -> tuple[str, ...]:
    """Return which of some paths, on disk or not, the query's globs and types select.

    Ripgrep itself decides, in an empty copy of the tree.
    """
    if not paths or not any(each.startswith(_CHOOSING) for each in query.flags.arguments):
        return tuple(paths)
    with tempfile.TemporaryDirectory(prefix="inhouse-search-") as folder:
        await asyncio.to_thread(_make_empty, Path(folder), place, paths)
        words = (program, "--no-config", "--files", *walk(query, place), "--")
        done = await processes.run(
            (*words, f"./{place.relative}"), seconds=_SECONDS, cwd=Path(folder)
        )
    listed = slashes(done.out.decode("utf-8", "surrogateescape")).split("\n")
    return tuple(path for path in paths if f"./{path}" in listed)


def fallback(query: Query, place: WorkspacePath, unsaved: Mapping[str, str | None]) -> Command:
    """Search without ripgrep (`inhouse.tools.search.python_grep`)."""
    request = {
        "root": str(place.root),
        "folder": place.relative,
        "pattern": query.pattern,
        "arguments": query.flags.arguments,
        "most": query.limit + 1,
        "unsaved": dict(unsaved),
    }
    words = processes.python("inhouse.tools.search.python_grep")
    return Command(tuple(words), place, place.root, json.dumps(request).encode())


def _search(program: str, query: Query) -> tuple[str, ...]:
    """What is searched for.

    Over lines `Results` alone counts: with a limit there, ripgrep 15 panics, and drops matches.
    """
    is_counted = query.flags.counts_only or query.flags.has("--multiline")
    limit = () if is_counted else (f"--max-count={query.limit + 1}",)
    flags = (each for each in query.flags.arguments if not each.startswith(_CHOOSING))
    engine = () if query.flags.has("--pcre2") else ("--engine=auto",)
    return (
        *(program, "--no-config", "--json", "--crlf", *engine),
        *(*limit, *flags, f"--regexp={query.pattern}"),
    )


def walk(query: Query, place: WorkspacePath) -> tuple[str, ...]:
    """Return the arguments that say where to search.

    Our own globs come last, since in ripgrep the last match decides.  They only save time;
    `Results` refuses protected and ignored files whatever ripgrep finds.
    """
    return (
        "--hidden",
        "--no-require-git",
        "--no-ignore-global",
        "--no-ignore-dot",
        "--no-follow",
        *(f"--ignore-file={name}" for name in _own_ignore_files(place.root)),
        *(each for each in query.flags.arguments if each.startswith(_CHOOSING)),
        *(f"--glob=!{name}" for name in sorted(NOISE | REPOSITORIES)),
    )


def _own_ignore_files(root: Path) -> list[str]:
    names = (".codebuffignore", ".manicodeignore")
    return [str(root / name) for name in names if (root / name).is_file()]


def _make_empty(folder: Path, place: WorkspacePath, paths: Collection[str]) -> None:
    (folder / place.relative).mkdir(parents=True, exist_ok=True)
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
