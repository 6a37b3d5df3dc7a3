"""``lsp --tcp``: whoever may not give commands can neither give them nor hold the server up."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import psutil
import pytest

from inhouse.lsp.stdio import Stranger, Strangers, converse_on_socket
from inhouse.lsp.transport.peers import may_begin
from support.terminal import Terminal

AS_ANOTHER = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="acts as another user"
)
STRANGER = 12_345


@contextlib.asynccontextmanager
async def listening(
    terminal: Terminal,
) -> AsyncIterator[tuple[int, str, asyncio.subprocess.Process]]:
    """An installed server on a port of loopback, and its token."""
    process = await asyncio.create_subprocess_exec(
        *terminal.command("lsp", "--tcp", "127.0.0.1:0"),
        env=terminal.environment,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        told = (await process.stderr.readline()).decode()
        token = told.split("token ")[1].strip(" )\n")
        yield int(told.split("127.0.0.1:")[1].split()[0]), token, process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


FIRST_BYTES = [
    *(b"POST / HTTP/1.1\r\n", b"GET / ", b"OPTIONS", b"{", b"\x16\x03\x01", b"\r\n", b"Contents-")
]


@pytest.mark.parametrize("first", FIRST_BYTES)
def test_what_is_not_the_protocol_is_known_by_its_first_bytes(first: bytes):
    assert not may_begin(first)
    assert may_begin(b"Content-Length: 1\r\n")
    assert may_begin(b"content-t")


POST = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%b"
INITIALIZE = json.dumps(
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}
).encode()
SHUTDOWN = b'{"jsonrpc": "2.0", "id": 2, "method": "shutdown"}'
LSP = b"Content-Length: %d\r\n\r\n%b"


@AS_ANOTHER
async def test_a_port_answers_its_user_and_nobody_else(terminal: Terminal):
    async with listening(terminal) as (port, _, process):
        ours = await said(port, LSP % (len(INITIALIZE), INITIALIZE))
        page = await said(port, POST % (len(INITIALIZE), INITIALIZE))
        theirs = await said(port, LSP % (len(INITIALIZE), INITIALIZE), user=STRANGER)
        options = {"initializationOptions": {"token": "\ud800"}}  # Half of a character.
        guess = json.dumps({"id": 1, "method": "initialize", "params": options}).encode()
        odd = await said(port, LSP % (len(guess), guess), user=STRANGER)
        process.kill()
        assert process.stderr is not None
        log = (await process.stderr.read()).decode()

    assert b'"capabilities"' in ours
    assert page == b""
    for each in (theirs, odd):
        assert b"token" in each
        assert b'"capabilities"' not in each
    assert "Traceback" not in log


@AS_ANOTHER
@pytest.mark.parametrize("begins", [b"Content-Length: 900000000\r\n\r\n", b"Content-Type: "])
async def test_what_a_stranger_sends_without_an_end_is_not_kept(terminal: Terminal, begins: bytes):
    async with listening(terminal) as (port, _, process):
        server = psutil.Process(process.pid)
        before = server.memory_info().rss
        sent = await run_as_another(FLOODS, port, begins.hex())
        after = server.memory_info().rss
        ours = await said(port, LSP % (len(INITIALIZE), INITIALIZE))

    assert int(sent) < 60 << 20  # It wanted to send 100 MB, and was hung up on; buffers took some.
    assert after - before < 30 << 20
    assert b'"capabilities"' in ours


@AS_ANOTHER
async def test_strangers_cannot_take_every_connection(terminal: Terminal):
    """Nor keep the owner out where the system does not say whose a connection is."""
    async with listening(terminal) as (port, token, _):
        options = {"initializationOptions": {"token": token}, "capabilities": {}}
        owner = json.dumps({"id": 1, "method": "initialize", "params": options}).encode()
        left, owners = (
            await run_as_another(SITS, port, "60", (LSP % (len(owner), owner)).hex())
        ).split()
        ours = await said(port, LSP % (len(INITIALIZE), INITIALIZE))

    assert int(left) == 16
    assert b'"capabilities"' in bytes.fromhex(owners)
    assert b'"capabilities"' in ours


async def test_one_stranger_more_ends_the_oldest_and_nobody_who_has_shown_the_token():
    ended: list[str] = []
    strangers = Strangers("token", most=2)
    with contextlib.ExitStack() as open_ones:

        def met(name: str) -> Stranger:
            return open_ones.enter_context(strangers.met(lambda: ended.append(name)))

        met("admitted first").is_admitted = True
        met("a")
        late = met("admitted late")
        late.is_admitted = True
        met("b")
        assert ended == []
        met("c")
        met("d")

    assert ended == ["a", "b"]


async def test_a_stranger_has_a_moment_to_show_the_token():
    strangers = Strangers("token", seconds=0.01)
    ended: list[str] = []
    is_over = asyncio.Event()

    with strangers.met(lambda: ended.append("admitted")) as owner:
        owner.is_admitted = True
        with strangers.met(is_over.set):
            await is_over.wait()

    assert ended == []


SILENCE = [b"", b"Content-", b"Content-Length: 100\r\n\r\n{"]


@pytest.mark.parametrize("says", SILENCE)
async def test_a_connection_that_does_not_show_the_token_is_ended(says: bytes):
    strangers = Strangers("token", seconds=0.01)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with strangers.met(writer.transport.abort) as stranger:
            await converse_on_socket(reader, writer, stranger)

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(says)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.skipif(os.name == "nt", reason="the system does not say whose a connection is")
async def test_what_cannot_be_parsed_is_refused_and_the_connection_lives_on(terminal: Terminal):
    deep, long = b"[" * 200_000, b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n"
    async with listening(terminal) as (port, _, process):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for body in (deep, b"{}", b"null", INITIALIZE, deep, b"[]"):
            writer.write(LSP % (len(body), body))
        writer.write(long + LSP % (len(SHUTDOWN), SHUTDOWN))
        answered = b""
        while b'"id":2' not in answered.replace(b" ", b""):
            answered += await reader.read(65_536)
        writer.close()
        process.kill()
        assert process.stderr is not None
        log = (await process.stderr.read()).decode()

    assert b'"capabilities"' in answered
    assert "Traceback" not in log


SAYS = """
import os, socket, sys
if int(sys.argv[3]): os.setuid(int(sys.argv[3]))
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as one:
    one.settimeout(8)
    one.sendall(bytes.fromhex(sys.argv[2]))
    try: sys.stdout.buffer.write(one.recv(65536))
    except OSError: pass
