"""One handleSteps generator in its own interpreter.  Runs in the worker."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .engine import Clock, Guest, GuestError, Template
from .guest_globals import with_globals
from .stripping import Stripper

MOST_YIELDED = 16 << 20
_PRELUDE = Path(__file__).with_name("steps.js").read_text(encoding="utf-8")


def template(memory: int, clock: Clock) -> Template:
    return Template(
        f"{with_globals(_PRELUDE)}({MOST_YIELDED})", memory=memory, clock=clock, hosts=()
    )


class Stepping:
    """A generator between its yields."""

    def __init__(self, *, limit: float, template: Template, stripper: Stripper) -> None:
        self._limit = limit
        self._stripper = stripper
        self._guest = Guest(template)
        self._guest.limit(limit)
        self._open, self._resume, self._flush = (
            self._guest.template.get(name) for name in ("open", "resume", "flush")
        )

    def open(self, source: str, context: str, state: list[Any]) -> dict[str, Any]:
        try:
            self._guest.limit(self._limit)
            self._guest.call(self._open, self._readable(source), context, state)
        except GuestError as error:
            return self._failed(error)
        return {"op": "opened"}

    def resume(self, state: list[Any] | None, received: str) -> tuple[dict[str, Any], bytes]:
        try:
            self._guest.limit(self._limit)
            answer = self._guest.call(self._resume, state, received)
        except GuestError as error:
            return self._failed(error), b""
        kind, (size, rest) = answer[0], answer[1:].split(" ", 1)
        logs, value = rest[: int(size)], rest[int(size) :]
        header = {"op": "done" if kind == "D" else "yielded", "logs": json.loads(logs)}
        return header, value.encode(errors="replace")

    def close(self) -> None:
        self._guest.close()

    def _readable(self, source: str) -> str:
        """Strip types if there are any, as in a source that was read statically."""
        wrapped = f"const handleSteps = {source}\n"
        code = self._stripper.strip("handleSteps.ts", wrapped)
        return code.strip().removeprefix("const handleSteps = ").removesuffix(";")

    def _failed(self, error: GuestError) -> dict[str, Any]:
        header: dict[str, Any] = {"op": "failed", "name": error.name, "message": error.message}
        return header | {"logs": self._last_words()}

    def _last_words(self) -> list[Any]:
        try:
            self._guest.limit(self._limit)
            logs = json.loads(self._guest.call(self._flush))
        except (GuestError, ValueError):
            return []
        return logs if isinstance(logs, list) else []  # pyright: ignore[reportUnknownVariableType]


def state_of(header: Mapping[str, Any], texts: str) -> list[Any] | None:
    """Cut the state's pieces out of the text that came with a frame."""
    sizes = header.get("pieces")
    if sizes is None:
        return None
    pieces: list[Any] = [header["kept"]]
    at = 0
    for size in sizes:
        pieces.append(texts[at : at + size])
        at += size
    return pieces
