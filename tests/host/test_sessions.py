"""What a session's history holds for each endpoint."""

from inhouse.core.messages import AssistantMessage
from inhouse.core.request import RunRequest
from support.hosts import open_host
from support.model_server import ModelServer, Reasoning

AGENT = "---\nname: helper\nmodel: m\n---\nBe short.\n"


async def test_thinking_goes_back_to_its_own_endpoint_and_to_no_other(tmp_path):
    agents = tmp_path / "work" / ".agents"
    agents.mkdir(parents=True)
    (agents / "helper.md").write_text(AGENT)
    with ModelServer() as one, ModelServer() as two:
        for server in (one, two):
            server.default = [Reasoning("private thought"), "answer"]
        urls = {"one": {"baseUrl": one.base_url}, "two": {"baseUrl": two.base_url}}
        async with open_host(tmp_path, {"endpoints": urls}) as host:
            thoughts, session = [], None
            for endpoint in ("one", "one", "two"):
                request = RunRequest("helper", "go", endpoint=endpoint, session=session)
                plan = host.plan(await host.sessions.resolve(request))
                session = plan.request.session
                result = await host.run(plan, host.new_run_id(), lambda _: None)
                said = [m for m in result.messages if isinstance(m, AssistantMessage)]
                thoughts.append([m.reasoning for m in said])

    assert thoughts == [
        ["private thought"],
        ["private thought", "private thought"],
        ["", "", "private thought"],
    ]


async def test_a_fork_keeps_its_history_and_a_deletion_its_runs_where_the_disk_fails_between(
    tmp_path,
):
    agents = tmp_path / "work" / ".agents"
    agents.mkdir(parents=True)
    (agents / "helper.md").write_text(AGENT)
    with ModelServer() as server:
        server.default = ["answer"]
        where = {"endpoints": {"one": {"baseUrl": server.base_url}}, "defaultEndpoint": "one"}
        async with open_host(tmp_path, where) as host:

            async def turn(prompt, session=None):
                request = RunRequest("helper", prompt, session=session)
                plan = host.plan(await host.sessions.resolve(request))
                return plan.request.session, await host.run(plan, host.new_run_id(), lambda _: None)

            session, _ = await turn("first")
            forked = await host.sessions.fork(session, 2)
            (locks,) = {path.parent for path in tmp_path.rglob("*.lock") if session in path.name}
            locks.rename(locks.with_name("aside"))
            locks.write_text("a file in its place")
            await turn("in the fork", forked)
            in_fork = str(server.chats[-1].body["messages"])
            _, held = await turn("held prompt", session)
            locks.unlink()
            locks.with_name("aside").rename(locks)
            await host.sessions.delete(session)

        kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    assert "first" in in_fork
    assert [path.name for path in kept if held.run_id in path.name] == []
    assert [path.name for path, data in kept.items() if b"held prompt" in data] == []
