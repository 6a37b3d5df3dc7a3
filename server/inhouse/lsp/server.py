"""The server: every message an editor can send, one short handler each."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from types import NoneType
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer

from inhouse import __version__, wire
from inhouse.core.errors import InhouseError
from inhouse.core.json_values import Json, items
from inhouse.core.text import Position
from inhouse.lsp import pygls_protocol
from inhouse.lsp.commands.handlers import is_refusal
from inhouse.lsp.documents.open_documents import from_lsp
from inhouse.lsp.language import features
from inhouse.lsp.language.definition_commands import schema_at
from inhouse.lsp.session import Session
from inhouse.lsp.transport.client import real, to_path

logger = logging.getLogger(__name__)


class Server(LanguageServer):
    """One editor's server; `on_exit` receives the exit status."""

    protocol: pygls_protocol.Protocol  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, session: Session, on_exit: Callable[[int], None]) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            "inhouse", __version__, protocol_cls=pygls_protocol.Protocol
        )
        self.session = session
        self.protocol.link = session.context.rpc
        self.protocol.documents = session.context.documents
        self.protocol.on_command = self.execute
        self.protocol.spawn = session.spawn
        self.protocol.close_runs = session.runs.aclose
        self.protocol.stop = on_exit
        self._register()

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log a bug without what the user wrote; pygls would show it to them."""
        logger.error("%s: %s", getattr(source, "__name__", source), type(error).__name__)

    async def execute(self, request_id: int | str, params: Json) -> None:
        """Answer ``workspace/executeCommand``."""
        command, given = params.get("command"), params.get("arguments")
        token = params.get("workDoneToken")
        send_error = self.protocol.send_error
        if not isinstance(command, str) or not isinstance(given, list | NoneType):
            message = "executeCommand takes {command: string, arguments?: any[]}."
            send_error(request_id, pygls_protocol.INVALID_PARAMS, message)
            return
        try:
            token = token if isinstance(token, int | str) else None
            result = await self.session.execute(command, items(given), token)
        except InhouseError as error:
            refused = is_refusal(error)
            code = pygls_protocol.REQUEST_FAILED if refused else pygls_protocol.INVALID_PARAMS
            send_error(request_id, code, str(error), wire.error_of(error))
        except Exception:
            logger.exception("%s broke", command)
            message = f"{command}: the server had an internal error.  Its log has the details."
            send_error(request_id, pygls_protocol.INTERNAL_ERROR, message)
        except asyncio.CancelledError:
            send_error(request_id, pygls_protocol.REQUEST_FAILED, "The server is shutting down.")
            raise
        else:
            self.protocol.send_result(request_id, result)

    def _register(self) -> None:
        for method, handler in (
            (types.INITIALIZED, self._initialized),
            (types.WORKSPACE_DID_CHANGE_CONFIGURATION, self._configuration),
            (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, self._watched),
            (types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, self._folders),
            (types.WORKSPACE_DID_RENAME_FILES, self._renamed),
            (types.WINDOW_WORK_DONE_PROGRESS_CANCEL, self._cancel),
            (types.TEXT_DOCUMENT_DID_OPEN, self._opened),
            (types.TEXT_DOCUMENT_DID_CHANGE, self._changed),
            (types.TEXT_DOCUMENT_DID_CLOSE, self._closed),
            (types.TEXT_DOCUMENT_DID_SAVE, self._saved),
            (types.TEXT_DOCUMENT_CODE_ACTION, self._actions),
            (types.TEXT_DOCUMENT_CODE_LENS, self._lenses),
            (types.TEXT_DOCUMENT_DIAGNOSTIC, self._problems),
            (types.TEXT_DOCUMENT_FOLDING_RANGE, self._folds),
            (types.WORKSPACE_TEXT_DOCUMENT_CONTENT, self._content),
        ):
            self.feature(method)(partial(handler))  # pygls sets attributes on it
        for method in features.METHODS:
            self.feature(method)(partial(self._language, method))

    def _initialized(self, _: types.InitializedParams) -> None:
        self.session.begin()

    def _configuration(self, params: types.DidChangeConfigurationParams) -> None:
        self.session.spawn(self.session.settings.changed(params.settings), name="settings")

    def _watched(self, params: types.DidChangeWatchedFilesParams) -> None:
        paths = [to_path(change.uri) for change in params.changes]
        self.session.watching.touched([real(path) for path in paths if path is not None])

    def _folders(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        self.session.folders_changed(
            [to_path(folder.uri) for folder in params.event.added],
            [to_path(folder.uri) for folder in params.event.removed],
        )

    def _renamed(self, params: types.RenameFilesParams) -> None:
        moves = [(to_path(each.old_uri), to_path(each.new_uri)) for each in params.files]
        self.session.files_renamed(
            {real(old): real(new) for old, new in moves if old is not None and new is not None}
        )

    def _cancel(self, params: types.WorkDoneProgressCancelParams) -> None:
        self.session.runs.cancel_progress(params.token)

    def _opened(self, params: types.DidOpenTextDocumentParams) -> None:
        self.session.document_opened(params.text_document.uri)

    def _changed(self, params: types.DidChangeTextDocumentParams) -> None:
        self.session.document_typed(params.text_document.uri)

    def _closed(self, params: types.DidCloseTextDocumentParams) -> None:
        self.session.document_closed(params.text_document.uri)

    def _saved(self, params: types.DidSaveTextDocumentParams) -> None:
        self.session.document_saved(params.text_document.uri)

    async def _actions(self, params: types.CodeActionParams) -> list[Json]:
        await self.session.ready()
        document = self.session.context.documents.get(params.text_document.uri)
        if document is None:
            return []
        only = params.context.only
        kinds = None if only is None else [str(getattr(kind, "value", kind)) for kind in only]
        where = from_lsp(params.range)
        more = await features.actions_in(
            self.session.context, self.session.watching.settled, document, where
        )
        ours = await self.session.sending.actions(document, where)
        return self.session.actions.at(document, where, kinds, [*ours, *more])

    async def _lenses(self, params: types.CodeLensParams) -> list[Json]:
        await self.session.ready()
        document = self.session.context.documents.get(params.text_document.uri)
        if document is None:
            return []
        more = await features.lenses_in(
            self.session.context, self.session.watching.settled, document
        )
        ours = await self.session.sending.lenses(document)
        return [*ours, *more, *self.session.lenses.of(document)]

    async def _problems(self, params: types.DocumentDiagnosticParams) -> Json:
        await self.session.ready()
        await self.session.watching.settled()
        return self.session.definitions.pull(params)

    async def _folds(self, params: types.FoldingRangeParams) -> list[Json] | None:
        await self.session.ready()
        return await self.session.folds(params.text_document.uri)

    async def _language(self, method: str, params: Any) -> Any:
        await self.session.ready()
        settled = self.session.watching.settled
        found = await features.answer(self.session.context, settled, method, params)
        if found is None and method == types.TEXT_DOCUMENT_COMPLETION:
            at = Position(params.position.line, params.position.character)
            return await self.session.context_names(params.text_document.uri, at)
        return found

    async def _content(
        self, params: types.TextDocumentContentParams
    ) -> types.TextDocumentContentResult:
        text = schema_at(params.uri) or await self._own_document(params.uri)
        if text is None:
            raise JsonRpcInvalidParams(f"No document {params.uri!r} in this session.")
        return types.TextDocumentContentResult(text)

    async def _own_document(self, uri: str) -> str | None:
        text = await self.session.transcripts.content(uri)
        return await self.session.documents.content(uri) if text is None else text
