"""Files that ripgrep skips or cannot read, which are decoded here and searched as texts.

Git tracks some files although it ignores their names, and tools may read those; and in a text that
is not UTF-8, a pattern with non-ASCII letters finds nothing.
"""

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path

from inhouse import processes
from inhouse.core.errors import ToolError
from inhouse.tools.access.git_index import read_index, repository_of, tracked_names
from inhouse.tools.access.paths import WorkspacePath, slashes
from inhouse.tools.access.safe_open import read_bytes
from inhouse.tools.files.encoding import decode
from inhouse.tools.files.overlay import WorkspaceOverlay

from . import ripgrep
from .results import Query

_SECONDS = 8.0
_MOST_FILES, _MOST_BYTES, _LARGEST = 300, 20_000_000, 4_000_000
_NO_UTF8 = (
    r"(?-u)[\xC0\xC1\xF5-\xFF]|[\xC2-\xF4](?:[^\x80-\xBF]|$)|(?:^|[\x00-\x7F])[\x80-\xBF]"
    r"|[\xE0-\xF4][\x80-\xBF](?:[^\x80-\xBF]|$)|[\xF0-\xF4][\x80-\xBF]{2}(?:[^\x80-\xBF]|$)"
    r"|[\xC2-\xDF][\x80-\xBF]{2}|[\xE0-\xEF][\x80-\xBF]{3}|[\xF0-\xF4][\x80-\xBF]{4}"
    r"|\xE0[\x80-\x9F]|\xED[\xA0-\xBF]|\xF0[\x80-\x8F]|\xF4[\x90-\xBF]"
)
"""Bytes that never occur in UTF-8 (RFC 3629)."""
_ESCAPED = re.compile(r"\\[xupP]")
_SPECIAL = re.compile(r"[.*+?()\[\]{}|^$\\]")

_ignored: dict[tuple[Path, float, float], tuple[str, ...]] = {}


def may_need_decoding(query: Query, *, found: bool) -> bool:
    """Return whether a pattern can match something that differs between encodings."""
    if not query.pattern.isascii() or _ESCAPED.search(query.pattern):
        return True
    return not found and _SPECIAL.search(query.pattern) is not None


async def in_other_encodings(
    program: str, files: WorkspaceOverlay, query: Query, place: WorkspacePath
) -> dict[str, str]:
    """Return the texts of files that are not UTF-8, by their path from the place's root."""
    words = (program, "--no-config", "--files-with-matches", f"--regexp={_NO_UTF8}")
    listed = await _listed(
        (*words, *ripgrep.walk(query, place), "--", f"./{place.relative}"), place
    )
    return await asyncio.to_thread(_texts, files, place, listed)


async def tracked_though_ignored(
    program: str, files: WorkspaceOverlay, query: Query, place: WorkspacePath
) -> dict[str, str]:
    """Return the texts of files that Git tracks and ripgrep treats as ignored."""
    key = await asyncio.to_thread(_stamp, place.root)
    if key is None:
        return {}
    if key not in _ignored:
        everything = Query((place,), "", per_file=query.per_file)
        words = (program, "--no-config", "--files", *ripgrep.walk(everything, place), "--", "./")
        listed = await _listed(words, place)
        _ignored.clear()  # For one workspace at a time.
        _ignored[key] = await asyncio.to_thread(_tracked_but, place, frozenset(listed))
    inside = f"{place.relative}/" if place.relative else ""
    names = [each for each in _ignored[key] if each.startswith(inside)]
    return await asyncio.to_thread(_texts, files, place, names)


async def _listed(words: tuple[str, ...], place: WorkspacePath) -> list[str]:
    try:
        done = await processes.run(
            words, seconds=_SECONDS, cwd=place.root, memory=ripgrep.MOST_MEMORY
        )
    except TimeoutError:
        return []
    lines = slashes(done.out.decode("utf-8", "surrogateescape")).split("\n")
    return [each.removeprefix("./") for each in lines if each]


def _stamp(root: Path) -> tuple[Path, float, float] | None:
    found = repository_of(root)
    try:
        index = (found[1] / "index").stat().st_mtime if found else None
    except OSError:
        return None
    try:
        rules = (root / ".gitignore").stat().st_mtime
    except OSError:
        rules = 0.0
    return None if index is None else (root, index, rules)


def _tracked_but(place: WorkspacePath, listed: frozenset[str]) -> tuple[str, ...]:
    found = repository_of(place.root)
    if found is None:
        return ()
    top, folder = found
    inside = place.root.relative_to(top).as_posix()
    prefix = "" if inside == "." else f"{inside}/"
    names = tracked_names(read_index(folder)).files
    below = (each.removeprefix(prefix) for each in names if each.startswith(prefix))
    return tuple(sorted(each for each in below if each not in listed))


def _texts(files: WorkspaceOverlay, place: WorkspacePath, names: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    left = _MOST_BYTES
    for name in names:
        if len(found) == _MOST_FILES or left <= 0:
            break
        if files.access.hides_file(place.root, name):
            continue
        try:
            content = read_bytes(place.root, name, most=_LARGEST)
            found[name] = decode(content, name=name)[0]
        except (OSError, ToolError, UnicodeDecodeError):
            continue
        left -= len(content)
    return found
