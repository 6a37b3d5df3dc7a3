"""The worker process: reads frames, runs foreign code on a few threads, answers.

Started by `inhouse.definitions.sandbox.worker_process` with an empty environment. It must not
import anything heavy, or anything that an intruder could use.
"""

import gc
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from . import evaluation, frame_protocol, generator_worker, hardening
from .engine import Clock, GuestError, start
from .module_cache import Memory
from .stripping import Stripper

_STACK = 32 << 20
_SWITCH = 0.001

Frame = tuple[dict[str, Any], bytes]


class _Worker:
    def __init__(self, target: BinaryIO, *, clock: Clock, memory: int) -> None:
        self._target = target
        self._stripper = Stripper()
        self._evaluating = evaluation.template(memory, clock)
        self._driving = generator_worker.template(memory, clock)
        self._writing = threading.Lock()
        self._queues: list[queue.SimpleQueue[Frame]] = []
        self._answers: dict[int, queue.SimpleQueue[Frame]] = {}
        self._steppings: dict[int, generator_worker.Stepping] = {}
        self._memory = Memory()

    def start_threads(self, count: int) -> None:
        for number in range(count):
            line: queue.SimpleQueue[Frame] = queue.SimpleQueue()
            self._queues.append(line)
            threading.Thread(target=self._serve, args=(line,), name=f"guest-{number}").start()

    def receive(self, header: dict[str, Any], body: bytes) -> None:
        """Pass a frame to the thread of its interpreter."""
        session = int(header["session"])
        if header["op"] == "loaded":
            self._answers[session].put((header, body))
        else:
            # An interpreter belongs to the thread that made it.
            self._queues[session % len(self._queues)].put((header, body))

    def warm_up(self) -> None:
        """Load everything that is loaded on first use, since later nothing can be opened."""
        code = "import { one } from './one'; export default { two: one + one };"
        other = b"export const one: number = 1"
        evaluating = evaluation.Evaluation(
            lambda _: ({"kind": "code", "name": "one.ts"}, other),
            limit=10.0,
            template=self._evaluating,
            stripper=self._stripper,
        )
        evaluating.run({"kind": "code", "name": "warm.ts"}, code)
        traceback.format_exception(ValueError("warm"))

    def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        memory = {"memory": hardening.most_memory()}
        with self._writing:
            self._target.write(frame_protocol.pack({**header, **memory}, body))

    def _serve(self, line: "queue.SimpleQueue[Frame]") -> None:
        while True:
            header, body = line.get()
            if header["op"] == "evaluate":
                self._evaluate_all(header, body)
            else:
                self._answer(header, partial(self._do, header, body))

    def _answer(self, header: Mapping[str, Any], work: Callable[[], Frame]) -> None:
        hardening.allow_cpu(2 * float(header.get("limit", 0)))
        try:
            answer, text = work()
        except GuestError as error:
            answer, text = {"op": "failed", "name": error.name, "message": error.message}, b""
        except Exception as error:  # noqa: BLE001 - whatever it was, only this guest is lost
            message = f"{type(error).__name__}: {error}".splitlines()[0][:500]
            answer, text = {"op": "failed", "name": "Broken", "message": message}, b""
        if answer:
            self.send({**answer, "session": header["session"]}, text)

    def _do(self, header: Mapping[str, Any], body: bytes) -> Frame:
        session = int(header["session"])
        match header["op"]:
            case "open":
                return self._open(session, header, body), b""
            case "resume":
                texts = body.decode()
                state = generator_worker.state_of(header, texts)
                return self._steppings[session].resume(state, texts[header.get("received", 0) :])
            case _:
                ended = self._steppings.pop(session, None)
                if ended is not None:
                    ended.close()
                return {}, b""

    def _evaluate_all(self, header: Mapping[str, Any], body: bytes) -> None:
        session, at = int(header["session"]), 0
        self._answers[session] = queue.SimpleQueue()
        try:
            for entry in header["entries"]:
                source = body[at : at + entry["size"]]
                at += entry["size"]
                self._answer(header, partial(self._evaluate, header, entry, source))
        finally:
            del self._answers[session]

    def _evaluate(
        self, header: Mapping[str, Any], entry: Mapping[str, Any], source: bytes
    ) -> Frame:
        session = int(header["session"])

        def ask(request: Mapping[str, Any]) -> Frame:
            self.send({**request, "session": session})
            return self._answers[session].get()

        loads = self._memory.of(int(entry["scope"]), ask)
        evaluating = evaluation.Evaluation(
            loads.ask, limit=header["limit"], template=self._evaluating, stripper=self._stripper
        )
        answer, body = evaluating.run(entry, source.decode())
        return {**answer, "remembered": loads.remembered}, body

    def _open(self, session: int, header: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        texts = body.decode()
        at, context_end = header["source"], header["source"] + header["context"]
        driving = generator_worker.Stepping(
            limit=header["limit"], template=self._driving, stripper=self._stripper
        )
        self._steppings[session] = driving
        state = generator_worker.state_of(header, texts[context_end:]) or [0, "{}"]
        return driving.open(texts[:at], texts[at:context_end], state)


def _read(source: BinaryIO) -> Frame | None:
    prefix = source.read(frame_protocol.PREFIX)
    if len(prefix) < frame_protocol.PREFIX:
        return None
    header, body = frame_protocol.sizes(prefix)
    return frame_protocol.unpack(source.read(header)), source.read(body)


def main() -> None:
    """Serve until the owner closes the pipe."""
    settings = json.loads(sys.argv[-1])
    source, target = hardening.take_pipes()
    hardening.die_with_parent(settings["parent"])
    sys.setswitchinterval(_SWITCH)
    threading.stack_size(_STACK)
    cache, memory = settings["cache"], settings["memory"]
    clock = start(memory=memory, cache=Path(cache) if cache else None)
    worker = _Worker(target, clock=clock, memory=memory)
    worker.start_threads(settings["threads"])
    worker.warm_up()
    gc.collect()
    gc.freeze()
    hardening.allow_cpu(0)  # Each request raises it; a worker that waits has one too.
    hardening.lock()
    worker.send({"op": "ready", "session": 0})
    try:
        while (frame := _read(source)) is not None:
            worker.receive(*frame)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
