"""One worker process, as its owner sees it."""

import asyncio
import contextlib
import importlib.util
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from inhouse import processes

from . import frame_protocol

_KEPT_VARIABLES = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_START = (
    "import sys; sys.path[:0] = {}; from inhouse.definitions.sandbox.worker import main; main()"
)
_START_TIME = 120.0
"""In seconds; the very first start compiles the interpreter, which is slow on a busy machine."""
THREADS = 6
"""Threads of one worker; a generator that hangs delays only those on its own thread."""


class WorkerLost(Exception):  # noqa: N818 - not an error but an event
    """The worker is gone, with whatever ran in it."""


@frozen
class WorkerAnswer:
    header: Mapping[str, Any]
    body: bytes


class Worker:
    """A subprocess that runs foreign code for sessions."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._sessions: dict[int, asyncio.Queue[WorkerAnswer | None]] = {}
        self._next = 1
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(), name="sandbox worker")
        self.peak = 0
        """The most bytes it ever held, by its own report; 0 if its system does not say."""
        self._killed = False
        self.evaluations = 0

    @staticmethod
    async def start(*, memory: int, cache: Path | None) -> "Worker":
        """Raises `WorkerLost` if none can be had."""
        settings = {
            "parent": os.getpid(),
            "memory": memory,
            "cache": str(cache) if cache else None,
            "threads": THREADS,
        }
        try:
            process = await processes.start(
                (*_command(), json.dumps(settings)),
                environment={n: os.environ[n] for n in _KEPT_VARIABLES if n in os.environ},
                stdin=processes.PIPE,
            )
        except OSError as error:
            raise WorkerLost(f"the sandbox cannot be started ({error})") from None
        worker = Worker(process)
        try:
            await asyncio.wait_for(asyncio.shield(worker._ready), _START_TIME)
        except TimeoutError:
            await worker.aclose()
            raise WorkerLost("the sandbox did not start") from None
        except BaseException:
            await worker.aclose()
            raise
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._killed and not self._reading.done()

    @property
    def sessions(self) -> int:
        return len(self._sessions)

    def memory(self) -> int:
        """Return the bytes held now, or the most ever held if the system does not say."""
        import psutil  # noqa: PLC0415 - only if somebody asks

        try:
            return psutil.Process(self.pid).memory_info().rss
        except psutil.Error:
            return self.peak

    def begin(self) -> int:
        """Open a session: frames with its number are passed to `receive`.

        The number also chooses the thread: one with as few other sessions as possible.
        """
        load = Counter(session % THREADS for session in self._sessions)
        fewest = min(load[thread] for thread in range(THREADS))
        while load[self._next % THREADS] > fewest:
            self._next += 1
        session = self._next
        self._next += 1
        self._sessions[session] = asyncio.Queue()
        return session

    def end(self, session: int) -> None:
        self._sessions.pop(session, None)

    def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        writer = self._process.stdin
        if writer is None or writer.is_closing() or not self.alive:
            raise WorkerLost("the sandbox's process ended")
        writer.write(frame_protocol.pack(header, body))

    async def receive(self, session: int) -> WorkerAnswer:
        if not self.alive:
            raise WorkerLost("the sandbox's process ended")
        answer = await self._sessions[session].get()
        if answer is None:
            raise WorkerLost("the sandbox's process ended")
        return answer

    def kill(self) -> None:
        """End it at once, with everything in it."""
        self._killed = True
        processes.kill_session(self.pid)

    async def aclose(self) -> None:
        self.kill()
        await asyncio.shield(self._finish())

    async def _finish(self) -> None:
        await asyncio.wait({self._reading})
        await processes.end(self._process)
        if self._process.stdin is not None:
            self._process.stdin.close()
            with contextlib.suppress(OSError, ConnectionError):
                await self._process.stdin.wait_closed()

    async def _read(self) -> None:
        source = self._process.stdout
        try:
            while source is not None:
                head, body = frame_protocol.sizes(await source.readexactly(frame_protocol.PREFIX))
                header = frame_protocol.unpack(await source.readexactly(head))
                self._sort(WorkerAnswer(header, await source.readexactly(body)))
        except (asyncio.IncompleteReadError, OSError):
            pass
        except (ValueError, KeyError, TypeError, RecursionError):
            self.kill()  # It no longer follows the protocol, so it must go.
        finally:
            self._lose()

    def _sort(self, answer: WorkerAnswer) -> None:
        header = answer.header
        self.peak = max(self.peak, int(header["memory"]))
        if header["op"] == "ready":
            if not self._ready.done():
                self._ready.set_result(None)
        elif (waiting := self._sessions.get(header["session"])) is not None:
            waiting.put_nowait(answer)

    def _lose(self) -> None:
        if not self._ready.done():
            self._ready.set_exception(WorkerLost("the sandbox's process ended at once"))
            self._ready.exception()  # Nobody may be waiting any more.
        for waiting in self._sessions.values():
            waiting.put_nowait(None)


def _command() -> tuple[str, ...]:
    """Return the command: Python without site-packages, user settings and environment."""
    packages = ("inhouse", "quickjs_rs", "wasmtime")
    folders = {str(Path(_origin(name)).parent.parent): None for name in packages}
    # On Windows, a virtual environment's launcher would be killed instead of its child.
    program = getattr(sys, "_base_executable", None) if sys.platform == "win32" else None
    return (program or sys.executable, "-I", "-S", "-B", "-c", _START.format(list(folders)))


def _origin(package: str) -> str:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise WorkerLost(f"the sandbox needs the package {package!r}, which is not installed")
    return spec.origin
