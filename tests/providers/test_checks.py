"""The doctor: why a model misbehaves, and the one step that mends it."""

import pytest

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.route import EndpointStatus, Privacy
from inhouse.core.secret import Secret
from inhouse.providers.doctor import check, check_all
from inhouse.providers.embedded.servers import EmbeddedServers
from inhouse.providers.endpoints.endpoint_state import EndpointState
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress, EgressPolicy
from support.asking import ask, endpoint, prompt
from support.fake_servers import litellm, llama_cpp, lm_studio, ollama, openrouter_like, vllm
from support.gguf import gguf  # noqa: F401  # a fixture
from support.replay import (
    DONE,
    HOLD,
    Replay,
    http_head,
    http_json,
    piece,
    sse,
    text_answer,
    usage_piece,
)


async def checked(server, kind=Kind.OPENAI, *, policy=None, wanted=(), **more) -> EndpointStatus:
    async with Egress(policy) as egress:
        base = server.root if kind is Kind.OLLAMA else server.base_url
        at = endpoint(more.pop("base_url", base), kind, **more)
        return await check(at, egress=egress, wanted=wanted)


async def test_a_prompt_that_a_run_saw_cut_is_found_later() -> None:
    cut = [http_head(), *sse(piece("x"), piece(finish="stop"), usage_piece(4096)), DONE]
    shared = EndpointState()
    with Replay(vllm(chat=cut, window=0)) as server:
        async with Egress() as egress:
            at = endpoint(server.base_url)
            before = await check(at, egress=egress, shared=shared)
            await ask(connect(at, "m", egress=egress, shared=shared), prompt("word " * 9000))
            after = await check(at, egress=egress, shared=shared)

    assert "silently cut" not in found(before)
    assert "silently cut: 4,096 tokens were read of a prompt of" in found(after)
    assert "contextWindow" in found(after)


def found(status: EndpointStatus) -> str:
    return "\n".join(f"{one.severity}: {one.message} → {one.remedy}" for one in status.findings)


async def test_a_healthy_server_has_no_findings() -> None:
    with Replay(llama_cpp(chat=text_answer("x"), window=32768)) as server:
        status = await checked(server, Kind.LLAMACPP)

    assert found(status) == ""
    assert status.reachable
    assert status.local
    assert status.latency_ms is not None
    assert status.models is not None
    assert [(model.id, model.context_window) for model in status.models] == [("local.gguf", 32768)]


async def test_a_small_window_and_a_template_without_tools_are_found() -> None:
    with Replay(llama_cpp(chat=text_answer("x"), window=4096, tools=False)) as server:
        status = await checked(server, Kind.LLAMACPP)

    assert "holds 4,096 tokens" in found(status)
    assert "-c 32768" in found(status)
    assert "--jinja" in found(status)


async def test_q13_vllms_missing_flags_are_named() -> None:
    message = (
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
    )
    refusal = http_json({"object": "error", "message": message}, 400)
    with Replay(vllm(chat=refusal)) as server:
        status = await checked(server, Kind.VLLM)

    assert "--enable-auto-tool-choice" in found(status)
    assert "--tool-call-parser" in found(status)


async def test_q3_q4_ollamas_default_window_and_cloud_models_are_told() -> None:
    with Replay(ollama(remote=True)) as server:
        status = await checked(server, Kind.OLLAMA)

    assert "4k, 32k or 256k" in found(status)
    assert "forwards it to its cloud" in found(status)
    assert status.models is not None
    assert not status.models[0].local
    assert not status.local


async def test_ollama_behind_its_openai_imitation_is_recognised() -> None:
    models = {"data": [{"id": "qwen3:4b", "owned_by": "library"}]}
    with Replay(
        [lambda request: http_json(models) if b"GET /v1/models" in request else http_json({}, 404)]
    ) as server:
        status = await checked(server)

    assert 'to "ollama"' in found(status)


