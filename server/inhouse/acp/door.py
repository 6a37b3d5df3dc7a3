"""The agent side of ACP: every message a client can send, one short handler each."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import acp
from acp.agent.router import build_agent_router
from acp.connection import Connection
from pydantic import ValidationError

from inhouse import wire
from inhouse.core.errors import InhouseError, UserError
from inhouse.core.events import RunError, RunResult, RunStatus
from inhouse.core.json_values import Json, fields
from inhouse.core.remedies import as_in_file, cause_of
from inhouse.host.host import Host
from inhouse.host.sessions import new_session_id

from .mcp_servers import client_servers
from .options import change
from .prompt_content import read_prompt
from .session import AcpSession, TurnCancelled, stop_reason
from .transport import StdioTransport, initialize_result

logger = logging.getLogger(__name__)
T = TypeVar("T")
_SESSIONS_A_PAGE = 100
_MOST_PROBLEMS = 3
_MOST_SHOWN = 200
_FAILED = -32603
_NO_METHOD = -32601
_BAD = -32602
_UNKNOWN = -32002
"""ACP's error code for a missing resource."""


class AcpDoor:
    """Implements the SDK's ``acp.Agent``: each method is one message of the protocol."""

    def __init__(self, transport: StdioTransport, environ: Mapping[str, str]) -> None:
        self._transport = transport
        self._environ = environ
        self._sessions: dict[str, AcpSession] = {}
        self._route = build_agent_router(cast("Any", self), use_unstable_protocol=True)
        self._connection = Connection(self._handle, transport, listening=False)

    async def listen(self) -> None:
        """Serve until the client has gone."""
        await self._connection.main_loop()

    async def aclose(self) -> None:
        """End every session's turn; what was said in them is kept."""
        sessions = list(self._sessions.values())
        self._sessions.clear()
        await asyncio.gather(*(one.aclose() for one in sessions), return_exceptions=True)
        await self._connection.close()

    async def _handle(self, method: str, params: object, is_notification: bool) -> object:  # noqa: FBT001  the SDK's signature
        """Answer one message; whatever goes wrong becomes an error that a person can read."""
        given = {key: value for key, value in fields(params).items() if key != "_meta"}
        if method in ("session/new", "session/load"):
            given.setdefault("mcpServers", [])  # Some clients leave out what they have none of.
        try:
            return await self._route(method, given, is_notification)
        except acp.RequestError as error:
            if not is_notification:
                raise _unknown_method(method) if error.code == _NO_METHOD else error from None
            logger.debug("%s was not understood: %s", method, error)
        except ValidationError as error:
            if not is_notification:
                raise acp.RequestError(_BAD, f"{method}: {_problems(error)}") from None
            logger.debug("%s was not understood: %s", method, _problems(error))
        except Exception as error:
            logger.exception("%s broke", method)
            if not is_notification:
                raise acp.RequestError(
                    _FAILED,
                    f"Inhouse had an internal error ({type(error).__name__}).  The text so far "
                    "is kept.  See the agent's standard error for details.",
                ) from None
        return None

    # Sessions.

    async def initialize(self, **_: object) -> Json:
        """Answer like the transport, which never passes this message on."""
        return initialize_result()

    async def new_session(
        self,
        cwd: str,
        additional_directories: list[str] | None = None,
        mcp_servers: list[Any] | None = None,
        **_: object,
    ) -> Json:
        """Open a session in a folder."""
        session = await self._open(new_session_id(), cwd, additional_directories, mcp_servers)
        session.host.sessions.made.add(session.id)
        self._sessions[session.id] = session
        return {"sessionId": session.id} | _announced(session)

    async def load_session(
        self,
        cwd: str,
        session_id: str,
        mcp_servers: list[Any] | None = None,
        additional_directories: list[str] | None = None,
        **_: object,
    ) -> Json:
        """Open a kept session of any door and replay it to the client."""
        return await self._go_on(session_id, cwd, additional_directories, mcp_servers, replay=True)

    async def resume_session(
        self,
        session_id: str,
        cwd: str,
        additional_directories: list[str] | None = None,
        mcp_servers: list[Any] | None = None,
        **_: object,
    ) -> Json:
        """Open a kept session of any door without replaying it."""
        return await self._go_on(session_id, cwd, additional_directories, mcp_servers, replay=False)

    async def fork_session(
        self,
        session_id: str,
        cwd: str,
        additional_directories: list[str] | None = None,
        mcp_servers: list[Any] | None = None,
        **_: object,
    ) -> Json:
        """Open a new session that continues from another one's end."""
        async with self._looking(cwd) as host:
            try:
                known = await host.sessions.named(session_id)
            except UserError as error:
                if session_id not in self._sessions:
                    raise _refused(error.code, str(error), number=_UNKNOWN) from None
                forked = None  # Nothing was said in it yet.
            else:
                forked = await _answered(host.sessions.fork(known.id, known.turns + 1))
        if forked is None:
            return await self.new_session(cwd, additional_directories, mcp_servers)
        answer = await self._go_on(forked, cwd, additional_directories, mcp_servers, replay=False)
        return {"sessionId": forked} | answer

    async def list_sessions(
        self, cwd: str | None = None, cursor: str | None = None, **_: object
    ) -> Json:
        """List the kept sessions of a folder, or of all, newest first."""
        start = _page_start(cursor)
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

    async def close_session(self, session_id: str, **_: object) -> Json:
        """Cancel a session's turn and free its memory; it can be loaded again."""
        session = self._sessions.pop(session_id, None)
        if session is not None:
            await session.aclose()
        return {}

    # Turns.

    async def prompt(self, session_id: str, prompt: list[Any], **_: object) -> Json:
        """Run one turn; answers when it has ended."""
        session = self._session(session_id)
        content = read_prompt(prompt, session.roots[0])
        try:
            result = await _answered(session.prompt(content))
        except TurnCancelled:
            return {"stopReason": "cancelled"}
        if result.status is RunStatus.FAILED:
            raise _failure(result)
        return {
            "stopReason": stop_reason(result),
            "usage": _usage(result),
            "_meta": {"inhouse": _ran(result)},
        }

    async def cancel(self, session_id: str, **_: object) -> None:
        """Cancel a session's turn."""
        session = self._sessions.get(session_id)
        if session is not None:
            await session.cancel()

    # Choices.

    async def set_session_mode(self, session_id: str, mode_id: str, **_: object) -> Json:
        """Choose how edits are made."""
        session = await self._choose(session_id, "edits", mode_id)
        options = session.state()["configOptions"]
        session.updates.send({"sessionUpdate": "config_option_update", "configOptions": options})
        return {}

    async def set_config_option(
        self,
        session_id: str,
        config_id: str,
        value: str | bool,  # noqa: FBT001  the SDK's signature
        **_: object,
    ) -> Json:
        """Choose agent, endpoint, model, edits or privacy."""
        session = await self._choose(session_id, config_id, str(value))
        state = session.state()
        if config_id == "edits":
            mode = fields(state["modes"])["currentModeId"]
            session.updates.send({"sessionUpdate": "current_mode_update", "currentModeId": mode})
        return {"configOptions": state["configOptions"]}

    async def authenticate(self, **_: object) -> Json:
        """Answer: there is nothing to authenticate, keys belong to endpoints."""
        return {}

    async def ext_method(self, method: str, params: Json) -> Json:
        """Refuse a method that only other agents know."""
        del params
        raise _unknown_method(f"_{method}")

    async def ext_notification(self, method: str, params: Json) -> None:
        """Ignore a notification that only other agents know, as the protocol requires."""

    async def _choose(self, session_id: str, option: str, value: str) -> AcpSession:
        session = self._session(session_id)
        try:
            choices = change(session.choices, session.available(), option, value)
        except UserError as error:
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
        session = await self._open(session_id, cwd, additional, mcp_servers)
        before = self._sessions.pop(session_id, None)
        if before is not None:
            session.choices = before.choices
            await before.aclose()
        try:
            await session.go_on(replay=replay, is_open=before is not None)
        except UserError as error:
            await session.aclose()
            raise _refused(error.code, str(error), number=_UNKNOWN) from None
        if (other := self._sessions.get(session_id)) is not None:  # The same was asked for twice.
            await other.aclose()
        self._sessions[session_id] = session
        return _announced(session)

    @contextlib.asynccontextmanager
    async def _looking(self, cwd: str | None) -> AsyncGenerator[Host]:
        """Open a host only to read what is kept."""
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
        try:
            await _answered(session.start())
        except BaseException:
            await session.aclose()
            raise
        return session

    def _session(self, session_id: str) -> AcpSession:
        session = self._sessions.get(session_id)
        if session is None:
            raise acp.RequestError(
                _UNKNOWN, f"No session {session_id!r} is open.  Use session/new or session/load."
            )
        return session


