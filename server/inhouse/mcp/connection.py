"""One server: started once for all runs of the process, and restarted if it dies."""

import asyncio
import contextlib
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from attrs import define, evolve, field, frozen

from inhouse import __version__
from inhouse.core.errors import InhouseError, ToolError, UserError
from inhouse.core.unicode import visible

from .access import Open, Opened, Program, Remote
from .config import RemoteServer, Server

if TYPE_CHECKING:
    from mcp import Client

    from .stdio import Speech

logger = logging.getLogger(__name__)

START_SECONDS = 60.0
"""For the handshake and the list of tools; a program's first start may download it."""
SILENT_SECONDS = 300.0
"""Without a word in a call; each progress report of the server restarts the limit."""
LONGEST_CALL = 3_600.0
"""Seconds, however much progress is reported."""
MOST_TOOLS = 500
"""Of one server, since every request describes each of them to the model."""
_MOST_PAGES = 50
_MOST_STARTS = 2
_MOST_NAMED = 20
_CLOCK = 0.05
"""Seconds by which a timer may come early."""
_NO_SUCH_METHOD = -32601
_OLDER = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
_OVER = ("Connection closed", "Session terminated")
"""What the SDK says when there is nobody to talk to any more."""
_SHOWN = 500

Tell = Callable[[str], None]


class McpError(UserError):
    """A server is unavailable: its command, its address, or its answers are wrong."""

    def __init__(self, server: str, problem: str, *, code: str = "mcp") -> None:
        super().__init__(f"MCP server {server!r}: {problem}", code=code)


@frozen
class ListedTool:
    """A tool as its server describes it, which is untrusted text."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(repr=False)
    read_only: bool = False
    """What the server claims."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the name, description or schema does."""
        parts = [self.name, self.description, self.schema]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@define(eq=False)
