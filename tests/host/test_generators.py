"""A `handleSteps` that never asks a model needs none; one that does is told what would work."""

import json

import pytest

from inhouse.core.errors import UserError
from inhouse.core.events import RunStatus, TextDelta
from inhouse.core.request import RunRequest
from inhouse.core.secret import Secret
from inhouse.host.host import Host, HostCallbacks
from support.hosts import disk

READS = """function* ({ prompt }) {
  const { toolResult } = yield { toolName: 'read_files', input: { paths: ['a.txt'] } }
  yield { toolName: 'set_output', input: { text: toolResult[0].value[0].content, prompt } }
  SPAWN
}"""
SPAWNS = """const { toolResult: one } = yield { toolName: 'spawn_agents', input: { agents: [
    { agent_type: 'thinker', prompt: 'x' }] } }
  const { toolResult: two } = yield { toolName: 'spawn_agent_inline', input: {
    agent_type: 'thinker', prompt: 'x' } }
  yield { toolName: 'set_output', input: { one: one[0].value, two: two[0].value } }"""


class Nobody:
    async def ask(self, question):
        return ()


async def ran(folder, settings, heard=lambda _: None, **steps):
    (folder / "work/.agents").mkdir(parents=True)
    (folder / "work/a.txt").write_text("alpha")
    for name, source in steps.items():
        definition = {"id": name, "displayName": name, "model": "m/m"}
        more = {"handleSteps": source, "spawnableAgents": ["thinker"]} if source else {}
        path = folder / f"work/.agents/{name}.json"
        path.write_text(json.dumps({**definition, **more}))
    host = Host(
        roots=(folder / "work",),
        environ={"INHOUSE_HOME": str(folder / "home"), "PATH": "/usr/bin:/bin"},
        door=HostCallbacks(disk, Nobody()),
        editor_values=settings,
        client_trusted=True,
    )
    await host.start()
    try:
        plan = host.plan(RunRequest("reader", "hi"))
        return await host.run(plan, host.new_run_id(), heard)
    finally:
        await host.aclose()


REMOTE = {
    "endpoints": {"far": {"baseUrl": "https://192.0.2.7/v1"}},
    "defaultEndpoint": "far",
    "privacy": "local-only",
}


@pytest.mark.parametrize("settings", [{}, REMOTE], ids=["no endpoint", "one that privacy refuses"])
async def test_a_generator_that_asks_no_model_needs_no_endpoint(settings, tmp_path):
    done = await ran(tmp_path, settings, reader=READS.replace("SPAWN", ""))

    assert done.status is RunStatus.COMPLETED, done.error
    assert done.output == {"text": "alpha", "prompt": "hi"}
    assert not done.contacts


async def test_a_result_without_words_is_shown_without_the_keys_in_it(tmp_path):
    Secret("sk-result-1")
    events = []
    steps = "function* () { yield { toolName: 'set_output', input: { key: 'sk-result-' + 1 } } }"
    await ran(tmp_path, {}, events.append, reader=steps)

    assert [each for each in events if isinstance(each.payload, TextDelta)]
    assert "sk-result-1" not in str(events)


async def test_a_sub_agent_that_cannot_start_is_a_result_inline_too(tmp_path):
    steps = READS.replace("SPAWN", SPAWNS)
    done = await ran(tmp_path, {}, reader=steps, thinker="")

    assert done.status is RunStatus.COMPLETED, done.error
    assert "No model serves 'thinker' yet" in done.output["one"][0]["value"]["errorMessage"]
    assert "No model serves 'thinker' yet" in done.output["two"]["errorMessage"]


async def test_one_that_asks_a_model_is_told_at_once_and_one_that_hides_it_when_it_asks(tmp_path):
    with pytest.raises(UserError, match="No model serves 'reader' yet") as caught:
        await ran(tmp_path, {}, reader="function* () { yield 'STEP' }")
    hidden = "function* () { yield { toolName: 'end_turn' }.x ?? ['ST', 'EP'].join('') }"
    done = await ran(tmp_path / "again", {}, reader=hidden)

    assert caught.value.code == "no-endpoint"
    assert done.status is RunStatus.FAILED
    assert done.error.code == "no-endpoint"
