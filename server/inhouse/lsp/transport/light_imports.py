"""Imports lsprotocol and pygls without what a server does not use: 12 of their 18 MB.

attrs writes and compiles the methods of lsprotocol's 554 classes, of which a server uses some
forty.  Here each is built when somebody first looks at its fields or makes one.  attrs also gives
each class's methods a copy of the names of its whole module, and builds a ``__repr__`` that only
logs would call.
Python keeps every `typing.overload` for tools that look at it: 600 in pygls, half a MB.
"""

import importlib
import sys
import threading
import typing
from types import FunctionType
from typing import Any

import attrs

_FIELDS = "__attrs_attrs__"
"""Where attrs keeps the fields of a class, and looks whether it is one of its own."""
_BUILDING = threading.RLock()


def load_pygls() -> None:
    """Import pygls and lsprotocol using little memory; does nothing if they are imported."""
    if "lsprotocol.types" in sys.modules:
        return
    define = attrs.define
    attrs.define = _define_later
    try:
        importlib.import_module("lsprotocol.types")
    finally:
        attrs.define = define
    from lsprotocol import _hooks  # noqa: PLC0415

    # It would look at all classes; each is resolved as it is built.
    _hooks._resolved_forward_references = True  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    importlib.import_module("pygls.lsp.server")
    typing.clear_overloads()


class _LaterFields:
    """Stands where attrs keeps the fields of a class: whoever looks at them has it built."""

    def __get__(self, _: object, owner: type) -> Any:
        _build_all(owner)
        return getattr(owner, _FIELDS)


def _first_init(self: object, *given: Any, **named: Any) -> None:
    """Stand where attrs puts the ``__init__`` of a class."""
    _build_all(type(self))
    type(self).__init__(self, *given, **named)


def _define_later(each: type) -> type:
    """Do what `attrs.define` does without options, at the first use of the class."""
    setattr(each, _FIELDS, _LaterFields())
    each.__init__ = _first_init
    return each


def _build_all(owner: type) -> None:
    with _BUILDING:
        for each in owner.__mro__:
            if isinstance(vars(each).get(_FIELDS), _LaterFields):
                _build(each, vars(sys.modules[each.__module__]))


def _build(each: type, names_of_module: dict[str, Any]) -> None:
    # In place: whoever has the class already has this one.
    attrs.define(each, init=True, repr=False, slots=False)
    attrs.resolve_types(each, names_of_module, {})
    _lighten(each, names_of_module)


def _lighten(each: type, names_of_module: dict[str, Any]) -> None:
    """Leave the generated methods of a class the names that they use."""
    methods = [one for one in vars(each).values() if isinstance(one, FunctionType)]
    generated = [one for one in methods if one.__code__.co_filename.startswith("<attrs generated")]
    for table in {id(one.__globals__): one.__globals__ for one in generated}.values():
        if table is names_of_module:
            continue
        used = {"__builtins__"}
        for one in generated:
            if one.__globals__ is table:
                used.update(one.__code__.co_names)
        kept = {name: table[name] for name in used & table.keys()}
        table.clear()  # A dict shrinks only when it is refilled.
        table.update(kept)
