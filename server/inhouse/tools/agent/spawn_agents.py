"""Sub-agents: started together, each with its own result; one failure stops no other."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

from attrs import frozen

from inhouse.bounded_schema import one_check
from inhouse.core.agent_names import agent_tool_name, names_the_same, parse_agent_name
from inhouse.core.definition import AgentDefinition
from inhouse.core.errors import InhouseError, ToolError
from inhouse.core.json_values import mapping
from inhouse.core.message_json import arguments_object
from inhouse.core.ports import Arguments, Tool, ToolSpec
from inhouse.tools import specs
from inhouse.tools.input.check_input import problem_with
from inhouse.tools.input.repair import repair
from inhouse.tools.tool_set import MakeTool

from .control import FindAgent

_SPAWN_ANYTHING = frozenset({"base", "base-free", "base-max", "base-experimental"})
"""Codebuff's own base agents, which may spawn every agent."""
MAX_AGENTS = 32
"""How many agents one call may start."""


@frozen
class SpawnRequest:
    """A checked request: the agent exists, its parent may spawn it, its input fits."""

    definition: AgentDefinition
    agent_type: str
    """Its name in the parent's definition."""
    prompt: str | None
    params: Mapping[str, object] | None
    inline: bool
    """Whether it works in the parent's own conversation."""


Spawn = Callable[[SpawnRequest], Awaitable[Mapping[str, object]]]
"""Runs a sub-agent; returns `LoopResult.value`.  Raises `InhouseError`."""


def spawn_tools(
    *, definition: AgentDefinition, find: FindAgent, spawn: Spawn
) -> dict[str, MakeTool]:
    """Give what makes the spawning tools of one run, and a tool for each agent it may spawn."""
    start = partial(_spawn_all, definition, find, spawn)

    async def spawn_agents(_: str, given: Arguments) -> object:
        return await start(given["agents"])

    async def spawn_inline(_: str, given: Arguments) -> object:
        try:
            await spawn(_request(definition, find, given, inline=True))
        except InhouseError as error:  # a result, not the parent's end
            raise ToolError(str(error), code=error.code) from None
        return {"message": "Agent spawned."}

    made: dict[str, MakeTool] = {
        "spawn_agents": lambda: Tool(specs.spec("spawn_agents"), spawn_agents),
        "spawn_agent_inline": lambda: Tool(specs.spec("spawn_agent_inline"), spawn_inline),
    }
    for agent_type in definition.spawnable_agents:
        child, name = find(agent_type), agent_tool_name(agent_type)
        if child is not None and name not in specs.names():
            made.setdefault(name, partial(_agent_tool, name, agent_type, child, start))
    return made


_Start = Callable[[Sequence[Arguments]], Awaitable[object]]


def _agent_tool(name: str, agent_type: str, child: AgentDefinition, start: _Start) -> Tool:
    async def run(_: str, given: Arguments) -> object:
        return await start([{**given, "agent_type": agent_type}])

    purpose = child.spawner_prompt or f"Spawn the {child.display_name} agent."
    parsed = parse_agent_name(agent_type)
    spelled = {
        agent_type,
        parsed.id,
        f"{parsed.id}@{parsed.version}",
        f"{parsed.publisher}/{parsed.id}",
    }
    also = tuple(sorted(spelled | {each.replace("-", "_") for each in spelled}))
    return Tool(ToolSpec(name, purpose, _parameters(child)), run, also=also, arrange=_params_inside)


def _params_inside(given: Arguments) -> Mapping[str, Any]:
    """Move parameters that a model wrote beside the prompt into the agent's params."""
    known = {key: given[key] for key in ("prompt", "params") if key in given}
    flat = {key: value for key, value in given.items() if key not in known}
    if not flat:
        return known
    inside = known.get("params")
    if isinstance(inside, str):
        inside = arguments_object(inside)
    return {**known, "params": {**flat, **mapping(inside)}}


def _parameters(child: AgentDefinition) -> dict[str, Any]:
    """Return the schema of an agent as a tool: its prompt and its params."""
    asked = child.input_schema or {}
    prompt = mapping(asked.get("prompt"))
    properties: dict[str, Any] = {"prompt": {"type": "string", **prompt}}
    required = ["prompt"] if "prompt" in asked else []
    if params := mapping(asked.get("params")):
        properties["params"] = params
        required += ["params"] if params.get("required") else []
    return {"type": "object", "properties": properties, "required": required}


async def _spawn_all(
    parent: AgentDefinition, find: FindAgent, spawn: Spawn, agents: Sequence[Arguments]
) -> list[dict[str, Any]]:
    if len(agents) > MAX_AGENTS:
        raise ToolError(f"{len(agents)} agents in one call; {MAX_AGENTS} at most.  Start fewer.")
    tasks = [
        asyncio.create_task(_spawn_one(parent, find, spawn, given), name=_task_name(given))
        for given in agents
    ]
    # Waits for all of them; when cancelled, it cancels them first.
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    return [_report(given, outcome) for given, outcome in zip(agents, outcomes, strict=True)]


async def _spawn_one(
    parent: AgentDefinition, find: FindAgent, spawn: Spawn, given: Arguments
) -> dict[str, Any]:
    request = _request(parent, find, given, inline=False)
    value = await spawn(request)
    return {
        "agentName": request.definition.display_name,
        "agentType": request.agent_type,
        "value": value,
    }


def _report(given: Arguments, outcome: dict[str, Any] | BaseException) -> dict[str, Any]:
    match outcome:
        case InhouseError():
            problem = str(outcome)
        case asyncio.CancelledError():
            problem = "The agent was cancelled."
        case BaseException():
            raise outcome
        case _:
            return outcome
    name = str(given.get("agent_type"))
    return {"agentName": name, "agentType": name, "value": {"errorMessage": problem}}


def _request(
    parent: AgentDefinition, find: FindAgent, given: Arguments, *, inline: bool
) -> SpawnRequest:
    """Check what is asked for.  Raises `ToolError`."""
    asked = str(given.get("agent_type"))
    agent_type = next(
        (known for known in parent.spawnable_agents if names_the_same(asked, known)), None
    )
    if agent_type is None and parent.id in _SPAWN_ANYTHING and find(asked) is not None:
        agent_type = asked
    if agent_type is None:
        raise ToolError(_not_spawnable(parent, asked), code="not_spawnable")
    definition = find(agent_type)
    if definition is None:
        raise ToolError(f"No agent {agent_type!r}, or its definition is broken.")
    params = _checked_params(definition, given.get("params"))
    return SpawnRequest(definition, agent_type, given.get("prompt"), params, inline)


def _not_spawnable(parent: AgentDefinition, asked: str) -> str:
    if asked in specs.names():
        return f"{asked!r} is a tool, not an agent.  Call it as a tool."
    allowed = ", ".join(parent.spawnable_agents) or "none"
    return f"{parent.id} may not spawn {asked!r}.  Agents it may spawn: {allowed}"


def _checked_params(definition: AgentDefinition, params: object) -> Mapping[str, Any] | None:
    schema = mapping((definition.input_schema or {}).get("params"))
    if not schema:
        return cast("Mapping[str, Any]", params) if isinstance(params, Mapping) else None
    with one_check():
        repaired = repair(schema, {} if params is None else params)
        problem = problem_with(schema, repaired)
    if problem is not None:
        raise ToolError(f"Wrong params for agent {definition.id}: {problem}")
    return cast("Mapping[str, Any]", repaired) or None


def _task_name(given: Arguments) -> str:
    return f"sub-agent {given.get('agent_type')}"
