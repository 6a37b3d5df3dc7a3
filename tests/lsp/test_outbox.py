"""The event loop never waits for an editor that does not read."""

import asyncio
import os
import threading

from inhouse.pipes.event_loop import FULL, PipeOutbox


def read_all(descriptor, into):
    while data := os.read(descriptor, 1 << 16):
        into.append(data)


async def test_what_is_not_read_waits_and_then_comes_in_order():
    source, target = os.pipe()
    box = PipeOutbox(target, on_lost=lambda: None)
    pieces = [f"{number:06d}".encode() * 1000 for number in range(200)]
    for piece in pieces:
        box.write(piece)
    assert box.full
    room = asyncio.Event()
    box.when_room(room.set)
    found = []
    reader = threading.Thread(target=read_all, args=(source, found), daemon=True)
    reader.start()

    await asyncio.wait_for(room.wait(), 10)
    await box.aclose(10)
    os.close(target)
    reader.join(10)
    assert b"".join(found) == b"".join(pieces)
    assert not box.full
    os.close(source)


async def test_an_editor_that_has_gone_is_told_once_and_costs_nothing():
    source, target = os.pipe()
    lost = []
    box = PipeOutbox(target, on_lost=lambda: lost.append(1))
    os.close(source)
    for _ in range(5):
        box.write(b"x" * 10)
        box.write(b"x" * FULL)
        await asyncio.sleep(0.02)

    assert lost == [1]
    assert not box.full
    await box.aclose(1)
    os.close(target)
