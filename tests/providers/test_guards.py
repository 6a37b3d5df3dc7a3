"""Is it local, does it fit, who is asked: what stands between a run and a server."""

import asyncio

import pytest

from inhouse.core.definition import AgentDefinition
from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import ContextOverflowError, ProviderError, RefusedError
from inhouse.core.route import Privacy
from inhouse.core.secret import Secret
from inhouse.providers.endpoints.context_window import told_window
from inhouse.providers.endpoints.endpoint_state import EndpointState
from inhouse.providers.endpoints.token_count import need_of
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress, EgressPolicy
from support.asking import READ_FILES, ask, endpoint, prompt
from support.fake_servers import litellm, llama_cpp, lm_studio, openrouter_like, routes, vllm
from support.replay import (
    DONE,
    HOLD,
    Pause,
    Replay,
    http_head,
    http_json,
    piece,
    sse,
    text_answer,
    usage_piece,
)

LOCAL_ONLY = EgressPolicy(Privacy.LOCAL_ONLY, "config.toml, privacy")
LONG = prompt("word " * 9000)


async def asked_at(server: Replay, asked=None, *, policy=None, model="m", **more):
    async with Egress(policy) as egress:
        at = endpoint(more.pop("base_url", server.base_url), **more)
        return await ask(connect(at, model, egress=egress), asked)


# Is it local?


@pytest.mark.parametrize(
    ("server", "kind", "model", "sign"),
    [
        (
            openrouter_like(chat=text_answer("x")),
            Kind.OPENAI,
            "anthropic/claude-sonnet-4.5",
            "gate",
        ),
        (
            litellm(base="https://api.openai.com/v1", chat=text_answer("x")),
            Kind.LITELLM,
            "team",
            "api",
        ),
        (litellm(base=None, chat=text_answer("x")), Kind.LITELLM, "team", "openai/x"),
        (litellm(base=None, chat=text_answer("x")), Kind.OPENAI, "team", "gateway"),
        (lm_studio(chat=text_answer("x")), Kind.LMSTUDIO, "qwen", "LM Link"),
        (text_answer("x"), Kind.OPENROUTER, "m", "forwards requests"),
    ],
)
async def test_what_may_forward_is_refused_under_local_only_before_a_byte(
    server, kind, model, sign
) -> None:
    with Replay(server) as running:
        said = await asked_at(
            running, prompt("canary-5"), policy=LOCAL_ONLY, kind=kind, model=model
        )

    assert isinstance(said.error, RefusedError)
    assert sign in str(said.error)
    assert said.error.remedy
    assert not any(b"canary-5" in request for request in running.requests)


@pytest.mark.parametrize(
    ("server", "kind", "model"),
    [
        (llama_cpp(chat=text_answer("x")), Kind.LLAMACPP, "any"),
        (llama_cpp(chat=text_answer("x")), Kind.OPENAI, "any"),
        (vllm(chat=text_answer("x")), Kind.VLLM, "m"),
        (litellm(base="http://127.0.0.1:8081/v1", chat=text_answer("x")), Kind.LITELLM, "team"),
        (routes({"/v1/chat/completions": text_answer("x")}), Kind.OPENAI, "m"),
    ],
)
async def test_a_server_that_runs_its_models_itself_is_asked(server, kind, model) -> None:
    with Replay(server) as running:
        said = await asked_at(running, policy=LOCAL_ONLY, kind=kind, model=model)

    assert said.error is None


async def test_the_user_may_vouch_for_what_no_server_tells_but_not_against_what_it_tells() -> None:
    with Replay(lm_studio(chat=text_answer("x"))) as studio:
        vouched = await asked_at(
            studio, policy=LOCAL_ONLY, kind=Kind.LMSTUDIO, model="qwen", vouched_local=True
        )
    with Replay(litellm(base="https://api.openai.com/v1", chat=text_answer("x"))) as proxy:
        told = await asked_at(
            proxy, policy=LOCAL_ONLY, kind=Kind.LITELLM, model="team", vouched_local=True
        )

    assert vouched.error is None
    assert isinstance(told.error, RefusedError)


async def test_a_gateway_is_free_to_use_where_privacy_does_not_forbid_it() -> None:
    with Replay(openrouter_like(chat=text_answer("x"))) as server:
        said = await asked_at(server)

    assert said.error is None
    assert server.paths == ["/v1/chat/completions"]


# Does it fit?


async def test_q15_lm_studio_is_not_sent_what_its_window_cannot_hold() -> None:
    with Replay(lm_studio(chat=text_answer("garbage"), window=4096)) as server:
        said = await asked_at(server, LONG, kind=Kind.LMSTUDIO, model="qwen")

    assert isinstance(said.error, ContextOverflowError)
    assert said.error.window == 4096
    assert said.error.needed is not None
    assert said.error.needed > 4096
    assert "/v1/chat/completions" not in server.paths


