"""Reading a streamed answer fast gives what reading it slowly gives, wherever it is split."""

import asyncio
import itertools
import json
import random
import socket

import h11
import httpcore2
import httpx2
import pytest
from h11 import _readers

from inhouse.core.errors import ProviderError
from inhouse.core.events import Answered, ReasoningDelta, TextDelta
from inhouse.providers.chat.response import ChatAnswer
from inhouse.providers.chat.sse import (
    LONGEST_ANSWER,
    EventDecoder,
    StreamDeadline,
    json_lines,
    server_sent,
)
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.network.chunked_body import ChunkedReader, install
from inhouse.providers.network.connection import EgressConnection
from support.asking import endpoint

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


@pytest.mark.parametrize(
    ("read_events", "one"),
    [(server_sent, b": " + b"x" * (1 << 20) + b"\n\n"), (json_lines, b" " * (1 << 20) + b"\n")],
    ids=["events", "lines"],
)
async def test_an_answer_without_end_is_stopped_after_256_mb_of_the_wire(read_events, one):
    given = 0

    async def body():
        nonlocal given
        while given < 2 * LONGEST_ANSWER:
            given += len(one)
            yield one

    line = StreamDeadline(PLACE, EgressConnection(None, "h:1", "::1", local=True, endpoint="box"))
    with pytest.raises(ProviderError, match="stopped after 256 MB"):
        async for _ in read_events(body(), line):
            pass

    assert 256 << 20 < given <= (256 << 20) + 2 * len(one)


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


def of(*deltas, **more):
    """Give pieces of one choice, with the finish reason in a piece of its own."""
    said = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices = [*said, {"index": 0, "delta": {}, "finish_reason": "stop"}]
    return [{"id": "c1", "model": "m", "choices": [choice], **more} for choice in choices]


def texts(*parts):
    return [{"content": part} for part in parts]


def called(index, arguments, **more):
    return {"tool_calls": [{"index": index, **more, "function": {"arguments": arguments}}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 9}}
ANSWERS = {
    "text": of(
        {"role": "assistant", "content": ""}, *texts("Hello", " ", "wörld 🐈", "\n\n", "end")
    ),
    "thinking, then text": [
        *of(*({"reasoning_content": part} for part in ("Let", " me", " see")), *texts("It", " is")),
        USAGE,
    ],
    "thinking in tags": of(*texts("<th", "ink>", "so ", "so</", "think>", "text <b>", " more")),
    "text around calls": of(
        *texts("I", " read"),
        called(0, '{"pa', id="call-1", type="function") | {"content": " it"},
        called(0, 'ths":[]}'),
        *texts(" and", " say"),
    ),
    "halves of characters": of(*texts("a", "b\ud83d", "\udc08c", "d\ud83d", "plain", "\ud83d")),
    "odd members": [
        *of(
            *texts("a", "b"),
            {"content": None},
            {"content": ["x"]},
            {"content": "c", "refusal": "no"},
        ),
        USAGE,
        {},
    ],
    "usage in each piece": of(*texts("a", "b", "c"), usage={"prompt_tokens": 1}),
    "an error in between": [
        *of(*texts("a", "b", "c"))[:-1],
        {"error": {"message": "the GPU fell off"}},
    ],
    "no finish": of(*texts("a", "b", "c"))[:-1],
}
PLACE = ModelRef(endpoint("http://127.0.0.1:9/v1"), "m")


def joined(chunks):
    """Give chunks with neighbouring text in one, and how many pieces they say they are."""
    found, pieces = [], 0
    for chunk in chunks:
        if isinstance(chunk, TextDelta | ReasoningDelta):
            pieces += chunk.pieces
            if found and type(found[-1]) is type(chunk):
                found[-1] = type(chunk)(found[-1].text + chunk.text)
                continue
        found.append(chunk)
    return found, pieces


