"""Cleans names and keys of native calls that contain template tokens (Q29)."""

import json
from collections.abc import Iterable
from typing import Any

from attrs import evolve

from inhouse.core.json_values import fields, mapping
from inhouse.core.messages import ToolCall
from inhouse.core.ports import ToolSpec
from inhouse.core.tool_names import legal_name, same_name, without_tokens


def understood(call: ToolCall, tools: Iterable[ToolSpec]) -> ToolCall:
    """Return the call by the tool's own name, with the keys its schema knows; values stay."""
    specs = {tool.name: tool for tool in tools}
    wire = {legal_name(name): name for name in specs}
    name = wire.get(call.name) or same_name(call.name, specs) or call.name
    spec = specs.get(name)
    arguments = call.arguments
    if spec is not None and ("<" in arguments or "[" in arguments):
        arguments = _with_clean_keys(arguments, spec)
    if name == call.name and arguments == call.arguments:
        return call
    return evolve(call, name=name, arguments=arguments)


def _with_clean_keys(arguments: str, spec: ToolSpec) -> str:
    known = mapping(spec.parameters.get("properties"))
    try:
        given = fields(json.loads(arguments))
    except (ValueError, RecursionError):
        return arguments
    clean: dict[str, Any] = {}
    for key, value in given.items():
        better = key if key in known else without_tokens(key)
        clean[better if better in known and better not in given else key] = value
    if list(clean) == list(given):
        return arguments
    return json.dumps(clean, ensure_ascii=False)
