"""The embedded model, with the real server and a real model."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import UserError
from inhouse.core.route import Privacy
from inhouse.providers.embedded.model_files import default_model, install_model_file
from inhouse.providers.embedded.servers import EmbeddedServers
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress, EgressPolicy
from support.asking import ask, endpoint, prompt
from support.gguf import gguf  # noqa: F401  # a fixture

pytestmark = [pytest.mark.model, pytest.mark.timeout(180)]


@pytest.fixture
async def servers(gguf: Path, tmp_path: Path) -> AsyncIterator[EmbeddedServers]:  # noqa: F811
    install_model_file(str(gguf), tmp_path)
    async with EmbeddedServers(tmp_path) as servers:
        yield servers


async def test_the_embedded_model_answers_under_local_only(servers: EmbeddedServers) -> None:
    policy = EgressPolicy(Privacy.LOCAL_ONLY)
    async with Egress(policy) as egress:
        model = connect(
            endpoint("embedded:", Kind.EMBEDDED), "any", egress=egress, embedded=servers
        )
        with egress.record() as contacts:
            said = await ask(model, prompt("Say hello.", max_output_tokens=16))

    assert said.error is None
    assert said.text
    assert said.usage is not None
    assert said.usage.input_tokens > 0
    assert [contact.local for contact in contacts] == [True]


async def test_two_users_share_one_server_and_it_outlives_the_first(
    gguf: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    at = endpoint("embedded:", Kind.EMBEDDED, model_path=str(gguf))
    first, second = EmbeddedServers(tmp_path), EmbeddedServers(tmp_path)
    try:
        one, other = await asyncio.gather(first.running(at), second.running(at))
        await first.aclose()
        async with Egress() as egress:
            said = await ask(
                connect(at, "x", egress=egress, embedded=second),
                prompt("Hi", max_output_tokens=4),
            )
    finally:
        await first.aclose()
        await second.aclose()

    assert one == other
    assert said.error is None
    assert await _is_gone(one.base_url)


async def test_it_dies_with_its_only_user_even_when_that_is_killed(
    gguf: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    user = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", _USER, str(tmp_path), str(gguf)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert user.stdout is not None
    with user.stdout:
        server = int(user.stdout.readline())
        assert psutil.pid_exists(server)
        user.kill()
        user.wait()

    await _until(lambda: not _alive(server))


async def test_a_crashed_server_is_started_again(servers: EmbeddedServers, tmp_path: Path) -> None:
    at = endpoint("embedded:", Kind.EMBEDDED)
    first = await servers.running(at)
    state = next((tmp_path / "embedded").glob("*/running.json")).read_text()
    pid = int(state.partition('"pid": ')[2].partition(",")[0])
    psutil.Process(pid).kill()
    await _until(lambda: not _alive(pid))

    second = await servers.running(at)

    assert second.base_url != first.base_url or second.key != first.key


async def test_a_file_that_is_no_model_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_text("<html>")
    at = endpoint("embedded:", Kind.EMBEDDED, model_path=str(tmp_path / "x.gguf"))
    async with EmbeddedServers(tmp_path) as servers:
        with pytest.raises(UserError, match="not a GGUF model"):
            await servers.running(at)


async def test_a_broken_model_file_says_why_it_did_not_start(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    at = endpoint("embedded:", Kind.EMBEDDED, model_path=str(tmp_path / "x.gguf"))
    async with Egress() as egress, EmbeddedServers(tmp_path) as servers:
        said = await ask(connect(at, "x", egress=egress, embedded=servers))

    assert "did not start" in str(said.error)
    assert "server.log" in str(said.error)


def test_without_a_model_the_command_that_installs_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="inhouse model install"):
        default_model(tmp_path)


async def test_leaving_an_answer_frees_the_server_at_once(servers: EmbeddedServers) -> None:
    async with Egress() as egress:
        model = connect(endpoint("embedded:", Kind.EMBEDDED), "x", egress=egress, embedded=servers)
        started = await ask(model, prompt("Count from one to a thousand."), stop_after=2)
        begin = time.monotonic()
        said = await ask(model, prompt("Say hello.", max_output_tokens=4))

    assert started.chunks
    assert said.error is None
    assert time.monotonic() - begin < 30


_USER = """
import asyncio, json, pathlib, sys
from inhouse.core.endpoint_kinds import Kind
from inhouse.core.route import Endpoint
from inhouse.providers.embedded.servers import EmbeddedServers
folder, model = pathlib.Path(sys.argv[1]), sys.argv[2]
async def main():
    servers = EmbeddedServers(folder)
    await servers.running(Endpoint("e", Kind.EMBEDDED, "embedded:", "test", model_path=model))
    state = next((folder / "embedded").glob("*/running.json"))
    print(json.loads(state.read_text())["pid"], flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def _is_gone(base_url: str) -> bool:
    async with Egress() as egress:
        said = await ask(connect(endpoint(base_url), "x", egress=egress))
    return "Cannot reach" in str(said.error)


async def _until(true, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
