"""Adds to a definition in its own form and style."""

import re

from inhouse.core.json_values import items
from inhouse.core.text import Range
from inhouse.definitions.readers.parsed_values import ParsedDefinition
from inhouse.definitions.readers.source_ranges import place_of
from inhouse.lsp.language.definition_document import JSON, SCRIPTS, DefinitionDocument
from inhouse.lsp.language.literal_syntax import written_key, written_text

Change = tuple[Range, str]
_MARKDOWN_TOOLS = {"spawn_agents": "Task"}


def add_to_list(
    site: DefinitionDocument, found: ParsedDefinition, name: str, value: str
) -> Change | None:
    """Add a text to a list; None if the file does not spell the list out."""
    place = found.places.get((name,))
    if place is None:
        return None
    start, end = site.span(place.value)
    text = site.text[start:end]
    if text.rstrip().endswith("]") and text.lstrip().startswith("["):
        return _in_brackets(site, start, end, written_text(site, value))
    if text.lstrip().startswith("-"):
        return _in_lines(site, found, name, written_text(site, value))
    if site.suffix == ".md" and re.match(r"[\w(]", text):
        # ``tools: Read, Grep`` as Claude Code writes it.
        at = site.lines.position(start + len(text.rstrip()))
        return Range(at, at), f", {_MARKDOWN_TOOLS.get(value, value)}"
    return None


def add_field(
    site: DefinitionDocument, found: ParsedDefinition, name: str, value: str, *, near: str
) -> Change | None:
    """Add a field on a new line before the field *near*."""
    place = found.places.get((near,))
    if place is None or place.key is None:
        return None
    line = site.lines.start(place.key.start.line)
    key = site.lines.offset(place.key.start)
    between = site.text[line:key]
    comma = "," if site.suffix in SCRIPTS or site.suffix in JSON else ""
    quote = '"' if site.text[key : key + 1] != '"' and between.rstrip().endswith('"') else ""
    indent = between[: len(between) - len(between.lstrip())]
    same_line = bool(between.strip().strip('"'))
    at = key - len(quote)
    gap = " " if same_line else f"{_line_end(site)}{indent}"
    if same_line and not comma:
        return None
    where = site.lines.position(at)
    return Range(where, where), f"{written_key(site, name)}{value}{comma}{gap}"


def new_list(site: DefinitionDocument, value: str) -> str:
    return f"[{written_text(site, value)}]"


def replace(found: ParsedDefinition, path: tuple[str | int, ...], new: str) -> Change:
    return place_of(found.places, path), new


def _in_brackets(site: DefinitionDocument, start: int, end: int, text: str) -> Change:
    inner = site.text[start:end].rstrip()
    close = start + len(inner) - 1
    before = site.text[start + 1 : close]
    kept = before.rstrip()
    at = site.lines.position(start + 1 + len(kept))
    if not kept.strip():
        return Range(at, site.lines.position(close)), text
    tail = kept.rpartition("\n")[2]
    indent = tail[: len(tail) - len(tail.lstrip())]
    gap = f"{_line_end(site)}{indent}" if "\n" in before and indent else " "
    comma = "" if kept.endswith(",") else ","
    last = "," if kept.endswith(",") else ""
    return Range(at, at), f"{comma}{gap}{text}{last}"


def _in_lines(
    site: DefinitionDocument, found: ParsedDefinition, name: str, text: str
) -> Change | None:
    """Add an item to the ``- item`` lines of YAML."""
    last = len(items(found.values.get(name))) - 1
    item = found.places.get((name, last))
    if item is None:
        return None
    line = site.lines.line(item.value.end.line)
    dash = re.match(r"\s*-\s*", site.slice(line))
    if dash is None:
        return None
    return Range(line.end, line.end), f"{_line_end(site)}{dash[0]}{text}"


def _line_end(site: DefinitionDocument) -> str:
    return "\r\n" if "\r\n" in site.text else "\n"