"""


async def said(port: int, data: bytes, user: int = 0) -> bytes:
    """What the server answers to another process, of another user."""
    one = await asyncio.create_subprocess_exec(
        *("/usr/bin/env", "python3", "-I", "-c", SAYS, str(port), data.hex(), str(user)),
        stdout=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin"},
        cwd="/",
    )
    return (await one.communicate())[0]


FLOODS = """
import os, socket, sys
os.setuid(12345)
sent = 0
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as one:
    one.settimeout(20)
    try:
        sent += one.send(bytes.fromhex(sys.argv[2]))
        while sent < 100 << 20:
            sent += one.send(b"x" * 65536)
    except OSError:
        pass
print(sent)
"""
SITS = """
import os, select, socket, sys
os.setuid(12345)
many = int(sys.argv[2])
ones = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(many)]
open = set(ones)
while len(open) > 16:
    ready, _, _ = select.select(list(open), [], [], 20)
    if not ready: break
    open -= set(ready)
ready, _, _ = select.select(list(open), [], [], 0.5)
print(len(open - set(ready)))
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as owner:
    owner.settimeout(60)
    owner.sendall(bytes.fromhex(sys.argv[3]))
    print(owner.recv(65536).hex())
"""


async def run_as_another(program: str, port: int, *arguments: str) -> str:
    """What a program of another user prints."""
    one = await asyncio.create_subprocess_exec(
        *("/usr/bin/env", "python3", "-I", "-c", program, str(port), *arguments),
        stdout=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin"},
        cwd="/",
    )
    return (await one.communicate())[0].decode()