class Connection:
    """Owns the task that serves one server.  Close it with `aclose`."""

    server: Server
    silent_seconds: float = SILENT_SECONDS
    longest_call: float = LONGEST_CALL
    tools: tuple[ListedTool, ...] = ()
    cut: bool = False
    """Whether it has more tools than are used."""
    _open: Open | None = None
    _starts: int = 0
    _client: "Client | None" = None
    _task: asyncio.Task[None] | None = None
    _gone: asyncio.Event = field(factory=asyncio.Event)
    _starting: asyncio.Lock = field(factory=asyncio.Lock)
    _older: bool = False
    """A remote server that speaks SSE, as was found out."""
    _stale: bool = False
    """Whether the server said that its tools have changed."""
    _why: str = ""
    """Why it is gone."""
    _speech: "Speech | None" = None
    """What it has said besides its messages since its last start."""

    @property
    def alive(self) -> bool:
        return self._client is not None and not self._gone.is_set()

    async def ready(self, open_server: Open) -> tuple[ListedTool, ...]:
        """Return the tools for a new run, starting the server if necessary.

        Raises `InhouseError`.
        """
        async with self._starting:
            self._open = open_server
            client = None if self._gone.is_set() else self._client
            if client is None or (self._stale and not await self._listed_again(client)):
                self._starts = 0
                await self._start()
            return self.tools

    async def _listed_again(self, client: "Client") -> bool:
        """List the tools of a server that said that they changed; False: it does not answer."""
        self._stale = False
        try:
            async with asyncio.timeout(START_SECONDS):
                self.tools, self.cut = await _listed(client)
        except Exception as error:  # noqa: BLE001  whatever the SDK raises
            logger.info("server %s lists no tools: %s", self.server.name, reason_of(error))
            return False
        return True

    async def current(self, tool: ListedTool) -> ListedTool:
        """Give a tool as its server describes it now: it may have told that it changed its tools.

        Raises `ToolError` for one that is gone.
        """
        async with self._starting:
            if self._stale and self._client is not None and not self._gone.is_set():
                await self._listed_again(self._client)
        found = next((each for each in self.tools if each.name == tool.name), None)
        if found is None:
            there = ", ".join(visible(each.name) for each in self.tools[:_MOST_NAMED]) or "none"
            raise ToolError(
                f"MCP server {self.server.name!r} took its tool {tool.name!r} away during this "
                f"run.  It has: {there}.",
                code="mcp_tool",
            )
        return found

    async def call(
        self, tool: str, arguments: Mapping[str, Any], *, progress: Tell, restarted: Tell
    ) -> Mapping[str, Any]:
        """Call a tool; return the result as the protocol defines it.  Raises `ToolError`."""
        session = self._gone
        try:
            if not self.alive:
                await self._again(restarted)
                session = self._gone
            try:
                return await self._called(tool, arguments, progress)
            except Exception as error:
                if not self._is_forgotten(error):
                    raise
            # The server knows this session no more, and did nothing: a new one is for the client
            # to begin (MCP 2025-06-18, transports, session management).
            await self._renew(session)
            session = self._gone
            return await self._called(tool, arguments, progress)
        except (asyncio.CancelledError, ToolError):
            raise
        except InhouseError as error:
            raise ToolError(f"{error}  Go on without it.", code="mcp_ended") from error
        except Exception as error:
            raise await self._failed(tool, error, restarted, session) from error

    def _is_forgotten(self, error: Exception) -> bool:
        """Tell whether a remote server does not know the session any more."""
        from mcp import MCPError  # noqa: PLC0415  with the SDK

        status = self._speech.status if self._speech is not None else 0
        refused = isinstance(error, MCPError) and error.code != _NO_SUCH_METHOD
        return refused and isinstance(self.server, RemoteServer) and status == HTTPStatus.NOT_FOUND

    async def _renew(self, session: asyncio.Event) -> None:
        """Begin a new session, unless another call has; raises `InhouseError`."""
        async with self._starting:
            if self._gone is not session and self.alive:
                return
            logger.info("server %s ended its session: a new one begins", self.server.name)
            starts = self._starts
            await self._start()
            self._starts = starts

    async def aclose(self) -> None:
        """End the server and everything it started."""
        self._gone.set()
        task, self._client = self._task, None
        if task is not None:
            await asyncio.wait([task])

    async def _called(
        self, tool: str, arguments: Mapping[str, Any], tell: Tell
    ) -> Mapping[str, Any]:
        assert self._client is not None  # noqa: S101  it is alive
        loop, silent = asyncio.get_running_loop(), self.silent_seconds
        end = loop.time() + self.longest_call
        limit = asyncio.timeout(min(silent, self.longest_call))

        async def told(progress: float, total: float | None, message: str | None) -> None:
            if not limit.expired():
                limit.reschedule(min(loop.time() + silent, end))
            share = f"{progress:g} of {total:g}" if total else f"{progress:g}"
            tell(f"{visible(message or 'at work')[:_SHOWN]} ({share})\n")

        try:
            async with limit:
                result = await self._client.call_tool(tool, dict(arguments), progress_callback=told)
        except TimeoutError:
            why = f"it said nothing for {silent:g} s"
            if loop.time() + _CLOCK >= end:
                why = f"it was not done after {self.longest_call:g} s"
            raise ToolError(
                f"{self.server.name}/{tool} was cancelled: {why}.  Ask for less at once, or go on "
                "without it.",
                code="mcp_timeout",
            ) from None
        return result.model_dump(by_alias=True, mode="json", exclude_none=True)

    async def _failed(
        self, tool: str, error: Exception, restarted: Tell, session: asyncio.Event
    ) -> ToolError:
        """Say why a call failed; a server that died is started again for the next one.

        Another call may have begun a new session since the *session* of this one.
        """
        if _is_over(error):
            session.set()
        if self.alive:
            why = (self._speech.fault if self._speech else "") or reason_of(error)
            return ToolError(f"{self.server.name}/{tool}: {why}", code="mcp")
        if self._task is not None:
            await asyncio.wait([self._task])
        said = f"{self.server.name}/{tool} gave no result: the server ended ({self._why})."
        try:
            await self._again(restarted)
        except InhouseError:
            return ToolError(f"{said}  Go on without it.", code="mcp_ended")
        return ToolError(
            f"{said}  It was started again; what the call did before that is not known.",
            code="mcp_ended",
        )

    async def _again(self, restarted: Tell) -> None:
        async with self._starting:
            if self.alive:
                return
            why = self._why
            if self._starts >= _MOST_STARTS:
                raise ToolError(
                    f"MCP server {self.server.name!r} ended again ({why}) and is not started a "
                    "third time in this run.  Go on without it.",
                    code="mcp_ended",
                )
            await self._start()
            restarted(f"MCP server {self.server.name!r} ended ({why}) and was started again.")

    async def _start(self) -> None:
        """Start it; a remote one that does not know streamable HTTP is asked by SSE.

        Raises `InhouseError`.
        """
        try:
            await self._start_once()
        except McpError:
            if not self._may_be_older():
                raise
            self._older, self._starts = True, self._starts - 1
            try:
                await self._start_once()
            except InhouseError:
                self._older = False
            else:
                return
            raise

    def _may_be_older(self) -> bool:
        """Tell whether a server refused as those of 2024-11-05 do (transports, compatibility)."""
        server, speech = self.server, self._speech
        newer = isinstance(server, RemoteServer) and not server.sse and not self._older
        return newer and speech is not None and speech.status in _OLDER

    async def _start_once(self) -> None:
        assert self._open is not None  # noqa: S101  `ready` comes first
        if self._task is not None:
            self._gone.set()
            await asyncio.wait([self._task])
        opened = await self._open(self.server)
        # Takes a second or more on a busy machine, so not on the event loop.
        await asyncio.to_thread(import_module, "inhouse.mcp.stdio")
        self._starts += 1
        self._gone, self._why = asyncio.Event(), ""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._serve(opened, ready), name=f"mcp-{self.server.name}")
        try:
            async with asyncio.timeout(START_SECONDS):
                await asyncio.shield(ready)
        except TimeoutError:
            why = f"it did not answer and list its tools within {START_SECONDS:g} s"
            self._why = self._why or why
            await self._abandon(ready)
            raise McpError(self.server.name, f"{self._why}.") from None
        except BaseException:
            await self._abandon(ready)
            raise

    async def _abandon(self, ready: "asyncio.Future[None]") -> None:
        self._gone.set()
        if self._task is not None:
            if not self._task.done():
                self._task.cancel()
            await asyncio.wait([self._task])
        if ready.done() and not ready.cancelled():
            ready.exception()  # read, or asyncio complains

    async def _serve(self, opened: Opened, ready: "asyncio.Future[None]") -> None:
        from .stdio import Speech  # noqa: PLC0415  with the SDK

        speech = self._speech = Speech(self.server.name)
        gone = self._gone
        try:
            async with self._connected(opened, speech) as client:
                self.tools, self.cut = await _listed(client)
                self._client = client
                ready.set_result(None)
                await gone.wait()
        except Exception as error:  # noqa: BLE001  reported, whatever the SDK raised
            self._why = reason_of(error)
        finally:
            gone.set()
            self._client = None
            self._why = _explained(opened, speech, self._why)
            if not ready.done():
                ready.set_exception(McpError(self.server.name, f"{self._why}."))
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(opened.end())

    @asynccontextmanager
    async def _connected(self, opened: Opened, speech: "Speech") -> AsyncGenerator["Client"]:
        """Speak the protocol until the block is left or one of the two sides has ended."""
        from mcp_types import Implementation, ToolListChangedNotification  # noqa: PLC0415

        from mcp import Client  # noqa: PLC0415  slow, and only for those who have a server

        async def heard(message: object) -> None:
            if isinstance(message, ToolListChangedNotification):
                self._stale = True

        client = Client(
            self._streams(opened, speech),
            message_handler=heard,
            client_info=Implementation(name="inhouse", version=__version__),
            cache=None,
        )
        async with client:
            yield client

    @asynccontextmanager
    async def _streams(self, opened: Opened, speech: "Speech") -> AsyncGenerator[Any]:
        from .repairs import RepairedStream  # noqa: PLC0415  with the SDK

        gone = self._gone
        server = self.server
        if self._older and isinstance(server, RemoteServer):
            server = evolve(server, sse=True)
        async with _transport(server, opened, speech) as (read, write):
            yield RepairedStream(read, gone.set), write


