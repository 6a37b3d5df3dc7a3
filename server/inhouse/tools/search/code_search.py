"""``code_search``: ripgrep, held to the workspace and to its limits; unsaved texts come first."""

import asyncio
import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from inhouse import processes
from inhouse.core.errors import ToolError
from inhouse.core.json_values import Json
from inhouse.core.ports import Arguments
from inhouse.tools.access.paths import WorkspacePath, slashes
from inhouse.tools.context import ToolContext
from inhouse.tools.files.overlay import WorkspaceOverlay, seen
from inhouse.tools.own_tool import RunTool

from . import odd_files, ripgrep
from .events import events
from .flags import read_flags
from .patterns import from_basic, over_lines
from .results import PER_FILE, Query, Results
from .ripgrep import Command

SECONDS = 10.0

_AT_ONCE = 4
_FAILED = 2
_NOTHING = ("", "Found 0 matches", "Found 0 files")
_SPECIAL = re.compile(r"[.*+?()\[\]{}|^$\\]")
_COMPLAINT = 4_000


@frozen
class _Ended:
    code: int
    complaint: str


class _Enough(Exception):  # noqa: N818  not an error: the other searches should stop
    """Raised when no more results are wanted."""


async def _code_search(context: ToolContext, _: str, arguments: Arguments) -> object:
    files = await seen(context)
    try:
        query = await asyncio.to_thread(_query, files, arguments)
        found = await search(files, query, program=ripgrep.find())
        return await _otherwise(files, arguments, found)
    except ToolError as error:
        return {"errorMessage": str(error)}


TOOLS: Mapping[str, RunTool] = {"code_search": _code_search}


async def _otherwise(files: WorkspaceOverlay, arguments: Arguments, found: Json) -> Json:
    """Try other meanings of a pattern that finds nothing or is not a regular expression."""
    pattern, flags = arguments["pattern"], arguments.get("flags") or ""
    if not _found_nothing(found) or not _SPECIAL.search(pattern):
        return found
    other = [({**arguments, "flags": f"{flags} -F"}, _LITERALLY)]
    if (extended := from_basic(pattern)) != pattern:
        other.append(({**arguments, "pattern": extended}, _BASIC.format(extended)))
    for tried, said in other:
        try:
            query = await asyncio.to_thread(_query, files, tried)
            again = await search(files, query, program=ripgrep.find())
        except ToolError:
            continue
        if not _found_nothing(again):
            return {**again, "message": f"{again.get('message', '')}  {said}".strip()}
    return found


_LITERALLY = "As a regular expression the pattern matches nothing; this is what has its text."
_BASIC = "As it stands the pattern matches nothing; as one of grep without -E it means {!r}."


def _found_nothing(value: Mapping[str, object]) -> bool:
    return "errorMessage" in value or str(value.get("stdout")) in _NOTHING


async def search(files: WorkspaceOverlay, query: Query, *, program: str | None) -> Json:
    """Search with ripgrep, or without it if *program* is None; return Codebuff's result."""
    results = Results(files.access, query)
    for place in query.places:
        files.access.ignored(place.root).look_again(f"{place.relative}/x")
    try:
        async with asyncio.timeout(SECONDS):
            ended = await _run_all(results, await _commands(files, query, program))
            if (
                program is not None
                and not results.total
                and odd_files.may_need_decoding(query, found=False)
            ):
                ended += await _run_all(results, await _decoded(files, query, program))
    except TimeoutError:
        return {
            "errorMessage": f"The search took more than {SECONDS:.0f} seconds and was stopped.  "
            "Use a narrower pattern, 'cwd' or '-g'.\n\n" + results.text()[:1_000]
        }
    value = results.value()
    if not results.is_enough:
        codes = {each.code for each in ended}
        code = 0 if 0 in codes else max(codes, default=1)
        complaint = "\n".join(dict.fromkeys(each.complaint for each in ended if each.complaint))
        killed = any(each.code < 0 for each in ended)
        if (code == _FAILED or killed) and not results.total:
            return {"errorMessage": f"The search failed: {complaint[:_COMPLAINT]}"}
        value["message"] = f"Exit code: {code}"
        if complaint:
            value["stderr"] = complaint[:_COMPLAINT]
    return value


async def matching_files(
    files: WorkspaceOverlay, query: Query, *, program: str | None
) -> frozenset[str]:
    """Return the files that a query finds, as results name them."""
    results = Results(files.access, query)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            await _run_all(results, await _commands(files, query, program))
    return results.names


