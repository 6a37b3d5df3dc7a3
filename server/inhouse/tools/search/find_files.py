"""``read_subtree``, ``glob`` and ``find_files``: finding files."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from inhouse.core.errors import ToolError
from inhouse.core.json_values import Json
from inhouse.core.ports import Arguments
from inhouse.core.source_parts import defined_names
from inhouse.tools.access.paths import WorkspacePath
from inhouse.tools.access.safe_open import read_bytes
from inhouse.tools.context import ToolContext
from inhouse.tools.files.encoding import decode
from inhouse.tools.files.file_text import read_document
from inhouse.tools.files.overlay import WorkspaceOverlay, seen
from inhouse.tools.files.rank import Candidate, ranked, words
from inhouse.tools.files.tree import SLASH, picture
from inhouse.tools.own_tool import RunTool
from inhouse.tools.search import ripgrep
from inhouse.tools.search.code_search import matching_files
from inhouse.tools.search.flags import read_flags
from inhouse.tools.search.results import Query

SUBTREE_TOKENS = 4_000
MOST_TOKENS = 190_000
"""For all trees of one call."""
MOST_PATHS = 1_000

_MOST_NAMED_BYTES = 200_000
_MOST_TREES = 50
_MOST_STARS = 3
_BRACKETS = re.compile(r"([\[\]])")
_FOUND_FILES = 12
_FOUND_CHARACTERS = 100_000


async def _read_subtree(context: ToolContext, _: str, arguments: Arguments) -> object:
    wanted: Sequence[str] = arguments.get("paths") or ["."]
    if len(wanted) > _MOST_TREES:
        raise ToolError(f"{len(wanted)} paths in one call; {_MOST_TREES} at most.")
    tokens = min(int(arguments.get("maxTokens") or SUBTREE_TOKENS), MOST_TOKENS // len(wanted))
    files = await seen(context)
    return [await asyncio.to_thread(subtree, files, raw, tokens) for raw in wanted]


def subtree(files: WorkspaceOverlay, raw: str, tokens: int) -> Json:
    """Return one entry of Codebuff's ``read_subtree``; ``.`` is every root of the workspace."""
    try:
        place = files.access.place(raw.rstrip("/") if raw.strip(" /") else ".")
    except ToolError as error:
        return {"path": raw, "errorMessage": str(error)}
    if files.is_file(place):
        return {
            "path": place.shown,
            "type": "file",
            "variables": list(_names(files, place, place.relative)),
        }
    if not files.is_folder(place):
        nothing = f"There is nothing at {raw!r}.  list_directory shows what there is."
        return {"path": raw, "errorMessage": nothing}
    shown = _shown_below(files, place)
    drawn = picture(list(shown), tokens=tokens, names=lambda path: _names(files, *shown[path]))
    return {
        "path": place.shown,
        "type": "directory",
        "printedTree": drawn.text,
        "tokenCount": drawn.tokens,
        "truncationLevel": drawn.level,
    }


def _shown_below(
    files: WorkspaceOverlay, place: WorkspacePath
) -> dict[str, tuple[WorkspacePath, str]]:
    """Return what a tree shows of a folder: each file by its path in the tree."""
    if place.relative or place.prefix:
        above = place.relative.rpartition("/")[0]
        start = len(above) + 1 if above else 0
        return {path[start:]: (place, path) for path in files.files(place)}
    return {
        _in_tree(top, path): (top, path) for top in files.access.tops() for path in files.files(top)
    }


def _in_tree(top: WorkspacePath, path: str) -> str:
    """Name a file in the tree of all roots; a root without a short name is one line of it."""
    named = top.name(path)
    if not named.startswith("/"):
        return named
    root = f"{top.root.as_posix()}/"
    return root.replace("/", SLASH) + named.removeprefix(root)


def _names(files: WorkspaceOverlay, place: WorkspacePath, relative: str) -> Sequence[str]:
    text = files.unsaved.get(place.root / relative)
    if text is not None:
        return defined_names(text)
    try:
        content = read_bytes(place.root, relative, most=_MOST_NAMED_BYTES)
        return defined_names(decode(content, name=relative)[0])
    except (ToolError, OSError):
        return ()


async def _glob(context: ToolContext, _: str, arguments: Arguments) -> object:
    return await asyncio.to_thread(_found, await seen(context), arguments)


