"""The one door to the network: what may be reached, what is refused, what is counted."""

import asyncio
import gzip
import socket
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.errors import InhouseError, ProviderError, RefusedError
from inhouse.core.route import Privacy
from inhouse.core.secret import Secret
from inhouse.providers.endpoints.http_json import get_json
from inhouse.providers.model_factory import connect
from inhouse.providers.network.addresses import is_loopback, read_host
from inhouse.providers.network.egress import Egress, EgressPolicy
from support.asking import ask, endpoint
from support.replay import HOLD, Pause, Replay, http_head, http_json, text_answer

LOCAL_ONLY = EgressPolicy(Privacy.LOCAL_ONLY, "config.toml, privacy")


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.1.2.3", "[::1]"),
        *("::ffff:127.0.0.1", "0x7f.1", "2130706433", "0177.0.0.1", "127.1", "127.0.0.1."),
    ],
)
def test_every_spelling_of_loopback_is_seen_for_what_it_is(host) -> None:
    addresses = read_host(host).addresses

    assert addresses
    assert all(is_loopback(address) for address in addresses)


NUMBER = st.one_of(
    st.integers(0, 300).map(str),
    st.integers(0, 1 << 33).map(hex),
    st.integers(0, 300).map("0{:o}".format),
)


@given(st.lists(NUMBER, min_size=1, max_size=5).map(".".join))
def test_numbers_are_the_address_that_connecting_would_take_them_for(host: str) -> None:
    try:
        flags = socket.AI_NUMERICHOST
        taken = {entry[4][0] for entry in socket.getaddrinfo(host, 80, flags=flags)}
    except OSError:
        taken = set()

    assert {str(one) for one in read_host(host).addresses or ()} == taken


