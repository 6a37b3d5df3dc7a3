"""Owns the worker processes: starts them when needed, and ends them all."""

import asyncio
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from inhouse.core.ports import StepContext, StepFailed, StepLog, Steps
from inhouse.definitions.evaluator import Evaluated, TrustedFiles

from .cache import cache_configuration, cache_folder
from .confinement import Confinement, own_folder, real
from .generator import Generator
from .module_resolver import Lookups, ModuleResolver
from .sandbox_evaluator import Begun, begin_all, evaluate_in, lost, unavailable
from .worker_process import Worker, WorkerLost

TIME_LIMIT = 2.0
MEMORY_LIMIT = 96 << 20
_EVALUATORS = 2
_MOST_WORKERS = 6
_TOGETHER = 16
"""How many definitions a worker gets at once, since messages cost as much as evaluating."""
_READ_AT_ONCE = 500
_IDLE_SECONDS = 30.0
_MOST_EVALUATIONS = 5000
_MOST_MEMORY = 512 << 20


@frozen
class WorkerStatus:
    pid: int
    memory: int
    """Bytes."""
    generators: int
    evaluations: int


@frozen
class SandboxStatus:
    """What the sandbox uses at the moment."""

    workers: tuple[WorkerStatus, ...]
    memory: int
    """Bytes of all workers together."""
    memory_limit: int
    """Bytes that one definition or generator may use."""
    time_limit: float
    """Seconds that one evaluation, or one step of a generator, may take."""