def _announced(session: AcpSession) -> Json:
    """Return a session's choices; its commands follow directly after the answer."""
    # The SDK writes an answer before it yields to the event loop.
    asyncio.get_running_loop().call_soon(session.announce)
    return session.state()


def _folder(path: str) -> Path:
    folder = Path(path)
    with contextlib.suppress(OSError, ValueError):  # A name that no system accepts.
        if folder.is_absolute() and folder.is_dir():
            return folder.resolve()
    shown = path if len(path) < _MOST_SHOWN else f"{path[:_MOST_SHOWN]}…"
    raise acp.RequestError(_BAD, f"{shown!r} is not the absolute path of an existing folder.")


async def _answered(work: Awaitable[T]) -> T:
    """Turn errors on purpose into JSON-RPC errors with the same message."""
    try:
        return await work
    except TurnCancelled:
        raise
    except InhouseError as error:
        raise _refused(error.code, str(error)) from None


def _failure(result: RunResult) -> acp.RequestError:
    error = result.error or RunError("internal", "The run failed.")
    return _refused(error.code, error.message, runId=result.run_id)


def _refused(code: str, message: str, *, number: int = _FAILED, **more: object) -> acp.RequestError:
    """Make an error: what is wrong, and what to do about it in an ACP client."""
    cause, remedy = cause_of(message), _REMEDIES.get(code)
    told = f"{cause}  {remedy}" if remedy is not None else message
    return acp.RequestError(
        number, as_in_file(told), {"code": code, "cause": as_in_file(cause), **more}
    )


