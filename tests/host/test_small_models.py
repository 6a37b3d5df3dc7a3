"""What a run on a small model is sent first, wired as every door wires it."""

import json

import pytest

from inhouse.core.events import RunStatus
from inhouse.core.request import RunRequest
from support.fake_servers import routes
from support.hosts import open_host
from support.replay import DONE, Replay, http_head, piece, sse

TREE = "Files: {CODEBUFF_FILE_TREE_PROMPT_SMALL}"
STEPS = "function* () { yield 'STEP_ALL' }"


def llama(parameters, *, tools=True, window=32_768, chat=None):
    """Return the routes of a llama.cpp that serves a model of that size."""
    template = "{% if tools %}{{ tools }}{% endif %}" if tools else "{{ messages }}"
    meta = {"n_params": parameters, "n_ctx_train": window}
    said = [http_head(), *sse(piece("Done."), piece(finish="stop")), DONE]
    return routes(
        {
            "/props": {"model_path": "/m.gguf", "chat_template": template, "n_ctx": window},
            "/v1/models": {"data": [{"id": "m", "owned_by": "llamacpp", "meta": meta}]},
            "/v1/chat/completions": chat or said,
        }
    )


async def first_request(folder, server, *, environment=False, **definition):
    """Run an agent once; return the first chat request as text, and its members."""
    work = folder / "work"
    (work / ".agents").mkdir(parents=True)
    (work / "calc.py").write_text("def multiply(a, b):\n    return a * b\n")
    known = {"id": "one", "displayName": "One", "model": "m", "toolNames": ["read_files"]}
    (work / ".agents/one.json").write_text(json.dumps({**known, **definition}))
    settings = {"endpoints": {"box": {"baseUrl": server.base_url}}, "defaultEndpoint": "box"}
    variables = {"CODEBUFF_LOCAL_BASE_URL": server.base_url} if environment else {}
    async with open_host(folder, None if environment else settings, **variables) as host:
        plan = host.plan(RunRequest("one", "What does calc.py do?"))
        result = await host.run(plan, host.new_run_id(), lambda _: None)
    assert result.status is RunStatus.COMPLETED, result.error
    body = next(one for one in server.bodies if "messages" in one)
    return json.dumps(body["messages"]), body


SMALL, LARGE = 1_777_088_000, 30_000_000_000


@pytest.mark.parametrize(
    ("facts", "definition", "sees"),
    [
        ({"parameters": SMALL}, {}, True),
        ({"parameters": LARGE, "window": 4_096}, {}, True),
        ({"parameters": LARGE}, {}, False),
        ({"parameters": SMALL}, {"systemPrompt": TREE}, False),
        ({"parameters": SMALL}, {"handleSteps": STEPS}, False),
        ({"parameters": SMALL}, {"toolNames": []}, False),
    ],
)
async def test_a_small_model_or_window_sees_what_the_prompt_is_about(
    tmp_path, facts, definition, sees
):
    with Replay(llama(**facts)) as server:
        said, _ = await first_request(tmp_path, server, **definition)

    assert ("return a * b" in said) is sees
    assert ("calc.py multiply" in said) is sees or definition


@pytest.mark.parametrize("environment", [True, False])
async def test_tools_do_not_vanish_where_a_template_has_none(tmp_path, environment):
    with Replay(llama(LARGE, tools=False)) as server:
        said, body = await first_request(tmp_path, server, environment=environment)

    assert "tools" not in body
    assert "# Tools" in said
    assert "read_files" in said
