"""A run's events as ``$/progress``: batched, with none lost and none late."""

import asyncio
import json
from json.encoder import encode_basestring
from typing import Any

from inhouse import wire
from inhouse.core.events import ReasoningDelta, RunEvent, TextDelta
from inhouse.lsp.transport.framing import frame
from inhouse.pipes.event_loop import WriteQueue

_quote: Any = encode_basestring
_HIGH_SURROGATES = ("\ud800", "\udbff")


class EventStream:
    """Sends the first event of each turn of the event loop at once, the others at its end.

    While the editor does not read, adjacent deltas are joined, so the queue never grows beyond the
    text itself and the run is not held up.  Without *text*, a client gets no deltas.
    """

    def __init__(self, token: str | int, *, outbox: WriteQueue, text: bool = True) -> None:
        self._outbox = outbox
        self._text = text
        self._loop = asyncio.get_running_loop()
        self._head = (
            '{"jsonrpc":"2.0","method":"$/progress","params":{"token":'
            f'{json.dumps(token)},"value":{{"events":['
        )
        self._ready: list[str] = []
        self._scheduled = False
        self._seq = 0
        self._plain = False
        """Whether this turn's events are sent at its end, and no delta may still grow."""
        self._middles: dict[tuple[str, str], str] = {}
        self._open: tuple[str, list[str]] | None = None
        """A delta that may still grow: its middle and its pieces."""

    def add(self, event: RunEvent) -> None:
        payload = event.payload
        if self._plain and type(payload) is TextDelta:  # nearly every one
            middle = self._middles.get((event.run_id, "text"))
            text = payload.text
            if middle is not None and text and not "\ud800" <= text[-1] <= "\udbff":
                self._ready.append(f'{{"seq":{self._seq}{middle}{_quote(text)}}}')
                self._seq += 1
                return
        if isinstance(payload, TextDelta | ReasoningDelta):
            if not self._text:
                return
            kind = "text" if isinstance(payload, TextDelta) else "reasoning"
            self._add_delta(self._middle(event, kind), payload.text)
        elif (body := wire.payload(payload)) is not None:
            if self._open is not None:
                self._close(*self._open)
            rest = json.dumps(body, separators=(",", ":"), ensure_ascii=False, default=str)
            self._append(f"{self._middle(event, '')}{rest[1:]}")
        else:
            return
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)
            if self._open is None and not self._outbox.full:
                self._send()
        self._plain = self._open is None and not self._outbox.full

    def _add_delta(self, middle: str, text: str) -> None:
        if self._open is None and not self._outbox.full and not _ends_halfway(text):
            self._append(f"{middle}{_quote(text)}}}")
            return
        if self._open is not None and self._open[0] == middle:
            if text:  # The last piece tells whether a letter is open.
                self._open[1].append(text)
        else:
            if self._open is not None:
                self._close(*self._open)
            self._open = (middle, [text])

    def _append(self, rest: str) -> None:
        self._ready.append(f'{{"seq":{self._seq}{rest}')
        self._seq += 1

    def _close(self, middle: str, pieces: list[str]) -> None:
        """Close the open delta."""
        self._open = None
        self._append(f"{middle}{_quote(''.join(pieces))}}}")

    def _flush(self) -> None:
        if self._outbox.full:
            self._plain = False
            self._outbox.when_room(self._flush)
            return
        self._scheduled = self._plain = False
        if self._open is not None and not _ends_halfway(self._open[1][-1]):
            self._close(*self._open)
        self._send()

    def _send(self) -> None:
        if self._ready:
            body = f"{self._head}{','.join(self._ready)}]}}}}}}"
            self._ready = []
            self._outbox.write(frame(body))

    def _middle(self, event: RunEvent, kind: str) -> str:
        """Return what all events of one agent have in common, encoded once."""
        middle = self._middles.get((event.run_id, kind))
        if middle is None:
            parent = "" if event.parent is None else f',"parent":{_quote(event.parent)}'
            middle = f',"runId":{_quote(event.run_id)},"agent":{_quote(event.agent)}{parent},'
            if kind:
                middle += f'"kind":"{kind}","delta":'
            self._middles[event.run_id, kind] = middle
        return middle


def _ends_halfway(text: str) -> bool:
    """Return whether a text ends with the first half of a surrogate pair."""
    return text != "" and _HIGH_SURROGATES[0] <= text[-1] <= _HIGH_SURROGATES[1]
