"""What we ask of the client: permissions, and its files where it offers them."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import acp
from acp import schema

from inhouse.core.json_values import fields

Json = dict[str, Any]


class ClientCalls:
    """Requests to the client, for one session.  None of them raises."""

    def __init__(self, connection: acp.Client, session_id: str, capabilities: Json) -> None:
        self._connection = connection
        self._session_id = session_id
        files = fields(capabilities.get("fs"))
        self.reads_files = files.get("readTextFile") is True
        self.writes_files = files.get("writeTextFile") is True

    async def request_permission(self, tool_call: Json, options: Sequence[Any]) -> str | None:
        """Give the id of the chosen option; None where none was chosen."""
        with _suppressed():
            answer = await self._connection.request_permission(
                session_id=self._session_id,
                tool_call=schema.ToolCallUpdate.model_validate(tool_call),
                options=[schema.PermissionOption.model_validate(option) for option in options],
            )
            if isinstance(answer.outcome, schema.AllowedOutcome):
                return answer.outcome.option_id
        return None

    async def read_file(self, path: Path) -> str | None:
        """Give a file's text as the client has it; None where it does not say."""
        if self.reads_files:
            with _suppressed():
                answer = await self._connection.read_text_file(
                    session_id=self._session_id, path=str(path)
                )
                return answer.content
        return None

    async def write_file(self, path: Path, text: str) -> bool:
        """Have the client write a file; False where it did not."""
        if self.writes_files:
            with _suppressed():
                await self._connection.write_text_file(
                    session_id=self._session_id, path=str(path), content=text
                )
                return True
        return False


def _suppressed() -> contextlib.suppress:
    """A client that refuses, answers nonsense or has gone gives no answer."""
    return contextlib.suppress(acp.RequestError, ConnectionError, ValueError)
