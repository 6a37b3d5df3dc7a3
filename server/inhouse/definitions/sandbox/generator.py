"""A paused handleSteps generator as the loop sees it (`inhouse.core.ports.Steps`)."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inhouse.core.ports import StepContext, StepDone, StepFailed, StepLog, StepYield

from .validate_output import checked
from .worker_process import THREADS, Worker, WorkerAnswer, WorkerLost

OnLog = Callable[[StepLog], None]
_MOST_STATE = 48 << 20
_MOST_LOGGED = 20_000
_LONG = frozenset({"systemPrompt", "toolDefinitions"})
_LEVELS = frozenset({"debug", "info", "warn", "error"})


class Generator:
    """One generator in one session of a worker.  Ends the session as soon as it is over."""

    def __init__(
        self,
        worker: Worker,
        *,
        limit: float,
        on_log: OnLog | None,
        on_end: Callable[[Worker], None],
    ) -> None:
        self._worker = worker
        self._session = worker.begin()
        self._limit = limit
        self._on_log = on_log
        self._on_end = on_end
        self._history: list[Any] = []
        self._long: dict[str, tuple[Any, str]] = {}
        self._started = False
        self._over: StepDone | StepFailed | None = None

    async def open(self, source: str, context: StepContext) -> None:
        """Start it; if that fails, the first `send` returns the failure."""
        try:
            header, body = self._opening(source, context)
        except (TypeError, ValueError, RecursionError) as error:
            self._end(StepFailed(f"the input of handleSteps is not JSON ({error})"))
            return
        answer = await self._ask(header, body)
        if answer is not None and answer.header["op"] == "failed":
            self._end(self._failure(answer))

    async def send(self, value: object) -> StepYield | StepDone | StepFailed:
        """Resume it.  Whatever happens in it is returned, never raised."""
        if self._over is not None:
            return self._over
        try:
            header, body = self._resumption(value)
        except (TypeError, ValueError, RecursionError) as error:
            return self._end(StepFailed(f"the answer for handleSteps is not JSON ({error})"))
        answer = await self._ask(header, body)
        if answer is None:
            return self._over or StepFailed("handleSteps was closed")
        self._log(answer.header)
        match answer.header["op"]:
            case "yielded":
                return self._read(answer, StepYield)
            case "done":
                return self._end(self._read(answer, StepDone))
            case _:
                return self._end(self._failure(answer))

    async def aclose(self) -> None:
        self._end(StepFailed("handleSteps was closed"))

    def _opening(self, source: str, context: StepContext) -> tuple[dict[str, Any], str]:
        call = {"prompt": context.prompt, "params": context.params, "model": context.model}
        texts = [source.encode("utf-8", "replace").decode(), _json(call)]
        kept, pieces = self._changes(context.agent_state)
        header = {
            "op": "open",
            "source": len(texts[0]),
            "context": len(texts[1]),
            "kept": kept,
            "pieces": [len(piece) for piece in pieces],
        }
        return header, "".join((*texts, *pieces))

    def _resumption(self, value: Any) -> tuple[dict[str, Any], str]:
        if not self._started:
            self._started = True
            return {"op": "resume"}, ""
        given: Mapping[str, Any] = value or {}
        received = {key: each for key, each in given.items() if key != "agentState"}
        kept, pieces = self._changes(given.get("agentState") or {})
        sizes = [len(piece) for piece in pieces]
        header = {"op": "resume", "kept": kept, "pieces": sizes, "received": sum(sizes)}
        return header, "".join((*pieces, _json(received)))

    def _changes(self, state: Mapping[str, Any]) -> tuple[int, list[str]]:
        """Return how many messages it already has, and the new ones."""
        history: Sequence[Any] = state.get("messageHistory") or ()
        kept = _common(self._history, list(history[: len(self._history)]))
        self._history = list(history)
        pieces = [self._others(state), *(_json(message) for message in history[kept:])]
        if (size := sum(map(len, pieces))) > _MOST_STATE:
            raise ValueError(f"agentState has {size >> 20} MB, {_MOST_STATE >> 20} at most")
        return kept, pieces

    def _others(self, state: Mapping[str, Any]) -> str:
        """Write the other fields; two of them are long and nearly always the same."""
        texts: list[str] = []
        for name, value in state.items():
            known = self._long.get(name)
            if known is not None and known[0] == value:
                texts.append(known[1])
            elif name != "messageHistory":
                texts.append(f"{_json(name)}:{_json(value)}")
                if name in _LONG:
                    self._long[name] = (value, texts[-1])
        return "{" + ",".join(texts) + "}"

    async def _ask(self, header: dict[str, Any], body: str) -> WorkerAnswer | None:
        """Return the worker's answer; if there will be none, end the session and return None."""
        message = {**header, "session": self._session, "limit": self._limit}
        try:
            self._worker.send(message, body.encode())
            # The worker stops itself long before this, if it still can.
            turns = 1 + self._worker.sessions // THREADS
            async with asyncio.timeout(2 * self._limit * turns + 2):
                return await self._worker.receive(self._session)
        except TimeoutError:
            self._worker.kill()
            self._end(StepFailed(self._too_long()))
        except WorkerLost as error:
            self._end(StepFailed(f"handleSteps was lost: {error}"))
        except asyncio.CancelledError:
            self._end(StepFailed("handleSteps was closed"))
            raise
        return None

    def _read(self, answer: WorkerAnswer, kind: type[Any]) -> Any:
        try:
            return kind(checked(answer.body))
        except (ValueError, RecursionError) as error:
            return self._end(
                StepFailed(f"handleSteps yielded something that is not data ({error})")
            )

    def _failure(self, answer: WorkerAnswer) -> StepFailed:
        name, message = str(answer.header.get("name")), str(answer.header.get("message"))[:4000]
        match name:
            case "Timeout":
                return StepFailed(self._too_long())
            case "Memory":
                return StepFailed(f"handleSteps uses too much memory ({message})")
            case _ if name == "ReferenceError" and message.endswith("is not defined"):
                return StepFailed(
                    f"handleSteps: {message}: it runs on its own, without files or network, so "
                    "everything it uses must be inside the function"
                )
            case _:
                return StepFailed(f"handleSteps: {name}: {message}")

    def _too_long(self) -> str:
        return f"handleSteps did not yield within {self._limit:g} s: is there an endless loop?"

    def _log(self, header: Mapping[str, Any]) -> None:
        if self._on_log is None:
            return
        with contextlib.suppress(TypeError, ValueError):
            for level, text in header.get("logs") or ():
                known = level if level in _LEVELS else "info"
                self._on_log(StepLog(known, str(text)[:_MOST_LOGGED]))

    def _end(self, outcome: Any) -> Any:
        """Free the session, once; its result stays."""
        if self._over is not None:
            return self._over
        self._over = outcome
        self._history = []
        with contextlib.suppress(WorkerLost):
            self._worker.send({"op": "close", "session": self._session})
        self._worker.end(self._session)
        self._on_end(self._worker)
        return outcome


def _common(old: list[Any], new: list[Any]) -> int:
    """Count the messages that are the same at the beginning."""
    if old == new:  # nearly always equal, and this is by far the quickest check
        return len(new)
    pairs = zip(old, new, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), len(new))


def _json(value: object) -> str:
    """Write ASCII, so that characters are bytes and half surrogates survive as escapes."""
    return json.dumps(value, separators=(",", ":"))
