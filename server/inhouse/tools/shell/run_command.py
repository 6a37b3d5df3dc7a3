"""``run_terminal_command``: one command, approved, with limits of time and output."""

import asyncio
import codecs
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from inhouse.core.errors import ToolError
from inhouse.core.events import ToolOutput
from inhouse.core.ports import Arguments, TerminalRun
from inhouse.core.route import Privacy
from inhouse.core.settings import EditMode
from inhouse.core.unicode import clean_text
from inhouse.tools.access.paths import WorkspacePath
from inhouse.tools.context import ToolContext
from inhouse.tools.own_tool import RunTool

from . import processes
from .approval import Wish, permit
from .background import Job
from .environment import inherited, shell
from .laid_over import LaidOver, Waiting, can_lay_over, lay_over, named, shown
from .listed_program import Program, prepared
from .missing import Place, explanation
from .offline import OfflineWay, offline_way
from .processes import Started
from .terminal_text import Kept

SECONDS = 30.0
MOST_SECONDS = 600.0

_CHUNK = 65_536
_PATIENCE = 1.0
_TIMED_OUT = 124
_BY_SIGNAL = 128


async def _run_terminal_command(context: ToolContext, call_id: str, arguments: Arguments) -> object:
    command = arguments["command"]
    try:
        return await _run(context, call_id, arguments)
    except ToolError as error:
        return {"command": command, "errorMessage": str(error)}
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return {"command": command, "errorMessage": f"It could not be started: {reason}."}


TOOLS: Mapping[str, RunTool] = {"run_terminal_command": _run_terminal_command}


async def _run(context: ToolContext, call_id: str, arguments: Arguments) -> dict[str, Any]:
    command: str = arguments["command"]
    if (process_id := arguments.get("process_id")) is not None:
        return await _about(context, int(process_id), command)
    if not command.strip() or "\0" in command or clean_text(command) != command:
        raise ToolError(
            "The command is empty, or has a NUL character or half of a character in it.",
            code="command",
        )
    folder = await _folder(context, arguments.get("cwd"))
    offline = context.privacy is Privacy.LOCAL_ONLY
    environment = inherited(
        context.environment, offline=offline, allowed=context.allowed_environment
    )
    roots = (context.workspace.root, *context.extra_roots)
    way = await offline_way(roots, environment) if offline else None
    view = await _view(context, way)
    promise = None if way is None else way.promise
    waiting = 0 if view.is_laid_over else view.waiting.count
    permitted = await permit(context, Wish(command, folder, promise, view.warning, waiting))
    applied = await _applied(context) if permitted.apply_first else ""
    program = await _program(permitted.argv, command, folder, roots, environment)
    view = await _view(context, way)  # The question may have waited for long.
    view = evolve(view, told="  ".join(each for each in (applied, view.told) if each))
    laid = await lay_over(context, view.waiting) if view.is_laid_over else None
    limit = _seconds(arguments.get("timeout_seconds"))
    missing = partial(_missing, context, folder, environment)
    is_background = arguments.get("process_type") == "BACKGROUND"
    is_reviewed = context.edits is EditMode.REVIEW or laid is not None
    if context.terminal is not None and way is None and not (is_reviewed or is_background):
        ran = await context.terminal.run(
            call_id,
            program.argv,
            cwd=folder.path,
            environment=program.environment,
            seconds=limit,
        )
        if ran is not None:
            told = _result_of(ran, command, folder, limit)
            missed = await missing(told)
            return {**told, **_message((told.get("message", ""), view.told, missed))}
    try:
        started = await processes.start(
            [*(way.prefix if way else ()), *program.argv],
            cwd=folder.path,
            environment=program.environment,
            spec=_spec(way, laid),
        )
        live = _live(context, call_id)
        if is_background:
            return _in_background(context, Job(command, started, missing, laid), live, view.told)
        result = await _to_the_end(command, folder, started, live, limit)
    except BaseException:
        if laid is not None:
            await asyncio.to_thread(laid.remove)
        raise
    changed = await laid.collect() if laid is not None else ""
    missed = await missing(result)
    return {**result, **_message((result.get("message", ""), view.told, changed, missed))}


async def _missing(
    context: ToolContext,
    folder: WorkspacePath,
    inherited: Mapping[str, str],
    result: Mapping[str, Any],
) -> str:
    """Say what a command that has ended missed, as far as its output shows; empty if unknown."""
    if (code := result.get("exitCode")) is None:
        return ""
    try:
        return await asyncio.to_thread(
            explanation,
            f"{result['stdout']}\n{result.get('stderr', '')}",
            failed=code != 0,
            inherited=inherited,
            environment=context.environment,
            offline=context.privacy is Privacy.LOCAL_ONLY,
            place=Place(folder.path, folder.root, context.access, context.home),
        )
    except OSError:  # The command has run: its result must not be lost for want of a hint.
        return ""


def _message(parts: Iterable[str]) -> dict[str, str]:
    """Join the notes about a command; no member if there are none."""
    told = "  ".join(each for each in parts if each)
    return {"message": told} if told else {}


async def _about(context: ToolContext, process_id: int, wish: str) -> dict[str, Any]:
    """Report on a background command, or stop it."""
    jobs = {job.pid: job for job in context.memory.background}
    job = jobs.get(process_id)
    if job is None:
        known = ", ".join(f"{pid} ({one.command[:40]})" for pid, one in jobs.items()) or "none"
        raise ToolError(
            f"No command of this run is in the background as process {process_id}.  "
            f"In the background: {known}.",
            code="process",
        )
    match wish.strip().lower():
        case "output":
            return await job.report()
        case "stop":
            await job.close()
            return await job.report()
        case _:
            raise ToolError(
                f'With process_id the command is "output" or "stop", not {wish!r}.', code="command"
            )