async def test_q15_an_answer_of_another_model_than_asked_is_a_warning() -> None:
    answer = [http_head(), *sse(piece("x", model="llama-3"), piece(finish="stop")), DONE]
    with Replay(lm_studio(chat=answer)) as server:
        said = await asked_at(server, kind=Kind.LMSTUDIO, model="qwen")

    assert [notice.code for notice in said.notices] == ["other_model"]
    assert "llama-3" in said.notices[0].message


async def test_q11_llama_cpp_counts_itself_where_it_gets_tight() -> None:
    with Replay(llama_cpp(chat=text_answer("x"), window=9000, count=9001)) as over:
        too_long = await asked_at(over, LONG, kind=Kind.LLAMACPP)
    with Replay(llama_cpp(chat=text_answer("x"), window=9000, count=8000)) as under:
        fits = await asked_at(under, LONG, kind=Kind.LLAMACPP)

    assert isinstance(too_long.error, ContextOverflowError)
    assert (too_long.error.needed, too_long.error.window) == (9001, 9000)
    assert fits.error is None


@pytest.mark.parametrize(
    ("server", "kind", "model", "window"),
    [
        (llama_cpp(window=8192), Kind.LLAMACPP, "x", 8192),
        (llama_cpp(window=8192), Kind.OPENAI, "x", 8192),
        (vllm(window=32768), Kind.VLLM, "m", 32768),
        (lm_studio(window=4096), Kind.LMSTUDIO, "qwen", 4096),
        (openrouter_like(), Kind.OPENROUTER, "anthropic/claude-sonnet-4.5", 200000),
        (litellm(base=None), Kind.LITELLM, "team", 8192),
        (routes({}), Kind.OPENAI, "x", None),
    ],
)
async def test_the_window_is_read_where_each_server_tells_it(server, kind, model, window) -> None:
    with Replay(server) as running:
        async with Egress() as egress:
            at = endpoint(running.base_url, kind)
            assert await told_window(at, model, egress) == window


async def test_a_small_prompt_costs_no_question() -> None:
    with Replay(vllm(chat=text_answer("x"))) as server:
        await asked_at(server, kind=Kind.VLLM)

    assert server.paths == ["/v1/chat/completions"]


async def test_a_prompt_cut_by_the_server_is_a_warning_with_both_numbers() -> None:
    cut = [http_head(), *sse(piece("x"), piece(finish="stop"), usage_piece(4096)), DONE]
    with Replay(routes({"/v1/chat/completions": cut})) as server:
        said = await asked_at(server, LONG)

    assert [notice.code for notice in said.notices] == ["truncated"]
    assert "4,096" in said.notices[0].message
    assert "9,0" in said.notices[0].message
    assert said.error is None


async def test_a_window_in_the_settings_is_believed() -> None:
    with Replay(text_answer("x")) as server:
        said = await asked_at(server, LONG, context_window=2000)

    assert isinstance(said.error, ContextOverflowError)


def test_no_real_tokenizer_needs_less_than_the_lower_bound() -> None:
    need = need_of(prompt("Hello, world! This is a test of 12 words."))

    assert need.least <= 14
    assert need.least <= need.likely


# Tools a server drops in silence


async def test_llama_cpp_with_a_template_without_tools_gets_them_in_the_text() -> None:
    with Replay(llama_cpp(chat=text_answer("x"), tools=False)) as server:
        await asked_at(server, prompt(tools=(READ_FILES,)), kind=Kind.LLAMACPP)

    body = next(one for one in server.bodies if "stream" in one)
    assert "tools" not in body
    assert "read_files" in body["messages"][0]["content"]


# Pools and limits


async def test_a_pool_asks_the_next_server_when_one_is_dead_and_lets_that_one_rest() -> None:
    with Replay(text_answer("x")) as dead:
        pass
    with Replay(text_answer("alive")) as alive:
        pool = endpoint("http://pool", pool=(endpoint(dead.base_url), endpoint(alive.base_url)))
        shared = EndpointState()
        async with Egress() as egress:
            begin = asyncio.get_running_loop().time()
            first = await ask(connect(pool, "m", egress=egress, shared=shared))
            took = asyncio.get_running_loop().time() - begin
            second = await ask(connect(pool, "m", egress=egress, shared=shared))

    assert first.text == second.text == "alive"
    assert [notice.code for notice in first.notices] == ["pool"]
    assert second.notices == []
    assert took < 10