def _transport(server: Server, opened: Opened, speech: "Speech") -> Any:
    match opened:
        case Program():
            from .stdio import stdio_streams  # noqa: PLC0415  with the SDK

            return stdio_streams(opened, speech)
        case Remote(client):
            assert isinstance(server, RemoteServer)  # noqa: S101  the host opens what it is given
            from .http import http_streams  # noqa: PLC0415  with the SDK

            return http_streams(server, client, speech)


async def _listed(client: "Client") -> tuple[tuple[ListedTool, ...], bool]:
    """Return the tools, and whether there are more of them than are used."""
    found: dict[str, ListedTool] = {}
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        for tool in page.tools:
            hints = tool.annotations
            listed = ListedTool(
                tool.name,
                tool.description or "",
                tool.input_schema,
                read_only=bool(hints and hints.read_only_hint),
            )
            found.setdefault(tool.name, listed)
        cursor = page.next_cursor
        if not cursor or len(found) > MOST_TOOLS:
            break
    return tuple(found.values())[:MOST_TOOLS], len(found) > MOST_TOOLS


def _explained(opened: Opened, speech: "Speech", why: str) -> str:
    """Say why a server is gone: its own fault first, its exit status, its last words."""
    parts = [speech.fault or why]
    if isinstance(opened, Program) and (code := opened.process.returncode) is not None:
        parts.append(f"exit status {code}")
    if speech.last_words():
        parts.append(f"it said: {speech.last_words()}")
    return ", ".join(part for part in parts if part) or "it ended"


def _is_over(error: Exception) -> bool:
    """Return whether an error means that the server is gone."""
    from mcp import MCPError  # noqa: PLC0415  with the SDK

    return isinstance(error, MCPError) and error.message in _OVER


def reason_of(error: BaseException) -> str:
    """Return the one thing that went wrong, in words that may be shown."""
    inner: BaseException = error
    while isinstance(inner, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", inner).exceptions[0]
    text = str(inner).strip() or type(inner).__name__
    return visible(text.splitlines()[0])[:_SHOWN].rstrip(".")
