"""Completion in definitions."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from inhouse.core.json_values import Json
from inhouse.core.quiet_markdown import quiet
from inhouse.core.text import Position, Range
from inhouse.definitions.cursor import path_at
from inhouse.definitions.readers.cursor_place import Role, Whereabouts
from inhouse.definitions.schema.fields import Field, fields_at
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language import literal_syntax
from inhouse.lsp.language.definition_document import JSON, SCRIPTS, DefinitionDocument
from inhouse.lsp.language.descriptions import field_text, markup
from inhouse.lsp.language.vocabulary import Suggestion, placeholders, words_for
from inhouse.wire import text_range

_PROPERTY, _SNIPPET = 10, 2
_PROMPTS = frozenset({"systemPrompt", "instructionsPrompt", "stepPrompt", "spawnerPrompt"})
_OPEN_PLACEHOLDER = re.compile(r"\{[A-Z_]*\Z")
_DOCS = "textDocument.completion.completionItem.documentationFormat"


def complete(context: EditorContext, site: DefinitionDocument, position: Position) -> list[Json]:
    """Return everything that fits at a place."""
    where = path_at(site.path, site.text, position)
    if where is None:
        return []
    if where.role is Role.KEY:
        return list(_fields(context, site, where))
    name = where.path[0] if where.path else ""
    if name in _PROMPTS:
        return list(_placeholders(site, position))
    words = words_for(context, site, where.path, position)
    return [_value_item(site, where, at, word) for at, word in enumerate(_own(words, where))]


def _fields(context: EditorContext, site: DefinitionDocument, where: Whereabouts) -> Iterator[Json]:
    there = _present(site, where)
    snippets = context.client.can("textDocument.completion.completionItem.snippetSupport")
    for at, field in enumerate(fields_at(where.container)):
        if field.name not in there:
            yield {
                "label": field.name,
                "kind": _PROPERTY,
                "detail": field.type,
                "documentation": markup(context.client, field_text(field), _DOCS),
                "sortText": f"{at:03}",
                **_field_edit(site, where, field, snippets=snippets),
            }


def _present(site: DefinitionDocument, where: Whereabouts) -> set[str]:
    """Return the keys that the object already has, without the one at the cursor."""
    found = site.found_at(where.range.start)
    if found is None:
        return set()
    depth = len(where.container)
    return {
        str(path[depth])
        for path, place in found.places.items()
        if len(path) == depth + 1
        and path[:depth] == where.container
        and not (place.key is not None and _overlap(place.key, where.range))
        and not (site.suffix == ".md" and place.key is not None and place.key.start.line == 0)
    }


def _overlap(one: Range, other: Range) -> bool:
    return one.start <= other.end and other.start <= one.end


def _field_edit(
    site: DefinitionDocument, where: Whereabouts, field: Field, *, snippets: bool
) -> Json:
    quote, place = _with_quotes(site, where)
    after = site.text[site.span(place)[1] :].lstrip(" \t")
    if after.startswith((":", "=")):  # The key of an existing field: only its name changes.
        name = f"{quote}{field.name}{quote}" if quote else field.name
        return _edit(place, name, quote + field.name)
    text = literal_syntax.snippet(site, field) if snippets else literal_syntax.plain(site, field)
    rest = after.lstrip()
    if literal_syntax.ends_with_comma(site) and not rest.startswith(","):
        text += "" if site.suffix in JSON and rest.startswith("}") else ","
    item = _edit(place, text, quote + field.name)
    return {**item, "insertTextFormat": _SNIPPET} if snippets else item


def _value_item(site: DefinitionDocument, where: Whereabouts, at: int, word: Suggestion) -> Json:
    bare = where.quoted or word.raw
    text = word.text if bare else literal_syntax.written_text(site, word.text)
    item: Json = {
        "label": word.label or word.text,
        "kind": word.kind,
        "sortText": f"{at:04}",
        **_edit(where.range, text, word.label or word.text),
    }
    if word.detail:
        item["detail"] = word.detail
    if word.docs:
        item["documentation"] = {"kind": "markdown", "value": quiet(word.docs)}
    return item


def _own(words: Iterable[Suggestion], where: Whereabouts) -> Iterator[Suggestion]:
    seen: set[str] = set()
    for word in words:
        shown = word.label or word.text
        if shown not in seen and not (word.raw and where.quoted):
            seen.add(shown)
            yield word


def _placeholders(site: DefinitionDocument, position: Position) -> Iterator[Json]:
    """Complete ``{CODEBUFF_…}`` inside a prompt, once its brace is typed."""
    end = site.lines.offset(position)
    match = _OPEN_PLACEHOLDER.search(site.text, max(0, end - 60), end)
    if match is None:
        return
    closed = site.text.startswith("}", end)
    start = site.lines.position(match.start())
    place = Range(start, site.lines.position(end + 1) if closed else position)
    for name, meaning in placeholders():
        yield {
            "label": f"{{{name}}}",
            "kind": 21,
            "detail": meaning,
            **_edit(place, f"{{{name}}}", f"{{{name}"),
        }


def _with_quotes(site: DefinitionDocument, where: Whereabouts) -> tuple[str, Range]:
    """Return a key's quote character, and its range including the quotes."""
    if not where.quoted or not (site.suffix in JSON or site.suffix in SCRIPTS):
        return "", where.range
    start, end = site.span(where.range)
    quote = site.text[start - 1 : start]
    end += site.text[end : end + 1] == quote
    return quote, site.lines.range(start - 1, end)


def _edit(place: Range, text: str, filter_text: str) -> dict[str, Any]:
    return {"filterText": filter_text, "textEdit": {"range": text_range(place), "newText": text}}