_ENDPOINT = (
    "Run `inhouse endpoint add` in a terminal; the endpoint is then available here at once.  Or "
    "choose another endpoint in the options of this session."
)
_REMEDIES = {
    "untrusted": "Send the prompt again and answer its question about trust, or run "
    "`inhouse trust` in a terminal, in this folder.",
    "no-endpoint": _ENDPOINT,
    "session-busy": "Cancel its turn in the program where it runs, or wait.",
    "unknown-session": "A session is stored from its first prompt on; session/list lists the "
    "sessions.",
    "unreachable": "Start the server, or choose another endpoint in the options of this session; "
    "`inhouse doctor` in a terminal says which ones answer.",
}
"""What to do in a client, by code of the errors whose own remedy is meant for other doors."""


def _usage(result: RunResult) -> Json:
    usage = result.usage
    return {
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.input_tokens + usage.output_tokens,
    }


def _page_start(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):  # noqa: PLR2004  ours are short
        raise acp.RequestError(_BAD, f"cursor {cursor!r} did not come from session/list.")
    return int(cursor)


def _unknown_method(method: str) -> acp.RequestError:
    return acp.RequestError(_NO_METHOD, f"Inhouse has no method {method!r}.", {"method": method})


def _problems(error: ValidationError) -> str:
    """Say which parameters are wrong, in a line, without repeating what was sent."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    told = [f"{'.'.join(map(str, one['loc'])) or 'params'}: {one['msg']}" for one in found]
    more = f" and {len(told) - _MOST_PROBLEMS} more" if len(told) > _MOST_PROBLEMS else ""
    return "; ".join(told[:_MOST_PROBLEMS]) + more


def _ran(result: RunResult) -> Json:
    """Return where a turn ran and what it cost, even if the model's window is unknown."""
    return {
        "runId": result.run_id,
        "route": wire.route(result.route),
        "costUsd": result.usage.cost_usd,
    }
