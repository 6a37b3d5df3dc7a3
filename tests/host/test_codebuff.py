"""Codebuff's backend: one START and one FINISH a run, sub-agents below the run that spawned them.

Built from the documented run protocol (docs/reference/endpoints.md).
"""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from inhouse.core.events import RunStatus
from inhouse.core.request import RunRequest
from support.fake_servers import routes
from support.hosts import open_host
from support.replay import DONE, Replay, http_head, piece, sse, text_answer, usage_piece

AGENTS = {
    "boss": {"toolNames": ["spawn_agents"], "spawnableAgents": ["kid"]},
    "kid": {"toolNames": ["list_directory"]},
    "driver": {
        "spawnableAgents": ["kid"],
        "handleSteps": "function* () { yield { toolName: 'spawn_agents', "
        "input: { agents: [{ agent_type: 'kid', prompt: 'x' }] } } }",
    },
}
SPAWN = json.dumps({"agents": [{"agent_type": "kid", "prompt": "x"}]})


def backend(*answers: list[Any]) -> Replay:
    ids, chats = itertools.count(1), iter(answers)
    return Replay(
        routes(
            {
                "/api/v1/agent-runs": lambda body: (
                    {"runId": f"r{next(ids)}"} if body["action"] == "START" else {}
                ),
                "/api/v1/chat/completions": lambda _: next(chats, text_answer("done")),
            }
        )
    )


def calls(name: str, arguments: str) -> list[Any]:
    function = {"name": name, "arguments": arguments}
    call = {"index": 0, "id": "c1", "type": "function", "function": function}
    pieces = (piece(tool_calls=[call]), piece(finish="tool_calls"), usage_piece())
    return [http_head(), *sse(*pieces), DONE]


async def run(folder: Path, server: Replay, agent: str) -> list[dict[str, Any]]:
    """Run an agent; gives the bodies that the backend was sent."""
    (folder / "work/.agents").mkdir(parents=True)
    for name, more in AGENTS.items():
        text = json.dumps({"id": name, "displayName": name, "model": "m", **more})
        (folder / f"work/.agents/{name}.json").write_text(text)
    endpoint = {"kind": "codebuff", "baseUrl": f"{server.root}/api/v1", "apiKey": "sk-canary-key"}
    values = {"endpoints": {"cb": endpoint}, "defaultEndpoint": "cb"}
    async with open_host(folder, values) as host:
        done = await host.run(host.plan(RunRequest(agent, "go")), "run-1", lambda _: None)
    assert done.status is RunStatus.COMPLETED, done.error
    return server.bodies


def of(bodies: list[dict[str, Any]], action: str) -> list[dict[str, Any]]:
    return [one for one in bodies if one.get("action") == action]


async def test_a_run_of_several_answers_is_started_and_finished_once(tmp_path: Path):
    with backend(calls("list_directory", "{}"), calls("list_directory", '{"path": "."}')) as server:
        bodies = await run(tmp_path, server, "kid")

    assert of(bodies, "START") == [{"action": "START", "agentId": "kid", "ancestorRunIds": []}]
    chats = [one for one in bodies if "messages" in one]
    assert len(chats) == 3
    assert {one["codebuff_metadata"]["run_id"] for one in chats} == {"r1"}
    (finish,) = of(bodies, "FINISH")
    assert (finish["runId"], finish["status"], finish["totalSteps"]) == ("r1", "completed", 3)
    assert bodies[-1] == finish


@pytest.mark.parametrize("agent", ["boss", "driver"])
async def test_a_sub_agents_run_names_those_above_it(tmp_path: Path, agent: str):
    with backend(*([calls("spawn_agents", SPAWN)] if agent == "boss" else [])) as server:
        bodies = await run(tmp_path, server, agent)

    starts = {one["agentId"]: one for one in of(bodies, "START")}
    assert starts[agent]["ancestorRunIds"] == []
    assert starts["kid"]["ancestorRunIds"] == ["r1"]
    assert [one["runId"] for one in of(bodies, "FINISH")] == ["r2", "r1"]
