"""The only module that knows quickjs-rs and wasmtime.  Runs in the worker.

Both are pinned, and tests/definitions/sandbox/test_engine_names.py names every private thing
that is used here: the public classes hide where an error happened, need an event loop, and
can limit neither WebAssembly's memory nor its time.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import quickjs_rs._engine as quickjs
import quickjs_rs._wasmtime as shared
import wasmtime

from . import fast_calls

Load = Callable[[str, str], tuple[str, str] | None]
"""Returns name and source for a base and a specifier; None if there is no such module."""

_TICK = 0.1
_STACK = 512 << 10
_WASM_STACK = 2 << 20
_PAGE = 1 << 16
_CHUNK = 1 << 12
_PENDING = 0
_REJECTED = 2


class GuestError(Exception):
    """What a guest threw, or how it was stopped."""

    def __init__(self, name: str, message: str, stack: str = "") -> None:
        super().__init__(message)
        self.name = name
        """JavaScript's name, or ``Timeout``, ``Memory``, ``Deadlock``."""
        self.message = message
        self.stack = stack


class Clock:
    """Stops what the interpreter's own polling does not reach (wasmtime epochs)."""

    def __init__(self, engine: wasmtime.Engine) -> None:
        self._engine = engine
        self._running = 0
        self._wake = threading.Condition()
        threading.Thread(target=self._tick, name="epochs", daemon=True).start()

    def __enter__(self) -> None:
        with self._wake:
            self._running += 1
            self._wake.notify()

    def __exit__(self, *_: object) -> None:
        with self._wake:
            self._running -= 1

    def _tick(self) -> None:
        while True:
            with self._wake:
                while self._running == 0:
                    self._wake.wait()
            time.sleep(_TICK)
            self._engine.increment_epoch()


class _LimitedStore(wasmtime.Store):
    """Every store of this process: memory and time are limited from its first instruction."""

    memory = 96 << 20

    def __init__(self, engine: wasmtime.Engine) -> None:
        super().__init__(engine)
        self.set_limits(memory_size=self.memory)
        self.set_epoch_deadline(ticks(10))


def ticks(seconds: float) -> int:
    return int(seconds / _TICK) + 2


def start(*, memory: int, cache: Path | None) -> Clock:
    """Compile or load the interpreter, once for the process."""
    _LimitedStore.memory = memory
    wasmtime.Store = _LimitedStore
    fast_calls.install()
    engine = _engine(cache)
    shared._SHARED_ENGINE = engine  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return Clock(engine)


def _engine(cache: Path | None) -> wasmtime.Engine:
    try:
        return wasmtime.Engine(_configuration(cache))
    except wasmtime.WasmtimeError:  # a folder that cannot be written: slower, but it works
        return wasmtime.Engine(_configuration(None))


def _configuration(cache: Path | None) -> wasmtime.Config:
    configuration = wasmtime.Config()
    configuration.epoch_interruption = True
    configuration.max_wasm_stack = _WASM_STACK
    if cache is not None:
        configuration.cache = str(cache)
    return configuration


class Template:
    """A snapshot of an interpreter after our own script has run, from which others start.

    Writing its memory into a fresh one takes half the time of running the script again.
    """

    def __init__(self, script: str, *, memory: int, clock: Clock, hosts: tuple[str, ...]) -> None:
        self.clock = clock
        self.hosts = hosts
        fresh, prepared = (_context(memory), _context(memory))
        instance = prepared._inst  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        prepared.eval_handle("1").dispose()
        for number, name in enumerate(hosts):
            prepared.register_host_function(name, number)
        self.handle = prepared.eval_handle(script)._require_live()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self.stack_pointer = instance.sp.value(instance.store)
        image, blank = _image(prepared), _image(fresh)
        self.size = len(image)
        self.pages = tuple(_differing(image, blank.ljust(len(image), b"\0")))
        fresh.close()
        prepared.close()


def _context(memory: int | None) -> quickjs.QjsContext:
    limits = {} if memory is None else {"memory_limit": memory - (8 << 20), "stack_limit": _STACK}
    return quickjs.QjsContext(quickjs.QjsRuntime(**limits))


def _image(context: quickjs.QjsContext) -> bytes:
    instance = context._inst  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return bytes(instance.mem.read(instance.store))


def _differing(image: bytes, blank: bytes) -> Iterator[tuple[int, bytearray]]:
    begin = None
    for at in range(0, len(image) + _CHUNK, _CHUNK):
        same = image[at : at + _CHUNK] == blank[at : at + _CHUNK]
        if same and begin is not None:
            yield begin, bytearray(image[begin:at])
            begin = None
        elif not same and begin is None:
            begin = at


