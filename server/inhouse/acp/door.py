"""The agent side of ACP: every message a client can send, one short handler each."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import acp

from inhouse.core.errors import InhouseError, UserError
from inhouse.core.events import RunResult, RunStatus
from inhouse.host.host import Host
from inhouse.host.sessions import new_session_id

from .mcp_servers import client_servers
from .options import change
from .prompt_content import read_prompt
from .session import AcpSession, TurnCancelled, stop_reason
from .transport import StdioTransport, initialize_result

Json = dict[str, Any]
T = TypeVar("T")
_SESSIONS_A_PAGE = 100
_FAILED = -32603
_BAD = -32602
_UNKNOWN = -32002
"""ACP's code for a resource that is not there."""


class AcpDoor:
    """Implements the SDK's ``acp.Agent``: each method is one message of the protocol."""

    def __init__(self, transport: StdioTransport, environ: Mapping[str, str]) -> None:
        self._transport = transport
        self._environ = environ
        self._sessions: dict[str, AcpSession] = {}
        self._connection = acp.AgentSideConnection(
            self, transport, listening=False, use_unstable_protocol=True
        )

    async def listen(self) -> None:
        """Serve until the client has gone."""
        await self._connection.listen()

    async def aclose(self) -> None:
        """End every session's turn; what was said in them is kept."""
        sessions = list(self._sessions.values())
        self._sessions.clear()
        await asyncio.gather(*(one.aclose() for one in sessions), return_exceptions=True)
        await self._connection.close()

    # Sessions.

    async def initialize(self, **_: Any) -> Json:
        """Answer as the transport does, which never lets one through."""
        return initialize_result()

    async def new_session(
        self,
        cwd: str,
        additional_directories: list[str] | None = None,
        mcp_servers: list[Any] | None = None,
        **_: Any,
    ) -> Json:
        """Open a session in a folder."""
        session = await self._open(new_session_id(), cwd, additional_directories, mcp_servers)
        return {"sessionId": session.id} | _announced(session)

    async def load_session(
        self,
        cwd: str,
        session_id: str,
        mcp_servers: list[Any] | None = None,
        additional_directories: list[str] | None = None,
        **_: Any,
    ) -> Json:
        """Open a kept session of any door, and tell the client what was said in it."""
        return await self._go_on(session_id, cwd, additional_directories, mcp_servers, replay=True)

    async def resume_session(
        self,
        session_id: str,
        cwd: str,
        additional_directories: list[str] | None = None,
        mcp_servers: list[Any] | None = None,
        **_: Any,
    ) -> Json:
        """Open a kept session of any door without telling what was said in it."""
        return await self._go_on(session_id, cwd, additional_directories, mcp_servers, replay=False)

    async def fork_session(
        self,
        session_id: str,
        cwd: str,
        additional_directories: list[str] | None = None,
        mcp_servers: list[Any] | None = None,
        **_: Any,
    ) -> Json:
        """Open a new session that goes on from where another one is."""
        async with self._looking(cwd) as host:
            known = await _answered(host.sessions.named(session_id))
            forked = await _answered(host.sessions.fork(known.id, known.turns + 1))
        answer = await self._go_on(forked, cwd, additional_directories, mcp_servers, replay=False)
        return {"sessionId": forked} | answer

    async def list_sessions(
        self, cwd: str | None = None, cursor: str | None = None, **_: Any
    ) -> Json:
        """List the kept sessions of a folder, or of all, newest first."""
        start = int(cursor) if cursor is not None and cursor.isdigit() else 0
        async with self._looking(cwd) as host:
            found = await host.sessions.summaries(
                everywhere=cwd is None, limit=start + _SESSIONS_A_PAGE + 1
            )
        page = found[start : start + _SESSIONS_A_PAGE]
        answer: Json = {
            "sessions": [
                {
                    "sessionId": one.id,
                    "cwd": one.workspace,
                    "title": one.title,
                    "updatedAt": one.updated_at,
                }
                for one in page
            ]
        }
        if len(found) > start + len(page):
            answer["nextCursor"] = str(start + len(page))
        return answer

    async def close_session(self, session_id: str, **_: Any) -> Json:
        """Cancel a session's turn and give its memory back; it can be loaded again."""
        session = self._sessions.pop(session_id, None)
        if session is not None:
            await session.aclose()
        return {}

    # Turns.

    async def prompt(self, session_id: str, prompt: list[Any], **_: Any) -> Json:
        """Run one turn; answers when it has ended."""
        session = self._session(session_id)
        content = read_prompt(prompt, session.roots[0])
        try:
            result = await _answered(session.prompt(content))
        except TurnCancelled:
            return {"stopReason": "cancelled"}
        if result.status is RunStatus.FAILED:
            raise _failure(result)
        return {"stopReason": stop_reason(result), "usage": _usage(result)}

    async def cancel(self, session_id: str, **_: Any) -> None:
        """Cancel a session's turn."""
        session = self._sessions.get(session_id)
        if session is not None:
            await session.cancel()

    # Choices.

    async def set_session_mode(self, session_id: str, mode_id: str, **_: Any) -> Json:
        """Choose how edits are made."""
        await self._choose(session_id, "edits", mode_id)
        return {}

    async def set_config_option(
        self,
        session_id: str,
        config_id: str,
        value: str | bool,  # noqa: FBT001  the SDK's signature
        **_: Any,
    ) -> Json:
        """Choose agent, endpoint, model, edits or privacy."""
        session = await self._choose(session_id, config_id, str(value))
        return {"configOptions": session.state()["configOptions"]}

    async def authenticate(self, **_: Any) -> Json:
        """Answer: there is nothing to authenticate, keys belong to endpoints."""
        return {}

    async def ext_method(self, method: str, params: Json) -> Json:
        """Refuse what only other agents know."""
        del params
        raise acp.RequestError.method_not_found(f"_{method}")

    async def ext_notification(self, method: str, params: Json) -> None:
        """Ignore what only other agents know, as the protocol wants it."""

    async def _choose(self, session_id: str, option: str, value: str) -> AcpSession:
        session = self._session(session_id)
        try:
            choices = change(session.choices, session.available(), option, value)
        except ValueError as error:
            raise acp.RequestError(_BAD, str(error)) from None
        await session.choose(choices)
        return session

    async def _go_on(
        self,
        session_id: str,
        cwd: str,
        additional: list[str] | None,
        mcp_servers: list[Any] | None,
        *,
        replay: bool,
    ) -> Json:
        if (open_one := self._sessions.pop(session_id, None)) is not None:
            await open_one.aclose()
        session = await self._open(session_id, cwd, additional, mcp_servers)
        try:
            await session.go_on(replay=replay)
        except UserError as error:
            del self._sessions[session_id]
            await session.aclose()
            raise acp.RequestError(_UNKNOWN, str(error)) from None
        return _announced(session)

    @asynccontextmanager
    async def _looking(self, cwd: str | None) -> AsyncGenerator[Host]:
        """Open a host that only looks at what is kept."""
        root = Path.home() if cwd is None else _folder(cwd)
        nobody = AcpSession("", (root,), self._transport, self._connection, self._environ)
        try:
            await nobody.start()
            yield nobody.host
        finally:
            await nobody.aclose()

    async def _open(
        self,
        session_id: str,
        cwd: str,
        additional: list[str] | None,
        mcp_servers: list[Any] | None,
    ) -> AcpSession:
        roots = tuple(_folder(each) for each in (cwd, *(additional or ())))
        session = AcpSession(session_id, roots, self._transport, self._connection, self._environ)
        session.mcp_servers = client_servers(mcp_servers or ())
        self._sessions[session_id] = session
        await _answered(session.start())
        return session

    def _session(self, session_id: str) -> AcpSession:
        session = self._sessions.get(session_id)
        if session is None:
            raise acp.RequestError(
                _UNKNOWN, f"No session {session_id!r} is open.  Use session/new or session/load."
            )
        return session


def _announced(session: AcpSession) -> Json:
    """Give a session's choices; its commands are told right behind the answer."""
    # The SDK writes an answer before it gives the loop another turn.
    asyncio.get_running_loop().call_soon(session.announce)
    return session.state()


def _folder(path: str) -> Path:
    folder = Path(path)
    if not folder.is_absolute() or not folder.is_dir():
        raise acp.RequestError(_BAD, f"{path!r} is not an absolute path of an existing folder.")
    return folder.resolve()


async def _answered(work: Awaitable[T]) -> T:
    """Turn errors that are made on purpose into JSON-RPC errors with the same words."""
    try:
        return await work
    except TurnCancelled:
        raise
    except InhouseError as error:
        raise acp.RequestError(_FAILED, str(error), {"code": error.code}) from None


def _failure(result: RunResult) -> acp.RequestError:
    error = result.error
    message = error.message if error is not None else "The run failed."
    code = error.code if error is not None else "internal"
    return acp.RequestError(_FAILED, message, {"code": code, "runId": result.run_id})


def _usage(result: RunResult) -> Json:
    usage = result.usage
    return {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.input_tokens + usage.output_tokens,
    }
