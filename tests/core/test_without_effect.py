"""What is accepted and has no effect is told: nothing of a definition is ignored in silence."""

from pathlib import Path

import attrs
import pytest

from inhouse.core.definition import AgentDefinition
from inhouse.core.endpoint_kinds import Kind
from inhouse.core.without_effect import FIELDS, TOOLS, without_effect
from inhouse.definitions.schema import shape
from inhouse.providers.chat.request_options import extra_body
from inhouse.tools import specs
from support.definitions import literal, problems_of
from support.play import agent

ROOT = Path(__file__).parents[2]
SOURCES = [
    path.read_text(encoding="utf-8")
    for path in (ROOT / "server/inhouse").rglob("*.py")
    if "definitions/schema" not in path.as_posix()
    and path.name not in {"definition.py", "without_effect.py"}
]
PUBLISHING = {"version"}
"""Has a meaning elsewhere alone, which its own documentation says."""


@pytest.mark.parametrize("field", [each.name for each in attrs.fields(AgentDefinition)])
def test_every_field_is_read_by_something_or_told(field):
    assert any(f".{field}" in source for source in SOURCES) or field in PUBLISHING


WHOLE = (shape.ProviderShape, shape.ReasoningShape, shape.MaxPriceShape)
"""Sent as they are, to OpenRouter (`test_what_is_sent_whole_is_sent_whole`)."""
SHAPES = [each for each in vars(shape).values() if attrs.has(each)]
OBJECTS = [each for each in SHAPES if each.__name__.endswith("Shape")]
PATHS = {shape.RemoteServerShape: "mcpServers.*"}


@pytest.mark.parametrize("kind", [each for each in OBJECTS if each not in WHOLE], ids=str)
def test_every_field_of_an_object_is_read_by_something_or_told(kind):
    for field in attrs.fields(kind):
        wire = field.metadata.get("wire") or field.name
        read = any(f".{field.name}" in source or f'"{wire}"' in source for source in SOURCES)
        told = f"{PATHS.get(kind)}.{wire}" in FIELDS
        assert read is not told or wire in PUBLISHING, (kind, wire)


def test_what_is_sent_whole_is_sent_whole():
    given = {"order": ["a"], "max_price": {"audio": 1}, "sort": "price"}
    thinks = {"enabled": True, "exclude": True, "max_tokens": 5}
    body = extra_body(Kind.OPENROUTER, agent(provider_options=given, reasoning_options=thinks))

    assert (body["provider"], body["reasoning"]) == (given, thinks)


def test_every_tool_is_implemented_or_told():
    named = {name for name in specs.names() if any(f'"{name}"' in source for source in SOURCES)}

    assert set(specs.names()) - named <= set(TOOLS)


def test_what_is_told_names_the_tool_and_stands_in_the_reference():
    servers = {"a": {"url": "http://x", "oauth": True}, "b": {"url": "http://y", "oauth": False}}
    told = list(without_effect(agent(tool_names=("web_search", "glob"), mcp_servers=servers)))
    reference = (ROOT / "docs/reference/definitions.md").read_text(encoding="utf-8")

    assert len(told) == 2
    assert "`mcpServers.a.oauth` has no effect" in told[0]
    assert "`web_search`" in told[1]
    text = literal(mcpServers="{ a: { url: 'http://x', oauth: true } }")
    [problem] = problems_of(text)
    assert (problem.code, problem.message) == ("no-effect", told[0])
    assert problem.range.start.character > 20
    for name in (*FIELDS, *TOOLS):
        assert f"| `{name}` |" in reference.partition("## What has no effect")[2]
