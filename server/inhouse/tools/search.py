"""``code_search``: ripgrep, held to the workspace and to its limits."""

import asyncio
import contextlib
import json
import os
import shutil
import sys
import sysconfig
from collections.abc import AsyncIterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from inhouse.core.errors import ToolError
from inhouse.core.ports import Tool

from .access import NOISE, Access
from .context import ToolContext
from .paths import Place, can_be_named
from .protected import REPOSITORIES
from .schemas import ends_step, spec
from .search_flags import Flags, read_flags

PER_FILE = 15
IN_ALL = 250
CHARACTERS = 20_000
SECONDS = 10.0

_LINE = 1_000
_LARGEST_LINE = 4 * 1024 * 1024
_SEVERAL = 2


@frozen
class Query:
    """What is searched for, and where."""

    place: Place
    """A folder."""
    pattern: str
    flags: Flags = field(factory=Flags)
    per_file: int = PER_FILE


def tools(context: ToolContext) -> tuple[Tool, ...]:
    """Give the tools of this room."""

    async def code_search(_: str, arguments: Mapping[str, Any]) -> Any:
        try:
            query = await asyncio.to_thread(_query, context.access, arguments)
            return await search(context.access, query, program=find_ripgrep())
        except ToolError as error:
            return {"errorMessage": str(error)}

    return (Tool(spec("code_search"), code_search, ends_step("code_search")),)


async def search(access: Access, query: Query, *, program: str | None) -> dict[str, Any]:
    """Search with ripgrep, or without one where *program* is None; gives Codebuff's result."""
    command, given = _python(query) if program is None else (_ripgrep(program, query), b"")
    access.ignored(query.place.root).look_again(f"{query.place.relative}/x")
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=query.place.root,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LARGEST_LINE,
    )
    try:
        return await _collect(process, given, _Results(access, query))
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()


async def matching_files(access: Access, query: Query, *, program: str | None) -> frozenset[str]:
    """Give the files that a query with ``-l`` finds, from the root."""
    found = await search(access, query, program=program)
    lines = str(found.get("stdout", "")).splitlines()
    start = f"./{query.place.prefix}"
    return frozenset(line.removeprefix(start) for line in lines if line.startswith(start))


def _query(access: Access, arguments: Mapping[str, Any]) -> Query:
    place = access.place(arguments.get("cwd") or ".")
    if not place.path.is_dir():
        raise ToolError(f"{place.shown!r} is no folder.  'cwd' is one.", code="path")
    pattern: str = arguments["pattern"]
    if "\0" in pattern:
        raise ToolError("The pattern has a NUL character in it.", code="pattern")
    flags = read_flags(arguments.get("flags") or "")
    per_file = flags.per_file or int(arguments.get("maxResults") or PER_FILE)
    return Query(place, pattern, flags, per_file)


@cache
def find_ripgrep() -> str | None:
    """Give the ripgrep that was installed beside this program, or else one on the path."""
    name = "rg.exe" if os.name == "nt" else "rg"
    folders = (sysconfig.get_path("scripts"), str(Path(sys.executable).parent))
    for folder in folders:
        if Path(folder, name).is_file():
            return str(Path(folder, name))
    return shutil.which("rg")


async def _collect(
    process: asyncio.subprocess.Process, given: bytes, results: "_Results"
) -> dict[str, Any]:
    assert process.stdin is not None  # noqa: S101  all three are pipes
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    errors = asyncio.create_task(process.stderr.read(_LARGEST_LINE), name="search-errors")
    try:
        async with asyncio.timeout(SECONDS):
            with contextlib.suppress(ConnectionError):
                process.stdin.write(given)
                await process.stdin.drain()
            process.stdin.close()
            async for event in _events(process.stdout):
                if results.add(event):
                    return results.value(stopped=True)
            code = await process.wait()
            complaint = (await errors).decode(errors="replace").strip()
    except TimeoutError:
        return {
            "errorMessage": f"The search took more than {SECONDS:.0f} seconds and was stopped.  "
            "Use a narrower pattern, 'cwd' or '-g'.\n\n" + results.text()[:1_000]
        }
    finally:
        errors.cancel()
    if code == _SEVERAL and not results.lines:
        return {"errorMessage": f"The search failed: {complaint[:1_000]}"}
    value = results.value(stopped=False)
    value["message"] = f"Exit code: {code}"
    if complaint:
        value["stderr"] = complaint[:1_000]
    return value


async def _events(stream: asyncio.StreamReader) -> AsyncIterator[dict[str, Any]]:
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            continue  # a line longer than the limit: not one to show
        if not line:
            return
        with contextlib.suppress(ValueError):
            event: dict[str, Any] = json.loads(line)
            yield event