@frozen
class View:
    """Which files a command sees."""

    waiting: Waiting
    is_laid_over: bool = False
    told: str = ""
    """What the model is told about it."""
    warning: str = ""
    """What the user is told first: the command works on the disk although edits are reviewed."""


async def _view(context: ToolContext, way: OfflineWay | None) -> View:
    waiting = Waiting(await context.workspace.unsaved())
    review = context.edits is EditMode.REVIEW
    if not waiting.texts and not review:
        return View(waiting)
    names = named([shown(context, path) for path in waiting.texts])
    way_allows = way is None or (way.spec or {}).get("way") == "namespaces"
    if way_allows and await can_lay_over(context):
        told = f"It saw the files with what waits or is not saved laid over them: {names}."
        return View(waiting, is_laid_over=True, told=told if names else "")
    told = f"It saw the files on disk, without what waits or is not saved: {names}."
    sees = f"It will see the files on disk, without what waits or is not saved: {names}."
    writes = "What it changes is not reviewed: this system cannot lay edits over the files."
    warning = "  ".join(each for each in (sees if names else "", writes if review else "") if each)
    return View(waiting, told=told if names else "", warning=warning)


async def _applied(context: ToolContext) -> str:
    failed = await context.workspace.save()
    reasons = (f"Not so {shown(context, path)}: {why}." for path, why in failed.items())
    return "  ".join(("The user had the waiting edits applied before it ran.", *reasons))


def _spec(way: OfflineWay | None, laid: LaidOver | None) -> Mapping[str, Any] | None:
    spec = way.spec if way is not None else None
    if laid is None:
        return spec
    return {"way": "namespaces", **(spec or {}), "overlays": laid.spec}


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
        raise ToolError(f"{folder.shown!r} is not a folder to run a command in.", code="path")
    return folder


def _seconds(wanted: float | None) -> float:
    """Return the time limit; Codebuff's -1 means none, but here there always is one."""
    if wanted is None:
        return SECONDS
    return MOST_SECONDS if wanted < 0 else min(max(float(wanted), 1.0), MOST_SECONDS)


async def _to_the_end(
    command: str, folder: WorkspacePath, started: Started, live: Callable[[str], None], limit: float
) -> dict[str, Any]:
    output, errors = Kept(), Kept()
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
    result = _begun(command, folder)
    if code is None:
        result["message"] = _stopped_after(limit)
    elif code > _BY_SIGNAL or code < 0:
        result |= _message((_ended_by(abs(code) % _BY_SIGNAL),))
    if code is not None and report.left:
        named = ", ".join(f"`{each}`" for each in report.left)
        left = (
            f"Left running when the command ended, and ended with it: {named}.  "
            "process_type BACKGROUND lets a command run on."
        )
        result |= _message((result.get("message", ""), left))
    result["stdout"] = output.text()
    if errors.text():
        result["stderr"] = errors.text()
    result["exitCode"] = _TIMED_OUT if code is None else code
    return result


def _result_of(
    ran: TerminalRun, command: str, folder: WorkspacePath, limit: float
) -> dict[str, Any]:
    """Return the result, for the model, of a command in a terminal of the client."""
    output = Kept()
    output.add(ran.output)
    result = _begun(command, folder)
    if ran.code is None:
        result["message"] = _stopped_after(limit)
    result["stdout"] = output.text()
    result["exitCode"] = _TIMED_OUT if ran.code is None else ran.code
    return result


def _begun(command: str, folder: WorkspacePath) -> dict[str, Any]:
    """Begin a result as Codebuff does: the command, and its folder from the root."""
    return {"command": command, "startingCwd": folder.shown or "."}


def _ended_by(number: int) -> str:
    """Name the signal that ended a command, as shells tell it: 128 and its number."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        return ""
    return f"A signal ended it: {name} ({signal.strsignal(number)})."


def _stopped_after(limit: float) -> str:
    return (
        f"Stopped after {limit:g} seconds, with everything it had started.  "
        "A larger timeout_seconds (at most 600) gives it more time; "
        "process_type BACKGROUND lets it run on."
    )


def _how_to_ask(process: int) -> str:
    return (
        f'With process_id {process}, the command "output" gives its stdout and stderr so far, and '
        '"stop" ends it.'
    )


def _in_background(
    context: ToolContext, job: Job, live: Callable[[str], None], seen: str
) -> dict[str, Any]:
    """Let it run until the run that started it is over (`SharedRunState.aclose`)."""
    job.reading = _read_both(job.started, job.output, job.errors, live)
    context.memory.background.append(job)
    return {
        "command": job.command,
        "processId": job.pid,
        "backgroundProcessStatus": "running",
        **_message((seen, _how_to_ask(job.pid))),
    }


def _live(context: ToolContext, call_id: str) -> Callable[[str], None]:
    def tell(text: str) -> None:
        context.emit(ToolOutput(call_id, text))

    return tell


def _read_both(
    started: Started, output: Kept, errors: Kept, live: Callable[[str], None]
) -> asyncio.Task[None]:
    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(_read(started.process.stdout, output, live))
            group.create_task(_read(started.process.stderr, errors, live))

    return asyncio.create_task(both(), name=f"read-command-{started.pid}")


async def _read(
    stream: asyncio.StreamReader | None, kept: Kept, live: Callable[[str], None]
) -> None:
    assert stream is not None  # noqa: S101  it is a pipe
    encoding = "utf-8" if sys.platform != "win32" else "mbcs"
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    while chunk := await stream.read(_CHUNK):
        if text := decoder.decode(chunk):
            kept.add(text)
            live(text)
