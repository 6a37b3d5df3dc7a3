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
        told = [e["message"] for e in editor.events("s") if e.get("code") == "proposal"]
        states = [event["state"] for event in editor.events("s") if event["kind"] == "edit"]
        if winner:
            assert editor.buffers[uri] == "FIRST\ntwo\n"
            assert waiting == []
            assert states == ["applied"]
            assert told == [
                "Not shown: 1 proposed change of a.txt.  An agent has changed the file since."
            ]
        else:
            assert editor.buffers[uri] == "one\ntwo\n"
            assert len(waiting) == 1
            assert states == ["proposed", "rejected"]


async def test_what_an_agent_below_an_agent_proposes_is_offered_once_the_whole_run_has_ended(
    project,
):
    path = project.file("a.txt", "".join(f"{number}\n" for number in range(30)))
    project.settings["edits"] = "apply"
    project.agent("leaf", "propose_str_replace")
    project.agent("middle", "spawn_agents", "propose_str_replace", spawnableAgents=["leaf"])
    project.agent("boss", "spawn_agents", "read_files", spawnableAgents=["middle"])

    def spawn(agent):
        return call("spawn_agents", agents=[{"agent_type": agent, "prompt": "go"}])

    def changed(old, new):
        pair = {"oldString": f"\n{old}\n", "newString": f"\n{new}\n"}
        return call("propose_str_replace", path="a.txt", replacements=[pair])

    project.server.play(spawn("middle"))
    project.server.play(changed(5, "middle"), spawn("leaf"))
    project.server.play(changed(20, "leaf"))
    project.server.play("leaf is done")
    project.server.play("middle is done")
    project.server.play(call("read_files", paths=["a.txt"]))
    project.server.play("done")
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        started = await editor.command("inhouse.run", {"agent": "boss", "streamToken": "s"})
        result = await editor.ended(started["runId"])
        waiting = await editor.command("inhouse.edits")

    assert result["status"] == "completed", result
    assert [each["new"] for each in waiting] == ["middle\n", "leaf\n"]
    assert "middle" not in str(project.server.chats[-1].body["messages"][-1]["content"])
    assert path.read_text() == "".join(f"{number}\n" for number in range(30))
