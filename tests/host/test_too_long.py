"""What is too long for a model's window costs its own turn at most, and no later one."""

import json

import pytest

from inhouse.cli.session_output import markdown
from inhouse.core.events import Notice, RunStatus
from inhouse.core.request import RunRequest
from support.hosts import open_host
from support.model_server import Failure, ModelServer, call

WINDOW = 4_000
AGENT = "---\nname: helper\nmodel: m\ntools: read_files\n---\nBe short.\n"
LONG = "BEGIN " + "some words of it " * 2_500 + " END"
"""Ten times what the window holds."""
REFUSALS = {
    "numbers": (400, "maximum context length is {window} tokens, your messages have {needed}"),
    "words": (400, "the prompt exceeds the context window"),
    "bytes": (413, "Request Entity Too Large"),
}


class Narrow(ModelServer):
    """Refuses what is longer than its window, in one of the ways that servers have."""

    def __init__(self, refusal):
        super().__init__()
        self.status, self.words = REFUSALS[refusal]
        self.taken = []

    def next_answer(self, model):
        body = self.chats[-1].body
        needed = len(json.dumps([body["messages"], body.get("tools")])) // 4
        if needed > WINDOW:
            said = self.words.format(window=WINDOW, needed=needed)
            code = "context_length_exceeded" if self.status == 400 else None
            return Failure(self.status, {"error": {"message": said, "code": code}})
        self.taken.append(body["messages"])
        return super().next_answer(model)


async def converse(host, turns):
    """Take one turn after the other in one session; give each one's result and notices."""
    session = None
    for prompt in turns:
        request = RunRequest("helper", prompt, session=session)
        plan = host.plan(await host.sessions.resolve(request))
        session = plan.request.session
        told = []
        result = await host.run(plan, host.new_run_id(), told.append)
        yield session, result, [p.payload for p in told if isinstance(p.payload, Notice)]


def workspace(folder, agent=AGENT):
    agents = folder / "work" / ".agents"
    agents.mkdir(parents=True)
    (agents / "helper.md").write_text(agent)
    (folder / "work" / "long.txt").write_text(LONG)


def settings_of(server, *, known=False):
    endpoint = {"baseUrl": server.base_url, **({"contextWindow": WINDOW} if known else {})}
    return {"endpoints": {"one": endpoint}, "defaultEndpoint": "one"}


@pytest.mark.parametrize("known", [True, False], ids=["window-known", "window-unknown"])
@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("what", ["prompt", "attached file"])
async def test_a_prompt_that_is_too_long_fails_once_and_the_conversation_goes_on(
    tmp_path, what, refusal, known
):
    workspace(tmp_path)
    with Narrow(refusal) as server:
        turns = ["first", LONG if what == "prompt" else "see @long.txt", "third", "fourth"]
        async with open_host(tmp_path, settings_of(server, known=known)) as host:
            results = [each async for each in converse(host, turns)]
            document = await markdown(host, await host.sessions.named(results[0][0]))

    (_, first, _), (_, second, _), (_, third, told), (_, fourth, later) = results
    assert (first.status, second.status) == (RunStatus.COMPLETED, RunStatus.FAILED)
    assert "can continue" in second.error.message
    assert (third.status, third.error) == (RunStatus.COMPLETED, None)
    assert fourth.status is RunStatus.COMPLETED
    assert [one.code for one in told if one.code == "compacted"] == ["compacted"]
    assert not [one for one in later if one.code == "compacted"]
    sent = json.dumps(server.taken[-1])
    assert "first" in sent
    assert "left out" in sent or "first_prompt" in sent
    assert "fourth" in sent
    if what == "prompt":
        assert LONG in document


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_tool_s_result_that_is_too_long_is_shortened_in_its_own_turn(tmp_path, refusal):
    workspace(tmp_path)
    with Narrow(refusal) as server:
        server.play(call("read_files", paths=["long.txt"]))
        async with open_host(tmp_path, settings_of(server)) as host:
            results = [each async for each in converse(host, ["read it", "go on"])]

    assert [one.status for _, one, _ in results] == [RunStatus.COMPLETED] * 2
    assert "[shortened: " in json.dumps(server.taken[1])


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_an_agent_that_is_told_too_much_is_named_and_another_one_goes_on(tmp_path, refusal):
    workspace(tmp_path, AGENT + LONG)
    (tmp_path / "work" / ".agents" / "brief.md").write_text(AGENT.replace("helper", "brief"))
    with Narrow(refusal) as server:
        async with open_host(tmp_path, settings_of(server)) as host:
            [(session, failed, told)] = [each async for each in converse(host, ["first"])]
            request = RunRequest("brief", "second", session=session)
            plan = host.plan(await host.sessions.resolve(request))
            result = await host.run(plan, host.new_run_id(), lambda _: None)

    assert failed.status is RunStatus.FAILED
    assert "The agent's instructions and tools need about" in failed.error.message
    assert not [one for one in told if one.code in ("compacted", "trimmed")]
    assert result.status is RunStatus.COMPLETED
