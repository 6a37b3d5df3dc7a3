"""The ACP SDK's client around a real ``inhouse acp`` process."""

import asyncio
import json
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
    terminals: dict[str, Any] = field(factory=dict)
    terminal_calls: list[Any] = field(factory=list)

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

    # Terminals, real ones.

    async def create_terminal(
        self, command: str, session_id: str, args: Any = None, cwd: Any = None, **_: Any
    ) -> Any:
        process = await asyncio.create_subprocess_exec(
            *(command, *(args or ())),
            cwd=cwd,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "SECRET_OF_THE_CLIENT": "tell nobody"},
        )
        terminal = f"terminal-{len(self.terminals)}"
        self.terminals[terminal] = process
        self.terminal_calls.append(("create", [command, *(args or ())]))
        return schema.CreateTerminalResponse(terminal_id=terminal)

    async def wait_for_terminal_exit(self, session_id: str, terminal_id: str, **_: Any) -> Any:
        self.terminal_calls.append(("wait", terminal_id))
        self._changed.set()
        code = await self.terminals[terminal_id].wait()
        return schema.WaitForTerminalExitResponse(exit_code=code if code >= 0 else None)

    async def terminal_output(self, session_id: str, terminal_id: str, **_: Any) -> Any:
        output = await self.terminals[terminal_id].stdout.read()
        return schema.TerminalOutputResponse(output=output.decode(), truncated=False)

    async def kill_terminal(self, session_id: str, terminal_id: str, **_: Any) -> Any:
        self.terminal_calls.append(("kill", terminal_id))
        self.terminals[terminal_id].kill()
        return schema.KillTerminalResponse()

    async def release_terminal(self, session_id: str, terminal_id: str, **_: Any) -> Any:
        self.terminal_calls.append(("release", terminal_id))
        self._changed.set()
        return schema.ReleaseTerminalResponse()

    async def used(self, what: str) -> None:
        """Wait until a terminal was used so."""
        while what not in [name for name, _ in self.terminal_calls]:
            self._changed.clear()
            await self._changed.wait()

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
    environ: Mapping[str, str],
    person: Person | None = None,
    *,
    fs: bool = False,
    terminal: bool = False,
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
            fs=schema.FileSystemCapabilities(read_text_file=fs, write_text_file=fs),
            terminal=terminal,
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


@define
class RawClient:
    """A client that can say anything, also what no client should."""

    process: asyncio.subprocess.Process
    answers: dict[Any, Any] = field(factory=dict)
    refused: list[Any] = field(factory=list)
    """Errors that belong to no request."""
    asked: list[Any] = field(factory=list)
    """Requests of the agent: their permissions, for example."""
    updates: list[Any] = field(factory=list)
    _changed: asyncio.Condition = field(factory=asyncio.Condition, init=False)

    def send(self, *messages: Any) -> None:
        """Send messages in one write; bytes go as they are."""
        self.process.stdin.write(
            b"".join(
                (each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n"
                for each in messages
            )
        )

    def request(self, number: Any, method: str, **params: Any) -> None:
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})

    async def call(self, number: Any, method: str, **params: Any) -> Any:
        """Send a request and give its whole answer."""
        self.request(number, method, **params)
        return await self.answer(number)

    async def answer(self, number: Any) -> Any:
        async with self._changed:
            await self._changed.wait_for(lambda: number in self.answers)
        return self.answers.pop(number)

    async def question(self) -> Any:
        """Wait for the agent's next request and take it."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.asked)
        return self.asked.pop(0)

    async def said(self, text: str) -> None:
        """Wait until the agent has said exactly this."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.text() == text)

    def text(self) -> str:
        return "".join(
            each["content"]["text"]
            for each in self.updates
            if each["sessionUpdate"] == "agent_message_chunk"
        )

    def choose(self, question: Any, name: str) -> None:
        """Answer a permission with one of its options."""
        [option] = [each for each in question["params"]["options"] if each["name"] == name]
        outcome = {"outcome": "selected", "optionId": option["optionId"]}
        self.send({"jsonrpc": "2.0", "id": question["id"], "result": {"outcome": outcome}})

    async def listen(self) -> None:
        while line := await self.process.stdout.readline():
            message = json.loads(line)
            async with self._changed:
                if message.get("method") == "session/update":
                    self.updates.append(message["params"]["update"])
                elif "method" in message:
                    self.asked.append(message)
                elif message["id"] is None:
                    self.refused.append(message["error"])
                else:
                    self.answers[message["id"]] = message
                self._changed.notify_all()


@asynccontextmanager
async def raw_client(environ: Mapping[str, str], **capabilities: Any) -> AsyncIterator[RawClient]:
    """Start ``inhouse acp``, say ``initialize``, and check afterwards that nothing broke in it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "inhouse", "acp"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environ},
        limit=1 << 28,
    )
    client = RawClient(process)
    listening = asyncio.create_task(client.listen())
    errors = asyncio.create_task(process.stderr.read())
    try:
        await client.call("hello", "initialize", protocolVersion=1, clientCapabilities=capabilities)
        yield client
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 20)
        assert "Traceback" not in (said := (await errors).decode()), said
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
        listening.cancel()
        errors.cancel()
