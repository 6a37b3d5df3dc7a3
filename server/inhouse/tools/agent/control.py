"""Tools that change nothing but the run itself: its output, its messages, its end."""

from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from typing import Any, Protocol, cast

from attrs import evolve

from inhouse.core.definition import AgentDefinition
from inhouse.core.errors import ToolError
from inhouse.core.json_values import Json
from inhouse.core.message_json import messages_from_json
from inhouse.core.messages import AssistantMessage, Message, UserMessage
from inhouse.core.ports import Arguments, Tool
from inhouse.tools import specs
from inhouse.tools.input.check_input import problem_with
from inhouse.tools.tool_set import MakeTool

FindAgent = Callable[[str], AgentDefinition | None]
"""Finds an agent by any form of its name."""


class ConversationState(Protocol):
    """What these tools change of a run (`inhouse.loop.RunState`)."""

    messages: tuple[Message, ...]
    output: object

    @property
    def subgoals(self) -> MutableMapping[str, Json]: ...

    def add(self, *messages: Message) -> None: ...


def control_tools(
    *, memory: ConversationState, definition: AgentDefinition, find: FindAgent
) -> dict[str, MakeTool]:
    """Give what makes each of the tools for one run."""
    acts: dict[str, _Act] = {
        "end_turn": partial(_say, "Turn ended."),
        "task_completed": partial(_say, "Task completed."),
        "think_deeply": partial(_say, "Thought logged."),
        "write_todos": partial(_say, "Todos written."),
        "suggest_followups": partial(_say, "Followups suggested."),
        "add_message": partial(_add_message, memory),
        "set_messages": partial(_set_messages, memory),
        "lookup_agent_info": partial(_lookup, find),
        "add_subgoal": partial(_add_subgoal, memory),
        "update_subgoal": partial(_update_subgoal, memory),
    }
    made: dict[str, MakeTool] = {name: partial(_tool, name, act) for name, act in acts.items()}
    return {**made, "set_output": partial(_set_output_tool, memory, definition)}


_Act = Callable[[Arguments], Json]


def _tool(name: str, act: _Act) -> Tool:
    async def run(_: str, given: Arguments) -> object:
        return act(given)

    return Tool(specs.spec(name), run, ends_step=specs.ends_step(name))


def _say(message: str, _: Mapping[str, Any]) -> Json:
    return {"message": message}


def _set_output_tool(memory: ConversationState, definition: AgentDefinition) -> Tool:
    """Offer the output schema's fields directly, which small models get right more often.

    Nothing is required here, because the output may also be in ``data``.
    """
    tool = _tool("set_output", partial(_set_output, memory, definition))
    schema = definition.output_schema or {}
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        return tool
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    if "$defs" in schema:
        parameters["$defs"] = schema["$defs"]
    return evolve(tool, spec=evolve(tool.spec, parameters=parameters))


def _set_output(memory: ConversationState, definition: AgentDefinition, given: Arguments) -> Json:
    """Take the output itself or what is in ``data``, whichever fits the schema."""
    inner = given.get("data")
    only_data = set(given) == {"data"} and isinstance(inner, dict)
    schema = definition.output_schema
    if not schema:
        memory.output = inner if only_data else dict(given)
        return {"message": "Output set"}
    candidates: list[Any] = [inner, dict(given)] if only_data else [dict(given)]
    problems = [problem_with(schema, candidate) for candidate in candidates]
    if None not in problems:
        raise ToolError(
            f"The output does not fit its schema and was not set: {problems[0]}.  "
            "Call set_output again with all of it.",
            code="output",
        )
    memory.output = candidates[problems.index(None)]
    return {"message": "Output set"}


def _add_message(memory: ConversationState, given: Arguments) -> Json:
    text = given["content"]
    memory.add(UserMessage(text) if given["role"] == "user" else AssistantMessage(text))
    return {"message": "Message added."}


def _set_messages(memory: ConversationState, given: Arguments) -> Json:
    memory.messages = messages_from_json(given["messages"])
    return {"message": "Messages set."}


def _lookup(find: FindAgent, given: Arguments) -> Json:
    agent_id = given["agentId"]
    definition = find(agent_id)
    if definition is None:
        return {"found": False, "error": f"Agent '{agent_id}' not found"}
    facts = {
        "fullAgentId": agent_id,
        "id": definition.id,
        "displayName": definition.display_name,
        "model": definition.model,
        "toolNames": list(definition.tool_names),
        "spawnableAgents": list(definition.spawnable_agents),
        "includeMessageHistory": definition.include_message_history,
        "spawnerPrompt": definition.spawner_prompt,
        "inputSchema": definition.input_schema,
        "outputMode": definition.output_mode.value,
        "outputSchema": definition.output_schema,
    }
    return {"found": True, "agent": {key: fact for key, fact in facts.items() if fact is not None}}


def _add_subgoal(memory: ConversationState, given: Arguments) -> Json:
    logs = [given["log"]] if given.get("log") else []
    memory.subgoals[given["id"]] = {
        "objective": given["objective"],
        "status": given["status"],
        "plan": given.get("plan"),
        "logs": logs,
    }
    return {"message": f"Subgoal {given['id']!r} added."}


def _update_subgoal(memory: ConversationState, given: Arguments) -> Json:
    subgoal = memory.subgoals.get(given["id"])
    if subgoal is None:
        known = ", ".join(memory.subgoals) or "none"
        raise ToolError(f"No subgoal {given['id']!r}.  Subgoals: {known}")
    for key in ("status", "plan"):
        if given.get(key):
            subgoal[key] = given[key]
    if given.get("log"):
        cast("list[str]", subgoal["logs"]).append(given["log"])
    return {"message": f"Subgoal {given['id']!r} updated."}
