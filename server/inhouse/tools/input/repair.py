"""Repairs what small models get nearly right, guided by the schema.  Pure; never raises."""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from .json_schema import problems_with

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "oldString": ("old", "old_str", "old_string", "old_text", "search", "find"),
    "newString": ("new", "new_str", "new_string", "new_text", "replace", "replacement"),
    "replacements": ("edits", "changes"),
    "path": ("file", "filename", "file_name", "file_path", "filepath", "target_file", "directory"),
    "paths": ("path", "file", "files", "file_paths", "filenames", "file_path"),
    "content": ("text", "contents", "body", "file_text"),
    "instructions": ("description", "explanation"),
    "command": ("cmd", "script"),
    "pattern": ("query", "regex", "search", "glob"),
    "thought": ("thoughts", "text", "content"),
    "agent_type": ("agent", "agent_id", "agent_name", "type", "id", "name"),
    "agentId": ("agent", "agent_type", "id", "name"),
    "prompt": ("task", "message", "query", "instructions"),
    "todos": ("items", "tasks", "list"),
    "task": ("content", "text", "title", "description"),
    "completed": ("done",),
    "diff": ("patch",),
    "allowMultiple": ("replace_all", "replaceall", "all", "global"),
    "cwd": ("workdir", "working_directory", "working_dir", "directory", "folder"),
    "url": ("uri", "link"),
    "name": ("skill", "skill_name"),
}
_INTERNAL = ("cb_easp", "cb_tool_name")
_MAY_BE_BLANK = {"instructions"}
"""Required by Codebuff, forgotten by small models, and never needed."""
_KINDS: Mapping[str, type] = {"object": dict, "array": list, "string": str}
_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0"}


def repair(schema: object, value: object, *, exact: bool = False) -> Any:
    """Give *value* the shape that *schema* asks for, if that is unambiguous.

    With *exact*, nothing becomes a string that could be written in more than one way.
    """
    if not isinstance(schema, Mapping):
        return value
    described = cast("Mapping[str, Any]", schema)
    for key in ("anyOf", "oneOf"):
        if isinstance(described.get(key), list):
            return _repair_choice(described[key], value, exact=exact)
    if isinstance(value, str) and "enum" in described:
        return _nearest(value, described["enum"])
    kind = described.get("type")
    if kind in ("string", "object", "array"):
        return _SHAPES[kind](described, value, exact=exact)
    fix = _FIXES.get(kind) if isinstance(kind, str) else None
    return value if fix is None else fix(described, value)


def _repair_choice(choices: list[Any], value: object, *, exact: bool) -> Any:
    """Take the first choice that fits, as it is or repaired."""
    if any(not problems_with(choice, value) for choice in choices):
        return value
    for choice in sorted(choices, key=lambda choice: not _same_kind(choice, value)):
        repaired = repair(choice, value, exact=exact)
        if not problems_with(choice, repaired):
            return repaired
    return value


def _same_kind(schema: Any, value: Any) -> bool:
    return isinstance(schema, Mapping) and isinstance(
        value, _KINDS.get(cast("Mapping[str, Any]", schema).get("type", ""), ())
    )


def _repair_object(schema: Mapping[str, Any], value: object, *, exact: bool) -> Any:
    decoded = _decoded(value, dict)
    if not isinstance(decoded, dict):
        return _wrapped(schema, decoded, exact=exact)
    members = cast("dict[str, Any]", decoded)
    properties: Mapping[str, Any] = schema.get("properties", {})
    required = schema.get("required", ())
    given = {key: item for key, item in members.items() if key not in _INTERNAL}
    if properties and not given.keys() <= properties.keys():
        given = _lifted(schema, _renamed(properties, given))
    result: dict[str, Any] = {}
    for key, item in given.items():
        if item is None and key in properties and key not in required:
            continue
        result[key] = repair(properties[key], item, exact=exact) if key in properties else item
    for key, member in properties.items():
        if key not in result and isinstance(member, Mapping) and "default" in member:
            result[key] = member["default"]
        elif key not in result and key in _MAY_BE_BLANK and key in required:
            result[key] = ""
    return result


def _wrapped(schema: Mapping[str, Any], value: object, *, exact: bool) -> Any:
    """Put a bare value where it belongs, if there is only one such place."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    required = list(schema.get("required", ())) or list(properties)
    if len(required) != 1 or value is None or required[0] not in properties:
        return value
    return _repair_object(schema, {required[0]: value}, exact=exact)


def _renamed(properties: Mapping[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Rename keys to the names that the schema has, unless the right name is there too."""
    by_shape = {_squashed(name): name for name in properties}
    result = {key: item for key, item in given.items() if key in properties}
    for key, item in given.items():
        if key in properties:
            continue
        name = by_shape.get(_squashed(key))
        if name is None or name in result:
            name = next(
                (
                    wanted
                    for wanted, aliases in _ALIASES.items()
                    if key.lower() in aliases and wanted in properties and wanted not in result
                ),
                key,
            )
        result[name] = item
    return result


