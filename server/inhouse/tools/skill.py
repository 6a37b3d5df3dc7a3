"""``skill``: instructions that a project keeps for agents, loaded when they are needed."""

import asyncio
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from inhouse.core.errors import ToolError
from inhouse.core.ports import Arguments, Tool, ToolSpec

from .context import ToolContext
from .knowledge import Skill, skills
from .specs import ends_step, spec

_MOST_TOLD = 4_000
_MOST_DESCRIBED = 300


def tool(context: ToolContext) -> Tool:
    """Make the tool, whose description names what the project keeps: may read it."""

    async def skill(_: str, arguments: Arguments) -> object:
        found = await asyncio.to_thread(
            skills, context.access, context.home, vouched=context.vouched
        )
        return _skill(found, arguments["name"])

    own = spec("skill")
    if context.offers is None or own.name in context.offers:
        own = _described(own, skills(context.access, context.home, vouched=context.vouched))
    return Tool(own, skill, ends_step(own.name))


def _described(own: ToolSpec, found: Mapping[str, Skill]) -> ToolSpec:
    """List the skills in the description, since the model can ask only for those it knows."""
    found = {name: each for name, each in found.items() if not each.refused}
    if not found:
        return evolve(own, description=f"{own.description}  There are none in this project.")
    lines = "".join(
        f"\n- {name}: {found[name].description[:_MOST_DESCRIBED]}" for name in sorted(found)
    )
    return evolve(own, description=f"{own.description}  Skills:{lines[:_MOST_TOLD]}")


def _skill(found: Mapping[str, Skill], name: str) -> dict[str, Any]:
    skill = found.get(name)
    if skill is not None and skill.refused:
        raise ToolError(f"The skill {name!r} is not offered: {skill.refused}.", code="no_skill")
    if skill is None:
        names = (
            ", ".join(sorted(each for each in found if not found[each].refused))
            or "none (they are in .agents/skills/NAME/SKILL.md)"
        )
        raise ToolError(f"No skill {name!r}.  Skills: {names}", code="no_skill")
    result = {"name": skill.name, "description": skill.description, "content": skill.content}
    return result | ({"license": skill.licence} if skill.licence else {})