class Guest:
    """One interpreter with its own memory; belongs to the thread that made it."""

    def __init__(
        self,
        template: Template,
        *,
        load: Load | None = None,
        hosts: Sequence[Callable[..., Any]] = (),
    ) -> None:
        self._clock = template.clock
        self._deadlines = (0.0, 0.0)
        self._sources: dict[str, str] = {}
        self._load = load
        self._hosts = hosts
        self._context = _context(None)
        self._instance = self._context._inst  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        self._instance.interrupt_handler = self._expired
        self._instance.module_normalize = self._normalize
        self._instance.module_load = self._sources.get
        self._instance.module_transform_flags = 0
        self._instance.name_to_fn_id = {name: i for i, name in enumerate(template.hosts)}
        self._context.set_host_call_dispatcher(self._call_host)
        self._restore(template)
        self.template = quickjs.QjsHandle._adopt(  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            self._instance, template.handle, context=self._context
        )
        """The result of the template's script."""

    def _restore(self, template: Template) -> None:
        instance = self._instance
        missing = template.size - instance.mem.data_len(instance.store)
        if missing > 0:
            instance.mem.grow(instance.store, -(-missing // _PAGE))
        for at, piece in template.pages:
            instance.mem.write(instance.store, piece, at)
        instance.sp.set_value(instance.store, template.stack_pointer)

    def close(self) -> None:
        self._context.close()

    def limit(self, seconds: float) -> None:
        """Limit everything from here on to this much CPU time, and twice that in elapsed time."""
        self._deadlines = (time.thread_time() + seconds, time.monotonic() + 2 * seconds)
        self._instance.store.set_epoch_deadline(ticks(2 * seconds + 0.3))

    def prolong(self, seconds: float) -> None:
        """Do not count the time that the owner took to answer."""
        processor, wall = self._deadlines
        self._deadlines = (processor, wall + seconds)
        left = wall + seconds - time.monotonic()
        self._instance.store.set_epoch_deadline(ticks(left + 0.3))

    def module(self, name: str, source: str) -> quickjs.QjsHandle:
        """Import a module and return its namespace."""
        self._sources[name] = source
        with self._guarded():
            promise = self._context.eval_handle(f"import({_literal(name)})")
            self._context.run_pending_jobs()
            state = self._context.promise_state(promise)
            if state == _PENDING:
                raise GuestError("Deadlock", "waits for something that never happens")
            result = self._context.promise_result(promise)
            if state == _REJECTED:
                raise self._thrown(result)
            return result

    def call(self, function: quickjs.QjsHandle, *arguments: object) -> str:
        """Call one of our functions that returns a string."""
        with self._guarded():
            result = function.call(*arguments)
            try:
                return self._instance._get_string(result._require_live())  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            finally:
                result.dispose()

    def _guarded(self) -> "_Guarded":
        return _Guarded(self._clock)

    def _expired(self) -> bool:
        processor, wall = self._deadlines
        return time.thread_time() >= processor or time.monotonic() >= wall

    def _normalize(self, base: str, specifier: str) -> str | None:
        if specifier in self._sources and base == "eval_script":
            return specifier
        found = self._load(base, specifier) if self._load is not None else None
        if found is None:
            return None
        self._sources.setdefault(found[0], found[1])
        return found[0]

    def _call_host(self, number: int, arguments: tuple[Any, ...]) -> Any:
        return self._hosts[number](*arguments)

    def _thrown(self, reason: quickjs.QjsHandle) -> GuestError:
        instance, handle = self._instance, reason._require_live()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        name, message, stack = (
            instance._read_error_field(handle, field)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            for field in ("name", "message", "stack")
        )
        if name is None and message is None:
            message = instance._coerce_to_string(handle)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        return sorted_error(name or "Error", message or "", stack or "")


class _Guarded:
    """Runs the epochs and turns the libraries' exceptions into `GuestError`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __enter__(self) -> None:
        self._clock.__enter__()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._clock.__exit__()
        if isinstance(error, quickjs.JSError):
            raise sorted_error(*(str(part or "") for part in error.args)) from None
        if isinstance(error, wasmtime.Trap | wasmtime.WasmtimeError):
            raise _trapped(str(error)) from None
        if isinstance(error, quickjs.QuickJSError):
            raise GuestError("Memory", str(error)) from None


def sorted_error(name: str, message: str, stack: str = "") -> GuestError:
    if name == "InternalError" and "interrupted" in message:
        return GuestError("Timeout", message, stack)
    if name == "InternalError" and ("out of memory" in message or "too long" in message):
        return GuestError("Memory", message, stack)
    return GuestError(name, message, stack)


def _trapped(text: str) -> GuestError:
    if "interrupt" in text:
        return GuestError("Timeout", "interrupted")
    if "stack" in text:
        return GuestError("RangeError", "Maximum call stack size exceeded")
    return GuestError("Memory", "the interpreter gave up")


def _literal(text: str) -> str:
    import json  # noqa: PLC0415

    return json.dumps(text)
