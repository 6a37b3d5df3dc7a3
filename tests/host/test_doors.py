"""A change of settings opens a new door to the network; the old one closes with its last run."""

import asyncio
import gc
import time
from pathlib import Path
from typing import Any

import psutil

from inhouse.core.events import RunStatus
from inhouse.core.request import RunRequest
from inhouse.providers.network.egress import Egress
from support.hosts import open_host
from support.model_server import ModelServer, Pause, call

AGENT = '{"id": "helper", "displayName": "H", "model": "m"%s}'


def agent(folder: Path, name: str = "helper", more: str = "") -> None:
    (folder / "work/.agents").mkdir(parents=True, exist_ok=True)
    text = AGENT.replace("helper", name) % more
    (folder / f"work/.agents/{name}.json").write_text(text)


def settings(server: ModelServer, number: int = 0, **more: Any) -> dict[str, Any]:
    endpoint = {"baseUrl": server.base_url, "idleTimeout": 100 + number}
    return {"endpoints": {"box": endpoint}, "defaultEndpoint": "box", **more}


async def test_a_hundred_changes_leave_no_door_and_no_socket_behind(tmp_path: Path):
    agent(tmp_path)
    me = psutil.Process()
    with ModelServer() as server:
        async with open_host(tmp_path, settings(server)) as host:
            plan = host.plan(RunRequest("helper", "hi"))
            done = await host.run(plan, "run-0", lambda _: None)
            assert done.status is RunStatus.COMPLETED, done
            gc.collect()
            handles = me.num_fds()
            for number in range(1, 101):
                await host.configure(settings(server, number))
                if number % 10 == 0:
                    plan = host.plan(RunRequest("helper", "hi"))
                    await host.run(plan, f"run-{number}", lambda _: None)
            await asyncio.sleep(0.2)
            gc.collect()

            assert _doors() == 1  # that of the settings now
            assert me.num_fds() <= handles + 3


async def test_a_run_keeps_its_door_until_it_ends(tmp_path: Path):
    agent(tmp_path)
    with ModelServer() as server:
        server.play("begun ", Pause(1), "and ended")
        async with open_host(tmp_path, settings(server)) as host:
            plan, old = host.plan(RunRequest("helper", "hi")), host.world.egress
            run = asyncio.create_task(host.run(plan, "run-1", lambda _: None))
            await asyncio.to_thread(_until_asked, server)
            await host.configure(settings(server, 1, privacy="local-only"))
            assert host.world.egress is not old
            done = await run

            assert (done.status, done.text) == (RunStatus.COMPLETED, "begun and ended")
            assert old._clients == {}


async def test_a_sub_agent_passes_the_narrower_of_its_parents_door_and_todays(tmp_path: Path):
    more = ', "toolNames": ["spawn_agents"], "spawnableAgents": ["kid"]'
    agent(tmp_path, more=more)
    agent(tmp_path, "kid")
    spawn = {"agents": [{"agent_type": "kid", "prompt": "x"}]}
    for before, after in (("local-only", "any"), ("any", "local-only")):
        with ModelServer() as server:
            server.play(Pause(1), call("spawn_agents", **spawn))
            remote = {"baseUrl": "http://llm.example.invalid/v1"}

            def values(privacy: str, server: ModelServer = server, remote: Any = remote) -> Any:
                base = settings(server, privacy=privacy)
                base["endpoints"]["far"] = remote
                base["routes"] = [{"agents": "kid", "endpoint": "far"}]
                return base

            async with open_host(tmp_path, values(before)) as host:
                plan = host.plan(RunRequest("helper", "hi"))
                events: list[Any] = []
                run = asyncio.create_task(host.run(plan, "run-1", events.append))
                await asyncio.to_thread(_until_asked, server)
                await host.configure(values(after))
                await run

            told = str(server.chats[-1].body["messages"][-1])
            assert "local-only" in told, (before, after)


def _doors() -> int:
    return sum(isinstance(one, Egress) for one in gc.get_objects())


def _until_asked(server: ModelServer) -> None:
    while not server.chats:
        time.sleep(0.01)
