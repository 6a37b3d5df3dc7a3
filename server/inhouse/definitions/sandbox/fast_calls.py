"""Calls the interpreter's functions by a shortcut.

Runs in the worker.  wasmtime's own way looks up every export of a new instance, and at every
call the types of the function, and makes a dozen objects of them.  That was three quarters of
what a step of a generator cost, and half of an evaluation.
"""

import ctypes
from typing import Any

import quickjs_rs._engine as quickjs
import quickjs_rs._transform as transform
import wasmtime
import wasmtime._bindings as bindings
from wasmtime._extern import wrap_extern

_I32, _I64 = 0, 1
_KINDS = {"i32": _I32, "i64": _I64}
_bindings: Any = bindings
_signatures: dict[str, tuple[tuple[str, ...], str | None]] = {}


def install() -> None:
    """Make every instance of this process look up and call functions this way."""
    instance: Any = wasmtime.Instance
    instance.exports = _exports
    guest: Any = quickjs._Instance  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    guest.c = _call_guest
    stripper: Any = transform._TransformInstance  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    stripper.c = _call


def _exports(instance: Any, store: Any) -> "_Exports":
    return _Exports(instance, store)


class _Exports:
    """The exports of an instance, each looked up when it is first used."""

    def __init__(self, instance: Any, store: Any) -> None:
        self._instance = instance
        self._store = store
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            item = _bindings.wasmtime_extern_t()
            found = _bindings.wasmtime_instance_export_get(
                self._store._context(),  # noqa: SLF001
                ctypes.byref(self._instance._instance),  # noqa: SLF001
                ctypes.create_string_buffer(name.encode()),
                len(name),
                ctypes.byref(item),
            )
            if not found:
                raise KeyError(name)
            self._known[name] = wrap_extern(item)
        return self._known[name]


def _signature(name: str, function: Any, store: Any) -> tuple[tuple[str, ...], str | None]:
    known = _signatures.get(name)
    if known is None:
        kind = function.type(store)
        results = [str(each) for each in kind.results]
        known = tuple(str(each) for each in kind.params), results[0] if results else None
        _signatures[name] = known
    return known


def _call_guest(self: Any, name: str, *arguments: int) -> int | None:
    current = quickjs._CUR  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    before = getattr(current, "inst", None)
    # The shared imports find the instance by this, as in the method that this one replaces.
    current.inst = self
    try:
        return _call(self, name, *arguments)
    finally:
        current.inst = before


def _call(self: Any, name: str, *arguments: int) -> int | None:
    function, store = self._exports[name], self.store
    kinds, result = _signature(name, function, store)
    given = (_bindings.wasmtime_val_t * len(kinds))()
    for slot, kind, argument in zip(given, kinds, arguments, strict=True):
        slot.kind = _KINDS[kind]
        setattr(slot.of, kind, argument)
    taken = (_bindings.wasmtime_val_t * (1 if result else 0))()
    trap = _no_trap()
    error = _bindings.wasmtime_func_call(
        store._context(),  # noqa: SLF001
        ctypes.byref(function._func),  # noqa: SLF001
        given,
        len(kinds),
        taken,
        len(taken),
        ctypes.byref(trap),
    )
    if error:
        raise _raised(wasmtime.WasmtimeError, error)
    if trap:
        raise _raised(wasmtime.Trap, trap)
    return getattr(taken[0].of, result) if result else None


def _no_trap() -> Any:
    return ctypes.POINTER(_bindings.wasm_trap_t)()  # pyright: ignore[reportUnknownVariableType]


def _raised(kind: Any, pointer: Any) -> Exception:
    return kind._from_ptr(pointer)  # noqa: SLF001
