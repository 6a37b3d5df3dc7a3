"""The one place that starts a process.

Whatever Inhouse starts is given by an absolute path, runs in a folder that the caller names or in
one of our own, has its own session, and is ended with everything it started.  A program found by
name is never taken from the current folder, and our own Python always runs this installation,
whatever the current folder or ``PYTHON*`` contain. `tests/privacy/test_processes.py` shows that no
other module can start one.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias
from uuid import uuid4

from attrs import frozen

from inhouse.core.files import holds_home
from inhouse.core.module_folders import module_folders

if TYPE_CHECKING:
    import psutil

MARK = "INHOUSE_PROCESS"
"""An environment variable by which leftover processes are found."""

OUR_FOLDER = Path(sys.executable).parent if sys.executable else Path(os.sep)
"""The folder for processes that need none: nothing in it belongs to a workspace."""

TextProcess: TypeAlias = "subprocess.Popen[str]"
"""A process that exchanges lines of text."""

_WINDOWS = os.name == "nt"
_MOST_BYTES = 64 << 20
_CHUNK = 1 << 16
_RUN_MODULE = "import sys; sys.path[:] = {paths!r}; from runpy import run_module as run; run({module!r}, run_name='__main__', alter_sys=True)"  # noqa: E501


@frozen
class Finished:
    """A process that ended by itself, with its output."""

    code: int
    out: bytes
    errors: bytes

    @property
    def last_words(self) -> str:
        """The last line of its output, for a message."""
        lines = (self.errors.strip() or self.out.strip()).decode(errors="replace").splitlines()
        return lines[-1].strip() if lines else "it gave no reason"


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this installation in another process.

    Isolated (``-I``): neither the current folder nor ``PYTHON*`` matters; modules are loaded from
    where this process has them.
    """
    code = _RUN_MODULE.format(paths=module_folders(), module=module)
    return [sys.executable, "-I", "-c", code, *arguments]


def find_program(name: str, *, outside: Iterable[Path] = ()) -> str | None:
    """Return the absolute path of a program on the ``PATH``; None if there is none.

    Empty and relative entries would mean the current folder, where Windows looks first; these are
    skipped, and so are the folders in *outside* and the workspaces of this process (`keep_out_of`).
    """
    ends = os.environ.get("PATHEXT", ".COM;.EXE;.BAT;.CMD").split(";") if _WINDOWS else [""]
    names = [name] if _WINDOWS and Path(name).suffix else [name + end for end in ends]
    for folder in own_path(os.environ.get("PATH", os.defpath), outside).split(os.pathsep):
        for each in names if folder else ():
            path = os.path.join(folder, each)  # noqa: PTH118  `Path` would take `..` for a name
            if Path(path).is_file() and os.access(path, os.X_OK):
                return path
    return None


def own_path(path: str, outside: Iterable[Path]) -> str:
    """Return a ``PATH`` without relative folders and those in *outside* or in a workspace."""
    forbidden = (*outside, *_workspaces)
    kept = (
        folder
        for folder in path.split(os.pathsep)
        if Path(folder).is_absolute() and not is_below(Path(folder), forbidden)
    )
    return os.pathsep.join(kept)


def keep_out_of(folders: Iterable[Path]) -> None:
    """Never find programs by name in these folders, which are workspaces.

    A folder that contains the user's home contains the user's own programs and is skipped.
    """
    _workspaces.update(each for each in folders if not holds_home(each))


_workspaces: set[Path] = set()


def is_below(path: Path, tops: Iterable[Path]) -> bool:
    """Return whether a path is in one of these folders, also through links."""
    true = os.path.realpath(path)
    return any(true == top or true.startswith(top + os.sep) for top in map(os.path.realpath, tops))


async def start(
    command: Sequence[str],
    *,
    cwd: Path = OUR_FOLDER,
    environment: Mapping[str, str] | None = None,
    stdin: int = DEVNULL,
    stdout: int = PIPE,
    stderr: int = DEVNULL,
    line_limit: int = _CHUNK,
    pass_fds: Sequence[int] = (),
    memory: int | None = None,
) -> asyncio.subprocess.Process:
    """Start a program; the caller ends it with `end`.  Raises `OSError`.

    *pass_fds* are open files that it inherits, if the system supports that; *memory* limits its
    memory in bytes (Linux only), since its input may be endless.
    """
    process = await asyncio.create_subprocess_exec(
        *_checked(command),
        cwd=cwd,
        env=_marked(environment),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        limit=line_limit,
        start_new_session=not _WINDOWS,
        pass_fds=pass_fds,
    )
    if memory is not None:
        _limit(process.pid, memory)
    return process


def _limit(pid: int, memory: int) -> None:
    if sys.platform == "linux":
        import resource  # noqa: PLC0415  only there

        with contextlib.suppress(OSError):
            resource.prlimit(pid, resource.RLIMIT_DATA, (memory, memory))


def start_text(
    command: Sequence[str],
    *,
    cwd: Path = OUR_FOLDER,
    errors: IO[str] | int = DEVNULL,
) -> TextProcess:
    """Start, from a thread, a program that exchanges lines of text.  Raises `OSError`."""
    return subprocess.Popen(  # noqa: S603  absolute, and in its own session
        _checked(command),
        stdin=PIPE,
        stdout=PIPE,
        stderr=errors,
        text=True,
        cwd=cwd,
        env=_marked(None),
        start_new_session=not _WINDOWS,
    )


