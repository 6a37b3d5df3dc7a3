"""Two hundred turns at a strict server with a small window: it never says no."""

import asyncio
import itertools
import json

import pytest

from inhouse.core.events import Notice, RunStatus, ToolStarted
from inhouse.core.request import RunRequest
from support.hosts import open_host
from support.model_server import Failure, ModelServer, Pause, call

WINDOW = 16_000
TURNS = 200
TASK = "The task: port the parser to Rust, and never touch legacy.c."
AGENT = """---
name: porter
model: m
tools: read_files
---
You port programs.
"""


def problem(messages):
    """What a strict server has against a conversation; None where it has nothing."""
    if len(json.dumps(messages)) // 4 > WINDOW:
        return "the context window is exceeded"
    rest = messages[messages[0]["role"] == "system" :]
    if any(one["role"] == "system" for one in rest):
        return "one system message, at the beginning"
    if rest[0]["role"] != "user" or rest[-1]["role"] not in ("user", "tool"):
        return "a user speaks first, and the model does not speak last"
    waiting = []
    for before, one in itertools.pairwise(messages):
        if one["role"] == "tool":
            if one["tool_call_id"] not in waiting:
                return f"no call waits for {one['tool_call_id']}"
            waiting.remove(one["tool_call_id"])
            continue
        if waiting:
            return f"no result for {waiting}"
        if one["role"] == "assistant":
            if before["role"] == "assistant":
                return "two answers in a row"
            waiting = [each["id"] for each in one.get("tool_calls") or ()]
            if not waiting and not one.get("content"):
                return "an empty answer"
    return f"no result for {waiting}" if waiting else None


class StrictServer(ModelServer):
    """Reads a file in each turn, then says something; refuses what strict servers refuse."""

    def __init__(self):
        super().__init__()
        self.refused, self.asked = [], []
        self.fails = self.hangs = False

    def next_answer(self, model):
        messages = self.chats[-1].body["messages"]
        if (told := problem(messages)) is not None:
            self.refused.append(told)
            return Failure(400, {"error": {"message": told}})
        if "condense a conversation" in str(messages[0]["content"]):
            return ["They port a parser; legacy.c stays."]
        self.asked.append(messages)
        if self.fails:
            return Failure(403, {"error": {"message": "not today"}})
        if messages[-1]["role"] == "tool":
            return ["half an answer", Pause(60)] if self.hangs else ["Done with this part."]
        return ["Let me see.", call("read_files", paths=["part.txt"])]


async def until_a_tool_runs(told):
    for _ in range(2_000):
        if any(isinstance(one.payload, ToolStarted) for one in told):
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)


@pytest.mark.timeout(300)
async def test_two_hundred_turns_with_failures_fit_and_each_request_begins_with_the_last(tmp_path):
    agents = tmp_path / "work" / ".agents"
    agents.mkdir(parents=True)
    (agents / "porter.md").write_text(AGENT)
    compacted, session, marks = 0, None, []
    with StrictServer() as server:
        endpoint = {"baseUrl": server.base_url, "contextWindow": WINDOW}
        settings = {"endpoints": {"one": endpoint}, "defaultEndpoint": "one"}
        async with open_host(tmp_path, settings) as host:
            for number in range(TURNS):
                server.fails, server.hangs = number % 40 == 20, number % 40 == 30
                (tmp_path / "work" / "part.txt").write_text(f"{number}: " + "line\n" * 500)
                prompt = TASK if number == 0 else f"Go on with part {number}."
                request = RunRequest("porter", prompt, session=session)
                plan = host.plan(await host.sessions.resolve(request))
                session = plan.request.session
                told = []
                task = asyncio.create_task(host.run(plan, host.new_run_id(), told.append))
                if server.hangs:
                    await until_a_tool_runs(told)
                    task.cancel()
                    await asyncio.wait([task])
                else:
                    status = (await task).status
                    wanted = RunStatus.FAILED if server.fails else RunStatus.COMPLETED
                    assert status is wanted, (number, told[-1].payload.result.error, server.refused)
                codes = [one.payload.code for one in told if isinstance(one.payload, Notice)]
                compacted += codes.count("compacted")
                marks.append(len(server.asked))

    assert server.refused == []
    assert len(server.asked) > TURNS * 1.9
    assert all(TASK in json.dumps(each) for each in server.asked)
    changed = [
        at
        for at, (before, after) in enumerate(itertools.pairwise(server.asked))
        if after[: len(before)] != before
    ]
    assert 0 < len(changed) <= compacted < 60
