"""A server's JSON Schemas, reduced to what model servers accept.

Pure, and never raises: whatever a schema says, the result is something that a model can use.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from attrs import define

from inhouse.core.json_values import is_number

MOST_CHARACTERS = 30_000
"""Of one tool's schema; a larger one loses its descriptions, then its details."""
_DEEPEST = 16
_MOST_NODES = 2_000
_MOST_CHOICES = 200
_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_TEXTS = ("title", "description", "format")
_NUMBERS = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "minItems", "maxItems"),
)
_VARIANTS = ("anyOf", "oneOf")

Schema = Mapping[str, Any]


def reduced(schema: Any) -> dict[str, Any]:
    """Return a schema of type object without references, booleans, patterns and conditions."""
    for drop in ((), ("description", "title"), ("description", "title", "enum", "default")):
        result = _Reducer(_mapping(schema), frozenset(drop)).root()
        if len(json.dumps(result)) <= MOST_CHARACTERS:
            return result
    names = list(_mapping(_mapping(schema).get("properties")))[:100]
    return {"type": "object", "properties": {str(name)[:100]: {} for name in names}}


@define
class _Reducer:
    document: Schema
    dropped: frozenset[str]
    nodes: int = 0

    def root(self) -> dict[str, Any]:
        result = self.schema(self.document, 0, ())
        variants = [
            cast("dict[str, Any]", each) for key in _VARIANTS for each in result.get(key, ())
        ]
        if variants:
            # Alternatives at the root are refused: accept everything that one of them accepts.
            for key in _VARIANTS:
                result.pop(key, None)
            properties = dict(_mapping(result.get("properties")))
            for variant in variants:
                properties = {**_mapping(variant.get("properties")), **properties}
            result["properties"] = properties
        result["type"] = "object"
        properties = result.setdefault("properties", {})
        if "required" in result:
            result["required"] = [name for name in result["required"] if name in properties]
        return result

    def schema(self, given: Any, depth: int, seen: tuple[str, ...]) -> dict[str, Any]:
        """Reduce a schema; any value may be in its place, so any value is accepted."""
        self.nodes += 1
        if not isinstance(given, Mapping) or depth > _DEEPEST or self.nodes > _MOST_NODES:
            return {}
        schema = cast("Schema", given)
        if isinstance(reference := schema.get("$ref"), str):
            found = self._found(reference) if reference not in seen else None
            beside = {key: value for key, value in schema.items() if key != "$ref"}
            merged = {**_mapping(found), **beside}
            return self.schema(merged, depth + 1, (*seen, reference)) if merged else {}
        result: dict[str, Any] = {}
        self._plain(schema, result)
        self._choices(schema, result)
        for part in _listed(schema.get("allOf")):
            result = _joined(result, self.schema(part, depth + 1, seen))
        for key in _VARIANTS:
            options = [self.schema(each, depth + 1, seen) for each in _listed(schema.get(key))]
            if len(options) == 1:
                result = _joined(result, options[0])
            elif options and all(options):
                result[key] = options
        self._object(schema, result, depth, seen)
        self._array(schema, result, depth, seen)
        if self.nodes <= _MOST_NODES and isinstance(pattern := schema.get("pattern"), str):
            self._tell_pattern(pattern, result)
        return result

    def _plain(self, schema: Schema, result: dict[str, Any]) -> None:
        kind = schema.get("type")
        if isinstance(kind, str) and kind in _TYPES:
            result["type"] = kind
        elif isinstance(kind, list):
            kinds = [each for each in cast("list[Any]", kind) if each in _TYPES]
            if kinds:
                result["type"] = kinds[0] if len(kinds) == 1 else kinds
        for key in _TEXTS:
            if key not in self.dropped and isinstance(text := schema.get(key), str):
                result[key] = text
        for key in _NUMBERS:
            number = schema.get(key)
            if is_number(number):
                result[key] = number
        if "default" in schema and "default" not in self.dropped:
            result["default"] = schema["default"]

    def _choices(self, schema: Schema, result: dict[str, Any]) -> None:
        choices = _listed(schema.get("enum"))
        if "const" in schema:
            choices = [schema["const"]]
        if choices and len(choices) <= _MOST_CHOICES and "enum" not in self.dropped:
            result["enum"] = choices

    def _object(
        self, schema: Schema, result: dict[str, Any], depth: int, seen: tuple[str, ...]
    ) -> None:
        if isinstance(schema.get("properties"), Mapping):
            members = {
                str(name): self.schema(member, depth + 1, seen)
                for name, member in _mapping(schema["properties"]).items()
                if member is not False
            }
            result["properties"] = {**_mapping(result.get("properties")), **members}
            result.setdefault("type", "object")
        required = [each for each in _listed(schema.get("required")) if isinstance(each, str)]
        if required:
            known = result.get("required", [])
            result["required"] = list(dict.fromkeys([*known, *required]))
        extra = schema.get("additionalProperties")
        if isinstance(extra, bool):
            result["additionalProperties"] = extra
        elif isinstance(extra, Mapping) and "properties" not in result:
            result["additionalProperties"] = self.schema(extra, depth + 1, seen)

    def _array(
        self, schema: Schema, result: dict[str, Any], depth: int, seen: tuple[str, ...]
    ) -> None:
        items = schema.get("items")
        places = _listed(items) or _listed(schema.get("prefixItems"))
        options = [self.schema(each, depth + 1, seen) for each in places]
        if options:
            result["items"] = options[0] if len(options) == 1 else {"anyOf": options}
        elif isinstance(items, Mapping):
            result["items"] = self.schema(items, depth + 1, seen)
        elif result.get("type") == "array":
            result["items"] = {}

    def _tell_pattern(self, pattern: str, result: dict[str, Any]) -> None:
        """Describe a pattern in words, since many servers refuse patterns that are not anchored."""
        if "description" in self.dropped:
            return
        told = f"Must match /{pattern[:200]}/."
        before = result.get("description", "")
        result["description"] = f"{before}  {told}" if before else told

    def _found(self, reference: str) -> Any:
        """Follow a reference within the document; nothing is ever fetched."""
        if not reference.startswith("#"):
            return None
        found: Any = self.document
        for part in reference[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = _mapping(found).get(name)
        return found


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Merge schemas that must all hold."""
    joined = {**other, **one}
    for key in ("properties",):
        if key in one and key in other:
            joined[key] = {**other[key], **one[key]}
    if "required" in one and "required" in other:
        joined["required"] = list(dict.fromkeys([*one["required"], *other["required"]]))
    return joined


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
