"""What a model is sent: prompts with their placeholders filled in, in Codebuff's order."""

import json
import re
from collections.abc import Mapping
from datetime import datetime

from inhouse.core.agent_names import names_the_same
from inhouse.core.definition import AgentDefinition
from inhouse.core.message_json import STEP_PROMPT, USER_PROMPT
from inhouse.core.messages import AssistantMessage, Image, UserMessage
from inhouse.core.ports import Prompt

from .history import CONTINUED, joined, repaired
from .state import LoopContext
from .tool_calls import agents_are_tools

INSTRUCTIONS_PROMPT = "INSTRUCTIONS_PROMPT"

_PLACEHOLDER = re.compile(r"\{(CODEBUFF_[A-Z_]+)\}")


async def prompt_for_step(run: LoopContext) -> Prompt:
    """Make the request of one step; the step prompt is only in this request."""
    messages = repaired(run.state.messages)
    step_prompt = (await filled(run, run.definition.step_prompt)).strip()
    if step_prompt:
        messages = (*messages, UserMessage(step_prompt, (STEP_PROMPT,)))
    if not messages:
        messages = (UserMessage(system_note("Begin."), (STEP_PROMPT,)),)
    elif isinstance(messages[-1], AssistantMessage):
        # Many servers refuse a history that ends with the model's own words, or continue them.
        # It stays, so that the next request begins exactly like this one.
        note = UserMessage(system_note("Continue from where you left off."), (CONTINUED,))
        run.state.add(note)
        messages = (*messages, note)
    return Prompt(run.state.system, joined(messages), run.state.offered)


async def filled(run: LoopContext, text: str) -> str:
    """Fill in the placeholders.  The values are never searched for further placeholders."""
    pieces: list[str] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        value = await _value(run, match[1])
        pieces += [text[end : match.start()], match[0] if value is None else value]
        end = match.end()
    return "".join([*pieces, text[end:]])


def user_message(
    prompt: str | None, params: Mapping[str, object] | None, images: tuple[Image, ...] = ()
) -> UserMessage | None:
    """Return the prompt followed by its params as JSON, with pictures; None without a prompt."""
    parts = [prompt] if prompt and prompt.strip() else []
    if params:
        parts.append(json.dumps(params, indent=2, ensure_ascii=False))
    said = UserMessage("\n\n".join(parts), (USER_PROMPT,), images)
    return said if parts or images else None


async def instructions(run: LoopContext, *, inherits: bool) -> UserMessage | None:
    """Return the instructions with the runtime's additions."""
    definition = run.definition
    parts = [(await filled(run, definition.instructions_prompt)).strip()]
    if inherits:
        parts.append(_own_tools(definition))
    if definition.spawnable_agents and not agents_are_tools(run):
        parts.append(_spawnable(run))
    if definition.output_schema:
        parts.append(_schema(definition.output_schema))
    text = "\n\n".join(part for part in parts if part)
    return UserMessage(text, (INSTRUCTIONS_PROMPT,)) if text else None


def system_note(text: str) -> str:
    """Mark a message as Inhouse's, not the user's."""
    return f"<system>{text}</system>"


async def _value(run: LoopContext, name: str) -> str | None:
    state = run.state
    match name:
        case "CODEBUFF_AGENT_NAME":
            return run.definition.display_name
        case "CODEBUFF_CURRENT_DATE":
            today = datetime.now().astimezone()
            return f"{today:%B} {today.day}, {today.year}"
        case "CODEBUFF_REMAINING_STEPS":
            return str(max(0, run.limits.max_steps - state.steps))
        case "CODEBUFF_INITIAL_AGENT_PROMPT":
            return _escaped(state.initial_prompt)
        case "CODEBUFF_USER_INPUT_PROMPT":
            # A sub-agent's prompt comes from its parent, not from the user.
            asked = _last_user_prompt(run) if run.parent is None else state.initial_prompt
            return _escaped(asked)
        case _:
            ask = run.placeholders.get(name)
            return None if ask is None else await ask()


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _last_user_prompt(run: LoopContext) -> str:
    prompts = (
        message.text
        for message in reversed(run.state.messages)
        if isinstance(message, UserMessage) and USER_PROMPT in message.tags
    )
    return next(prompts, "")


def _own_tools(definition: AgentDefinition) -> str:
    names = ", ".join(definition.tool_names) or "none"
    return (
        f"You are a sub-agent and may use these tools only: {names}.  "
        "Other tools named earlier belong to the agent that started you."
    )


def _spawnable(run: LoopContext) -> str:
    lines = [_agent_line(run, agent) for agent in run.definition.spawnable_agents]
    return "\n".join(["You can spawn the following agents:", "", *lines])


def _agent_line(run: LoopContext, agent_type: str) -> str:
    for definition in run.spawnable:
        if names_the_same(agent_type, definition.id) or names_the_same(definition.id, agent_type):
            described = definition.spawner_prompt
            return f"- {agent_type}: {described}" if described else f"- {agent_type}"
    return f"- {agent_type}"


def _schema(schema: Mapping[str, object]) -> str:
    shown = {key: value for key, value in schema.items() if key != "$schema"}
    return (
        "## Output Schema\n\nGive your result with the set_output tool.  "
        "Its input must fit this JSON Schema:\n\n"
        f"```json\n{json.dumps(shown, indent=2, ensure_ascii=False)}\n```"
    )
