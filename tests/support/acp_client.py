"""The ACP SDK's client around a real ``inhouse acp`` process."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import acp
from acp import schema
from attrs import define, field


@define
class Person:
    """An `acp.Client` that keeps what it is told and answers as it was told to."""

    choose: list[str] = field(factory=list)
    """Names of permission options, one a question; the last goes on; none: cancelled."""
    files: dict[str, str] = field(factory=dict)
    """Unsaved texts by absolute path."""
    updates: list[Any] = field(factory=list)
    questions: list[Any] = field(factory=list)
    written: dict[str, str] = field(factory=dict)

    _changed: asyncio.Event = field(factory=asyncio.Event, init=False)

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        self.updates.append(update)
        self._changed.set()

    async def heard(self, text: str) -> None:
        """Wait until the agent has said exactly this."""
        while self.text() != text:
            self._changed.clear()
            await self._changed.wait()

    async def request_permission(
        self, session_id: str, tool_call: Any, options: list[Any], **_: Any
    ) -> schema.RequestPermissionResponse:
        self.questions.append((tool_call, options))
        name = self.choose.pop(0) if len(self.choose) > 1 else (self.choose or [""])[0]
        for option in options:
            if option.name == name:
                outcome = schema.AllowedOutcome(outcome="selected", option_id=option.option_id)
                return schema.RequestPermissionResponse(outcome=outcome)
        return schema.RequestPermissionResponse(outcome=schema.DeniedOutcome(outcome="cancelled"))

    async def read_text_file(self, session_id: str, path: str, **_: Any) -> Any:
        text = self.files.get(path)
        if text is None:
            try:
                text = await asyncio.to_thread(Path(path).read_text, "utf-8")
            except OSError:
                raise acp.RequestError.resource_not_found(path) from None
        return schema.ReadTextFileResponse(content=text)

    async def write_text_file(self, session_id: str, path: str, content: str, **_: Any) -> Any:
        self.written[path] = content
        self.files[path] = content
        return schema.WriteTextFileResponse()

    def on_connect(self, conn: Any) -> None: ...

    def text(self, kind: str = "agent_message_chunk") -> str:
        return "".join(u.content.text for u in self.updates if u.session_update == kind)

    def of(self, kind: str) -> list[Any]:
        return [u for u in self.updates if u.session_update == kind]


@define
class Opened:
    agent: Any
    """The SDK's `ClientSideConnection`."""
    person: Person
    process: asyncio.subprocess.Process
    hello: Any
    stderr: list[str]

    async def ask(self, session_id: str, text: str) -> Any:
        return await self.agent.prompt(session_id=session_id, prompt=[acp.text_block(text)])


@asynccontextmanager
async def open_agent(
    environ: Mapping[str, str], person: Person | None = None, *, fs: bool = False
) -> AsyncIterator[Opened]:
    """Start ``inhouse acp`` and say ``initialize``."""
    person = person or Person()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "inhouse",
        "acp",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environ},
        limit=1 << 26,
    )
    said: list[str] = []

    async def listen() -> None:
        while line := await process.stderr.readline():
            said.append(line.decode())

    listening = asyncio.create_task(listen())
    connection = acp.connect_to_agent(
        person, process.stdin, process.stdout, use_unstable_protocol=True
    )
    try:
        capabilities = schema.ClientCapabilities(
            fs=schema.FileSystemCapabilities(read_text_file=fs, write_text_file=fs)
        )
        hello = await connection.initialize(protocol_version=1, client_capabilities=capabilities)
        yield Opened(connection, person, process, hello, said)
    finally:
        await connection.close()
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
        listening.cancel()
