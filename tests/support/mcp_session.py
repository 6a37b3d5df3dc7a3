"""An agent with MCP servers: a real host, real processes, a scripted model and user."""

import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from inhouse.core.events import Notice
from inhouse.core.request import RunRequest
from inhouse.host.host import Host, HostCallbacks

from .hosts import disk
from .model_server import ModelServer

SERVER = str(Path(__file__).parent / "mcp_server.py")


class User:
    """Answers what each question is told to be answered by; keeps them all."""

    def __init__(self, **answers):
        self.answers = {"Start": "Start it", "Call": "Allow this tool for this run", **answers}
        self.questions = []

    async def ask(self, question):
        self.questions.append(question)
        answer = self.answers.get(question.text.split()[0])
        return (answer,) if answer else ()


def server(mode="good", **more):
    return {"command": sys.executable, "args": [SERVER, mode], **more}


class Session:
    """Runs of one host, on a scripted model."""

    def __init__(self, host, model, user, agent):
        self.host, self.model, self.user, self.agent = host, model, user, agent
        self.events = []

    async def run(self, *answers):
        for answer in answers:
            self.model.play(answer)
        self.events.clear()
        plan = self.host.plan(RunRequest(self.agent, "hi"))
        return await self.host.run(plan, self.host.new_run_id(), self.heard)

    def heard(self, event):
        self.events.append(event.payload)

    def offered(self, index=0):
        chats = [each.body for each in self.model.requests if each.body and "messages" in each.body]
        tools = chats[index].get("tools", [])
        return {each["function"]["name"]: each["function"] for each in tools}

    def results(self):
        """What the tools gave back, as the model saw it last."""
        messages = self.model.requests[-1].body["messages"]
        return [each["content"] for each in messages if each["role"] == "tool"]

    def notices(self):
        return [event.message for event in self.events if isinstance(event, Notice)]


@asynccontextmanager
async def session(
    folder,
    servers,
    tools=(),
    *,
    user=None,
    settings=None,
    definition=None,
    trusted=True,
    files=(),
    **environ,
):
    user = user or User()
    (folder / "work/.agents").mkdir(parents=True)
    written = {
        "id": "helper",
        "displayName": "H",
        "model": "m",
        "mcpServers": servers,
        "toolNames": list(tools),
        **(definition or {}),
    }
    (folder / "work/.agents/helper.json").write_text(json.dumps(written))
    for name, content in dict(files).items():
        (folder / "work" / name).write_text(json.dumps(content))
    with ModelServer() as model:
        values = {
            "endpoints": {"box": {"baseUrl": model.base_url, "tools": "native"}},
            "defaultEndpoint": "box",
            **(settings or {}),
        }
        host = Host(
            roots=(folder / "work",),
            environ={"INHOUSE_HOME": str(folder / "home"), "PATH": "/usr/bin:/bin", **environ},
            door=HostCallbacks(disk, user),
            editor_values=values,
            client_trusted=trusted,
        )
        await host.start()
        try:
            yield Session(host, model, user, written["id"])
        finally:
            await host.aclose()