def _found(files: WorkspaceOverlay, arguments: Arguments) -> Json:
    pattern: str = arguments["pattern"]
    cwd: str | None = arguments.get("cwd")
    most = min(int(arguments.get("max_results") or MOST_PATHS), MOST_PATHS)
    try:
        places = (files.access.place(cwd),) if cwd else files.access.tops()
        matches = _matcher(pattern)
    except ToolError as error:
        return {"errorMessage": str(error)}
    found = sorted(name for place in places for name in _matching(files, place, matches))
    message = f'Found {len(found)} file(s) matching pattern "{pattern}"'
    message += f' in directory "{cwd}"' if cwd else ""
    if not found and (hidden := _hidden(files, places, pattern)):
        message += (
            f"; {hidden!r} matches but for its dot, which a pattern has to name: "
            f"{hidden.partition('/')[0]}"
        )
    if len(found) > most:
        message += f"; the first {most} are given"
    return {"files": found[:most], "count": len(found), "message": message}


def _matching(
    files: WorkspaceOverlay, place: WorkspacePath, matches: Callable[[str], bool]
) -> Iterator[str]:
    """Return matching files; a pattern may also begin at the root or with another root's name."""
    start = len(place.relative) + 1 if place.relative else 0
    for path in files.files(place):
        name = place.name(path)
        if matches(path[start:]) or matches(path) or matches(name):
            yield name


def _hidden(files: WorkspaceOverlay, places: Sequence[WorkspacePath], pattern: str) -> str | None:
    """Return a file that was not found only because of a dot in front of a name."""
    matches = _matcher(pattern, dots=True)
    return next((name for place in places for name in _matching(files, place, matches)), None)


def _matcher(pattern: str, *, dots: bool = False) -> Callable[[str], bool]:
    """Make a matcher; a pattern starts at the folder, so ``*.py`` is not ``**/*.py``."""
    text = pattern.removeprefix("./")
    if "\0" in text or text.startswith(("/", "~", "!")) or ".." in text.split("/"):
        raise ToolError(
            f"The pattern {pattern!r} leads out of the folder.  Use one such as 'src/**/*.py'."
        )
    from wcmatch import glob  # noqa: PLC0415  only a run that globs needs it

    if text.count("**") > _MOST_STARS:
        raise ToolError(f"The pattern {pattern!r} has '**' more than {_MOST_STARS} times.")
    # Without EXTGLOB: +(a|aa) would try every way to split a name.
    # Without DOTMATCH: only a pattern with a dot finds names with a dot, as in Codebuff.
    flags = glob.GLOBSTAR | glob.BRACE | glob.FORCEUNIX | (glob.DOTMATCH if dots else 0)
    # A folder such as [locale] is more often meant literally than as a set of letters.
    patterns = [text, _BRACKETS.sub(r"\\\1", text)] if "[" in text else [text]
    try:
        compiled = glob.compile(patterns, flags=flags)
    except Exception as error:  # noqa: BLE001  whatever a pattern does is for the model to fix
        raise ToolError(f"The pattern {pattern!r} makes no sense: {error}.") from None
    return compiled.match


async def _find_files(context: ToolContext, _: str, arguments: Arguments) -> object:
    """Find files by the words of the prompt; Codebuff asks a model on its servers."""
    prompt: str = arguments["prompt"]
    if not words(prompt):
        return {"message": f"No word in {prompt!r} to search for.  Name things in the code."}
    best = (await best_files(context, prompt))[:_FOUND_FILES]
    if not best:
        return {"message": f"No relevant files found for prompt: {prompt}"}
    return await _contents(context, best)


async def best_files(context: ToolContext, prompt: str) -> list[str]:
    """Return the files that a prompt seems to be about, the best first."""
    sought = words(prompt)
    if not sought:
        return []
    files = await seen(context)
    places = files.access.tops()
    paths = await asyncio.to_thread(_everything, files, places)
    hits = await _hits(files, places, sought)
    candidates = [
        Candidate(path, tuple(word for word in sought if path in hits.get(word, ())))
        for path in paths
    ]
    return ranked(candidates, sought)


def _everything(files: WorkspaceOverlay, places: tuple[WorkspacePath, ...]) -> list[str]:
    return [place.name(path) for place in places for path in files.files(place)]


async def _hits(
    files: WorkspaceOverlay, places: tuple[WorkspacePath, ...], sought: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Return the files that have each word in them."""
    program, flags = ripgrep.find(), read_flags("-i -F -l")
    return {
        word: await matching_files(files, Query(places, word, flags), program=program)
        for word in sought
    }


async def _contents(context: ToolContext, paths: Sequence[str]) -> list[Json]:
    result: list[Json] = []
    left = _FOUND_CHARACTERS
    for path in paths:
        try:
            place = await context.access.find(path)
            document = await read_document(context.workspace, place)
        except ToolError:
            continue
        if len(document.text) > left:
            result.append({"path": path, "contentOmittedForLength": True})
            continue
        left -= len(document.text)
        context.known.shown(place.path, document.text)
        result.append({"path": path, "content": document.text})
    return result


TOOLS: Mapping[str, RunTool] = {
    "read_subtree": _read_subtree,
    "glob": _glob,
    "find_files": _find_files,
}
