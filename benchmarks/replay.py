"""A loopback server that replays pre-encoded chunks as fast as it is told, in a process of its own.

    python benchmarks/replay.py COUNT DELAY_SECONDS

Prints its port.  Every answer has COUNT text pieces, each in an HTTP chunk of its own as model
servers send them; with a delay, each piece carries the time it was sent (nanoseconds of the
machine's monotonic clock).  What a request's prompt contains changes its answer: with ``paced``,
PACED pieces come 5 ms apart, whatever the delay; with ``arrival``, the one piece is the time the
request came; with ``silence``, one piece comes and then nothing, and when the client goes, the
time is printed.
"""

import asyncio
import contextlib
import json
import sys
import time

HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
)
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_LISTED = b'{"object":"list","data":[{"id":"bench","object":"model"}]}'
MODELS = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_LISTED), _LISTED)
)
PACED = 200
PACE = 0.005


def piece(text: str, finish: str | None = None) -> bytes:
    delta = {"content": text} if text else {}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "bench",
        "choices": [choice],
    }
    return chunk(b"data: " + json.dumps(body).encode() + b"\n\n")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


END = piece("", "stop") + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


async def main(count: int, delay: float) -> None:
    flood = [piece(f"word{number} ") for number in range(count)]
    blocks = [b"".join(flood[at : at + 64]) for at in range(0, count, 64)]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            lines = [line.lower() for line in head.split(b"\r\n")]
            lengths = [one.split(b":")[1] for one in lines if one.startswith(b"content-length")]
            length = int(lengths[0]) if lengths else 0
            body = await reader.readexactly(length)
            if not head.startswith(b"POST "):  # It knows nothing else that clients ask.
                writer.write(MODELS if b"/models " in lines[0] else NOT_FOUND)
                await writer.drain()
                writer.close()
                return
            came = time.monotonic_ns()
            writer.write(HEAD)
            if b"silence" in body:
                writer.write(piece("here "))
                await writer.drain()
                await reader.read(1)
                print(f"closed {time.monotonic_ns()}", flush=True)
                return
            if b"arrival" in body:
                writer.write(piece(f"{came} "))
            elif delay or b"paced" in body:
                for _ in range(count if delay else PACED):
                    writer.write(piece(f"{time.monotonic_ns()} "))
                    await asyncio.sleep(delay or PACE)
            else:
                for block in blocks:
                    writer.write(block)
                    await writer.drain()
            writer.write(END)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
