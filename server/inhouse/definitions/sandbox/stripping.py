"""Removes the types from TypeScript, with the tool of quickjs-rs.

Runs in the worker, in WebAssembly like everything that touches foreign text.
"""

import threading

import quickjs_rs._transform as transform
import wasmtime

from .engine import GuestError, ticks

_TRANSFORMS = 500
_SECONDS = 10


class Stripper:
    """Strips types, remembering results."""

    def __init__(self) -> None:
        self._done: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()
        self._transformer: transform.SourceTransformer | None = None

    def strip(self, name: str, source: str) -> str:
        """Raises `GuestError` named ``SyntaxError``."""
        tsx = name.endswith((".tsx", ".jsx"))
        key = ("tsx" if tsx else "ts", source)
        with self._lock:
            if key not in self._done:
                if len(self._done) > _TRANSFORMS:
                    self._done.clear()
                    self._forget()
                self._done[key] = self._strip(source, tsx=tsx)
            return self._done[key]

    def _strip(self, source: str, *, tsx: bool) -> str:
        kind = transform.FLAG_SOURCE_TSX if tsx else transform.FLAG_SOURCE_TS
        # A fresh one frees the memory that a large or hostile source needed.
        transformer = self._transformer = self._transformer or transform.SourceTransformer()
        try:
            instance = transformer._instance  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            if instance is not None:
                instance.store.set_epoch_deadline(ticks(_SECONDS))
            flags = kind | transform.FLAG_STRIP_TYPESCRIPT
            return transformer.transform("module", source, flags=flags)
        except transform.TransformError as error:
            raise GuestError("SyntaxError", _syntax(str(error))) from None
        except (wasmtime.Trap, wasmtime.WasmtimeError, UnicodeError):
            self._forget()
            reason = "nested too deep, or too large, to be read as TypeScript"
            raise GuestError("SyntaxError", reason) from None

    def _forget(self) -> None:
        if self._transformer is not None:
            self._transformer.close()
            self._transformer = None


def _syntax(text: str) -> str:
    return text.removeprefix("source parse error in module: ").splitlines()[0]
