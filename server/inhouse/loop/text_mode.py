"""For models that take no native tools: tools are explained and results told in plain text."""

import json
from collections.abc import Iterable, Iterator

from inhouse.core.messages import AssistantMessage, Message, ToolCall, ToolMessage, UserMessage
from inhouse.core.ports import Prompt, ToolSpec

from .text_calls import TAG

_HOW = f"""# Tools

To call a tool, write this and then stop:

<{TAG}>
{{"cb_tool_name": "NAME OF THE TOOL", …its input…}}
</{TAG}>

The next message gives its result.  The tools are:"""


def in_text(prompt: Prompt) -> Prompt:
    """Give the same request without native tools."""
    system = "\n\n".join(part for part in (prompt.system, _explained(prompt.tools)) if part)
    return Prompt(system, tuple(_merged(map(_message, prompt.messages))))


def _explained(tools: Iterable[ToolSpec]) -> str:
    described = [
        f"{tool.name}: {tool.description}\nInput: {json.dumps(tool.parameters)}" for tool in tools
    ]
    if not described:
        return ""
    return "\n\n".join([_HOW, *described])


def _message(message: Message) -> Message:
    match message:
        case AssistantMessage(text, calls, _) if calls:
            return AssistantMessage("\n\n".join(filter(None, [text, *map(_call, calls)])))
        case ToolMessage(_, tool, output):
            shown = json.dumps(output, ensure_ascii=False, default=str)
            return UserMessage(f"<tool_result>\n{tool}: {shown}\n</tool_result>")
        case _:
            return message


def _call(call: ToolCall) -> str:
    members = {"cb_tool_name": call.name, **json.loads(call.arguments)}
    return f"<{TAG}>\n{json.dumps(members, ensure_ascii=False)}\n</{TAG}>"


def _merged(messages: Iterable[Message]) -> Iterator[Message]:
    """Join what the user's side says in a row: small models' templates want turns."""
    waiting: list[str] = []
    for message in messages:
        if isinstance(message, UserMessage):
            waiting.append(message.text)
            continue
        if waiting:
            yield UserMessage("\n\n".join(waiting))
            waiting = []
        yield message
    if waiting:
        yield UserMessage("\n\n".join(waiting))