def one_by_one(pieces):
    """Read pieces as they stand, each alone."""
    answer, chunks = ChatAnswer(PLACE), []
    try:
        for piece in pieces:
            chunks += answer.take(piece)
        chunks += answer.end()
    except ProviderError as error:
        return joined(chunks), str(error)
    return joined(chunks), None


async def all_the_way(parts):
    """Read the bytes of a response, from the connection to the chunks."""
    answer, found = ChatAnswer(PLACE), []
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())

    async def body():
        for part in parts:
            connection.receive_data(part)
            while not isinstance(event := connection.next_event(), type | h11.EndOfMessage):
                if isinstance(event, h11.Data):
                    yield bytes(event.data)

    try:
        line = StreamDeadline(
            PLACE, EgressConnection(None, "h:1", "::1", local=True, endpoint="box")
        )
        async for pieces in server_sent(body(), line):
            answer.read(pieces, found)
        found += answer.end()
    except ProviderError as error:
        return joined(found), str(error)
    return joined(found), None


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
async def test_an_answer_is_the_same_read_at_once_or_wherever_it_is_split(name, newline) -> None:
    assert install()
    chance = random.Random(name)
    wanted = one_by_one(ANSWERS[name])
    events = [f"data: {json.dumps(piece)}{newline * 2}".encode() for piece in ANSWERS[name]]
    said = [*events, b": ping" + newline.encode() * 2, b"data: [DONE]" + newline.encode() * 2]
    data = HEAD + chunked(*said)

    assert await all_the_way([data]) == wanted
    assert await all_the_way([data[at : at + 1] for at in range(len(data))]) == wanted
    for at in range(1, len(data)):
        assert await all_the_way([data[:at], data[at:]]) == wanted
    for _ in range(60):  # Chunks that know nothing of events, read in pieces that know of neither.
        whole = b"".join(said)
        edges = sorted({0, *(chance.randrange(1, len(whole)) for _ in range(8)), len(whole)})
        some = chunked(*(whole[a:b] for a, b in itertools.pairwise(edges)), extension=b";a=b")
        some = HEAD + chance.choice((some, chunked(whole, trailers=b"X-Sum: 7\r\n")))
        cuts = sorted({0, *(chance.randrange(len(some)) for _ in range(5)), len(some)})
        parts = [some[a:b] for a, b in itertools.pairwise(cuts)]
        assert await all_the_way(parts) == wanted


async def test_what_one_read_completes_is_one_delta_and_all_of_the_text() -> None:
    pieces = of(*texts(*(f"word{number} " for number in range(50))))
    chunks = []
    ChatAnswer(PLACE).read(pieces, chunks)

    assert [chunk.pieces for chunk in chunks] == [50]
    assert chunks[0].text == "".join(f"word{number} " for number in range(50))


async def test_half_a_character_that_no_other_half_follows_is_told_as_lost() -> None:
    (chunks, _), broken = one_by_one(of(*texts("a", "b\ud83d")))

    assert broken is None
    assert chunks == [TextDelta("ab\ufffd"), Answered("stop", "m")]


async def test_floods_take_turns_and_each_turn_of_the_loop_has_one_read() -> None:
    pairs = [socket.socketpair() for _ in range(5)]
    order: list[int] = []
    connections: list[EgressConnection] = []
    for near, far in pairs:
        near.setblocking(False)
        far.sendall(b"x" * 20_000)
        connections.append(EgressConnection(near, "h:1", "::1", local=True, endpoint="box"))

    async def flood(number: int) -> None:
        for _ in range(19):
            assert len(await connections[number].read(1_000)) == 1_000
            order.append(number)

    await asyncio.gather(*(connection.read(1_000) for connection in connections))
    floods = [asyncio.create_task(flood(number)) for number in range(5)]
    turns = 0
    while not all(task.done() for task in floods):
        turns += 1
        await asyncio.sleep(0)

    assert turns >= len(order) == 95
    assert order == [*range(5)] * 19
    for connection, (_, far) in zip(connections, pairs, strict=True):
        await connection.aclose()
        far.close()