async def _decoded(files: WorkspaceOverlay, query: Query, program: str) -> list[Command]:
    """Search files that are not UTF-8 again, decoded."""
    found: list[Command] = []
    for place in query.places:
        texts = await odd_files.in_other_encodings(program, files, query, place)
        found += [ripgrep.of_text(program, query, place, name, texts[name]) for name in texts]
    return found


def _query(files: WorkspaceOverlay, arguments: Arguments) -> Query:
    pattern: str = arguments["pattern"]
    if "\0" in pattern:
        raise ToolError("The pattern has a NUL character in it.", code="pattern")
    pattern, flags = over_lines(pattern, read_flags(arguments.get("flags") or ""))
    per_file = flags.per_file or int(arguments.get("maxResults") or PER_FILE)
    return Query(_places(files, arguments.get("cwd")), pattern, flags, per_file)


def _places(files: WorkspaceOverlay, cwd: str | None) -> tuple[WorkspacePath, ...]:
    if not cwd:
        return files.access.tops()
    place = files.access.place(cwd)
    if not files.is_folder(place):
        folder, _, name = place.shown.rpartition("/")
        use = (
            f"Search it with cwd {folder or '.'!r} and flags \"-g '{name}'\"."
            if files.is_file(place)
            else "'cwd' is one folder."
        )
        raise ToolError(f"{place.shown!r} is not a folder.  {use}", code="path")
    return (place,)


async def _commands(files: WorkspaceOverlay, query: Query, program: str | None) -> list[Command]:
    found: list[Command] = []
    for place in query.places:
        below = files.below(place)
        if program is None:
            found.append(ripgrep.fallback(query, place, below))
            continue
        texts = {path: text for path, text in below.items() if text is not None}
        if place.path.is_dir():
            odd = await odd_files.tracked_though_ignored(program, files, query, place)
            if odd_files.may_need_decoding(query, found=True):
                odd |= await odd_files.in_other_encodings(program, files, query, place)
            texts = {**{name: text for name, text in odd.items() if name not in below}, **texts}
        chosen = await ripgrep.chosen(program, query, place, texts)
        found += [ripgrep.of_text(program, query, place, path, texts[path]) for path in chosen]
        if place.path.is_dir():
            found.append(ripgrep.of_folder(program, query, place, skip=frozenset((*below, *texts))))
    return found


async def _run_all(results: Results, commands: list[Command]) -> list[_Ended]:
    """Run a few searches at a time, until all have ended or there are enough results."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def run(command: Command) -> _Ended:
        async with free:
            return await _run(results, command)

    tasks: list[asyncio.Task[_Ended]] = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks += [group.create_task(run(each), name="search") for each in commands]
    except* _Enough:
        tasks.clear()
    return [task.result() for task in tasks]


async def _run(results: Results, command: Command) -> _Ended:
    process = await processes.start(
        command.words,
        cwd=command.cwd,
        stdin=processes.PIPE,
        stderr=processes.PIPE,
        memory=ripgrep.MOST_MEMORY,
    )
    assert process.stdin is not None  # noqa: S101  all three are pipes
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    feeding = asyncio.create_task(_feed(process.stdin, command.given), name="search-input")
    errors = asyncio.create_task(_beginning(process.stderr), name="search-errors")
    try:
        async for event in events(process.stdout):
            for path in _path_of(event, command):
                results.add(command.place, path, event)
            if results.is_enough:
                raise _Enough
        return _Ended(await process.wait(), (await errors).decode(errors="replace").strip())
    finally:
        feeding.cancel()
        errors.cancel()
        await processes.end(process)


async def _feed(stdin: asyncio.StreamWriter, given: bytes) -> None:
    with contextlib.suppress(ConnectionError):
        stdin.write(given)
        await stdin.drain()
    stdin.close()


async def _beginning(stream: asyncio.StreamReader) -> bytes:
    """Read to the end and keep the beginning; one read may return only a part."""
    kept = bytearray()
    while chunk := await stream.read(_COMPLAINT):
        kept += chunk[: max(0, 4 * _COMPLAINT - len(kept))]
    return bytes(kept)


def _path_of(event: Mapping[str, Any], command: Command) -> Iterator[str]:
    if event.get("type") not in {"match", "context"}:
        return
    named = str(event["data"]["path"].get("text") or "")
    path = command.path or slashes(named).removeprefix("./")
    if path not in command.skip:
        yield path
