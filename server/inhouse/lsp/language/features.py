"""One handler for each request about a definition file.

Each runs in a thread on a snapshot of the text, and raises only for mistakes in a user's request.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from inhouse.core.json_values import Json
from inhouse.core.text import Position, Range
from inhouse.lsp.documents.open_documents import OpenDocument
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language.completion import complete
from inhouse.lsp.language.definition_document import DefinitionDocument, site_of
from inhouse.lsp.language.fixes import quick_fixes
from inhouse.lsp.language.hover import hover
from inhouse.lsp.language.navigation import definition, find_references
from inhouse.lsp.language.renaming import prepare, rename
from inhouse.lsp.language.run_lenses import agent_actions, agent_lenses
from inhouse.lsp.language.settings_file import complete_setting, hover_setting, settings_site
from inhouse.lsp.language.symbols import symbols

logger = logging.getLogger(__name__)
Settled = Callable[[], Awaitable[None]]
"""Waits until changes in files of agents have been read."""
At = Callable[[EditorContext, DefinitionDocument, Position], Any]


async def answer(context: EditorContext, settled: Settled, method: str, params: Any) -> Any:
    """Answer one request; null if there is nothing to say."""
    document = context.documents.get(params.text_document.uri)
    if document is None:
        return None
    if method == types.TEXT_DOCUMENT_HOVER:  # It shows the route, which the catalog knows.
        await settled()
    site, handlers = site_of(context, document), _HANDLERS
    if site is None:
        site, handlers = settings_site(context, document), _IN_SETTINGS
    if site is None or method not in handlers:
        return None
    try:
        return await asyncio.to_thread(handlers[method], context, site, params)
    except JsonRpcException:
        raise
    except Exception as error:
        logger.warning("%s: %s", method, type(error).__name__)
        logger.debug("%s broke", method, exc_info=error)
        return None


async def lenses_in(context: EditorContext, settled: Settled, document: OpenDocument) -> list[Json]:
    """Return the lenses of a definition file."""
    return await _seen(context, settled, document, lambda site: agent_lenses(context, site))


async def actions_in(
    context: EditorContext, settled: Settled, document: OpenDocument, where: Range
) -> list[Json]:
    """Return the actions of a definition file, the quick fixes first."""

    def look(site: DefinitionDocument) -> list[Json]:
        return [*quick_fixes(context, site, where), *agent_actions(context, site, where)]

    return await _seen(context, settled, document, look)


async def _seen(
    context: EditorContext,
    settled: Settled,
    document: OpenDocument,
    look: Callable[[DefinitionDocument], list[Json]],
) -> list[Json]:
    """Read a file's problems once they are about its current text."""
    if site_of(context, document) is None:
        return []
    await settled()
    site = site_of(context, document)
    try:
        return [] if site is None else await asyncio.to_thread(look, site)
    except Exception as error:
        logger.warning("Looking at a definition broke: %s", type(error).__name__)
        logger.debug("Looking at a definition broke", exc_info=error)
        return []


def _at(handler: At) -> Callable[[EditorContext, DefinitionDocument, Any], Any]:
    def handle(context: EditorContext, site: DefinitionDocument, params: Any) -> Any:
        position = Position(params.position.line, params.position.character)
        return handler(context, site, position)

    return handle


def _references(
    context: EditorContext, site: DefinitionDocument, params: types.ReferenceParams
) -> Any:
    position = Position(params.position.line, params.position.character)
    declaration = params.context.include_declaration
    return find_references(context, site, position, declaration=declaration)


def _symbols(
    context: EditorContext, site: DefinitionDocument, _: types.DocumentSymbolParams
) -> Any:
    return symbols(context, site)


def _rename(context: EditorContext, site: DefinitionDocument, params: types.RenameParams) -> Any:
    position = Position(params.position.line, params.position.character)
    return rename(context, site, position, params.new_name)


_HANDLERS: dict[str, Callable[[EditorContext, DefinitionDocument, Any], Any]] = {
    types.TEXT_DOCUMENT_COMPLETION: _at(complete),
    types.TEXT_DOCUMENT_HOVER: _at(hover),
    types.TEXT_DOCUMENT_DEFINITION: _at(definition),
    types.TEXT_DOCUMENT_REFERENCES: _references,
    types.TEXT_DOCUMENT_DOCUMENT_SYMBOL: _symbols,
    types.TEXT_DOCUMENT_PREPARE_RENAME: _at(prepare),
    types.TEXT_DOCUMENT_RENAME: _rename,
}
_IN_SETTINGS: dict[str, Callable[[EditorContext, DefinitionDocument, Any], Any]] = {
    types.TEXT_DOCUMENT_COMPLETION: _at(complete_setting),
    types.TEXT_DOCUMENT_HOVER: _at(hover_setting),
}
METHODS = tuple(_HANDLERS)
