"""What a prompt waits for before it is sent: no list that it can do without, no import."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.events import RunStatus
from inhouse.core.request import RunRequest
from inhouse.core.route import Endpoint
from inhouse.providers.endpoints.timely_answers import GRACE, TimelyAnswers
from support.hosts import open_host
from support.model_server import ModelServer

AGENT = "---\nname: helper\nmodel: m\ntools: read_files\n---\nBe short.\n"
WARMED = """
import asyncio, sys
from pathlib import Path
from inhouse.core.request import RunRequest
from support.hosts import open_host

async def main(folder, url):
    settings = {"endpoints": {"one": {"baseUrl": url}}, "defaultEndpoint": "one"}
    async with open_host(Path(folder), settings) as host:
        await host.warm()
        before = set(sys.modules)
        plan = host.plan(await host.sessions.resolve(RunRequest("helper", "hi")))
        result = await host.run(plan, host.new_run_id(), lambda _: None)
        known = sys.stdlib_module_names | {"inhouse"}
        late = {name for name in sys.modules.keys() - before if name.split(".")[0] not in known}
        print(result.status.value, sorted(late))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def folder(tmp_path):
    agents = tmp_path / "work" / ".agents"
    agents.mkdir(parents=True)
    (agents / "helper.md").write_text(AGENT)
    return tmp_path


async def prompts(folder, server, count, **endpoint):
    """Send prompts; return the paths that were asked for until each had its answer."""
    settings = {
        "endpoints": {"one": {"baseUrl": server.base_url, **endpoint}},
        "defaultEndpoint": "one",
    }
    async with open_host(folder, settings) as host:
        for _ in range(count):
            plan = host.plan(await host.sessions.resolve(RunRequest("helper", "hi")))
            result = await host.run(plan, host.new_run_id(), lambda _: None)
            assert result.status is RunStatus.COMPLETED
    return [one.path.rpartition("/")[2] for one in server.requests]


async def test_a_server_that_never_tells_its_models_is_waited_for_once(folder):
    with ModelServer() as server:
        server.lists = threading.Event()
        asked = await prompts(folder, server, 3)

    assert asked == ["models", "completions", "completions", "completions"]


async def test_a_list_that_the_settings_make_needless_is_not_asked_for(folder):
    with ModelServer() as server:
        asked = await prompts(folder, server, 1, tools="native", contextWindow=8192)

    assert asked == ["completions"]


def test_the_first_prompt_imports_no_package_once_its_host_is_warm(folder):
    with ModelServer() as server:
        found = subprocess.run(
            [sys.executable, "-c", WARMED, str(folder), server.base_url],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parent.parent,
            check=False,
        )

    assert (found.stdout, found.stderr) == ("completed []\n", "")


async def test_a_server_that_was_down_at_first_has_its_whole_time_later():
    answers, endpoint = (
        TimelyAnswers(),
        Endpoint("box", Kind.OPENAI, "http://127.0.0.1:1/v1", "test"),
    )

    async def down():
        return None

    async def slow():
        await asyncio.sleep(GRACE + 0.2)
        return "known"

    assert await answers.get(endpoint, "m", down) is None
    assert await answers.get(endpoint, "m", slow) == "known"


@pytest.mark.parametrize("pool", [[], ["other"], ["{url}"]])
async def test_a_model_is_named_once_and_asked_as_the_route_says(folder, pool):
    with ModelServer() as server:
        url = server.base_url
        one = {"baseUrl": url, "models": {"m": "b", "b": "c"}}
        if pool:
            one["pool"] = [member.format(url=url) for member in pool]
        other = {"baseUrl": url, "models": {"b": "d", "d": "e"}}
        settings = {"endpoints": {"one": one, "other": other}, "defaultEndpoint": "one"}
        async with open_host(folder, settings) as host:
            plan = host.plan(await host.sessions.resolve(RunRequest("helper", "hi")))
            result = await host.run(plan, host.new_run_id(), lambda _: None)
        assert result.status is RunStatus.COMPLETED
        assert plan.route.model == "b"
        asked = {chat.body["model"] for chat in server.chats}
        assert asked == {"d" if pool == ["other"] else "b"}, "a member has names of its own"
