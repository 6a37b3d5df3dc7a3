"""Tools that definitions may name but that are unavailable here: each says so when called."""

from collections.abc import Mapping
from typing import Any

from inhouse.core.errors import ToolError
from inhouse.core.ports import Tool, ToolSpec
from inhouse.core.without_effect import TOOLS

from .context import ToolContext
from .specs import names, spec


def tools(_: ToolContext) -> tuple[Tool, ...]:
    """Return the tools of this room: none of them is offered to a model."""
    return tuple(_missing(name, why) for name, why in TOOLS.items())


def _missing(name: str, why: str) -> Tool:
    async def run(_: str, __: Mapping[str, Any]) -> Any:
        raise ToolError(f"{name} is not offered: {why}.  Go on without it.", code="not_offered")

    own = spec(name) if name in names() else ToolSpec(name, "", {"type": "object"})
    return Tool(own, run, offered=False)
