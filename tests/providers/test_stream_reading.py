"""Reading a streamed answer fast gives what reading it slowly gives, wherever it is split."""

import asyncio
import random
import socket

import h11
import httpcore2
import httpx2
import pytest
from h11 import _readers

from inhouse.providers.chat.sse import EventDecoder
from inhouse.providers.network.chunked_body import ChunkedReader, install
from inhouse.providers.network.connection import EgressConnection

STREAMS = {
    "plain": 'data: {"a":1}\n\ndata: {"b":"ü 🐈"}\n\ndata: [DONE]\n\n',
    "crlf": 'data: {"a":1}\r\n\r\ndata: {"b":"ü"}\r\n\r\n',
    "cr": "data: one\r\rdata: two\r\r",
    "mixed ends": "data: one\r\n\ndata: two\r\r\ndata: three\n\r\n\r",
    "several lines": "data: one\ndata: two\ndata\ndata:three\n\ndata: four\n\n",
    "names and ids": "event: error\nid: 7\ndata: x\n\nid: 8\n\nretry: 5\n\ndata: y\n\n",
    "comments": ": ping\n\n: ping\ndata: x\n: in between\ndata: y\n\n:\n\n",
    "blank lines": "\n\n\ndata: x\n\n\n\n\ndata: y\n\n\n",
    "no end": "data: x\n\ndata: the last",
    "empty data": "data:\n\ndata: \n\ndata: x\n\ndata:\ndata: z\n\n",
    "spaces and colons": "data:  two spaces\n\ndata:a:b: c\n\nignored: x\ndata: y\n\n",
}


def slowly(parts):
    """Read with httpx2's own decoder, as it stands."""

    class Body:
        def __init__(self):
            self.headers = {"content-type": "text/event-stream"}
            self.request = None

        def iter_text(self):
            yield from (part.decode() for part in parts)
            yield "\n\n"

    events = httpx2.EventSource(Body())
    return [(event.event, event.data) for event in events if event.data]


def fast(parts):
    decoder = EventDecoder()
    found = [event for part in parts for event in decoder.feed(part)]
    return [(kind, data.decode()) for kind, data in [*found, *decoder.feed(decoder.end())]]


@pytest.mark.parametrize("name", STREAMS)
def test_events_are_the_same_wherever_the_bytes_are_split(name):
    body = STREAMS[name].encode()
    wanted = slowly([body])

    assert wanted
    assert fast([body]) == wanted
    assert fast([body[at : at + 1] for at in range(len(body))]) == wanted
    for at in range(len(body) + 1):
        assert fast([body[:at], body[at:]]) == wanted


def test_random_streams_in_random_pieces_give_the_same_events():
    chance = random.Random(14)
    for _ in range(400):
        body = "".join(
            chance.choice(
                [
                    "data: x",
                    "data:",
                    "data: é",
                    ": c",
                    "event: e",
                    "id: 1",
                    "\n",
                    "\r",
                    "\r\n",
                    "\n\n",
                ]
            )
            for _ in range(30)
        ).encode()
        cuts = sorted(chance.randrange(len(body) + 1) for _ in range(6))
        parts = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]

        assert fast(parts) == slowly([body])


def test_comments_without_end_are_not_kept_and_an_event_without_end_is_an_error():
    decoder = EventDecoder()
    for _ in range(200):
        assert decoder.feed(b": ping\n" * 10_000) == []
    assert decoder._size < 1_000_000
    assert decoder.feed(b"\n\ndata: x\n\n") == [("message", b"x")]
    endless = b"data: x\n" * 3_000_000
    with pytest.raises(httpx2.SSEError):
        decoder.feed(endless)


def chunked(*parts, extension=b"", trailers=b""):
    body = b"".join(b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in parts)
    return body + b"0\r\n" + trailers + b"\r\n"


BODIES = {
    "plain": chunked(b"one", b"two\r\n", b"x" * 300),
    "extensions": chunked(b"one", b"two", extension=b';name="a"'),
    "trailers": chunked(b"one", trailers=b"X-Sum: 7\r\n"),
    "upper case": b"A\r\n0123456789\r\n00B\r\n0123456789a\r\n0\r\n\r\n",
    "broken size": b"3\r\none\r\nzz\r\nno\r\n",
    "broken end": b"3\r\none\r\n3\r\ntwoXX0\r\n\r\n",
    "cut off": b"3\r\none\r\n9\r\ntw",
}
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def read(reader, parts):
    """Give the body, how it ended and its trailers, read by h11 with this reader of chunks."""
    kept = _readers.READERS[h11.SEND_BODY]["chunked"]
    _readers.READERS[h11.SEND_BODY]["chunked"] = reader
    try:
        connection = h11.Connection(h11.CLIENT)
        connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
        connection.send(h11.EndOfMessage())
        body = b""
        for part in [*parts, b""]:
            connection.receive_data(part)
            while True:
                event = connection.next_event()
                if isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    return body, "end", list(event.headers)
                elif event is h11.NEED_DATA:
                    break
        return body, "cut", []
    except h11.RemoteProtocolError:
        return body, "broken", []
    finally:
        _readers.READERS[h11.SEND_BODY]["chunked"] = kept


@pytest.mark.parametrize("name", BODIES)
def test_bodies_are_the_same_wherever_their_chunks_are_split(name):
    data = HEAD + BODIES[name]
    wanted = read(_readers.ChunkedReader, [data])

    assert wanted[0]
    assert read(ChunkedReader, [data]) == wanted
    assert read(ChunkedReader, [data[at : at + 1] for at in range(len(data))]) == wanted
    for at in range(1, len(data)):
        assert read(ChunkedReader, [data[:at], data[at:]]) == wanted


def test_h11_is_as_the_fast_reader_knows_it():
    assert install()
    assert _readers.READERS[h11.SEND_BODY]["chunked"] is ChunkedReader


async def test_what_is_waiting_to_be_read_does_not_outlive_the_limit() -> None:
    near, far = socket.socketpair()
    near.setblocking(False)
    with far:
        far.sendall(b": ping\n\n" * 1000)
        connection = EgressConnection(near, "h:1", "127.0.0.1", local=True, endpoint="box")
        assert await connection.read(1) == b":"
        connection.deadline = asyncio.get_running_loop().time() - 1

        with pytest.raises(httpcore2.ReadTimeout):
            await connection.read(1)
        await connection.aclose()