async def test_a_wrong_base_url_is_told_with_the_right_one() -> None:
    with Replay(vllm(chat=text_answer("x"))) as server:
        status = await checked(server, base_url=server.root)

    assert f"Set `inhouse.endpoints.box.baseUrl` to {server.root}/v1" in found(status)


async def test_a_web_page_instead_of_models_is_a_wrong_base_url() -> None:
    with Replay([http_head(200, "text/html"), b"<html>hello</html>"]) as server:
        status = await checked(server)

    assert "error" in found(status)
    assert "baseUrl" in found(status)


async def test_a_list_of_models_that_everybody_gets_proves_no_key() -> None:
    refused = http_json({"error": {"message": "No auth credentials found", "code": 401}}, 401)
    with Replay(openrouter_like(key=refused)) as server:
        status = await checked(server, Kind.OPENROUTER, base_url=server.base_url)
    assert [one.code for one in status.findings] == ["unauthorized"]

    with Replay(openrouter_like()) as server:  # It does not know the question: nothing is said.
        status = await checked(server, Kind.OPENROUTER, base_url=server.base_url)
    assert status.reachable
    assert "unauthorized" not in [one.code for one in status.findings]


async def test_a_dead_server_and_a_wrong_key_are_errors_with_their_remedy() -> None:
    with Replay(text_answer("x")) as server:
        pass
    dead = await checked(server)
    with Replay(http_json({"error": {"message": "bad key sk-canary"}}, 401)) as server:
        wrong = await checked(server, api_key=Secret("sk-canary"))

    assert dead.reachable is False
    assert "Start it" in found(dead)
    assert wrong.reachable
    assert "inhouse key set box" in found(wrong)
    assert "canary" not in found(wrong)


async def test_a_model_that_agents_want_and_the_server_lacks_is_found() -> None:
    with Replay(vllm(chat=text_answer("x"))) as server:
        status = await checked(server, Kind.VLLM, wanted=("anthropic/claude",))

    assert "no model 'anthropic/claude'" in found(status)
    assert "inhouse.endpoints.box.models" in found(status)


@pytest.mark.parametrize(
    ("server", "kind"),
    [
        (openrouter_like(), Kind.OPENAI),
        (litellm(base="https://api.openai.com/v1"), Kind.LITELLM),
        (lm_studio(), Kind.LMSTUDIO),
    ],
)
async def test_loopback_is_not_enough_to_be_local(server, kind) -> None:
    with Replay(server) as running:
        status = await checked(running, kind)
    with Replay(server) as running:
        refused = await checked(running, kind, policy=EgressPolicy(Privacy.LOCAL_ONLY))

    assert not status.local
    assert "warning: Not verified to be local" in found(status)
    assert "error: Not verified to be local" in found(refused)


async def test_a_remote_endpoint_under_local_only_is_refused_without_a_connection() -> None:
    async with Egress(EgressPolicy(Privacy.LOCAL_ONLY, "config.toml, privacy")) as egress:
        status = await check(endpoint("https://llm.example.com/v1"), egress=egress)

    assert status.reachable is None
    assert "config.toml, privacy" in found(status)


async def test_a_dead_endpoint_delays_none_of_the_others() -> None:
    with Replay([HOLD]) as silent, Replay(vllm(chat=text_answer("x"))) as server:
        async with Egress() as egress:
            statuses = await check_all(
                (endpoint(silent.base_url, name="a"), endpoint(server.base_url, name="b")),
                egress=egress,
            )

    assert [status.reachable for status in statuses] == [False, True]


@pytest.mark.model
@pytest.mark.timeout(180)
async def test_the_real_embedded_model_is_checked_for_real(gguf, tmp_path) -> None:  # noqa: F811
    at = endpoint("embedded:", Kind.EMBEDDED, model_path=str(gguf))
    policy = EgressPolicy(Privacy.LOCAL_ONLY)
    async with Egress(policy) as egress, EmbeddedServers(tmp_path) as own:
        status = await check(at, egress=egress, embedded=own)

    assert status.reachable
    assert status.local
    assert status.base_url == "embedded:"
    assert "no native tool calls" in found(status)
