"""Completion and hover in ``inhouse.toml`` and the user's ``config.toml``, on unsaved text."""

import json
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, get_args

from inhouse.core.json_values import Json
from inhouse.core.route import Endpoint
from inhouse.core.text import Position
from inhouse.definitions.cursor import path_at
from inhouse.definitions.readers.cursor_place import Role, Whereabouts
from inhouse.definitions.readers.source_ranges import JsonPath
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language.definition_document import DefinitionDocument
from inhouse.lsp.language.descriptions import markup
from inhouse.lsp.language.known_models import model_words
from inhouse.lsp.language.vocabulary import (
    CLASS,
    CONSTANT,
    ENUM_MEMBER,
    KEYWORD,
    MODULE,
    Suggestion,
)
from inhouse.lsp.workspace.file_watcher import SETTINGS_FILES
from inhouse.settings.table import (
    BY_NAME,
    ENDPOINT_BY_NAME,
    MCP_SERVER_BY_NAME,
    ROUTE_BY_NAME,
    Key,
    SettingScope,
)
from inhouse.wire import text_range

if TYPE_CHECKING:
    from inhouse.lsp.documents.open_documents import OpenDocument

_PROPERTY = 10
_HEADER = re.compile(r"^\s*\[", re.MULTILINE)
_KEY = re.compile(r"^\s*([\w-]+)\s*=", re.MULTILINE)
_TABLE = re.compile(r"^\s*\[\s*endpoints\s*\.\s*([\w-]+|\"[^\"\n]+\")", re.MULTILINE)


def settings_site(context: EditorContext, document: "OpenDocument") -> DefinitionDocument | None:
    """Return the definition document of a settings file; None if it is not one of ours."""
    path = document.path
    if path is None or path.name not in SETTINGS_FILES:
        return None
    own = context.host.services.folders.config
    mine = path.parent == own if path.name != SETTINGS_FILES[0] else True
    return DefinitionDocument(path, document.uri, document.text, document.version) if mine else None


def complete_setting(
    context: EditorContext, site: DefinitionDocument, position: Position
) -> list[Json]:
    """Return the keys or values that fit at a place."""
    where = path_at(site.path, site.text, position)
    if where is None:
        return []
    if where.role is Role.KEY:
        there = _written_around(site, position)
        keys = (key for key in _keys(where.container).values() if key.name not in there)
        return [_key_item(context, where, key) for key in keys]
    words = {word.text: word for word in _words(context, site, where.path)}
    return [_value_item(where, word) for word in words.values() if not (word.raw and where.quoted)]


def hover_setting(
    context: EditorContext, site: DefinitionDocument, position: Position
) -> Json | None:
    """Explain a key, or what an endpoint's name stands for."""
    where = path_at(site.path, site.text, position)
    if where is None or not where.word:
        return None
    endpoint = context.host.world.settings.endpoints.get(where.word)
    if where.role is Role.VALUE and endpoint is not None and _names_endpoint(where.path):
        text = _endpoint_text(endpoint)
    else:
        key = _key(where.path)
        if key is None:
            return None
        text = _key_text(key)
    contents = markup(context.client, text, "textDocument.hover.contentFormat")
    return {"contents": contents, "range": text_range(where.range)}


def _keys(container: JsonPath) -> Mapping[str, Key]:
    match container:
        case ():
            return BY_NAME
        case ("routes", *_):
            return ROUTE_BY_NAME
        case ("endpoints", _):
            return ENDPOINT_BY_NAME
        case ("mcpServers", _):
            return MCP_SERVER_BY_NAME
        case _:
            return {}


def _key(path: JsonPath) -> Key | None:
    """Return the setting at a path, or around it."""
    for length in range(len(path), 0, -1):
        known = _keys(path[: length - 1]).get(str(path[length - 1]))
        if known is not None:
            return known
    return None


def _names_endpoint(path: JsonPath) -> bool:
    if path == ("defaultEndpoint",) or path[-2:] == ("routes", "endpoint"):
        return True
    return len(path) >= 3 and path[0] == "endpoints" and path[2] == "pool"  # noqa: PLR2004