async def test_a_pool_asks_the_least_busy_server_first() -> None:
    slow = [http_head(), *sse(piece("slow")), Pause(1), *sse(piece(finish="stop")), DONE]
    with Replay(slow) as one, Replay(text_answer("quick")) as two:
        pool = endpoint("http://pool", pool=(endpoint(one.base_url), endpoint(two.base_url)))
        shared = EndpointState()
        async with Egress() as egress:
            first = asyncio.create_task(ask(connect(pool, "m", egress=egress, shared=shared)))
            await asyncio.to_thread(_until_asked, one)
            second = await ask(connect(pool, "m", egress=egress, shared=shared))

    assert second.text == "quick"
    assert (await first).text == "slow"


async def test_a_pool_that_is_dead_altogether_says_so() -> None:
    with Replay(text_answer("x")) as dead:
        pass
    pool = endpoint("http://pool", pool=(endpoint(dead.base_url),))
    async with Egress() as egress:
        said = await ask(connect(pool, "m", egress=egress))

    assert isinstance(said.error, ProviderError)


async def test_an_endpoint_is_never_asked_more_at_once_than_its_limit() -> None:
    slow = [http_head(), *sse(piece("x")), Pause(0.1), *sse(piece(finish="stop")), DONE]
    shared = EndpointState()
    with Replay(slow) as server:
        at = endpoint(server.base_url, max_concurrent=1)
        async with Egress() as egress:
            tasks = [
                asyncio.create_task(ask(connect(at, "m", egress=egress, shared=shared)))
                for _ in range(3)
            ]
            await asyncio.sleep(0.05)
            assert len(server.requests) <= 1
            said = await asyncio.gather(*tasks)

    assert [one.text for one in said] == ["x", "x", "x"]


# Kinds with words of their own


async def test_openrouter_gets_reasoning_and_provider_options_and_tells_its_cost() -> None:
    definition = AgentDefinition(
        "a",
        "A",
        "anthropic/claude",
        reasoning_options={"effort": "high"},
        provider_options={"order": ("anthropic",), "allow_fallbacks": False},
    )
    answer = [http_head(), *sse(piece("x"), piece(finish="stop"), usage_piece(cost=0.0125)), DONE]
    with Replay(answer) as server:
        async with Egress() as egress:
            at = endpoint(server.base_url, Kind.OPENROUTER)
            said = await ask(connect(at, "m", egress=egress, definition=definition))

    assert server.bodies[0]["reasoning"] == {"effort": "high"}
    assert server.bodies[0]["provider"] == {"order": ["anthropic"], "allow_fallbacks": False}
    assert said.usage is not None
    assert said.usage.cost_usd == 0.0125


async def test_provider_options_go_to_openrouter_only() -> None:
    definition = AgentDefinition("a", "A", "m", provider_options={"order": ["x"]})
    with Replay(text_answer("x")) as server:
        async with Egress() as egress:
            at = endpoint(server.base_url)
            await ask(connect(at, "m", egress=egress, definition=definition))

    assert "provider" not in server.bodies[0]


def codebuff(chat):
    return routes(
        {
            "/api/v1/agent-runs": lambda body: {"runId": "run-9"},
            "/api/v1/chat/completions": chat,
        }
    )


@pytest.mark.parametrize(
    ("chat", "status"),
    [
        (text_answer("hi"), "completed"),
        (http_json({"error": {"message": "Out of credits"}}, 402), "failed"),
    ],
)
async def test_codebuff_starts_a_run_names_it_and_finishes_it(chat, status) -> None:
    definition = AgentDefinition("reviewer", "R", "m")
    with Replay(codebuff(chat)) as server:
        at = endpoint(f"{server.root}/api/v1", Kind.CODEBUFF, api_key=Secret("key-1"))
        async with Egress() as egress:
            said = await ask(connect(at, "m", egress=egress, definition=definition))

    start, body, finish = server.bodies
    assert start == {"action": "START", "agentId": "reviewer", "ancestorRunIds": []}
    assert body["codebuff_metadata"]["run_id"] == "run-9"
    assert (finish["action"], finish["runId"], finish["status"]) == ("FINISH", "run-9", status)
    assert all(b"bearer key-1" in request.lower() for request in server.requests)
    assert (said.error is None) == (status == "completed")


async def test_codebuffs_run_is_finished_also_when_the_answer_is_left() -> None:
    with Replay(codebuff([http_head(), *sse(piece("a")), HOLD])) as server:
        at = endpoint(f"{server.root}/api/v1", Kind.CODEBUFF)
        async with Egress() as egress:
            await ask(connect(at, "m", egress=egress), stop_after=1)

    assert server.bodies[-1]["status"] == "cancelled"


def _until_asked(server: Replay) -> None:
    import time

    while not server.requests:
        time.sleep(0.01)