async def run(
    command: Sequence[str],
    *,
    seconds: float,
    cwd: Path = OUR_FOLDER,
    environment: Mapping[str, str] | None = None,
    given: bytes | None = None,
    most: int = _MOST_BYTES,
    memory: int | None = None,
) -> Finished:
    """Run a program to its end; output beyond *most* bytes is discarded.

    Raises `TimeoutError` and `OSError`; then nothing is left of the program or of what it started.
    """
    variables = _marked(environment)
    process = await start(
        command,
        cwd=cwd,
        environment=variables,
        stdin=DEVNULL if given is None else PIPE,
        stderr=PIPE,
        memory=memory,
    )
    ended = False
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            out = group.create_task(_read(process.stdout, most), name="process output")
            errors = group.create_task(_read(process.stderr, most), name="process errors")
            if given is not None:
                group.create_task(_feed(process.stdin, given), name="process input")
            code = await process.wait()
        ended = True
        return Finished(code, out.result(), errors.result())
    finally:
        if not ended:  # What it started may live on and hold the pipes that are waited for.
            await asyncio.to_thread(kill_marked, variables[MARK])
        await end(process)


def run_blocking(
    command: Sequence[str],
    *,
    seconds: float,
    cwd: Path = OUR_FOLDER,
    environment: Mapping[str, str] | None = None,
    given: bytes | None = None,
) -> Finished:
    """Do the same as `run` in a thread that may block.  Raises `TimeoutError` and `OSError`."""
    variables = _marked(environment)
    process = subprocess.Popen(  # noqa: S603  absolute, and in its own session
        _checked(command),
        cwd=cwd,
        env=variables,
        stdin=DEVNULL if given is None else PIPE,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=not _WINDOWS,
    )
    try:
        out, errors = process.communicate(given, timeout=seconds)
    except BaseException as error:
        kill_tree(process.pid)
        kill_marked(variables[MARK])
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            name = Path(command[0]).name
            raise TimeoutError(f"{name} did not end within {seconds:g} s") from None
        raise
    return Finished(process.returncode, out, errors)


def run_in_terminal(command: Sequence[str]) -> int:
    """Run the user's own program (an editor) with this process's terminal; return its status.

    It stays in our session, which owns the terminal.  Raises `OSError`.
    """
    done = subprocess.run(_checked(command), check=False, cwd=OUR_FOLDER)  # noqa: S603  absolute
    return done.returncode


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a running process with its session, and wait until it is gone."""
    if process.returncode is None:
        task = asyncio.create_task(_end(process), name=f"end-process-{process.pid}")
        _ending.add(task)
        task.add_done_callback(_ending.discard)
        await asyncio.shield(task)


_ending: set[asyncio.Task[None]] = set()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill it, and read what is left: asyncio reports an end once both pipes are at theirs."""
    kill_session(process.pid)
    await asyncio.gather(_read_on(process.stdout), _read_on(process.stderr), process.wait())


async def _read_on(stream: asyncio.StreamReader | None) -> None:
    with contextlib.suppress(RuntimeError, OSError):  # Somebody else still reads it.
        if stream is not None:
            await _read(stream, 0)


def kill_session(pid: int) -> None:
    """Kill a running process of ours with its session.  Does not wait."""
    if _WINDOWS:
        kill_tree(pid)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def kill_tree(pid: int) -> None:
    """Kill a process of ours, its session, and its children outside the session.  Blocks."""
    import psutil  # noqa: PLC0415  slow, and needed only here

    mark = ""
    with contextlib.suppress(psutil.Error, OSError):
        mark = psutil.Process(pid).environ().get(MARK, "")
    if _WINDOWS:
        with contextlib.suppress(psutil.Error):
            for each in psutil.Process(pid).children(recursive=True):
                _kill(each)
    else:
        kill_session(pid)
    with contextlib.suppress(psutil.Error):
        _kill(psutil.Process(pid))
    if mark:
        kill_marked(mark)


def kill_marked(mark: str) -> None:
    """Kill all processes that inherited *mark*, until none are left: new ones may still appear."""
    import psutil  # noqa: PLC0415  as above

    for _ in range(5):
        found = [each for each in psutil.process_iter() if _has(each, mark)]
        for each in found:
            _kill(each)
        if not found:
            return


def _has(process: "psutil.Process", mark: str) -> bool:
    import psutil  # noqa: PLC0415  as above

    try:
        inherited = process.environ().get(MARK, "").split()
        return process.pid != os.getpid() and mark.rsplit(maxsplit=1)[-1] in inherited
    except (psutil.Error, OSError):
        return False


def _kill(process: "psutil.Process") -> None:
    import psutil  # noqa: PLC0415  as above

    with contextlib.suppress(psutil.Error):
        process.kill()


def _checked(command: Sequence[str]) -> list[str]:
    if not Path(command[0]).is_absolute():
        raise FileNotFoundError(2, "only a program with its whole path is started", command[0])
    return list(command)


def _marked(environment: Mapping[str, str] | None) -> dict[str, str]:
    """Return the variables with a new mark added to those that this process inherited."""
    variables = dict(os.environ if environment is None else environment)
    if environment is None or MARK not in environment:
        variables[MARK] = new_mark()
    return variables


def new_mark() -> str:
    """Return a new value of `MARK` for one process."""
    return f"{os.environ.get(MARK, '')} {uuid4().hex}".strip()


async def _read(stream: asyncio.StreamReader | None, most: int) -> bytes:
    assert stream is not None  # noqa: S101  it is a pipe
    kept = bytearray()
    while chunk := await stream.read(_CHUNK):
        kept += chunk[: most - len(kept)]
    return bytes(kept)


async def _feed(stdin: asyncio.StreamWriter | None, given: bytes) -> None:
    assert stdin is not None  # noqa: S101  it is a pipe
    with contextlib.suppress(ConnectionError):
        stdin.write(given)
        await stdin.drain()
    stdin.close()
