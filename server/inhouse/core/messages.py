"""What is said: the conversation between user, model and tools."""

from typing import Any

from attrs import frozen


@frozen
class ToolCall:
    """A request by the model to run one tool."""

    id: str
    name: str
    arguments: str
    """JSON exactly as the model wrote it.  It may be invalid."""


@frozen
class SystemMessage:
    """Only where a definition's ``set_messages`` puts one; the system prompt is `Prompt.system`."""

    text: str


@frozen
class UserMessage:
    text: str
    tags: tuple[str, ...] = ()
    """Codebuff's tags, e.g. ``STEP_PROMPT`` for a message that lives for one step."""


@frozen
class AssistantMessage:
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""


@frozen
class ToolMessage:
    """What a tool gave back."""

    call_id: str
    tool: str
    output: Any
    """A JSON value in the shape of Codebuff's ``toolResult[0].value``."""
    failed: bool = False


Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage
