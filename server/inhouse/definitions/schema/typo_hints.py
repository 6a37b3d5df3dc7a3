"""Hints for keys and tool names that look like typing errors."""

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from inhouse.core.json_values import items, mapping
from inhouse.core.text import Problem, Severity
from inhouse.definitions.readers.parsed_values import ParsedDefinition
from inhouse.definitions.readers.source_ranges import JsonPath, key_of, place_of
from inhouse.definitions.schema.fields import fields_at

_FORMER: Mapping[str, str] = {
    "name": "displayName",
    "tools": "toolNames",
    "subagents": "spawnableAgents",
    "agents": "spawnableAgents",
    "parentPrompt": "spawnerPrompt",
    "description": "spawnerPrompt",
    "promptSchema": "inputSchema",
    "prompt": "instructionsPrompt",
    "instructions": "instructionsPrompt",
    "system": "systemPrompt",
    "provider": "localProvider",
}
"""Common mistakes and Codebuff's former names."""
_NESTED: tuple[JsonPath, ...] = (
    ("localProvider",),
    ("reasoningOptions",),
    ("providerOptions",),
    ("providerOptions", "max_price"),
    ("inputSchema",),
)


def spelling_problems(
    found: ParsedDefinition, path: Path, known_tools: Collection[str]
) -> Iterator[Problem]:
    """Return warnings about what is ignored or unknown and probably meant otherwise."""
    yield from _keys(found, path, (), found.values)
    for inner in _NESTED:
        value = found.values
        for part in inner:
            value = mapping(value.get(str(part)))
        yield from _keys(found, path, inner, value)
    yield from _tools(found, path, known_tools)


def _keys(
    found: ParsedDefinition, path: Path, inner: JsonPath, values: Mapping[str, object]
) -> Iterator[Problem]:
    names = {field.name: field.name.lower() for field in fields_at(inner)}
    free = [name for name in names if name not in values]
    for key in values:
        if key in names:
            continue
        meant = _FORMER.get(key) if not inner else None
        if meant is None or meant not in free:
            meant = _close(key, free)
        if meant is not None:
            place = key_of(found.places, (*inner, key))
            message = f"`{key}` is unknown and has no effect.  Did you mean `{meant}`?"
            yield Problem(path, place, Severity.WARNING, "unknown-field", message)


def _close(key: str, names: list[str]) -> str | None:
    plain = {name.lower().replace("_", ""): name for name in names}
    close = get_close_matches(key.lower().replace("_", "").replace("-", ""), plain, 1, 0.75)
    return plain[close[0]] if close else None


def _tools(found: ParsedDefinition, path: Path, known_tools: Collection[str]) -> Iterator[Problem]:
    if not known_tools:
        return
    for at, tool in enumerate(items(found.values.get("toolNames"))):
        if not isinstance(tool, str) or tool in known_tools or "/" in tool:
            continue
        close = get_close_matches(tool, known_tools, 1, 0.75)
        hint = f"  Did you mean {close[0]!r}?" if close else ""
        place = place_of(found.places, ("toolNames", at))
        message = f"Unknown tool {tool!r}: the agent runs without it.{hint}"
        severity = Severity.WARNING if close else Severity.INFORMATION
        yield Problem(path, place, severity, "unknown-tool", message)
