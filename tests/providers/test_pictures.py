"""Pictures in a prompt: sent where the model takes them, told where it does not."""

import json

import pytest

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import ProviderError
from inhouse.core.messages import Image, UserMessage
from inhouse.core.ports import Prompt
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress
from support.asking import ask, endpoint
from support.fake_servers import ollama, routes
from support.replay import DONE, Replay, http_head, http_json, ndjson, piece, sse, text_answer

PNG = "iVBORw0KGgo="
SEEN = UserMessage("What is this?", images=(Image(PNG, "image/png"),))
TALK = [http_head(), *ndjson({"message": {"content": "x"}, "done": False}, {"done": True})]


def models(**entry):
    return {"data": [{"id": "m", **entry}]}


async def asked_at(server: Replay, kind: Kind):
    async with Egress() as egress:
        base = server.base_url.removesuffix("/v1") if kind is Kind.OLLAMA else server.base_url
        model = connect(endpoint(base, kind), "m", egress=egress)
        return await ask(model, Prompt(system="", messages=(SEEN,)))


def bodies(server: Replay) -> list[dict]:
    """What was sent to the chat."""
    chats = [r for r in server.requests if b"/chat" in r.split(b"\r\n", 1)[0]]
    return [json.loads(each.partition(b"\r\n\r\n")[2]) for each in chats]


BLIND = [
    (Kind.LLAMACPP, {"/props": {"modalities": {"vision": False}}}),
    (Kind.OPENAI, {"/v1/models": models(architecture={"input_modalities": ["text"]})}),
    (Kind.LMSTUDIO, {"/api/v0/models": models(type="llm")}),
    (
        Kind.LITELLM,
        {"/model/info": {"data": [{"model_name": "m", "model_info": {"supports_vision": False}}]}},
    ),
]
SEEING = [
    (Kind.LLAMACPP, {"/props": {"modalities": {"vision": True}}}),
    (Kind.LLAMACPP, {}),
    (Kind.OPENAI, {"/v1/models": models(architecture={"input_modalities": ["text", "image"]})}),
    (Kind.OPENAI, {"/v1/models": models()}),
    (Kind.OPENAI, {}),
    (Kind.LMSTUDIO, {"/api/v0/models": models(type="vlm")}),
]


@pytest.mark.parametrize(("kind", "told"), SEEING)
async def test_a_picture_is_sent_where_nothing_says_that_it_cannot_be(kind, told) -> None:
    with Replay(routes({**told, "/v1/chat/completions": text_answer("A cat.")})) as server:
        said = await asked_at(server, kind)

    assert said.text == "A cat."
    assert said.notices == []
    [body] = bodies(server)
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]


@pytest.mark.parametrize(("kind", "told"), BLIND)
async def test_a_model_that_says_it_is_blind_is_told_of_the_picture_and_so_is_the_user(
    kind, told
) -> None:
    with Replay(routes({**told, "/v1/chat/completions": text_answer("I cannot see.")})) as server:
        said = await asked_at(server, kind)

    [notice] = said.notices
    assert (notice.level, notice.code) == ("warning", "pictures_not_sent")
    assert "does not accept pictures" in notice.message
    [body] = bodies(server)
    assert PNG not in json.dumps(body)
    assert "A picture was attached here and not sent" in json.dumps(body)


@pytest.mark.parametrize(
    ("capabilities", "sent"), [(("completion", "vision"), True), (("tools",), False)]
)
async def test_ollama_tells_whether_its_model_sees(capabilities, sent) -> None:
    with Replay(ollama(chat=TALK, capabilities=capabilities)) as server:
        said = await asked_at(server, Kind.OLLAMA)

    assert said.error is None
    assert (PNG in json.dumps(bodies(server))) is sent
    assert [one.code for one in said.notices] == ([] if sent else ["pictures_not_sent"])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"message": "m is not a multimodal model"}}),
        (422, {"detail": [{"loc": ["messages", 0, "content"], "msg": "str type expected"}]}),
        (404, {"error": {"message": "No endpoints found that support image input"}}),
        (415, "unsupported"),
    ],
)
async def test_a_server_that_refuses_the_picture_is_asked_without_it(status, body) -> None:
    def chat(sent):
        seen = PNG in json.dumps(sent)
        return http_json(body, status) if seen else text_answer("I cannot see.")

    with Replay(routes({"/v1/chat/completions": chat})) as server:
        said = await asked_at(server, Kind.OPENAI)

    assert said.error is None
    assert said.text == "I cannot see."
    [notice] = said.notices
    # `adapted` where the refusal is in words that are known: then the next one is not even tried.
    assert notice.code in ("pictures_not_sent", "adapted")
    assert notice.level == "warning"
    assert "picture" in notice.message


@pytest.mark.parametrize(
    ("answer", "requests"),
    [
        (http_json({"error": {"message": "bad key"}}, 401), 1),
        (http_json({"error": {"message": "wrong"}}, 400), 2),
        (
            [
                http_head(),
                *sse(piece("A c")),
                *sse({"error": {"message": "gone", "code": 400}}),
                DONE,
            ],
            1,
        ),
    ],
)
async def test_what_is_not_about_the_picture_stays_an_error(answer, requests) -> None:
    with Replay(routes({"/v1/chat/completions": lambda _: answer})) as server:
        said = await asked_at(server, Kind.OPENAI)

    assert isinstance(said.error, ProviderError)
    assert len(bodies(server)) == requests
    assert said.notices == []
