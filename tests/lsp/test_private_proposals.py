"""``propose_*`` belongs to the run that made it, until the first run of all has ended."""

import pytest

from support.editor import VSCODE, open_editor
from support.model_server import ModelServer, call


@pytest.fixture
def other():
    with ModelServer() as server:
        yield server


def propose(old, new):
    pair = {"oldString": old, "newString": new}
    return call("propose_str_replace", path="a.txt", replacements=[pair])


@pytest.mark.parametrize("winner", ["first", None])
async def test_proposers_do_not_see_each_other_and_only_what_is_left_is_offered(
    project, other, winner
):
    path = project.file("a.txt", "one\ntwo\n")
    project.settings |= {
        "edits": "apply",
        "endpoints": {
            "test": {"baseUrl": project.server.base_url},
            "other": {"baseUrl": other.base_url},
        },
        "routes": [{"agents": "first", "endpoint": "other", "model": "m"}],
    }
    tools = ("propose_str_replace", "read_files")
    project.agent("first", *tools)
    project.agent("second", *tools)
    agents = ["first", "second"]
    project.agent("boss", "spawn_agents", "str_replace", spawnableAgents=agents)
    read = call("read_files", paths=["a.txt"])
    for server, own in ((other, "FIRST"), (project.server, "SECOND")):
        if server is project.server:
            spawned = [{"agent_type": each, "prompt": "go"} for each in agents]
            server.play(call("spawn_agents", agents=spawned))
        for answer in (propose("one", own), read, "proposed"):
            server.play(answer)
    if winner:
        pair = {"oldString": "one", "newString": "FIRST"}
        project.server.play(call("str_replace", path="a.txt", replacements=[pair]))
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        uri = editor.open(path)
        started = await editor.command("inhouse.run", {"agent": "boss", "streamToken": "s"})
        result = await editor.ended(started["runId"])
        waiting = await editor.command("inhouse.edits")

        assert result["status"] == "completed", result
        for server, own, others in (
            (other, "FIRST", "SECOND"),
            (project.server, "SECOND", "FIRST"),
        ):
            seen = [str(chat.body["messages"][-1]["content"]) for chat in server.chats]
            assert any(f"{own}\ntwo" in text for text in seen), seen
            assert not any(f"{others}\ntwo" in text for text in seen)
        states = [event["state"] for event in editor.events("s") if event["kind"] == "edit"]
        if winner:
            assert editor.buffers[uri] == "FIRST\ntwo\n"
            assert waiting == []
            assert states == ["applied"]
        else:
            assert editor.buffers[uri] == "one\ntwo\n"
            assert len(waiting) == 1
            assert states == ["proposed", "rejected"]