def _words(
    context: EditorContext, site: DefinitionDocument, path: JsonPath
) -> Iterator[Suggestion]:
    if _names_endpoint(path):
        yield from _endpoints(context, site)
    elif path[-2:] == ("routes", "agents"):
        yield from (Suggestion(one, CLASS, "agent") for one in context.host.world.catalog.agents)
        yield Suggestion("*", CONSTANT, "every agent")
    elif path[-2:] == ("routes", "model") or path[2:3] == ("models",):
        yield from (Suggestion(model, MODULE, source) for model, source in model_words(context))
    elif (key := _key(path)) is not None:
        yield from _values(key)


def _endpoints(context: EditorContext, site: DefinitionDocument) -> Iterator[Suggestion]:
    """Return endpoints, those of this text first, since it may be unsaved."""
    for name in _TABLE.findall(site.text):
        yield Suggestion(name.strip('"'), CONSTANT, "in this file")
    for endpoint in context.host.world.settings.endpoints.values():
        yield Suggestion(endpoint.name, CONSTANT, endpoint.base_url)


def _values(key: Key) -> Iterator[Suggestion]:
    kinds = get_args(key.type) or (key.type,)
    if isinstance(kinds[-1], type) and issubclass(kinds[-1], Enum):
        for each in kinds[-1]:
            yield Suggestion(
                str(each.value), ENUM_MEMBER, "default" if each.value == key.default else ""
            )
    elif key.type is bool:
        yield from (Suggestion(text, KEYWORD, raw=True) for text in ("true", "false"))
    elif key.type is str:
        yield from (Suggestion(each, CONSTANT, "for example") for each in key.examples)


def _written_around(site: DefinitionDocument, position: Position) -> set[str]:
    """Return the keys of the table at the cursor, without the one on its line."""
    lines = site.lines
    start, end = lines.start(position.line), lines.offset(lines.line(position.line).end)
    headers = [found.start() for found in _HEADER.finditer(site.text)]
    begin = max((at for at in headers if at < start), default=0)
    until = min((at for at in headers if at > end), default=len(site.text))
    return {*_KEY.findall(site.text[begin:start]), *_KEY.findall(site.text[end:until])}


def _key_item(context: EditorContext, where: Whereabouts, key: Key) -> Json:
    documentation = "textDocument.completion.completionItem.documentationFormat"
    item: Json = {
        "label": key.name,
        "kind": _PROPERTY,
        "documentation": markup(context.client, _key_text(key), documentation),
    }
    return item | _edit(where, f"{key.name} = {_first(key)}", key.name)


def _first(key: Key) -> str:
    """Return a first value for a key."""
    kinds: tuple[Any, ...] = get_args(key.type)
    given = key.examples[0] if key.examples and not kinds else key.default
    if given is None:
        return '""' if key.type is str else "0"
    if isinstance(given, dict) or key.type is dict:
        return "{}"
    return json.dumps(given, ensure_ascii=False)


def _value_item(where: Whereabouts, word: Suggestion) -> Json:
    text = word.text if where.quoted or word.raw else json.dumps(word.text, ensure_ascii=False)
    item: Json = {"label": word.text, "kind": word.kind}
    if word.detail:
        item["detail"] = word.detail
    return item | _edit(where, text, word.text)


def _edit(where: Whereabouts, text: str, filter_text: str) -> Json:
    edit = {"range": text_range(where.range), "newText": text}
    return {"filterText": filter_text, "textEdit": edit}


def _key_text(key: Key) -> str:
    default = "" if key.default is None else f" · default `{json.dumps(key.default)}`"
    scope = _SCOPES[key.scope]
    parts = [f"**{key.name}**{default}", key.description, scope]
    return "\n\n".join(part for part in parts if part)


def _endpoint_text(endpoint: Endpoint) -> str:
    return f"**{endpoint.name}** ({endpoint.kind.value})\n\n`{endpoint.base_url}`"


_SCOPES = {
    SettingScope.ANYWHERE: "",
    SettingScope.NARROWING: "A workspace can only narrow your own setting.",
    SettingScope.USER: "Only your own settings can set it.",
    SettingScope.OWNER: "A workspace can set it only for its own endpoints.",
}
