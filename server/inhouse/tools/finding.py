"""``read_subtree``, ``glob`` and ``find_files``: which files there are."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inhouse.core.errors import ToolError
from inhouse.core.ports import Tool

from .access import Access
from .context import ToolContext
from .encoding import decode
from .opening import read_bytes
from .paths import Place
from .ranking import Candidate, ranked, words
from .schemas import ends_step, spec
from .search import Query, find_ripgrep, matching_files
from .search_flags import read_flags
from .texts import read_document
from .trees import defined_names, picture
from .walking import files_under

SUBTREE_TOKENS = 4_000
MOST_PATHS = 1_000

_MOST_NAMED_BYTES = 200_000
_FOUND_FILES = 12
_FOUND_CHARACTERS = 100_000


def tools(context: ToolContext) -> tuple[Tool, ...]:
    """Give the tools of this room."""

    async def read_subtree(_: str, arguments: Mapping[str, Any]) -> Any:
        wanted = arguments.get("paths") or ["."]
        tokens = int(arguments.get("maxTokens") or SUBTREE_TOKENS)
        return [await asyncio.to_thread(subtree, context.access, raw, tokens) for raw in wanted]

    async def glob(_: str, arguments: Mapping[str, Any]) -> Any:
        return await asyncio.to_thread(_glob, context.access, arguments)

    async def find_files(_: str, arguments: Mapping[str, Any]) -> Any:
        return await _find_files(context, arguments["prompt"])

    return (
        Tool(spec("read_subtree"), read_subtree, ends_step("read_subtree")),
        Tool(spec("glob"), glob, ends_step("glob")),
        Tool(spec("find_files"), find_files, ends_step("find_files")),
    )


def subtree(access: Access, raw: str, tokens: int) -> dict[str, Any]:
    """Give one entry of Codebuff's ``read_subtree``."""
    try:
        place = access.place(raw.strip().rstrip("/") or ".")
        if place.path.is_file():
            return {
                "path": raw,
                "type": "file",
                "variables": list(_names(place.root, place.relative)),
            }
    except ToolError as error:
        return {"path": raw, "errorMessage": str(error)}
    if not place.path.is_dir():
        nothing = f"There is nothing at {raw!r}.  list_directory shows what there is."
        return {"path": raw, "errorMessage": nothing}
    above = place.relative.rpartition("/")[0]
    start = len(above) + 1 if above else 0
    shown = {path[start:]: path for path in files_under(access, place)}
    drawn = picture(list(shown), tokens=tokens, names=lambda path: _names(place.root, shown[path]))
    return {
        "path": raw,
        "type": "directory",
        "printedTree": drawn.text,
        "tokenCount": drawn.tokens,
        "truncationLevel": drawn.level,
    }


def _names(root: Path, relative: str) -> Sequence[str]:
    try:
        content = read_bytes(root, relative, most=_MOST_NAMED_BYTES)
        return defined_names(decode(content, name=relative)[0])
    except (ToolError, OSError):
        return ()


def _glob(access: Access, arguments: Mapping[str, Any]) -> dict[str, Any]:
    pattern: str = arguments["pattern"]
    cwd: str | None = arguments.get("cwd")
    most = min(int(arguments.get("max_results") or MOST_PATHS), MOST_PATHS)
    try:
        place = access.place(cwd or ".")
        found = _matching(access, place, pattern)
    except ToolError as error:
        return {"errorMessage": str(error)}
    message = f'Found {len(found)} file(s) matching pattern "{pattern}"'
    message += f' in directory "{cwd}"' if cwd else ""
    if len(found) > most:
        message += f"; the first {most} are given"
    return {"files": found[:most], "count": len(found), "message": message}


def _matching(access: Access, place: Place, pattern: str) -> list[str]:
    """A pattern starts at the folder, as in a shell: ``*.py`` is not ``**/*.py``."""
    text = pattern.removeprefix("./")
    if "\0" in text or text.startswith(("/", "~", "!")) or ".." in text.split("/"):
        raise ToolError(
            f"The pattern {pattern!r} leads out of the folder.  Use one such as 'src/**/*.py'."
        )
    from wcmatch import glob  # noqa: PLC0415  only a run that globs needs it

    flags = glob.GLOBSTAR | glob.BRACE | glob.DOTMATCH | glob.EXTGLOB | glob.FORCEUNIX
    try:
        matcher = glob.compile(text, flags=flags)
    except Exception as error:  # noqa: BLE001  whatever a pattern does is the model's to mend
        raise ToolError(f"The pattern {pattern!r} makes no sense: {error}.") from None
    start = len(place.relative) + 1 if place.relative else 0
    files = files_under(access, place)
    return sorted(place.prefix + path for path in files if matcher.match(path[start:]))


async def _find_files(context: ToolContext, prompt: str) -> Any:
    """Codebuff asks a model on its servers; here the words of the prompt find the files."""
    sought = words(prompt)
    place = await context.access.find(".")
    if not sought:
        return {"message": f"No word in {prompt!r} to search for.  Name things in the code."}
    files = await asyncio.to_thread(files_under, context.access, place)
    hits = await _hits(context.access, place, sought)
    candidates = [
        Candidate(path, tuple(word for word in sought if path in hits.get(word, ())))
        for path in files
    ]
    best = ranked(candidates, sought)[:_FOUND_FILES]
    if not best:
        return {"message": f"No relevant files found for prompt: {prompt}"}
    return await _contents(context, best)


async def _hits(access: Access, place: Place, sought: Sequence[str]) -> dict[str, frozenset[str]]:
    """Give the files that have each word in them."""
    program = find_ripgrep()
    found: dict[str, frozenset[str]] = {}
    for word in sought:
        query = Query(place, word, read_flags("-i -F -l"))
        found[word] = await matching_files(access, query, program=program)
    return found


async def _contents(context: ToolContext, paths: Sequence[str]) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = []
    left = _FOUND_CHARACTERS
    for path in paths:
        try:
            document = await read_document(context.workspace, await context.access.find(path))
        except ToolError:
            continue
        if len(document.text) > left:
            result.append({"path": path, "contentOmittedForLength": True})
            continue
        left -= len(document.text)
        result.append({"path": path, "content": document.text})
    return result