class Sandbox:
    """Implements `inhouse.definitions.evaluator.Evaluator`; starts no process before it must.

    Belongs to one event loop.  Its creator closes it.
    """

    def __init__(
        self,
        *,
        time_limit: float = TIME_LIMIT,
        memory_limit: int = MEMORY_LIMIT,
        cache: Path | None = None,
    ) -> None:
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self._cache = cache or cache_folder()
        self._workers: list[Worker] = []
        self._busy: set[Worker] = set()
        self._starts: set[asyncio.Task[Worker]] = set()
        self._spare: asyncio.Task[Worker] | None = None
        self._slots = asyncio.Semaphore(_EVALUATORS)
        self._reaper: asyncio.TimerHandle | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self._closed = False

    async def evaluate(
        self,
        path: Path,
        *,
        roots: Collection[Path],
        texts: Mapping[Path, str],
        files: TrustedFiles | None = None,
    ) -> Evaluated:
        """Import one module and give its exports."""
        return (await self.evaluate_all([path], roots=roots, texts=texts, files=files))[0]

    async def evaluate_all(
        self,
        paths: Sequence[Path],
        *,
        roots: Collection[Path],
        texts: Mapping[Path, str],
        files: TrustedFiles | None = None,
    ) -> tuple[Evaluated, ...]:
        """Import many, each in its own interpreter."""
        confinements: dict[Path, tuple[Confinement, Lookups]] = {}

        def _confinement(path: Path) -> Confinement:
            return Confinement(path, roots=roots, texts=texts, files=files)

        def modules(path: Path) -> ModuleResolver:
            folder = own_folder(path)
            if folder not in confinements:
                confinements[folder] = _confinement(path), Lookups()
            confinement, lookups = confinements[folder]
            return ModuleResolver(confinement, real(path), lookups=lookups)

        results: list[Evaluated] = []
        for at in range(0, len(paths), _READ_AT_ONCE):
            some = paths[at : at + _READ_AT_ONCE]
            read = await asyncio.to_thread(begin_all, some, modules)
            results += await self._evaluate_read(read)
        return tuple(results)

    async def steps(
        self, source: str, context: StepContext, on_log: Callable[[StepLog], None] | None = None
    ) -> Steps:
        """Start a handleSteps generator.  The first `send` reports what is wrong with it.

        Messages of ``agentState.messageHistory`` must not be changed after they were sent, since
        only new ones are sent later.
        """
        try:
            worker = await self._take_for_steps()
        except WorkerLost as error:
            return _Lost(str(error))
        generator = Generator(
            worker, limit=self._time_limit, on_log=on_log, on_end=lambda _: self._rest()
        )
        self._busy.discard(worker)
        self._prepare_spare()
        await generator.open(source, context)
        return generator

    def status(self) -> SandboxStatus:
        workers = tuple(
            WorkerStatus(worker.pid, worker.memory(), worker.sessions, worker.evaluations)
            for worker in self._workers
            if worker.alive
        )
        total = sum(worker.memory for worker in workers)
        return SandboxStatus(workers, total, self._memory_limit, self._time_limit)

    async def aclose(self) -> None:
        """End every worker and everything in them."""
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        for start in self._starts:
            start.cancel()
        if self._starts:
            await asyncio.wait(self._starts)
        await asyncio.gather(*(worker.aclose() for worker in self._workers), *self._endings)
        self._workers.clear()

    async def _evaluate_read(self, read: Sequence[Begun | Evaluated]) -> list[Evaluated]:
        begun = [each for each in read if isinstance(each, Begun)]
        some = -(-len(begun) // _EVALUATORS) if len(begun) < _EVALUATORS * _TOGETHER else _TOGETHER
        portions = [begun[at : at + some] for at in range(0, len(begun), some or 1)]
        done = await asyncio.gather(*(self._evaluate(part) for part in portions))
        results = itertools.chain.from_iterable(done)
        return [each if isinstance(each, Evaluated) else next(results) for each in read]

    async def _evaluate(self, some: Sequence[Begun]) -> list[Evaluated]:
        """Evaluate some in one worker; give up one that loses the worker twice."""
        done: list[Evaluated] = []
        lost_at = -1
        while len(done) < len(some):
            async with self._slots:
                try:
                    worker = await self._take()
                except WorkerLost as error:
                    return [*done, *(unavailable(each.path, error) for each in some[len(done) :])]
                try:
                    left = some[len(done) :]
                    await evaluate_in(worker, left, done.append, limit=self._time_limit)
                except WorkerLost:
                    if lost_at == len(done):
                        done.append(lost(some[lost_at].path))
                    lost_at = len(done)
                except BaseException:
                    worker.kill()  # It may still be working.
                    raise
                finally:
                    worker.evaluations += len(done)
                    self._busy.discard(worker)
                    self._rest()
        return done

    async def _take(self) -> Worker:
        """Return an idle worker, marked as busy.  Raises `WorkerLost`."""
        if self._closed:
            raise WorkerLost("the sandbox was closed")
        self._drop_dead()
        idle = self._idle()
        if idle:
            self._busy.add(idle[0])
            return idle[0]
        start, self._spare = self._spare or self._start(), None
        try:
            return await start
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if start.cancelled() and current is not None and not current.cancelling():
                raise WorkerLost("the sandbox was closed") from None
            if start.done() and not start.cancelled() and start.exception() is None:
                self._busy.discard(start.result())  # It has just started, and nobody needs it.
            raise

    async def _take_for_steps(self) -> Worker:
        """Give each generator its own process, up to a limit; after that they share."""
        self._drop_dead()
        while not self._idle() and len(self._workers) + len(self._starts) >= _MOST_WORKERS:
            sharing = [worker for worker in self._workers if worker.sessions and worker.alive]
            if sharing:
                return min(sharing, key=lambda worker: worker.sessions)
            if not self._starts:
                break
            await asyncio.wait(self._starts, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)  # Its starter opens a session in it first.
        return await self._take()

    def _idle(self) -> list[Worker]:
        return [
            worker
            for worker in self._workers
            if worker.alive and worker not in self._busy and not worker.sessions
        ]

    def _start(self) -> "asyncio.Task[Worker]":
        start = asyncio.create_task(self._started(), name="sandbox start")
        self._starts.add(start)
        start.add_done_callback(self._after_start)
        return start

    async def _started(self) -> Worker:
        configuration = await asyncio.to_thread(cache_configuration, self._cache)
        worker = await Worker.start(memory=self._memory_limit, cache=configuration)
        if self._closed:
            await worker.aclose()
            raise WorkerLost("the sandbox was closed")
        self._workers.append(worker)
        self._busy.add(worker)
        return worker

    def _after_start(self, start: "asyncio.Task[Worker]") -> None:
        self._starts.discard(start)
        failed = start.cancelled() or start.exception() is not None
        if self._spare is start:
            self._spare = None
            if not failed:
                self._busy.discard(start.result())

    def _prepare_spare(self) -> None:
        """Prepare the next worker before it is needed."""
        if self._closed or self._spare is not None or self._idle():
            return
        if len(self._workers) + len(self._starts) < _MOST_WORKERS:
            self._spare = self._start()

    def _rest(self) -> None:
        """Check idle workers later; end immediately one that has grown too large."""
        for worker in self._idle():
            if worker.evaluations > _MOST_EVALUATIONS or worker.peak > _MOST_MEMORY:
                worker.kill()
        self._drop_dead()
        if self._reaper is not None:
            self._reaper.cancel()
        if not self._closed:
            loop = asyncio.get_running_loop()
            self._reaper = loop.call_later(_IDLE_SECONDS, self._reap)

    def _reap(self) -> None:
        for worker in self._idle()[1:]:
            worker.kill()
        self._drop_dead()

    def _drop_dead(self) -> None:
        for worker in [worker for worker in self._workers if not worker.alive]:
            self._workers.remove(worker)
            ending = asyncio.create_task(worker.aclose(), name="sandbox worker's end")
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)


class _Lost:
    """A generator that could not be started."""

    def __init__(self, message: str) -> None:
        self._message = message

    async def send(self, value: object) -> StepFailed:
        del value
        return StepFailed(self._message)

    async def aclose(self) -> None:
        """Do nothing, since nothing was opened."""
