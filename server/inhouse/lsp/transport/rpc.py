"""The connection to the editor: our notifications, and our requests with their answers."""

import asyncio
import itertools
import json
from typing import Any

from inhouse.core.errors import InhouseError
from inhouse.core.json_values import fields
from inhouse.lsp.transport.client import EditorClient
from inhouse.lsp.transport.framing import frame
from inhouse.lsp.transport.messages import plain_params
from inhouse.pipes.write_queue import WriteQueue

Json = dict[str, Any]


class EditorError(InhouseError):
    """The editor answered a request with an error."""


class EditorRpc:
    """Sends plain JSON, so that what an editor answers can have any shape.

    Futures of pygls stay open for ever if an answer violates the protocol (old Emacs clients answer
    ``null`` to unknown requests), and pygls shows an answer to a cancelled request to the user as
    an error.
    """

    def __init__(self, outbox: WriteQueue, client: EditorClient) -> None:
        self.outbox = outbox
        self.client = client
        self._ids = itertools.count(1)
        self._open: dict[int, asyncio.Future[Any]] = {}

    def notify(self, method: str, params: object) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": plain_params(method, params)})

    async def request(self, method: str, params: object, *, seconds: float | None) -> Any:
        """Ask the editor.

        Raises `EditorError` or `TimeoutError`.  Cancelling it withdraws the request; an answer that
        still arrives is dropped.
        """
        request_id = next(self._ids)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._open[request_id] = answer
        params = plain_params(method, params)
        self._send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except (asyncio.CancelledError, TimeoutError):
            self.notify("$/cancelRequest", {"id": request_id})
            raise
        finally:
            self._open.pop(request_id, None)

    def ask(self, method: str, params: object) -> None:
        """Send a request whose answer does not matter (``…/refresh``)."""
        request_id = next(self._ids)
        self._send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})

    def answered(self, message: Json) -> None:
        """Handle the editor's answer.  If nobody waits for it any more, it is dropped."""
        request_id = message.get("id")
        answer = self._open.pop(request_id, None) if isinstance(request_id, int) else None
        if answer is None or answer.done():
            return
        if "error" in message:
            error = fields(message["error"])
            answer.set_exception(EditorError(str(error.get("message")), code="editor"))
        else:
            answer.set_result(message.get("result"))

    def _send(self, message: Json) -> None:
        self.outbox.write(frame(json.dumps(message, separators=(",", ":"), ensure_ascii=False)))