def _lifted(schema: Mapping[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Make ``{path, oldString, newString}`` a list of one if the schema has a list."""
    properties: Mapping[str, Any] = schema["properties"]
    missing = [name for name in schema.get("required", ()) if name not in given]
    if len(missing) != 1 or properties.get(missing[0], {}).get("type") != "array":
        return given
    item: Mapping[str, Any] = properties[missing[0]].get("items", {})
    inner: Mapping[str, Any] = item.get("properties", {})
    loose = _renamed(inner, {key: one for key, one in given.items() if key not in properties})
    if not loose or any(name not in loose for name in item.get("required", ())):
        return given
    kept = {key: one for key, one in given.items() if key in properties}
    return {**kept, missing[0]: [loose]}


def _repair_array(schema: Mapping[str, Any], value: object, *, exact: bool) -> Any:
    items = _decoded(value, list)
    if items is None:
        return items
    if not isinstance(items, list):
        items = [items]
    return [repair(schema.get("items"), item, exact=exact) for item in cast("list[Any]", items)]


def _repair_text(_: Mapping[str, Any], value: object, *, exact: bool) -> Any:
    if isinstance(value, str) or value is None:
        return value
    only = cast("list[Any]", value)
    if isinstance(value, list) and len(only) == 1 and isinstance(only[0], str):
        return only[0]
    if exact and (isinstance(value, list) or _has_float(value)):
        return cast("Any", value)  # Lines or JSON?  1.10 or 1.1?
    if isinstance(value, (dict, list)):
        return json.dumps(value, indent=2, ensure_ascii=False)
    return json.dumps(value)


def _has_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_float, cast("dict[str, Any]", value).values()))
    if isinstance(value, list):
        return any(map(_has_float, cast("list[Any]", value)))
    return isinstance(value, float)


def _repair_number(schema: Mapping[str, Any], value: Any) -> Any:
    number = value
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return value
    whole = isinstance(number, float) and number.is_integer()
    if whole and (schema["type"] == "integer" or isinstance(value, str)):
        return int(number)
    return number


def _repair_truth(_: Mapping[str, Any], value: Any) -> Any:
    word = str(value).strip().lower()
    if isinstance(value, (str, int)) and word in _TRUE | _FALSE:
        return word in _TRUE
    return value


_SHAPES: Mapping[str, Callable[..., Any]] = {
    "object": _repair_object,
    "array": _repair_array,
    "string": _repair_text,
}
_FIXES: Mapping[str, Callable[[Mapping[str, Any], Any], Any]] = {
    "integer": _repair_number,
    "number": _repair_number,
    "boolean": _repair_truth,
}


def _decoded(value: Any, kind: type) -> Any:
    """Read JSON inside a string, if it has the wanted type."""
    if not isinstance(value, str) or value.strip()[:1] not in {"{", "["}:
        return value
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return decoded if isinstance(decoded, (kind, dict)) else value


def unknown(schema: Any, value: Any) -> list[str]:
    """Return the members that a schema has no place for and that could mean something."""
    if isinstance(value, list):
        items: Any = cast("Mapping[str, Any]", schema).get("items") or {}
        return [name for each in cast("list[Any]", value) for name in unknown(items, each)]
    if not isinstance(value, dict):
        return []
    members = cast("dict[str, Any]", value)
    properties = _properties(schema)
    said = [members[key] for key in members if key in properties]
    return [
        *(
            key
            for key, item in members.items()
            if properties and key not in properties and _may_mean(key, item, said)
        ),
        *(
            name
            for key, item in members.items()
            if key in properties
            for name in unknown(properties[key], item)
        ),
    ]


def _may_mean(key: str, item: Any, said: list[Any]) -> bool:
    return (
        _squashed(key) not in _ASIDES
        and item not in (None, False, "", [], {})
        and (item not in said)
    )


def _properties(schema: Any) -> Mapping[str, Any]:
    """Return the properties of an object, or of all alternatives."""
    if not isinstance(schema, Mapping):
        return {}
    described = cast("Mapping[str, Any]", schema)
    found: dict[str, Any] = {}
    for choices in (described.get("anyOf"), described.get("oneOf")):
        for choice in cast("list[Any]", choices or []):
            found |= _properties(choice)
    return {**found, **described.get("properties", {})}


_ASIDES = frozenset(
    {
        *("description", "explanation", "reason", "reasoning", "thought", "thoughts", "comment"),
        *("summary", "title", "purpose", "note", "instructions", "overwrite", "create", "language"),
    }
)
"""Members that models add although they say nothing new."""


def _nearest(word: str, choices: list[Any]) -> Any:
    if word in choices:
        return word
    same = (one for one in choices if isinstance(one, str) and _squashed(one) == _squashed(word))
    return next(same, word)


def _squashed(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()
