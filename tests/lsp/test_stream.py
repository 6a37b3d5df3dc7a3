"""RunEvents on the wire: none lost, none late, none for ever in memory."""

import asyncio
import json
import time

import pytest

from inhouse.core.events import (
    EditChanged,
    EditState,
    ReasoningDelta,
    RunEvent,
    TextDelta,
    ToolOutput,
    ToolStarted,
)
from inhouse.lsp.runs.event_stream import EventStream
from inhouse.lsp.transport.framing import Framing


class Box:
    """An outbox whose reader can stop."""

    def __init__(self):
        self.bytes = b""
        self.full = False
        self.waiting = []

    def write(self, data):
        self.bytes += data

    def when_room(self, callback):
        self.waiting.append(callback)

    def read(self):
        self.full = False
        callbacks, self.waiting = self.waiting, []
        for callback in callbacks:
            callback()

    @property
    def batches(self):
        return [
            json.loads(body)["params"]["value"]["events"] for body in Framing().feed(self.bytes)
        ]

    @property
    def events(self):
        return [event for batch in self.batches for event in batch]


def text(value):
    return RunEvent("r", "a", TextDelta(value))


async def test_the_first_of_a_moment_goes_at_once_and_the_others_travel_together():
    box = Box()
    stream = EventStream("t", outbox=box)
    for piece in "abc":
        stream.add(text(piece))
    assert [event["delta"] for event in box.events] == ["a"]
    await asyncio.sleep(0)
    stream.add(text("d"))
    await asyncio.sleep(0)

    assert [[event["delta"] for event in batch] for batch in box.batches] == [
        ["a"],
        ["b", "c"],
        ["d"],
    ]
    assert [event["seq"] for event in box.events] == [0, 1, 2, 3]


async def test_text_is_exact_whatever_it_holds():
    box = Box()
    stream = EventStream(7, outbox=box)
    pieces = ['"quotes"\\', "\x00\x1f\u2028", "😀é", "\ud83d", "\ude00", "", "\r\n"]
    for piece in pieces:
        stream.add(text(piece))
        await asyncio.sleep(0)

    whole = "".join(event["delta"] for event in box.events)
    assert whole == '"quotes"\\\x00\x1f\u2028😀é😀\r\n'


@pytest.mark.parametrize("between", [(), ("",)])
async def test_half_a_character_waits_for_its_other_half(between):
    box = Box()
    stream = EventStream("t", outbox=box)
    for piece in ("a\ud83d", *between):
        stream.add(text(piece))
    await asyncio.sleep(0)
    assert box.events == []
    stream.add(text("\ude00b"))
    await asyncio.sleep(0)

    assert "".join(event["delta"] for event in box.events) == "a😀b"


async def test_an_editor_that_does_not_read_gets_one_delta_for_many():
    box = Box()
    box.full = True
    stream = EventStream("t", outbox=box)
    for number in range(10_000):
        stream.add(text(f"{number} "))
        if number % 100 == 0:
            await asyncio.sleep(0)
    stream.add(RunEvent("r", "a", ToolStarted("c", "read_files", {"paths": ["x"]})))
    stream.add(text("end"))
    await asyncio.sleep(0)
    assert box.bytes == b""
    box.read()

    kinds = [event["kind"] for event in box.events]
    assert kinds == ["text", "tool_call", "text"]
    assert box.events[0]["delta"] == "".join(f"{number} " for number in range(10_000))
    assert [event["seq"] for event in box.events] == [0, 1, 2]


async def test_order_is_kept_between_kinds_and_agents():
    box = Box()
    stream = EventStream("t", outbox=box)
    stream.add(RunEvent("r", "a", ReasoningDelta("hm")))
    stream.add(RunEvent("child", "b", TextDelta("from below"), "r"))
    stream.add(RunEvent("r", "a", ToolOutput("c", "not on the wire")))
    stream.add(RunEvent("r", "a", EditChanged("file:///x", EditState.PROPOSED, "diff")))
    await asyncio.sleep(0)

    assert [(e["kind"], e["runId"], e.get("parent")) for e in box.events] == [
        ("reasoning", "r", None),
        ("text", "child", "r"),
        ("edit", "r", None),
    ]


async def test_a_flood_is_no_burden():
    box = Box()
    stream = EventStream("t", outbox=box)
    begun = time.process_time()
    for number in range(50_000):
        stream.add(text("word "))
        if number % 50 == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert time.process_time() - begun < 5  # Half a second on a quiet machine.
    assert len(box.events) == 50_000
