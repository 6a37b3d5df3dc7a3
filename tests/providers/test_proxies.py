"""Company proxies on the way to a remote host, and what the doctor says of ways and servers."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import attrs
import pytest
import trustme
from attrs import define, field

from inhouse.core.dialect import Dialect, described
from inhouse.core.route import Privacy
from inhouse.providers.doctor import check
from inhouse.providers.endpoints.endpoint_state import EndpointState
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress, EgressPolicy
from inhouse.providers.network.traffic_log import recording
from support.asking import ask, endpoint, prompt
from support.fake_servers import vllm
from support.replay import Replay, http_json, text_answer

REMOTE = "models.example"


@define
class Proxy:
    """A proxy as companies have them: it opens tunnels, all of them to one server here."""

    to: int
    wants: str | None = None
    """``user:password``; None: it asks nobody who they are."""
    refuses: bytes | None = None
    asked: list[str] = field(factory=list[str])
    seen: bytearray = field(factory=bytearray)
    """All that passed through it towards the server."""
    port: int = 0
    under_way: set[asyncio.Task[None] | None] = field(factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.under_way.add(asyncio.current_task())
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head.splitlines()[0])
            user = f"basic {base64.b64encode((self.wants or '').encode()).decode()}"
            if self.wants is not None and user.lower() not in head.lower():
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            elif self.refuses is not None:
                writer.write(self.refuses)
            else:
                there, out = await asyncio.open_connection("127.0.0.1", self.to)
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(self._pipe(reader, out, keep=True), self._pipe(there, writer))

    async def _pipe(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keep: bool = False
    ) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                if keep:
                    self.seen += piece
                writer.write(piece)
                await writer.drain()


@contextlib.asynccontextmanager
async def proxy(to: int, **more: str | bytes) -> AsyncGenerator[Proxy]:
    one = Proxy(to, **more)
    async with await asyncio.start_server(one.serve, "127.0.0.1", 0) as server:
        one.port = server.sockets[0].getsockname()[1]
        yield one
    await asyncio.wait_for(asyncio.gather(*filter(None, one.under_way)), 20)


@define
class Behind:
    """A TLS server that answers to a remote name, which only a proxy can reach."""

    server: Replay
    authority: str

    def endpoint(self, **more: str):
        return endpoint(f"https://{REMOTE}/v1", ca_file=self.authority, **more)


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Behind]:
    authority, chain = trustme.CA(), tmp_path / "chain.pem"
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert(REMOTE).private_key_and_cert_chain_pem.write_to_path(chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with Replay(vllm(chat=text_answer("from behind the proxy"), window=8192), tls=context) as one:
        yield Behind(one, str(tmp_path / "ca.pem"))


@pytest.fixture(autouse=True)
def no_other_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def test_a_remote_endpoint_is_reached_through_a_tunnel_that_sees_no_word_of_it(
    behind: Behind, monkeypatch
) -> None:
    async with proxy(behind.server.port, wants="mona:let me in") as way, Egress() as egress:
        monkeypatch.setenv("HTTPS_PROXY", f"http://mona:let%20me%20in@127.0.0.1:{way.port}")
        with recording() as log:
            said = await ask(connect(behind.endpoint(), "m", egress=egress), prompt("canary-4711"))
        found = await check(behind.endpoint(), egress=egress)

    assert (said.text, said.error) == ("from behind the proxy", None)
    assert set(way.asked) == {f"CONNECT {REMOTE}:443 HTTP/1.1"}
    assert b"canary" not in way.seen
    assert any("canary-4711" in str(body) for body in behind.server.bodies)
    hosts = {contact.host for contact in log}
    told = [one.message for one in found.findings if "proxy" in one.message]
    assert hosts == {f"{REMOTE}:443 via 127.0.0.1:{way.port}"}
    assert told
    assert f"http://127.0.0.1:{way.port} (HTTPS_PROXY)" in told[0]
    assert "let me in" not in f"{found}{hosts}"


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({"wants": "mona:secret-pw"}, "proxy_auth", "user name and a password"),
        ({"refuses": b"HTTP/1.1 403 Forbidden by policy\r\n\r\n"}, "proxy", "NO_PROXY"),
        ({"refuses": b""}, "proxy", "NO_PROXY"),
    ],
    ids=["password", "forbidden", "hung-up"],
)
async def test_a_proxy_that_lets_nobody_through_is_named_with_its_variable(
    behind: Behind, monkeypatch, more, code, words
) -> None:
    async with proxy(behind.server.port, **more) as way, Egress() as egress:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{way.port}")
        said = await ask(connect(behind.endpoint(), "m", egress=egress))

    assert said.error is not None
    assert said.error.code == code
    assert words in str(said.error)
    assert f"http://127.0.0.1:{way.port} (https_proxy)" in str(said.error)
    assert behind.server.requests == []


async def test_a_certificate_that_is_wrong_behind_a_proxy_is_no_fault_of_the_proxy(
    behind: Behind, monkeypatch
) -> None:
    async with proxy(behind.server.port) as way, Egress() as egress:
        monkeypatch.setenv("ALL_PROXY", f"127.0.0.1:{way.port}")
        unknown = endpoint(f"https://{REMOTE}/v1")
        said = await ask(connect(unknown, "m", egress=egress))

    assert said.error is not None
    assert said.error.code == "certificate"
    assert "caFile" in str(said.error)


async def test_what_cannot_be_used_as_a_proxy_is_said_before_a_byte_leaves(
    behind: Behind, monkeypatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    async with Egress() as egress:
        said = await ask(connect(behind.endpoint(), "m", egress=egress))
        found = await check(behind.endpoint(), egress=egress)
        monkeypatch.setenv("NO_PROXY", f"other.example, .{REMOTE}")
        assert egress.proxy_for(behind.endpoint()) is None

    for told in (str(said.error), "\n".join(one.message for one in found.findings)):
        assert "ALL_PROXY names a SOCKS proxy" in told
        assert REMOTE in told


@pytest.mark.parametrize("privacy", [Privacy.ANY, Privacy.ASK, Privacy.LOCAL_ONLY])
async def test_what_is_local_never_takes_a_proxy_that_cannot_be_used_at_all(
    privacy, monkeypatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with Replay(text_answer("direct")) as server:
        async with Egress(EgressPolicy(privacy, "config.toml, privacy")) as egress:
            said = await ask(connect(endpoint(server.base_url), "m", egress=egress))

    assert said.text == "direct"


async def test_the_doctor_tells_what_refusals_have_taught() -> None:
    def chat(body):
        refusal = {"error": {"message": "Unsupported parameter: 'temperature'."}}
        return http_json(refusal, 400) if "temperature" in body else text_answer("yes")

    shared = EndpointState()
    with Replay(vllm(chat=chat)) as server:
        at = endpoint(server.base_url, temperature=0.5)
        async with Egress() as egress:
            before = await check(at, egress=egress, shared=shared, wanted=("m",))
            said = await ask(connect(at, "m", egress=egress, shared=shared))
            after = await check(at, egress=egress, shared=shared, wanted=("m",))

    assert said.text == "yes"
    assert "refused" not in str(before.findings)
    assert "refused some requests.  Inhouse now sends it: requests without temperature." in str(
        after.findings
    )


def test_every_trait_that_can_be_learnt_has_words_for_people() -> None:
    known = Dialect()
    traits = {each.name for each in attrs.fields(Dialect)}
    values = {"omitted": ["stop"], "renamed": {"max_tokens": "max_completion_tokens"}}

    told = described({name: values.get(name, getattr(known, name)) for name in traits})

    assert len(told) == len(traits)
    assert not [phrase for phrase in told if phrase.partition(":")[0] in traits - {"pictures"}]
    assert {"requests without stop", "max_tokens as max_completion_tokens"} <= set(told)
