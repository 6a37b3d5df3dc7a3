"""Lets workers evaluate definitions and turns the results into our values."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from inhouse.definitions.evaluator import Evaluated, EvaluationProblem

from .confinement import RefusedFileError, real
from .error_locations import (
    ErrorLocation,
    import_place,
    name_place,
    original_place,
    place,
    syntax_place,
)
from .module_resolver import Loaded, ModuleResolver
from .stubs import global_reason
from .validate_output import checked_object
from .worker_process import Worker, WorkerAnswer, WorkerLost

_BIG = 64 << 10
_MOST_MESSAGE = 2000
_ABSENT = re.compile(r"'?([\w$]+)'? is not (?:defined|initialized)")
_NO_MEMBER = re.compile(r"'((?:process|import\.meta)\.[\w$]+)' cannot be used")
_NOT_HERE = re.compile(
    r"'?(require|fetch|Deno|Bun|Buffer|XMLHttpRequest|WebSocket|Worker|__dirname|__filename"
    r"|Atomics)'? is not defined"
)


@frozen
class Begun:
    """A definition that was read and may be evaluated."""

    path: Path
    modules: ModuleResolver
    entry: Loaded


def begin_all(
    paths: Iterable[Path], modules: Callable[[Path], ModuleResolver]
) -> list[Begun | Evaluated]:
    """Read definitions.  Blocks; never raises for what is wrong with a file."""
    return [_begin(path, modules) for path in paths]


def _begin(path: Path, modules: Callable[[Path], ModuleResolver]) -> Begun | Evaluated:
    try:
        found = modules(path)
        return Begun(path, found, found.load_entry())
    except RefusedFileError as error:
        return Evaluated(problem=EvaluationProblem(str(error), path, 0, 0, error.code))
    except (OSError, ValueError) as error:  # a path that the system does not accept
        message = f"{path.name!r} cannot be read ({error})"
        return Evaluated(problem=EvaluationProblem(message, path, 0, 0, "file"))


async def evaluate_in(
    worker: Worker,
    some: Sequence[Begun],
    take: Callable[[Evaluated], None],
    *,
    limit: float,
) -> None:
    """Evaluate definitions one after another; ``take`` receives each result.

    There are fewer if the worker had to be killed.  Raises `WorkerLost` if it ends by itself.
    """
    session = worker.begin()
    try:
        bodies = [_body(each.entry) for each in some]
        entries = [_entry(each, len(body)) for each, body in zip(some, bodies, strict=True)]
        header = {"op": "evaluate", "session": session, "limit": limit, "entries": entries}
        worker.send(header, b"".join(bodies))
        for begun in some:
            take(await _converse(worker, session, begun, limit))
            if not worker.alive:
                return
    finally:
        worker.end(session)


async def _converse(worker: Worker, session: int, begun: Begun, limit: float) -> Evaluated:
    # The worker stops itself long before this, if it still can.
    path, modules, patience = begun.path, begun.modules, 2 * limit + 2
    while True:
        begin = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(patience, 0.01)):
                answer = await worker.receive(session)
        except TimeoutError:
            worker.kill()
            return _evaluated(modules, problem=_stopped(path, limit))
        patience -= asyncio.get_running_loop().time() - begin
        if answer.header["op"] == "load":
            await _serve(worker, session, modules, answer.header)
            continue
        try:
            for base, specifier, how in answer.header.get("remembered", ()):
                modules.known(str(base), str(specifier), str(how))
        except RefusedFileError as error:
            problem = EvaluationProblem(str(error), path, 0, 0, error.code)
            return _evaluated(modules, problem=problem)
        if answer.header["op"] == "evaluated":
            return await _taken(path, modules, answer)
        problem = await asyncio.to_thread(_explained, path, modules, answer, limit)
        return _evaluated(modules, problem=problem)


async def _serve(
    worker: Worker, session: int, modules: ModuleResolver, request: Mapping[str, Any]
) -> None:
    base, specifier, how = (str(request[key]) for key in ("base", "specifier", "how"))
    reply: dict[str, Any] = {"op": "loaded", "session": session}
    try:
        loaded = modules.known(base, specifier, how)
        loaded = loaded or await asyncio.to_thread(modules.load, base, specifier, how)
    except RefusedFileError as error:
        worker.send({**reply, "error": str(error), "code": error.code})
    except (OSError, ValueError) as error:  # a path that the system does not accept
        worker.send({**reply, "error": f"{specifier!r} cannot be read ({error})", "code": "file"})
    else:
        worker.send({**reply, "kind": loaded.kind, "name": loaded.name}, _body(loaded))


def _entry(begun: Begun, size: int) -> dict[str, Any]:
    entry, scope = begun.entry, begun.modules.lookups.scope
    return {"kind": entry.kind, "name": entry.name, "scope": scope, "size": size}


def _body(loaded: Loaded) -> bytes:
    return loaded.text.encode("utf-8", "replace")


async def _taken(path: Path, modules: ModuleResolver, answer: WorkerAnswer) -> Evaluated:
    try:
        if len(answer.body) > _BIG:
            exports = await asyncio.to_thread(checked_object, answer.body)
        else:
            exports = checked_object(answer.body)
    except (ValueError, RecursionError) as error:
        message = f"exports something that is not data ({error})"
        return _evaluated(modules, problem=EvaluationProblem(message, path, 0, 0, "value"))
    return _evaluated(modules, exports=exports)


def _explained(
    path: Path, modules: ModuleResolver, answer: WorkerAnswer, limit: float
) -> EvaluationProblem:
    header = answer.header
    message = str(header.get("message", ""))[:_MOST_MESSAGE]
    module = Path(str(header["module"])) if header.get("module") else modules.entry
    text = modules.sources.get(module, "")
    where = module if text and module != modules.entry else path
    line, column = _place(text, module, header, answer.body)
    code, said = _sorted(str(header.get("name", "Error")), message, limit)
    if "code" in header:
        code, said = str(header["code"]), message
    return EvaluationProblem(said, where, line, column, code)


def _place(text: str, module: Path, header: Mapping[str, Any], shown: bytes) -> ErrorLocation:
    if header.get("specifier"):
        return import_place(text, str(header["specifier"]), str(header.get("imported", "")))
    if "line" in header:
        line, column = int(header["line"]), int(header["column"])
        found = original_place(text, shown.decode("utf-8", "replace"), line, column)
        member = _NO_MEMBER.match(str(header.get("message")))
        if member and member[1] in text:  # The interpreter knows only the places of calls.
            return place(text, text.index(member[1]))
        name = _ABSENT.match(str(header.get("message")))
        if name and header.get("name") == "ReferenceError":
            return name_place(text, name[1], found, tsx=module.suffix == ".tsx")
        return found
    if header.get("code") == "syntax" and text:
        return syntax_place(text, tsx=module.suffix == ".tsx")
    return 0, 0


def _sorted(name: str, message: str, limit: float) -> tuple[str, str]:
    """Return code and message of what a guest threw or was stopped for."""
    match name:
        case "Timeout":
            return "time", _too_long(limit)
        case "Deadlock":
            return "time", f"does not finish: it {message} (an await without an end)"
        case "Memory":
            return "memory", f"uses too much memory ({message})"
        case "Broken":
            return "sandbox", f"the sandbox could not evaluate it ({message})"
        case "SyntaxError":
            return "syntax", f"SyntaxError: {message}"
        case _:
            return "throws", f"{name}: {message}{_hint(message)}"


def _hint(message: str) -> str:
    found = _NOT_HERE.match(message)
    return global_reason(found[1]) if found else ""


def _stopped(path: Path, limit: float) -> EvaluationProblem:
    return EvaluationProblem(_too_long(limit), path, 0, 0, "time")


def _too_long(limit: float) -> str:
    return f"does not finish within {limit:g} s: is there an endless loop?"


def _evaluated(
    modules: ModuleResolver,
    *,
    exports: Mapping[str, Any] | None = None,
    problem: EvaluationProblem | None = None,
) -> Evaluated:
    return Evaluated(
        exports or {},
        tuple(real(path) for path in modules.sources),
        tuple(modules.missing),
        problem,
    )


def lost(path: Path) -> Evaluated:
    """Return the problem of a worker that ended during an evaluation, twice."""
    message = "the sandbox ended while it evaluated this file"
    return Evaluated(problem=EvaluationProblem(message, path, 0, 0, "sandbox"))


def unavailable(path: Path, error: WorkerLost) -> Evaluated:
    return Evaluated(problem=EvaluationProblem(str(error), path, 0, 0, "sandbox"))
