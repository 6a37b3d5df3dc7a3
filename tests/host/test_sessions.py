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
