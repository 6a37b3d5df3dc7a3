"""One handler for each request about a definition file.

Each runs in a thread on a snapshot of the text, and never raises but for what the user asked.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from inhouse.core.text import Position, Range
from inhouse.lsp.language.completion import complete
from inhouse.lsp.language.definition_document import DefinitionDocument, site_of
from inhouse.lsp.language.fixes import quick_fixes
from inhouse.lsp.language.hover import hover
from inhouse.lsp.language.navigation import definition, find_references
from inhouse.lsp.language.renaming import prepare, rename
from inhouse.lsp.language.run_lenses import agent_actions, agent_lenses
from inhouse.lsp.language.settings_file import complete_setting, hover_setting, settings_site
from inhouse.lsp.language.symbols import symbols
from inhouse.lsp.transport.client import Json

if TYPE_CHECKING:
    from inhouse.lsp.documents.open_documents import OpenDocument
    from inhouse.lsp.session import Session

logger = logging.getLogger(__name__)
At = Callable[["Session", DefinitionDocument, Position], Any]


async def answer(session: "Session", method: str, params: Any) -> Any:
    """Answer one request; null where there is nothing to say."""
    document = session.documents.get(params.text_document.uri)
    if document is None:
        return None
    await session.ready()
    if method == types.TEXT_DOCUMENT_HOVER:  # It tells of the route, which the catalog knows.
        await session.watching.settled()
    site, handlers = site_of(session, document), _HANDLERS
    if site is None:
        site, handlers = settings_site(session, document), _IN_SETTINGS
    if site is None or method not in handlers:
        return None
    try:
        return await asyncio.to_thread(handlers[method], session, site, params)
    except JsonRpcException:
        raise
    except Exception as error:
        logger.warning("%s: %s", method, type(error).__name__)
        logger.debug("%s broke", method, exc_info=error)
        return None


async def lenses_in(session: "Session", document: "OpenDocument") -> list[Json]:
    """Give the lenses of a definition file."""
    return await _seen(session, document, lambda site: agent_lenses(session, site))


async def actions_in(session: "Session", document: "OpenDocument", where: Range) -> list[Json]:
    """Give the actions of a definition file, the quick fixes first."""

    def look(site: DefinitionDocument) -> list[Json]:
        return [*quick_fixes(session, site, where), *agent_actions(session, site, where)]

    return await _seen(session, document, look)


async def _seen(
    session: "Session", document: "OpenDocument", look: Callable[[DefinitionDocument], list[Json]]
) -> list[Json]:
    """Look at a file once what is known of it is about the text that is there now."""
    if site_of(session, document) is None:
        return []
    await session.watching.settled()
    site = site_of(session, document)
    try:
        return [] if site is None else await asyncio.to_thread(look, site)
    except Exception as error:
        logger.warning("Looking at a definition broke: %s", type(error).__name__)
        logger.debug("Looking at a definition broke", exc_info=error)
        return []


def _at(handler: At) -> Callable[["Session", DefinitionDocument, Any], Any]:
    def handle(session: "Session", site: DefinitionDocument, params: Any) -> Any:
        position = Position(params.position.line, params.position.character)
        return handler(session, site, position)

    return handle


def _references(session: "Session", site: DefinitionDocument, params: types.ReferenceParams) -> Any:
    position = Position(params.position.line, params.position.character)
    declaration = params.context.include_declaration
    return find_references(session, site, position, declaration=declaration)


def _symbols(session: "Session", site: DefinitionDocument, _: types.DocumentSymbolParams) -> Any:
    return symbols(session, site)


def _rename(session: "Session", site: DefinitionDocument, params: types.RenameParams) -> Any:
    position = Position(params.position.line, params.position.character)
    return rename(session, site, position, params.new_name)


_HANDLERS: dict[str, Callable[["Session", DefinitionDocument, Any], Any]] = {
    types.TEXT_DOCUMENT_COMPLETION: _at(complete),
    types.TEXT_DOCUMENT_HOVER: _at(hover),
    types.TEXT_DOCUMENT_DEFINITION: _at(definition),
    types.TEXT_DOCUMENT_REFERENCES: _references,
    types.TEXT_DOCUMENT_DOCUMENT_SYMBOL: _symbols,
    types.TEXT_DOCUMENT_PREPARE_RENAME: _at(prepare),
    types.TEXT_DOCUMENT_RENAME: _rename,
}
_IN_SETTINGS: dict[str, Callable[["Session", DefinitionDocument, Any], Any]] = {
    types.TEXT_DOCUMENT_COMPLETION: _at(complete_setting),
    types.TEXT_DOCUMENT_HOVER: _at(hover_setting),
}
METHODS = tuple(_HANDLERS)
