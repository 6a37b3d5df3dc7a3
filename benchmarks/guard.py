"""What the guard costs: each connection, each piece, a dead server in a pool, each decision.

    python benchmarks/guard.py

Writes its section of docs/benchmarks.md.
"""

import asyncio
import contextlib
import socket
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpcore2
import routing
import sections
from streaming import replaying

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.events import TextDelta
from inhouse.core.messages import UserMessage
from inhouse.core.ports import Model, Prompt
from inhouse.core.route import Endpoint, Privacy
from inhouse.core.secret import Secret
from inhouse.host.run_model import RunModel
from inhouse.providers.chat.completions import OpenAIChat
from inhouse.providers.chat.stream_model import Streamed
from inhouse.providers.cost.budget import Budget
from inhouse.providers.endpoints.endpoint_state import EndpointState
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress, EgressPolicy

LOCAL_ONLY = EgressPolicy(Privacy.LOCAL_ONLY, "config.toml")
CONNECTIONS = 300
PIECES = 20_000
RUNS = 30
PROMPT = Prompt(system="", messages=(UserMessage("hi"),))


def box(url: str, **more: object) -> Endpoint:
    return Endpoint("box", Kind.OPENAI, url, "benchmark", **more)  # type: ignore[arg-type]


async def median_ms(work: Callable[[], Awaitable[object]], times: int) -> float:
    took: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


@contextlib.asynccontextmanager
async def answering() -> AsyncIterator[str]:
    """A server that answers each connection with two bytes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def connections() -> sections.Rows:
    async with answering() as url, Egress(LOCAL_ONLY) as egress:
        at, port = box(url), int(url.split(":")[2].split("/")[0])
        client = egress.client(at)

        async def plain() -> None:
            async with httpcore2.AsyncConnectionPool(max_keepalive_connections=0) as pool:
                await pool.request("GET", f"{url}/models")

        async def guarded() -> None:
            await client.get(f"{url}/models")

        await plain(), await guarded()
        checked = await median_ms(lambda: egress.allow("localhost", port, at), CONNECTIONS)
        floor = await median_ms(plain, CONNECTIONS)
        whole = await median_ms(guarded, CONNECTIONS)
    return [
        ("the check of one connection (resolve, compare), median", f"{checked:.3f} ms", "< 1 ms"),
        ("a request over a new connection: httpcore2 alone", f"{floor:.2f} ms", ""),
        ("a request over a new connection: through the door", f"{whole:.2f} ms", "< 1 ms more"),
    ]


async def per_piece() -> sections.Rows:
    """CPU for 1,000 pieces: the stream alone, with the guard, with a key that is looked for."""
    with replaying(PIECES) as (url, _):
        async with Egress(LOCAL_ONLY) as egress:
            at = box(url)
            alone = Streamed(OpenAIChat(at, "bench", egress).ask)
            guarded = connect(at, "bench", egress=egress)
            await cpu_ms(alone)
            bare = min([await cpu_ms(alone) for _ in range(5)])
            whole = min([await cpu_ms(guarded) for _ in range(5)])
            clean = min([await cpu_ms(run_model(guarded, at)) for _ in range(5)])
            Secret("sk-benchmark-of-nobody-0123456789")
            looked = min([await cpu_ms(run_model(guarded, at)) for _ in range(5)])
    return [
        ("CPU for 1,000 pieces: the stream alone", f"{bare:.2f} ms", ""),
        ("the same with the guard (local, window, tools)", f"{whole:.2f} ms", "the same"),
        ("the same with keys taken out, none known", f"{clean:.2f} ms", "the same"),
        ("the same with one key known", f"{looked:.2f} ms", ""),
    ]


def run_model(model: Model, endpoint: Endpoint) -> RunModel:
    async def no_price() -> None:
        return None

    return RunModel(model, endpoint, "bench", local=True, budget=Budget(None), told=no_price)


async def cpu_ms(model: object) -> float:
    began, pieces = time.process_time(), 0
    async with model.stream(PROMPT) as batches:  # type: ignore[attr-defined]
        async for chunks in batches:
            pieces += sum(isinstance(chunk, TextDelta) for chunk in chunks)
    assert pieces == PIECES
    return (time.process_time() - began) * 1000 / (pieces / 1000)


async def dead_member() -> sections.Rows:
    """A new pool each time, so that nobody remembers that one is dead."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    with replaying(1) as (url, _):
        async with Egress(LOCAL_ONLY) as egress:

            async def first(pool: Endpoint) -> None:
                model = connect(pool, "bench", egress=egress, shared=EndpointState())
                async with model.stream(PROMPT) as batches:
                    async for chunks in batches:
                        if any(isinstance(chunk, TextDelta) for chunk in chunks):
                            return

            alive = box(url, pool=(box(url),))
            half = box(url, pool=(box(dead), box(url)))
            await first(half)
            without = await median_ms(lambda: first(alive), RUNS)
            took = await median_ms(lambda: first(half), RUNS)
    return [
        ("first piece from a pool of one", f"{without:.1f} ms", ""),
        ("first piece from a pool of two, the first dead", f"{took:.1f} ms", "< 1000 ms more"),
    ]


async def main() -> None:
    rows = [*await connections(), *await per_piece(), *await dead_member()]
    for name, case in routing.CASES.items():
        speed = max(routing.decisions_per_second(case) for _ in range(3))
        rows.append((f"routing decisions a second: {name}", f"{speed:,.0f}", "≥ 10,000"))
    sections.write("What the guard costs", "python benchmarks/guard.py", rows)


if __name__ == "__main__":
    asyncio.run(main())
