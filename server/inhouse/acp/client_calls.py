"""Requests to the client: for permissions, and for its files and terminals if it offers them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import acp
from acp.connection import Connection
from attrs import define

from inhouse.core.errors import ToolError
from inhouse.core.json_values import Json, fields


@define
class Patience:
    """Seconds that the client has for an answer in which no person takes part."""

    seconds: float = 10.0
    to_change: float = 30.0
    """For what changes something there: a file is written, a command started."""


class ClientCalls:
    """Requests to the client, for one session.

    While the client owes the answer to one, it is sent no other of that kind: nothing waits for it
    a second time, and nothing piles up.  Its late answer ends that.
    """

    def __init__(
        self,
        connection: Connection,
        session_id: str,
        capabilities: Json,
        warn: Callable[[str], None],
        patience: Patience | None = None,
    ) -> None:
        """*warn* tells the user that the client does not answer."""
        self._connection = connection
        self._session_id = session_id
        self._warn = warn
        self._patience = patience or Patience()
        self._owed: Counter[str] = Counter()
        """The kinds of requests (``fs/read_text_file``) of which one was not answered in time."""
        self._settling: set[asyncio.Task[None]] = set()
        files = fields(capabilities.get("fs"))
        self.reads_files = files.get("readTextFile") is True
        self.writes_files = files.get("writeTextFile") is True
        self.has_terminals = capabilities.get("terminal") is True

    async def request_permission(self, tool_call: Json, options: Sequence[Json]) -> str | None:
        """Return the id of the chosen option; None if none was chosen."""
        answer = await self._ask(
            "session/request_permission", toolCall=tool_call, options=list(options)
        )
        outcome = fields(fields(answer).get("outcome"))
        chosen = outcome.get("optionId")
        return chosen if outcome.get("outcome") == "selected" and isinstance(chosen, str) else None

    @property
    def owes_files(self) -> bool:
        """Whether the client has not answered for a file, so that its texts are not known."""
        return self._owed[_READ] > 0

    async def read_file(self, path: Path) -> str | None:
        """Return a file's text as the client has it; None if it does not answer."""
        if not self.reads_files:
            return None
        answer = await self._ask_for(
            _READ,
            self._patience.seconds,
            "files are read as they are on disk, without what is typed there and not saved",
            path=str(path),
        )
        content = fields(answer).get("content")
        return content if isinstance(content, str) else None

    async def write_file(self, path: Path, text: str) -> bool:
        """Have the client write a file; False if it did not."""
        if not self.writes_files:
            return False
        answer = await self._ask_for(
            "fs/write_text_file",
            self._patience.to_change,
            f"{path.name} may or may not be changed there",
            path=str(path),
            content=text,
        )
        return answer is not _NOTHING and answer is not _LATE

    async def create_terminal(
        self, command: str, args: Sequence[str], *, cwd: Path, most_bytes: int
    ) -> str | None:
        """Start a command in a terminal; return its id, or None if the client does not start it.

        Raises `ToolError` if it does not answer: it may still start the command, which then ends
        at once.
        """
        answer = await self._ask_for(
            _CREATE,
            self._patience.to_change,
            "commands run without its terminals",
            late=self._end_late_terminal,
            command=command,
            args=list(args),
            env=[],
            cwd=str(cwd),
            outputByteLimit=most_bytes,
        )
        if answer is _LATE:
            raise ToolError(
                "The command was not run: the editor was asked to start it in a terminal and did "
                "not answer.  If you run it again, it runs without the editor.",
                code="editor",
            )
        terminal = fields(answer).get("terminalId")
        return terminal if isinstance(terminal, str) else None

    async def about_terminal(self, method: str, terminal: str) -> Json:
        """Send one of ``terminal/*``; without an answer, return an empty object."""
        if method == "terminal/wait_for_exit":  # It has the command's own limit.
            return fields(await self._ask(method, terminalId=terminal))
        meaning = "what a command said there is not known"
        answer = await self._ask_for(
            method, self._patience.seconds, meaning, key=terminal, terminalId=terminal
        )
        return fields(answer)

    async def aclose(self) -> None:
        """Stop waiting for answers."""
        for task in self._settling:
            task.cancel()
        if self._settling:
            await asyncio.wait(self._settling)

    async def _end_late_terminal(self, answer: object) -> None:
        terminal = fields(answer).get("terminalId")
        if isinstance(terminal, str):
            await self.about_terminal("terminal/kill", terminal)
            await self.about_terminal("terminal/release", terminal)

    async def _ask_for(
        self,
        method: str,
        seconds: float,
        meaning: str,
        *,
        key: str = "",
        late: "_Late | None" = None,
        **params: object,
    ) -> object:
        """Ask for what takes no person; `_LATE` if the client has not answered in time.

        *meaning* tells the user what follows from that.  *key* tells apart requests that do not
        wait for each other; *late* gets an answer that still comes.
        """
        kind = f"{method} {key}".strip()
        if self._owed[kind]:
            return _NOTHING
        task = asyncio.create_task(self._ask(method, **params), name=kind)
        try:
            await asyncio.wait([task], timeout=seconds)
        except asyncio.CancelledError:
            if late is None:
                task.cancel()
            else:
                self._settle(kind, task, late)
            raise
        if task.done():
            return task.result()
        if not self._owed[kind]:
            self._warn(
                f"The editor was asked for {method} and has not answered for {seconds:g} seconds.  "
                f"Until it does, {meaning}."
            )
        self._settle(kind, task, late)
        return _LATE

    def _settle(self, kind: str, task: asyncio.Task[Any], late: "_Late | None") -> None:
        """Wait for an answer that is late, and do with it what is left to do."""

        async def settle() -> None:
            try:
                answer = await task
            finally:
                self._owed[kind] -= 1
            if late is not None:
                await late(answer)

        self._owed[kind] += 1
        settling = asyncio.create_task(settle(), name=f"late {kind}")
        self._settling.add(settling)
        settling.add_done_callback(self._settling.discard)

    async def _ask(self, method: str, **params: object) -> object:
        """Return the client's answer, however late; `_NOTHING` if it refuses or has gone."""
        try:
            return await self._connection.send_request(
                method, {"sessionId": self._session_id, **params}
            )
        except (acp.RequestError, ConnectionError):
            return _NOTHING


_Late = Callable[[object], Coroutine[object, object, None]]
_READ, _CREATE = "fs/read_text_file", "terminal/create"
_NOTHING, _LATE = object(), object()
