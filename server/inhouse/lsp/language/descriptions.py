"""Describes fields, tools, agents and routes, as Markdown or plain text."""

import json
import re
from collections.abc import Iterator
from typing import Any

from inhouse.core.definition import Agent
from inhouse.core.json_values import Json, fields, items
from inhouse.core.ports import ToolSpec
from inhouse.core.quiet_markdown import quiet
from inhouse.core.route import Route
from inhouse.definitions.schema.fields import Field
from inhouse.lsp.transport.client import EditorClient

_PURPOSE = 600


def markup(client: EditorClient, text: str, capability: str) -> Json:
    """Make LSP's `MarkupContent`; *capability* lists the kinds the client shows."""
    kinds = client.capability(capability)
    if isinstance(kinds, list) and "markdown" not in kinds:
        return {"kind": "plaintext", "value": re.sub(r"\*\*|`", "", text)}
    return {"kind": "markdown", "value": quiet(text)}


def field_text(field: Field) -> str:
    default = "" if field.default is None else f" · default `{json.dumps(field.default)}`"
    required = " · required" if field.required else ""
    parts = [f"**{field.name}** `{field.type}`{required}{default}", field.meaning, field.docs]
    if field.fields:
        parts.append("\n".join(f"- `{each.name}`: {each.meaning}" for each in field.fields))
    return "\n\n".join(part for part in parts if part)


def tool_text(spec: ToolSpec) -> str:
    parts = [f"**{spec.name}** (tool)", spec.description.strip()]
    parameters = list(_parameters(spec.parameters))
    if parameters:
        parts.append("\n".join(parameters))
    return "\n\n".join(parts)


def agent_text(agent: Agent, file: str) -> str:
    parts = [f"**{agent.display_name or agent.id}** `{agent.id}`"]
    purpose = agent.spawner_prompt.strip()
    if purpose:
        parts.append(purpose if len(purpose) <= _PURPOSE else purpose[:_PURPOSE].rstrip() + "…")
    if agent.model:
        parts.append(f"Model: `{agent.model}`")
    where = f"[{file}]({agent.source.as_uri()}#L{agent.range.start.line + 1})"
    parts.append(f"Defined in {where}")
    if agent.definition is None:
        parts.append("It cannot be used: its problems say why.")
    return "\n\n".join(parts)


def route_text(agent: str, route: Route) -> str:
    where = "this machine" if route.local else "remote"
    lines = [
        f"**{agent}** would run on **{route.endpoint}** ({where}: `{route.base_url}`).",
        f"Model: `{route.model}`.",
        f"Decided by: {route.decided_by.value} ({route.source}).",
    ]
    if route.refused is not None:
        lines.append(f"Refused: {route.refused.reason}  {route.refused.remedy}")
    lines.append("\n".join(f"- {step.rule}: {step.outcome}" for step in route.steps))
    return "\n\n".join(lines)


def _parameters(schema: Any) -> Iterator[str]:
    given = fields(schema)
    required = items(given.get("required"))
    for name, value in fields(given.get("properties")).items():
        one = fields(value)
        kind = one.get("type")
        shown = f" `{kind}`" if isinstance(kind, str) else ""
        optional = "" if name in required else " (optional)"
        told = one.get("description")
        yield f"- `{name}`{shown}{optional}" + (f": {told}" if isinstance(told, str) else "")
