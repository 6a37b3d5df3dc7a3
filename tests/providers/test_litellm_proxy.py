"""A real LiteLLM proxy in front of two real llama.cpp servers (docs: many machines).

The proxy lives in an environment of its own, ``.cache/litellm``, which this test makes with uv or
pip where it is missing; without either, or without a model, it is skipped loudly.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import InhouseError, RefusedError
from inhouse.core.route import Endpoint, Privacy
from inhouse.core.secret import Secret
from inhouse.providers.doctor import check
from inhouse.providers.embedded.servers import EmbeddedServers
from inhouse.providers.endpoints.context_window import told_window
from inhouse.providers.endpoints.http_json import get_json
from inhouse.providers.endpoints.locality import verify_local
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress, EgressPolicy
from support.asking import ask, endpoint, prompt
from support.gguf import REPOSITORY, gguf  # noqa: F401  # a fixture

pytestmark = [pytest.mark.model, pytest.mark.timeout(600)]

FOLDER = REPOSITORY / ".cache" / "litellm"
BIN = FOLDER / ("Scripts" if sys.platform == "win32" else "bin")


@pytest.fixture(scope="session")
def litellm_command() -> Path:
    command = BIN / "litellm"
    if command.exists():
        return command
    uv = shutil.which("uv")
    python = str(BIN / "python")
    steps = (
        [
            [uv, "venv", "-q", str(FOLDER)],
            [uv, "pip", "install", "-q", "--python", python, "litellm[proxy]"],
        ]
        if uv
        else [
            [sys.executable, "-m", "venv", str(FOLDER)],
            [python, "-m", "pip", "install", "-q", "litellm[proxy]"],
        ]
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False, timeout=500)
        if done.returncode:
            pytest.skip(f"NO LITELLM: {' '.join(map(str, step))}: {done.stderr.strip()[-200:]}")
    return command


@pytest.fixture
async def proxy(
    litellm_command: Path,
    gguf: Path,  # noqa: F811
    tmp_path: Path,
) -> AsyncIterator[Endpoint]:
    own = endpoint("embedded:", Kind.EMBEDDED, model_path=str(gguf), context_window=2048)
    one, two = EmbeddedServers(tmp_path / "one"), EmbeddedServers(tmp_path / "two")
    async with one, two:
        running = [await one.running(own), await two.running(own)]
        config = tmp_path / "litellm.yaml"
        lines = ["model_list:"]
        for server in running:
            lines += [
                "  - model_name: team",
                "    litellm_params:",
                "      model: openai/embedded",
                f"      api_base: {server.base_url}",
                f"      api_key: {server.key.reveal()}",
                "    model_info:",
                "      max_input_tokens: 2048",
            ]
        lines += ["  - model_name: elsewhere", "    litellm_params:", "      model: openai/gpt-4o"]
        lines += ["      api_key: none", "general_settings:", "  master_key: sk-test-master"]
        config.write_text("\n".join(lines))
        port = _free_port()
        process = subprocess.Popen(  # noqa: ASYNC220
            [litellm_command, "--config", config, "--host", "127.0.0.1", "--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
            env={
                **os.environ,
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "LITELLM_TELEMETRY": "False",
                "DISABLE_ADMIN_UI": "True",
            },
        )
        try:
            key = Secret("sk-test-master")
            at = endpoint(f"http://127.0.0.1:{port}/v1", Kind.LITELLM, api_key=key)
            await _until_ready(at, process)
            yield at
        finally:
            process.terminate()
            process.wait(20)


async def test_a_real_proxy_before_two_real_servers_answers_under_local_only(
    proxy: Endpoint,
) -> None:
    async with Egress(EgressPolicy(Privacy.LOCAL_ONLY)) as egress:
        asked = [
            ask(connect(proxy, "team", egress=egress), prompt("Say hello.", max_output_tokens=8))
            for _ in range(4)
        ]
        said = await asyncio.gather(*asked)
        verdict = await verify_local(proxy, "team", egress)
        window = await told_window(proxy, "team", egress)
        remote = await ask(connect(proxy, "elsewhere", egress=egress), prompt("canary"))
        missing = await ask(connect(proxy, "nothing", egress=egress))
        status = await check(proxy, egress=egress, wanted=("team",))

    assert [one.error for one in said] == [None] * 4
    assert all(one.text for one in said)
    assert all(one.usage and one.usage.input_tokens > 0 for one in said)
    assert verdict.local
    assert window == 2048
    assert isinstance(remote.error, RefusedError)
    assert isinstance(missing.error, InhouseError)
    assert status.reachable
    assert {model.id for model in status.models or ()} >= {"team", "elsewhere"}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


async def _until_ready(at: Endpoint, process: "subprocess.Popen[bytes]") -> None:
    async with Egress() as egress:
        for _ in range(900):
            assert process.poll() is None, "LiteLLM ended before it was ready"
            try:
                await get_json(at, "models", egress)
            except InhouseError:
                await asyncio.sleep(0.2)
            else:
                return
    pytest.fail("LiteLLM was not ready in time")
