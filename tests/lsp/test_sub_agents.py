"""Sub-agents through the whole server: where each runs, and how many at once."""

import pytest

from support.editor import VSCODE, open_editor
from support.model_server import ModelServer, Pause, call


@pytest.fixture
def small():
    with ModelServer() as server:
        yield server


async def test_a_child_runs_where_its_own_route_says_and_as_many_at_once_as_may(project, small):
    """A small local picker under a remote thinker: the point of it all."""
    project.settings |= {
        "endpoints": {
            "test": {"baseUrl": project.server.base_url},
            "small": {"baseUrl": small.base_url, "maxConcurrent": 2},
        },
        "routes": [{"agents": "pick*", "endpoint": "small", "model": "tiny"}],
    }
    project.agent("boss", "spawn_agents", spawnableAgents=["picker", "thinker"])
    project.agent("picker")
    project.agent("thinker")
    agents = [{"agent_type": "picker", "prompt": f"pick {number}"} for number in range(6)]
    project.server.play(call("spawn_agents", agents=[*agents, {"agent_type": "thinker"}]))
    for _ in range(6):
        small.play("picked", Pause(0.4))
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        started = await editor.command("inhouse.run", {"agent": "boss", "streamToken": "s"})
        result = await editor.ended(started["runId"])

        assert result["status"] == "completed", result
        assert [chat.body["model"] for chat in small.chats] == ["tiny"] * 6
        assert len(project.server.chats) == 3  # the boss twice, the thinker once
        begun = sorted(chat.at for chat in small.chats)
        assert all(third - first > 0.35 for first, third in zip(begun, begun[2:], strict=False))
        assert result["usage"]["byEndpoint"].keys() == {"test", "small"}
        starts = [event for event in editor.events("s") if event["kind"] == "start"]
        where = {event["route"]["endpoint"] for event in starts if event["agent"] == "picker"}
        assert where == {"small"}
        numbers = {event["runId"].split("-")[1] for event in starts}
        assert len(numbers) == len(starts) == 8  # no child has the number of another run


async def test_a_child_never_gets_what_its_parent_was_denied(project, tmp_path):
    """Its own definition names a remote endpoint, and commands: neither is granted."""
    project.settings |= {"privacy": "local-only", "commands": "never"}
    project.agent("boss", "spawn_agents", "spawn_agent_inline", spawnableAgents=["spy"])
    project.agent(
        "spy", "run_terminal_command", localProvider={"baseUrl": "https://example.com/v1"}
    )
    project.agent("runner", "run_terminal_command", model="runner-model")
    project.agent("boss", "spawn_agents", spawnableAgents=["spy", "runner"])
    project.server.play(
        call("spawn_agents", agents=[{"agent_type": "spy"}, {"agent_type": "runner"}])
    )
    made = tmp_path / "made"
    project.server.play(call("run_terminal_command", command=f"touch {made}"), model="runner-model")
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        started = await editor.command("inhouse.run", {"agent": "boss"})
        result = await editor.ended(started["runId"])

        assert result["status"] == "completed", result
        told = str(project.server.chats[-1].body["messages"])
        assert "local-only" in told
        assert "Commands are turned off" in str([chat.body for chat in project.server.chats])
        assert not made.exists()
        assert set(result["usage"]["byEndpoint"]) == {"test"}
