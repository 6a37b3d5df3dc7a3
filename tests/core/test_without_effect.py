"""What is accepted and has no effect is told: nothing of a definition is ignored in silence."""

import re
from pathlib import Path

import attrs
import pytest

from inhouse.core.definition import AgentDefinition
from inhouse.core.without_effect import TOOLS, without_effect
from inhouse.definitions.schema.shape import CompactShape
from inhouse.tools import specs
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


@pytest.mark.parametrize("field", [each.name for each in attrs.fields(CompactShape)])
def test_every_field_of_an_object_is_read_by_something(field):
    assert any(f".{field}" in source or f'"{wire_name(field)}"' in source for source in SOURCES)


def wire_name(field):
    return re.sub(r"_(\w)", lambda found: found[1].upper(), field)


def test_every_tool_is_implemented_or_told():
    named = {name for name in specs.names() if any(f'"{name}"' in source for source in SOURCES)}

    assert set(specs.names()) - named <= set(TOOLS)


def test_what_is_told_names_the_tool_and_stands_in_the_reference():
    told = list(without_effect(agent(tool_names=("web_search", "glob"))))
    reference = (ROOT / "docs/reference/definitions.md").read_text(encoding="utf-8")

    assert len(told) == 1
    assert "`web_search`" in told[0]
    for name in TOOLS:
        assert f"| `{name}` |" in reference.partition("## What has no effect")[2]
