"""Pages are read from the public internet only, whatever a name or a redirect says."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from attrs import define, field

from inhouse.core.errors import InhouseError, RefusedError
from inhouse.core.route import Privacy
from inhouse.providers.network.addresses import is_public
from inhouse.providers.network.egress import Egress, EgressPolicy
from inhouse.providers.network.web_page import read_page


@define
class Web:
    """A loopback server that answers by path and remembers what it was asked."""

    port: int = 0
    answers: dict[str, bytes] = field(factory=dict)
    asked: list[str] = field(factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@asynccontextmanager
async def web(**answers: bytes) -> AsyncIterator[Web]:
    site = Web(answers={f"/{path}": answer for path, answer in answers.items()})

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        site.asked.append(request)
        writer.write(site.answers[request.split(" ")[1]])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    async with server:
        yield site


def page(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "Connection: close"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def test_a_page_is_read():
    async with web(a=page(b"hello", "200 OK", "Content-Type: text/plain")) as site, Egress() as out:
        got = await read_page(site.url("/a"), out)

    assert (got.status, got.body, got.content_type) == (200, b"hello", "text/plain")
    assert "cookie" not in site.asked[0].lower()


async def test_redirects_are_followed_and_told():
    async with (
        web(a=page(b"", "302 Found", "Location: /b"), b=page(b"there")) as site,
        Egress() as out,
    ):
        got = await read_page(site.url("/a"), out)

    assert got.final_url == site.url("/b")
    assert got.body == b"there"


async def test_endless_redirects_end():
    async with web(a=page(b"", "302 Found", "Location: /a")) as site, Egress() as out:
        with pytest.raises(InhouseError, match="redirects more than 5"):
            await read_page(site.url("/a"), out)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_this_machine_is_not_a_page(host: str):
    policy = EgressPolicy(public_only=True)
    async with web(a=page(b"canary")) as site, Egress(policy) as out:
        with pytest.raises(RefusedError, match="public"):
            await read_page(f"http://{host}:{site.port}/a", out)

    assert site.asked == []


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://x.test/", "http://u:p@x.test/"])
async def test_a_redirect_to_something_else_is_refused(target: str):
    async with (
        web(a=page(b"", "302 Found", f"Location: {target}")) as site,
        Egress() as out,
    ):
        with pytest.raises(RefusedError, match="not a public page"):
            await read_page(site.url("/a"), out)


async def test_a_page_without_end_is_cut():
    async with web(a=page(b"x" * 3_000_000)) as site, Egress() as out:
        got = await read_page(site.url("/a"), out)

    assert len(got.body) == 2_000_000
    assert got.truncated


async def test_local_only_asks_no_name_server():
    async with Egress(EgressPolicy(privacy=Privacy.LOCAL_ONLY)) as out:
        with pytest.raises(RefusedError):
            await read_page("https://example.invalid/", out)


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "fe80::1", "fc00::1", "::", "ff02::1"),
        *("64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "::ffff:10.0.0.1"),
        *("64:ff9b:1::1", "2001:0:53aa:64c:0:0:0:1"),
    ],
)
def test_private_addresses_in_every_dress_are_known(address: str):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_are_known(address: str):
    assert is_public(ipaddress.ip_address(address))
