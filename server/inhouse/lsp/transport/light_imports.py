"""Imports lsprotocol and pygls without what a server does not use: 8 of their 18 MB.

attrs gives each class's methods a copy of the names of its whole module (for lsprotocol 5 MB of
tables that hold the same names 554 times), and builds a ``__repr__`` that only logs would call.
Python keeps every `typing.overload` for tools that look at it: 600 in pygls, half a MB.
"""

import functools
import importlib
import sys
import typing
from types import FunctionType, ModuleType

import attrs


def load_pygls() -> None:
    """Import pygls and lsprotocol using little memory; does nothing if they are imported."""
    if "lsprotocol.types" in sys.modules:
        return
    define = attrs.define
    attrs.define = functools.partial(define, repr=False)
    try:
        import lsprotocol.types as module  # noqa: PLC0415  here, and nowhere before
    finally:
        attrs.define = define
    lighten(module)
    importlib.import_module("pygls.lsp.server")
    typing.clear_overloads()


def lighten(module: ModuleType) -> None:
    """Reduce the globals of generated attrs methods to the names that they use."""
    for each in vars(module).values():
        if isinstance(each, type) and each.__module__ == module.__name__ and attrs.has(each):
            _lighten(each, vars(module))


def _lighten(each: type, names_of_module: dict[str, object]) -> None:
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
