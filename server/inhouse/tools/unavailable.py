"""Tools that definitions may name but that are unavailable here: each says so when called."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from inhouse.core.errors import ToolError
from inhouse.core.ports import Tool, ToolSpec
from inhouse.core.without_effect import TOOLS as WITHOUT_EFFECT

from .specs import names, spec
from .tool_set import MakeTool


def _missing(name: str, why: str) -> Tool:
    async def run(_: str, __: Mapping[str, Any]) -> object:
        raise ToolError(f"{name} is not offered: {why}.  Go on without it.", code="not_offered")

    own = spec(name) if name in names() else ToolSpec(name, "", {"type": "object"})
    return Tool(own, run, offered=False)


TOOLS: Mapping[str, MakeTool] = {
    name: partial(_missing, name, why) for name, why in WITHOUT_EFFECT.items()
}
"""None of them is offered to a model."""
