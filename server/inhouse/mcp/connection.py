"""One server: started once for all runs of the process, and restarted if it dies."""

import asyncio
import contextlib
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from attrs import define, field, frozen

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
CALL_SECONDS = 300.0
"""Of silence in a call; each progress report of the server restarts the limit."""
LONGEST_CALL = 3_600.0
MOST_TOOLS = 500
"""Of one server, since every request describes each of them to the model."""
_MOST_PAGES = 50
_MOST_STARTS = 2
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
    tools: tuple[ListedTool, ...] = ()
    cut: bool = False
    """Whether it has more tools than are used."""
    _open: Open | None = None
    _starts: int = 0
    _client: "Client | None" = None
    _task: asyncio.Task[None] | None = None
    _gone: asyncio.Event = field(factory=asyncio.Event)
    _starting: asyncio.Lock = field(factory=asyncio.Lock)
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
            if self._client is None or self._gone.is_set():
                self._starts = 0
                await self._start()
            elif self._stale:
                self._stale = False
                self.tools, self.cut = await _listed(self._client)
            return self.tools

    async def call(
        self, tool: str, arguments: Mapping[str, Any], *, progress: Tell, restarted: Tell
    ) -> Mapping[str, Any]:
        """Call a tool; return the result as the protocol defines it.

        Raises `ToolError`, and `InhouseError` if the server may not be started again.
        """
        if not self.alive:
            await self._again(restarted)
        try:
            return await self._called(tool, arguments, progress)
        except TimeoutError:
            raise ToolError(
                f"{self.server.name}/{tool} was cancelled: it said nothing for {CALL_SECONDS:g} s."
                "  Ask for less at once, or go on without it.",
                code="mcp_timeout",
            ) from None
        except (asyncio.CancelledError, InhouseError):
            raise
        except Exception as error:
            raise await self._failed(tool, error, restarted) from error

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
        loop = asyncio.get_running_loop()
        end = loop.time() + LONGEST_CALL
        async with asyncio.timeout(CALL_SECONDS) as limit:

            async def told(progress: float, total: float | None, message: str | None) -> None:
                limit.reschedule(min(loop.time() + CALL_SECONDS, end))
                share = f"{progress:g} of {total:g}" if total else f"{progress:g}"
                tell(f"{visible(message or 'at work')[:_SHOWN]} ({share})\n")

            result = await self._client.call_tool(tool, dict(arguments), progress_callback=told)
        return result.model_dump(by_alias=True, mode="json", exclude_none=True)

    async def _failed(self, tool: str, error: Exception, restarted: Tell) -> ToolError:
        """Say why a call failed; a server that died is started again for the next one."""
        if _is_over(error) or not self.alive:
            self._gone.set()
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
        async with _transport(self.server, opened, speech) as (read, write):
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

    return isinstance(error, MCPError) and error.message in {
        "Connection closed",
        "Session terminated",
    }


def reason_of(error: BaseException) -> str:
    """Return the one thing that went wrong, in words that may be shown."""
    inner: BaseException = error
    while isinstance(inner, BaseExceptionGroup):
        inner = cast("BaseExceptionGroup[BaseException]", inner).exceptions[0]
    text = str(inner).strip() or type(inner).__name__
    return visible(text.splitlines()[0])[:_SHOWN].rstrip(".")
