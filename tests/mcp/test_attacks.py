"""MCP servers that stall, change in the midst of a run, ask back, or forget whom they talk to."""

import asyncio
import json
import socket
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from inhouse.core.errors import ToolError
from inhouse.core.events import RunStatus
from inhouse.mcp.access import Program
from inhouse.mcp.config import StdioServer
from inhouse.mcp.connection import Connection
from support.mcp_session import SERVER, User, server, session
from support.model_server import call


async def started(named):
    process = await asyncio.create_subprocess_exec(
        named.command, *named.args, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )

    async def end():
        if process.returncode is None:
            process.kill()
        await process.wait()

    return Program(process, end)


@asynccontextmanager
async def connection(**limits):
    made = Connection(StdioServer("one", sys.executable, (SERVER, "good")), **limits)
    await made.ready(started)
    try:
        yield made
    finally:
        await made.aclose()


def ignore(_text):
    pass


@pytest.mark.parametrize(
    ("tool", "limits", "why"),
    [
        ("quiet", {"silent_seconds": 0.2}, "it said nothing for 0.2 s"),
        ("restless", {"longest_call": 0.4}, "it was not done after 0.4 s"),
    ],
)
async def test_a_call_without_an_end_is_cancelled_and_says_why(tool, limits, why):
    async with connection(**limits) as made:
        with pytest.raises(ToolError, match=why):
            await made.call(tool, {}, progress=ignore, restarted=ignore)

        assert made.alive


async def test_tools_that_change_during_a_run_are_told_and_asked_for_again(tmp_path):
    user = User(Call="Allow this tool for this run")
    async with session(tmp_path, {"one": server("moving")}, user=user) as here:
        calls = [
            call("one__echo", text="a"),
            call("one__move"),
            call("one__echo", text="b"),
            call("one__gone"),
        ]
        done = await here.run(*calls, "ready")

        assert done.status is RunStatus.COMPLETED
        asked = [each for each in user.questions if "one/echo" in each.text]
        assert ["Quite another tool." in each.detail for each in asked] == [False, True]
        assert "took its tool 'gone' away" in here.results()[-1]
        assert "It has: echo, new" in here.results()[-1]
        assert any("changed its tool 'echo' during this run" in each for each in here.notices())

        await here.run("ready")
        assert {"one__echo", "one__new"} <= set(here.offered(-1))
        assert "one__gone" not in here.offered(-1)


async def test_what_a_server_asks_back_is_answered_with_a_no(tmp_path):
    async with session(tmp_path, {"one": server("asking")}) as here:
        await here.run(call("one__ask"), "ready")

        result = here.results()[-1]
        answers = json.loads(json.loads(result) if result.startswith('"') else result)
        refused = {method: said for method, said, _ in answers}
        assert refused.pop("ping") is None
        assert all(refused.values()), refused
        assert all(given is None for method, _, given in answers if method != "ping")


class Remote:
    """A remote server by hand: streamable HTTP with sessions that it forgets, or refusals."""

    def __init__(self, status=0):
        self.status, self.sessions, self.calls = status, [], []
        self.late = asyncio.Barrier(1)

    async def post(self, request):
        if self.status:
            return JSONResponse({"error": "no"}, self.status)
        message = await request.json()
        method, number = message["method"], message.get("id")
        if method == "initialize":
            self.sessions.append(f"s{len(self.sessions)}")
            result = {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "far", "version": "1"},
            }
            headers = {"Mcp-Session-Id": self.sessions[-1]}
            return JSONResponse(_answer(number, result), headers=headers)
        if "Mcp-Session-Id" not in request.headers:
            error = {"code": -32600, "message": "Missing session ID"}
            return JSONResponse({"jsonrpc": "2.0", "id": "server-error", "error": error}, 400)
        if request.headers["Mcp-Session-Id"] != self.sessions[-1]:
            error = {"code": -32600, "message": "Session not found"}
            told = {"jsonrpc": "2.0", "id": "server-error", "error": error}
            await self.late.wait()
            return JSONResponse(told, 404)
        if number is None:
            return Response(status_code=202)
        if method == "tools/call":
            self.calls.append(message["params"]["arguments"])
            said = {"content": [{"type": "text", "text": f"call {len(self.calls)}"}]}
            if message["params"]["arguments"].get("forget"):
                self.sessions.append("nobody's")
            return JSONResponse(_answer(number, said))
        tools = [{"name": "add", "inputSchema": {"type": "object"}}]
        return JSONResponse(_answer(number, {"tools": tools}))

    async def get(self, _request):
        return Response(status_code=405)


def _answer(number, result):
    return {"jsonrpc": "2.0", "id": number, "result": result}


@asynccontextmanager
async def listening(remote):
    routes = [
        Route("/mcp", remote.post, methods=["POST"]),
        Route("/mcp", remote.get, methods=["GET", "DELETE"]),
    ]
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    serving = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error"))
    task = asyncio.create_task(serving.serve([listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    finally:
        serving.should_exit = True
        await task


async def test_a_session_that_a_remote_server_forgot_is_begun_anew_and_the_call_made(tmp_path):
    remote = Remote()
    async with (
        listening(remote) as url,
        session(tmp_path, {"far": {"type": "http", "url": url}}) as here,
    ):
        calls = [call("far__add", forget=True), call("far__add", a=1)]
        done = await here.run(*calls, "ready")

        assert done.status is RunStatus.COMPLETED, done
        assert ["call 1" in here.results()[0], "call 2" in here.results()[1]] == [True, True]
        assert remote.calls == [{"forget": True}, {"a": 1}]
        assert not any("started again" in each for each in here.notices())


async def test_one_new_session_is_enough_for_all_calls_whose_session_was_forgotten(tmp_path):
    remote = Remote()
    async with (
        listening(remote) as url,
        session(tmp_path, {"far": {"type": "http", "url": url}}) as here,
    ):
        await here.run(call("far__add", forget=True), "ready")
        remote.late = asyncio.Barrier(2)
        calls = [call("far__add", a=number) for number in (1, 2)]
        done = await asyncio.gather(here.run(*calls), here.run("ready", "ready"))

        assert [each.status for each in done] == [RunStatus.COMPLETED] * 2, done
        assert len(remote.sessions) == 3, "the first, the one that was forgotten, the new one"
        assert len(remote.calls) == 3


@pytest.mark.parametrize("status", [401, 403, 404, 500])
async def test_a_remote_server_that_refuses_in_the_midst_of_a_run_costs_the_call(status, tmp_path):
    remote = Remote()
    async with (
        listening(remote) as url,
        session(tmp_path, {"far": {"type": "http", "url": url}}) as here,
    ):
        await here.run(call("far__add", a=1), "ready")
        remote.status = status
        done = await here.run(call("far__add", a=2), "ready")

        assert done.status is RunStatus.COMPLETED, done
        assert str(status) in here.results()[-1]


async def test_a_header_whose_variable_is_not_set_costs_that_server_alone(tmp_path):
    far = {"url": "http://127.0.0.1:9/mcp", "headers": {"Authorization": "$NOT_SET"}}
    async with session(tmp_path, {"far": far, "one": server()}) as here:
        done = await here.run(call("one__echo", text="a"), "ready")

        assert done.status is RunStatus.COMPLETED
        assert "echo: a" in here.results()[-1]
        [told] = [each for each in here.notices() if "'far'" in each]
        assert "NOT_SET" in told
