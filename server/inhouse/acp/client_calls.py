"""Requests to the client: for permissions, and for its files and terminals if it offers them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import acp
from acp.connection import Connection

from inhouse.core.json_values import fields

Json = dict[str, Any]


class ClientCalls:
    """Requests to the client, for one session.  None of them raises."""

    def __init__(self, connection: Connection, session_id: str, capabilities: Json) -> None:
        self._connection = connection
        self._session_id = session_id
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

    async def read_file(self, path: Path) -> str | None:
        """Return a file's text as the client has it; None if it does not answer."""
        if not self.reads_files:
            return None
        content = fields(await self._ask("fs/read_text_file", path=str(path))).get("content")
        return content if isinstance(content, str) else None

    async def write_file(self, path: Path, text: str) -> bool:
        """Have the client write a file; False if it did not."""
        if not self.writes_files:
            return False
        return await self._ask("fs/write_text_file", path=str(path), content=text) is not _NOTHING

    async def create_terminal(
        self, command: str, args: Sequence[str], *, cwd: Path, most_bytes: int
    ) -> str | None:
        """Start a command in a terminal; return its id, or None if the client did not start it."""
        answer = await self._ask(
            "terminal/create",
            command=command,
            args=list(args),
            env=[],
            cwd=str(cwd),
            outputByteLimit=most_bytes,
        )
        terminal = fields(answer).get("terminalId")
        return terminal if isinstance(terminal, str) else None

    async def about_terminal(self, method: str, terminal: str) -> Json:
        """Send one of ``terminal/*``; without an answer, return an empty object."""
        return fields(await self._ask(method, terminalId=terminal))

    async def _ask(self, method: str, **params: object) -> Any:
        """Return the client's answer; `_NOTHING` if it refuses or has gone."""
        try:
            return await self._connection.send_request(
                method, {"sessionId": self._session_id, **params}
            )
        except (acp.RequestError, ConnectionError):
            return _NOTHING


_NOTHING = object()
