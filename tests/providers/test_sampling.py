"""Sampling is the user's: what the settings of an endpoint say is what its server is asked."""

import pytest

from inhouse.core.endpoint_kinds import Kind
from support.asking import READ_FILES, ask, prompt
from support.fake_servers import routes
from support.replay import DONE, Replay, http_head, piece, sse

OWN = {
    "temperature": 0.7,
    "top_p": 0.9,
    "max_tokens": 300,
    "extra_body": {"seed": 7, "model": "other", "messages": [], "options": {"min_p": 0.1}},
}


async def test_a_chat_completion_has_the_sampling_of_its_endpoint(model_at) -> None:
    with Replay([http_head(), *sse(piece("hi"), piece(finish="stop")), DONE]) as server:
        await ask(model_at(server, **OWN), prompt(tools=(READ_FILES,), max_output_tokens=4000))

    body = server.bodies[0]
    assert (body["temperature"], body["top_p"], body["max_tokens"]) == (0.7, 0.9, 300)
    assert (body["seed"], body["model"]) == (7, "m")
    assert body["messages"]


async def test_without_a_setting_a_local_model_with_tools_is_asked_exactly(model_at) -> None:
    with Replay([http_head(), *sse(piece("hi"), piece(finish="stop")), DONE]) as server:
        await ask(model_at(server), prompt(tools=(READ_FILES,)))

    assert server.bodies[0]["temperature"] == 0
    assert "top_p" not in server.bodies[0]


async def test_ollama_gets_it_as_options(model_at) -> None:
    line = b'{"model":"m","message":{"role":"assistant","content":"hi"},"done":true,'
    line += b'"done_reason":"stop","prompt_eval_count":1,"eval_count":1}\n'
    with Replay([http_head(content_type="application/x-ndjson"), line]) as server:
        await ask(model_at(server, kind=Kind.OLLAMA, context_window=4096, **OWN), prompt())

    body = next(one for one in server.bodies if one.get("messages"))
    told = {key: body["options"][key] for key in ("temperature", "top_p", "num_predict", "min_p")}
    assert told == {"temperature": 0.7, "top_p": 0.9, "num_predict": 300, "min_p": 0.1}
    assert (body["seed"], body["model"]) == (7, "m")


@pytest.mark.parametrize(
    ("kind", "listed", "more", "limit"),
    [
        (Kind.OPENAI, {"max_model_len": 16384}, {}, 8192),
        (Kind.VLLM, {"max_model_len": 4000}, {}, 2048),
        (Kind.LMSTUDIO, {"loaded_context_length": 12000}, {}, 6000),
        (Kind.OPENAI, {}, {"context_window": 10000}, 5000),
        (Kind.OPENAI, {}, {}, None),
    ],
)
async def test_one_answer_of_a_local_server_may_take_half_of_its_window(
    model_at, kind, listed, more, limit
) -> None:
    chat = [http_head(), *sse(piece("hi"), piece(finish="stop")), DONE]
    models = {"data": [{"id": "m", **listed}]}
    paths = {"/v1/models": models, "/api/v0/models": models, "/chat/completions": chat}
    with Replay(routes(paths)) as server:
        await ask(model_at(server, kind=kind, **more), prompt(tools=(READ_FILES,)))

    asked = next(body for body in server.bodies if "messages" in body)
    assert asked.get("max_tokens") == limit
