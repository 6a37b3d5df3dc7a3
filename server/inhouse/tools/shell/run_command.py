"""``run_terminal_command``: one command, asked for, held to a time and to an output."""

import asyncio
import codecs
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field

from inhouse.core.errors import ToolError
from inhouse.core.events import ToolOutput
from inhouse.core.ports import Tool
from inhouse.core.route import Privacy
from inhouse.tools.access.paths import WorkspacePath
from inhouse.tools.context import ToolContext
from inhouse.tools.specs import ends_step, spec

from . import processes
from .approval import Wish, permit
from .environment import inherited, shell
from .listed_program import Program, prepared
from .offline import offline_way
from .processes import Started

SECONDS = 30.0
MOST_SECONDS = 600.0
CHARACTERS = 50_000

_CHUNK = 65_536
_PATIENCE = 1.0
_TIMED_OUT = 124
_COLOURS = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")


def tools(context: ToolContext) -> tuple[Tool, ...]:
    """Give the tools of this room."""

    async def run_terminal_command(call_id: str, arguments: Mapping[str, Any]) -> Any:
        command = arguments["command"]
        try:
            return await _run(context, call_id, arguments)
        except ToolError as error:
            return {"command": command, "errorMessage": str(error)}
        except OSError as error:
            reason = error.strerror or type(error).__name__
            return {"command": command, "errorMessage": f"It could not be started: {reason}."}

    name = "run_terminal_command"
    return (Tool(spec(name), run_terminal_command, ends_step(name), writes=True),)


async def _run(context: ToolContext, call_id: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    command: str = arguments["command"]
    if not command.strip() or "\0" in command:
        raise ToolError("The command is empty, or has a NUL character in it.", code="command")
    folder = await _folder(context, arguments.get("cwd"))
    offline = context.privacy is Privacy.LOCAL_ONLY
    environment = inherited(context.environment, offline=offline)
    roots = (context.workspace.root, *context.extra_roots)
    way = await offline_way(roots, environment) if offline else None
    argv = await permit(
        context, Wish(command, folder, promise=None if way is None else way.promise)
    )
    program = await _program(argv, command, folder, roots, environment)
    started = await processes.start(
        [*(way.prefix if way else ()), *program.argv],
        cwd=folder.path,
        environment=program.environment,
        spec=way.spec if way else None,
    )
    live = _live(context, call_id)
    if arguments.get("process_type") == "BACKGROUND":
        return _in_background(context, command, started, live)
    limit = _seconds(arguments.get("timeout_seconds"))
    return await _to_the_end(command, folder, started, live, limit)


async def _program(
    argv: tuple[str, ...] | None,
    command: str,
    folder: WorkspacePath,
    roots: Sequence[Path],
    environment: Mapping[str, str],
) -> Program:
    if argv is None:
        return Program(tuple(shell(command)), environment)
    found = await prepared(argv, roots=roots, cwd=folder.path, environment=environment)
    if found is None:
        raise ToolError(f"There is no program {argv[0]!r} here.", code="command")
    return found


async def _folder(context: ToolContext, raw: str | None) -> WorkspacePath:
    folder = await context.access.find(raw or ".")
    if not folder.path.is_dir():
        raise ToolError(f"{folder.shown!r} is no folder to run a command in.", code="path")
    return folder


def _seconds(wanted: float | None) -> float:
    """Codebuff's -1 means no limit; here there is always one."""
    if wanted is None:
        return SECONDS
    return MOST_SECONDS if wanted < 0 else min(max(float(wanted), 1.0), MOST_SECONDS)


async def _to_the_end(
    command: str, folder: WorkspacePath, started: Started, live: Callable[[str], None], limit: float
) -> dict[str, Any]:
    output, errors = _Kept(), _Kept()
    readers = _read_both(started, output, errors, live)
    code: int | None = None
    try:
        async with asyncio.timeout(limit):
            code = await started.process.wait()
    except TimeoutError:
        await processes.end(started)
    finally:
        try:
            if code is None:
                await processes.end(started)
            await asyncio.wait([readers], timeout=_PATIENCE)
        finally:
            readers.cancel()
    report = started.report()
    if report.failed is not None:
        raise ToolError(
            f"The command was not run: this system could not shut it off ({report.failed}).",
            code="not_shut_off",
        )
    result: dict[str, Any] = {"command": command, "startingCwd": str(folder.path)}
    if code is None:
        result["message"] = (
            f"Stopped after {limit:g} seconds, with everything it had started.  "
            "A larger timeout_seconds (at most 600) gives it more time; "
            "process_type BACKGROUND lets it run on."
        )
    elif report.left:
        named = ", ".join(f"`{each}`" for each in report.left)
        result["message"] = (
            f"Left running when the command ended, and ended with it: {named}.  "
            "process_type BACKGROUND lets a command run on."
        )
    result["stdout"] = output.text()
    if errors.text():
        result["stderr"] = errors.text()
    result["exitCode"] = _TIMED_OUT if code is None else code
    return result


def _in_background(
    context: ToolContext, command: str, started: Started, live: Callable[[str], None]
) -> dict[str, Any]:
    """Let it run until the run that started it is over (`RunMemory.aclose`)."""
    context.memory.background.append(started)
    context.memory.watchers.append(_read_both(started, _Kept(), _Kept(), live))
    return {"command": command, "processId": started.pid, "backgroundProcessStatus": "running"}


def _live(context: ToolContext, call_id: str) -> Callable[[str], None]:
    def tell(text: str) -> None:
        context.emit(ToolOutput(call_id, text))

    return tell


def _read_both(
    started: Started, output: "_Kept", errors: "_Kept", live: Callable[[str], None]
) -> asyncio.Task[None]:
    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(_read(started.process.stdout, output, live))
            group.create_task(_read(started.process.stderr, errors, live))

    return asyncio.create_task(both(), name=f"read-command-{started.pid}")


async def _read(
    stream: asyncio.StreamReader | None, kept: "_Kept", live: Callable[[str], None]
) -> None:
    assert stream is not None  # noqa: S101  it is a pipe
    encoding = "utf-8" if sys.platform != "win32" else "mbcs"
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    while chunk := await stream.read(_CHUNK):
        if text := decoder.decode(chunk):
            kept.add(text)
            live(text)


@define
class _Kept:
    """The beginning and the end of a stream, however long it is."""

    head: str = ""
    tail: str = ""
    left_out: int = field(default=0)

    def add(self, text: str) -> None:
        room = CHARACTERS // 2 - len(self.head)
        if room > 0:
            self.head += text[:room]
            text = text[room:]
        self.tail += text
        if len(self.tail) > CHARACTERS:
            self._cut()

    def text(self) -> str:
        self._cut()
        middle = f"\n[… {self.left_out:,} characters left out …]\n" if self.left_out else ""
        return _COLOURS.sub("", f"{self.head}{middle}{self.tail}")

    def _cut(self) -> None:
        over = len(self.tail) - CHARACTERS // 2
        if over > 0:
            self.left_out += over
            self.tail = self.tail[over:]
