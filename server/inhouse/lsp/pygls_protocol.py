"""Adjusts pygls's JSON-RPC where its behaviour is not what an editor needs.

Each difference is pinned by a test in tests/lsp/test_pygls_facts.py, so that an upgrade shows when
it can go.
"""

import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any, cast

import cattrs
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol, lsp_method

from inhouse.core.json_values import Json, fields
from inhouse.lsp.documents.open_documents import Documents
from inhouse.lsp.editor_context import Spawn
from inhouse.lsp.transport.framing import encoded, frame
from inhouse.lsp.transport.rpc import EditorRpc

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
NOT_INITIALIZED = -32002
REQUEST_FAILED = -32803
_TOP_LEVEL = ("workspace", "textDocument", "window", "general", "notebookDocument")

logger = logging.getLogger(__name__)


class Protocol(LanguageServerProtocol):
    """Receives whole bodies, sends through an `EditorRpc`, and answers every request."""

    link: EditorRpc
    documents: Documents
    """Our open documents; pygls's own go out of step if a text has a form feed."""
    on_command: Callable[[int | str, Json], Coroutine[object, object, None]]
    """Answers ``workspace/executeCommand`` itself, since pygls drops its ``workDoneToken``."""
    spawn: Spawn
    answered: object = None
    """The id of ``initialize``, if it was answered before pygls was imported."""
    initialize_result: Json
    state: str = "new"
    """``new``, ``running``, ``shut down``."""

    close_runs: Callable[[], Coroutine[object, object, None]]
    stop: Callable[[int], None]

    @property
    def _handlers(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.fm.features)  # pyright: ignore[reportUnknownMemberType]

    def receive(self, body: bytes) -> None:
        """Handle one message.  Never raises, whatever a client sends."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            self.send_error(None, PARSE_ERROR, "This is not JSON.")
            return
        if not isinstance(message, dict) or "jsonrpc" not in message:
            self.send_error(None, INVALID_REQUEST, "This is not a JSON-RPC 2.0 message.")
            return
        message = cast("dict[str, Any]", message)
        method, request_id = message.get("method"), message.get("id")
        if method is None:
            self.link.answered(message)
            return
        if (refusal := self._out_of_turn(method)) is not None:
            if request_id is not None:
                self.send_error(request_id, *refusal)
            return
        if method == types.WORKSPACE_EXECUTE_COMMAND and request_id is not None:
            params = fields(message.get("params"))
            self.spawn(self.on_command(request_id, params), name="command")
            return
        structured = self._structure(message)
        if structured is not None:
            self.handle_message(structured)

    def _out_of_turn(self, method: Any) -> tuple[int, str] | None:
        if method == types.EXIT:
            return None
        if self.state == "new":
            if method == types.INITIALIZE:
                self.state = "running"
                return None
            return NOT_INITIALIZED, f"{method}: send initialize first."
        if self.state == "shut down":
            return INVALID_REQUEST, f"{method}: the server is shutting down."
        if method == types.INITIALIZE:
            return INVALID_REQUEST, "initialize was already sent."
        return None

    def _structure(self, message: dict[str, Any]) -> Any:
        try:
            return self.structure_message(message)
        except JsonRpcException as error:
            if message["method"] == types.INITIALIZE:
                params = fields(message.get("params"))
                message["params"] = _only_what_is_understood(params, self._converter)
                return self.structure_message(message)
            cause = error.__cause__
            shown = cattrs.transform_error(cause, "params") if cause is not None else [str(error)]
            text = f"{message['method']}: {'; '.join(shown)}"
            if message.get("id") is not None:
                self.send_error(message["id"], INVALID_PARAMS, text)
            else:
                logger.warning("Ignored a notification: %s", message["method"])
        return None

    # Sending.

    def send_result(self, request_id: int | str, result: Any) -> None:
        self.link.outbox.write(encoded({"jsonrpc": "2.0", "id": request_id, "result": result}))

    def send_error(
        self, request_id: int | str | None, code: int, message: str, data: Json | None = None
    ) -> None:
        error: Json = {"code": code, "message": message}
        if data is not None:
            error["data"] = data
        self.link.outbox.write(encoded({"jsonrpc": "2.0", "id": request_id, "error": error}))

    def _send_data(self, data: Any) -> None:
        if data:
            body = json.dumps(data, default=self._serialize_message, ensure_ascii=False)
            self.link.outbox.write(frame(body))

    def _send_response(
        self, msg_id: int | str, result: Any = None, error: types.ResponseError | None = None
    ) -> None:
        if msg_id == self.answered:
            self.answered = None
            return
        if error is not None and error.code == INTERNAL_ERROR:
            error = types.ResponseError(
                INTERNAL_ERROR, "The server had an internal error.  Its log has the details.", None
            )
        super()._send_response(msg_id, result, error)

    # Messages that are handled differently.

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Any:
        general = params.capabilities.general or types.GeneralClientCapabilities()
        general.position_encodings = [types.PositionEncodingKind.Utf16]
        params.capabilities.general = general
        yield from super().lsp_initialize(params)
        return self.initialize_result

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Any:
        self.documents.opened(params.text_document)
        yield self._handlers[types.TEXT_DOCUMENT_DID_OPEN], (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Any:
        self.documents.changed(params)
        yield self._handlers[types.TEXT_DOCUMENT_DID_CHANGE], (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Any:
        self.documents.closed(params.text_document.uri)
        yield self._handlers[types.TEXT_DOCUMENT_DID_CLOSE], (params,), None

    @lsp_method(types.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def lsp_work_done_progress_cancel(self, params: types.WorkDoneProgressCancelParams) -> Any:
        yield self._handlers[types.WINDOW_WORK_DONE_PROGRESS_CANCEL], (params,), None

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *_: Any) -> Any:
        self.state = "shut down"
        yield self.close_runs, (), None
        self._shutdown = True
        for request_id, future in list(self._request_futures.items()):  # pygls issue 606
            if request_id != self.msg_id and not future.done():
                future.cancel()

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: Any) -> Any:
        self.stop(0 if self.state == "shut down" else 1)


def _only_what_is_understood(params: Json, converter: cattrs.Converter) -> Json:
    """Drop the sections of the capabilities that do not have LSP's shape."""
    capabilities = fields(params.get("capabilities"))
    kept: Json = {}
    for name in _TOP_LEVEL:
        try:
            converter.structure({name: capabilities.get(name)}, types.ClientCapabilities)
        except Exception:  # noqa: BLE001, S112  whatever is wrong with it, drop it
            continue
        kept[name] = capabilities.get(name)
    process_id = params.get("processId")
    return {
        "processId": process_id if isinstance(process_id, int) else None,
        "rootUri": params.get("rootUri") if isinstance(params.get("rootUri"), str) else None,
        "capabilities": kept,
    }