def _ripgrep(program: str, query: Query) -> list[str]:
    """Our own globs come last: in ripgrep the last one that matches decides.

    They only save time: each of them costs some for each file, and `_Results` refuses
    what is protected or ignored whatever ripgrep finds.
    """
    limit = [] if query.flags.counts_only else [f"--max-count={_limit(query) + 1}"]
    return [
        program,
        "--no-config",
        "--json",
        "--hidden",
        "--no-require-git",
        "--no-ignore-global",
        "--no-ignore-dot",
        "--no-follow",
        *limit,
        *(f"--ignore-file={name}" for name in _own_ignore_files(query.place.root)),
        *query.flags.arguments,
        *(f"--glob=!{name}" for name in sorted(NOISE | REPOSITORIES)),
        f"--regexp={query.pattern}",
        "--",
        f"./{query.place.relative}",
    ]


def _limit(query: Query) -> int:
    if query.flags.counts_only:
        return sys.maxsize - 1
    return 1 if query.flags.files_only else query.per_file


def _own_ignore_files(root: Path) -> list[str]:
    names = (".codebuffignore", ".manicodeignore")
    return [str(root / name) for name in names if (root / name).is_file()]


def _python(query: Query) -> tuple[list[str], bytes]:
    flags = query.flags
    around = flags.value("--context")
    request = {
        "root": str(query.place.root),
        "folder": query.place.relative,
        "pattern": query.pattern,
        "flags": dict.fromkeys((each for each in flags.arguments if "=" not in each), True),
        "globs": [f"**/{each}" if "/" not in each else each for each in flags.globs],
        "most": _limit(query) + 1,
        "before": int(flags.value("--before-context") or around or 0),
        "after": int(flags.value("--after-context") or around or 0),
    }
    command = [sys.executable, "-I", "-m", "inhouse.tools.grep"]
    return command, json.dumps(request).encode()


@define
class _Results:
    """Collects matches until there are enough."""

    access: Access
    query: Query
    lines: dict[str, list[str]] = field(factory=dict[str, list[str]], init=False)
    _matches: dict[str, int] = field(factory=dict[str, int], init=False)
    _refused: dict[str, bool] = field(factory=dict[str, bool], init=False)
    _limited: set[str] = field(factory=set[str], init=False)
    _size: int = field(default=0, init=False)

    @property
    def total(self) -> int:
        return sum(self._matches.values())

    def add(self, event: Mapping[str, Any]) -> bool:
        """Take one of ripgrep's events; tell whether there are enough."""
        kind = event.get("type")
        if kind not in {"match", "context"}:
            return False
        data = event["data"]
        path = str(data["path"].get("text") or "").replace("\\", "/").removeprefix("./")
        if not path or self._is_refused(path):
            return False
        count = self._matches.get(path, 0)
        if count >= _limit(self.query):
            if kind == "match":
                self._limited.add(path)
            return False
        if kind == "match":
            self._matches[path] = count + 1
        if self.query.flags.counts_only:
            return False
        self._keep(path, int(data.get("line_number") or 0), str(data["lines"].get("text") or ""))
        return self.total >= IN_ALL or self._size >= CHARACTERS

    def text(self) -> str:
        """Give what was found, file by file."""
        flags = self.query.flags
        files = sorted(self._matches)
        if flags.files_only:
            return "\n".join((f"Found {len(files)} files", *map(self._shown, files)))
        if flags.counts_only:
            counts = (f"{self._shown(path)}:{self._matches[path]}" for path in files)
            return "\n".join((f"Found {self.total} matches", *counts))
        parts = (f"{self._shown(path)}:\n" + "\n".join(self.lines[path]) for path in files)
        body = "\n\n".join(parts)
        return f"Found {self.total} matches" + (f"\n{body}" if body else "")

    def value(self, *, stopped: bool) -> dict[str, Any]:
        text = self.text()
        if len(text) > CHARACTERS:
            text = text[:CHARACTERS] + "\n\n[Output truncated]"
        if stopped:
            reached = f"{IN_ALL} results" if self.total >= IN_ALL else f"{CHARACTERS:,} characters"
            text += f"\n\n[Stopped at {reached}; there may be more.]"
        elif self._limited and not self.query.flags.files_only:
            names = "\n".join(map(self._shown, sorted(self._limited)))
            text += f"\n\n[Results limited to {self.query.per_file} per file in:\n{names}]"
        return {"stdout": text, "message": f"Stopped early after {self.total} match(es)."}

    def _shown(self, path: str) -> str:
        return f"./{self.query.place.prefix}{path}"

    def _keep(self, path: str, number: int, text: str) -> None:
        text = text.rstrip("\r\n")
        cut = f"{text[:_LINE]}…" if len(text) > _LINE else text
        self.lines.setdefault(path, []).append(f"  Line {number}: {cut}")
        self._size += len(cut) + 12

    def _is_refused(self, path: str) -> bool:
        if path not in self._refused:
            hidden = self.access.hides_file(self.query.place.root, path)
            self._refused[path] = hidden or not can_be_named(path)
        return self._refused[path]