@pytest.mark.parametrize(
    "host", ["\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "\u217cocalhost"]
)
def test_what_the_resolver_would_read_as_plain_letters_is_read_so(host: str) -> None:
    told = read_host(host).addresses

    assert told
    assert all(is_loopback(one) for one in told)


@pytest.mark.parametrize(
    "host",
    [
        *("8.8.8.8", "0x08.8.8.8", "134744072", "[::ffff:8.8.8.8]", "0.0.0.0", "[::]"),
        *("169.254.169.254", "10.0.0.1", "fe80::1%lo", "[fe80::1%25lo]", "2002:7f00:1::"),
        *("64:ff9b::127.0.0.1", "localhost.evil", "127.0.0.1.nip.io", "localhost@8.8.8.8"),
    ],
)
async def test_nothing_else_passes_for_loopback_under_local_only(host) -> None:
    shown = f"[{host}]" if ":" in host and "[" not in host else host
    async with Egress(LOCAL_ONLY) as egress:
        said = await ask(connect(endpoint(f"http://{shown}:9/v1"), "m", egress=egress))

    assert isinstance(said.error, RefusedError)
    assert "config.toml, privacy" in str(said.error)
    assert said.error.remedy
    assert not egress.is_local(f"http://{shown}:9/v1")


async def test_loopback_works_under_local_only_also_by_name() -> None:
    with Replay(text_answer("hi")) as server:
        async with Egress(LOCAL_ONLY) as egress:
            for host in ("127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]"):
                at = endpoint(f"http://{host}:{server.port}/v1")
                assert (await ask(connect(at, "m", egress=egress))).text == "hi"


async def test_a_name_is_not_even_looked_up_under_local_only() -> None:
    async with Egress(LOCAL_ONLY) as egress:
        with pytest.raises(RefusedError):
            egress.check(endpoint("http://secret-of-the-workspace.example.com/v1"))


async def test_a_range_that_the_user_declared_is_reachable_under_local_only() -> None:
    policy = EgressPolicy(Privacy.LOCAL_ONLY, local_addresses=("10.0.0.0/8",))
    async with Egress(policy) as egress:
        egress.check(endpoint("http://10.1.2.3:8000/v1"))
        with pytest.raises(RefusedError):
            egress.check(endpoint("http://11.1.2.3:8000/v1"))


async def test_a_declared_range_still_refuses_a_name_that_resolves_outside_it() -> None:
    policy = EgressPolicy(Privacy.LOCAL_ONLY, local_addresses=("10.0.0.0/8",))
    async with Egress(policy) as egress:
        with pytest.raises(InhouseError):
            await egress.allow("one.one.one.one.invalid", 80, endpoint("http://x/v1"))


async def test_ask_asks_once_for_a_remote_host_and_never_for_loopback() -> None:
    asked: list[str] = []

    async def no(host, at) -> bool:
        asked.append(host)
        await asyncio.sleep(0.01)
        return False

    remote = endpoint("http://llm.example.invalid/v1")
    with Replay(text_answer("hi")) as server:
        async with Egress(EgressPolicy(Privacy.ASK), ask=no) as egress:
            local = await ask(connect(endpoint(server.base_url), "m", egress=egress))
            refused = await asyncio.gather(
                *(ask(connect(remote, "m", egress=egress)) for _ in range(3))
            )

    assert local.text == "hi"
    assert asked == ["llm.example.invalid:80"]
    assert all(isinstance(said.error, RefusedError) for said in refused)


async def test_ask_with_nobody_to_ask_refuses_and_a_remembered_host_passes() -> None:
    async with Egress(EgressPolicy(Privacy.ASK)) as egress:
        with pytest.raises(RefusedError, match="Nobody allowed"):
            await egress.allow("8.8.8.8", 443, endpoint("https://8.8.8.8/v1"))
    allowed = EgressPolicy(Privacy.ASK, allowed_hosts=frozenset({"8.8.8.8"}))
    async with Egress(allowed) as egress:
        assert (await egress.allow("8.8.8.8", 443, endpoint("https://8.8.8.8/v1"))).local is False


@pytest.mark.parametrize("scheme", ["http", "https", "all"])
async def test_proxy_variables_are_ignored(scheme, monkeypatch) -> None:
    with Replay(text_answer("from the proxy")) as proxy, Replay(text_answer("direct")) as server:
        for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY"):
            monkeypatch.setenv(name, proxy.root)
        async with Egress() as egress:
            said = await ask(connect(endpoint(server.base_url), "m", egress=egress))

    assert said.text == "direct"
    assert proxy.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed_by_any_request(status) -> None:
    with Replay(http_json({"data": []})) as thief:
        head = http_head(status, location=f"{thief.root}/v1/models")
        with Replay([head]) as server:
            at = endpoint(server.base_url, api_key=Secret("canary-key"))
            async with Egress() as egress:
                with pytest.raises(ProviderError, match="redirects"):
                    await get_json(at, "models", egress)
                said = await ask(connect(at, "m", egress=egress))

    assert "redirects" in str(said.error)
    assert thief.requests == []


async def test_alt_svc_and_cookies_are_not_taken_along() -> None:
    with Replay(text_answer("elsewhere")) as other:
        extra = {"alt_svc": f'h2="127.0.0.1:{other.port}"', "set_cookie": "track=1; Path=/"}
        answer = text_answer("here")
        answer[0] = http_head(**extra)
        with Replay(answer) as server:
            async with Egress() as egress:
                model = connect(endpoint(server.base_url), "m", egress=egress)
                said = [await ask(model), await ask(model)]

    assert [one.text for one in said] == ["here", "here"]
    assert other.requests == []
    assert b"cookie" not in server.requests[1].lower()


async def test_the_record_tells_host_address_bytes_and_model() -> None:
    with Replay(text_answer("hi")) as server:
        async with Egress() as egress:
            with egress.record() as contacts:
                await ask(connect(endpoint(server.base_url), "m", egress=egress))
            with egress.record() as nothing:
                pass

    (contact,) = contacts
    assert contact.host == f"127.0.0.1:{server.port}"
    assert contact.address == "127.0.0.1"
    assert contact.local
    assert contact.bytes_sent == len(server.requests[0])
    assert contact.bytes_received == sum(map(len, text_answer("hi")))
    assert contact.model == "m"
    assert contact.endpoint == "box"
    assert list(nothing) == []


async def test_two_runs_at_once_are_counted_apart_and_a_child_counts_for_its_parent() -> None:
    async def run(egress, model, times):
        with egress.record() as contacts:
            await asyncio.gather(*(ask(model) for _ in range(times)))
        return sum(contact.bytes_sent for contact in contacts)

    with Replay(text_answer("hi")) as server:
        async with Egress() as egress:
            model = connect(endpoint(server.base_url), "m", egress=egress)
            with egress.record() as parent:
                one, three = await asyncio.gather(run(egress, model, 1), run(egress, model, 3))

    assert three == 3 * one
    assert sum(contact.bytes_sent for contact in parent) == one + three


async def test_a_gzip_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    head = http_head(200, "application/json", content_encoding="gzip")
    with Replay([head, bomb]) as server:
        async with Egress() as egress:
            with pytest.raises(ProviderError, match="compressed"):
                await get_json(endpoint(server.base_url), "models", egress)


async def test_an_endless_list_of_models_ends() -> None:
    endless = [b'{"data": [', *([b" " * 1_000_000] * 40)]
    with Replay([http_head(200, "application/json"), *endless, HOLD]) as server:
        async with Egress() as egress:
            with pytest.raises(ProviderError, match="more than"):
                await get_json(endpoint(server.base_url), "models", egress)


async def test_a_slow_drip_of_headers_ends_at_the_first_token_limit() -> None:
    drip = [step for _ in range(100) for step in (b"x-a: b\r\n", Pause(0.05))]
    with Replay([b"HTTP/1.1 200 OK\r\n", *drip]) as server:
        async with Egress() as egress:
            model = connect(endpoint(server.base_url, first_token_timeout=1), "m", egress=egress)
            said = await asyncio.wait_for(ask(model), 20)

    assert "firstTokenTimeout" in str(said.error)


async def test_tls_trusts_an_authority_file_and_checks_the_name(tmp_path: Path) -> None:
    authority, chain = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    with Replay(text_answer("over tls"), tls=context) as server:
        for host, file, works in (
            ("localhost", str(authority), True),
            ("localhost", None, False),
            ("127.0.0.1", str(authority), False),
        ):
            at = endpoint(f"https://{host}:{server.port}/v1", ca_file=file)
            async with Egress(LOCAL_ONLY) as egress:
                said = await ask(connect(at, "m", egress=egress))
            assert (said.text == "over tls") is works
            assert works or "certificate" in str(said.error).lower()


async def test_the_guard_costs_less_than_a_millisecond_a_connection() -> None:
    async with Egress(LOCAL_ONLY) as egress:
        at = endpoint("http://127.0.0.1:9/v1")
        begin = asyncio.get_running_loop().time()
        for _ in range(200):
            await egress.allow("localhost", 9, at)
        assert asyncio.get_running_loop().time() - begin < 200 * 0.005  # generous


def _certificate(folder: Path) -> tuple[Path, Path]:
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    authority_file, chain = folder / "ca.pem", folder / "chain.pem"
    authority.cert_pem.write_to_path(authority_file)
    issued.private_key_and_cert_chain_pem.write_to_path(chain)
    return authority_file, chain
