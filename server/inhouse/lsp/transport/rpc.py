"""The connection to the editor: our notifications, and our requests with their answers.

An editor may make a link of ``[text](command:…)`` in a message, and VS Code an icon of ``$(name)``:
here, for all messages in one place, this is neutralised, and invisible characters are escaped.
"""

import asyncio
import itertools
import re
from typing import Any

from inhouse.core.errors import InhouseError
from inhouse.core.json_values import Json, fields
from inhouse.core.unicode import visible
from inhouse.lsp.transport.client import EditorClient
from inhouse.lsp.transport.framing import encoded
from inhouse.pipes.event_loop import WriteQueue

_MESSAGES = frozenset({"window/showMessage", "window/showMessageRequest"})
_LINK = re.compile(r"\](?=[(\[])")
_ICON = re.compile(r"\$(?=\()")


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
        self.outbox.write(
            encoded({"jsonrpc": "2.0", "method": method, "params": plain_params(method, params)})
        )

    async def request(self, method: str, params: object, *, seconds: float | None) -> Any:
        """Ask the editor.

        Raises `EditorError` or `TimeoutError`.  Cancelling it withdraws the request; an answer that
        still arrives is dropped.
        """
        request_id = next(self._ids)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._open[request_id] = answer
        params = plain_params(method, params)
        self.outbox.write(
            encoded({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        )
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
        self.outbox.write(
            encoded({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        )

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


def plain(text: str) -> str:
    """Return a text that every editor shows as it is written."""
    return _ICON.sub("$ ", _LINK.sub("] ", visible(text)))


def plain_params(method: str, params: Any) -> Any:
    """Return a message's parameters with every text that is shown made plain."""
    if method in _MESSAGES:
        shown = {**params, "message": plain(str(params["message"]))}
        if actions := params.get("actions"):
            shown["actions"] = [{**each, "title": plain(each["title"])} for each in actions]
        return shown
    value = fields(params.get("value")) if method == "$/progress" else {}
    if "kind" in value:
        texts = {name: plain(str(value[name])) for name in ("title", "message") if name in value}
        return {**params, "value": {**value, **texts}}
    return params
