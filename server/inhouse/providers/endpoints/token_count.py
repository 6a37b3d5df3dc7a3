"""How many tokens a prompt needs, and whether the model's window holds them.

No tokenizer works for every model, and those of libraries fetch their vocabulary from the network.
So there are two bounds (docs/decisions): ``least``, a lower bound for every tokenizer, since a word
is at least one token; and ``likely``, from what English and code need.  Where the server counts
itself (llama.cpp, vLLM) it is asked if the window may be tight.
"""

import json
import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inhouse.core.endpoint_kinds import TokenCounter
from inhouse.core.errors import ContextOverflowError, InhouseError
from inhouse.core.events import Notice
from inhouse.core.messages import AssistantMessage, SystemMessage, ToolMessage, UserMessage
from inhouse.core.ports import Prompt
from inhouse.core.route import Endpoint
from inhouse.providers.dialect.chat_request import chat_messages, chat_tools, output_text
from inhouse.providers.endpoints import endpoint_errors
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.endpoints.http_json import post_json

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress

BYTES_PER_TOKEN = 3.6
PER_MESSAGE = 6
PER_IMAGE = 1000
TIGHT = 0.7
"""From this share of the window on, it is worth asking the server to count."""
CUT = 0.75
"""If fewer tokens than this share of ``least`` were read, the server has cut the prompt."""
CUT_AT_LEAST = 200

_WORD = re.compile(rb"[A-Za-z0-9_]+|[\x80-\xff]{4,}")


@frozen
class Need:
    """Bounds of what a prompt needs, in tokens."""

    least: int
    likely: int


def need_of(prompt: Prompt) -> Need:
    """Count what a prompt says: its request is written only once, when it is sent."""
    tools = [(tool.name, tool.description, tool.parameters) for tool in prompt.tools]
    texts = [prompt.system, json.dumps(tools, default=str)]
    pictures = 0
    for message in prompt.messages:
        match message:
            case ToolMessage():
                texts.append(output_text(message))
            case AssistantMessage(text, calls):
                texts += [text, *(f"{call.name} {call.arguments}" for call in calls)]
            case SystemMessage(text):
                texts.append(text)
            case UserMessage(text):
                texts.append(text)
                pictures += len(message.images)
    data = "\n".join(texts).encode("utf-8", "replace")
    parts = len(prompt.messages) + 1
    likely = int(len(data) / BYTES_PER_TOKEN) + PER_MESSAGE * parts + PER_IMAGE * pictures
    words = sum(1 for _ in _WORD.finditer(data))
    return Need(least=words, likely=max(likely, words))


async def check_fits(
    prompt: Prompt, need: Need, window: int, place: ModelRef, egress: "Egress"
) -> None:
    """Raise `ContextOverflowError` with both numbers if the prompt does not fit."""
    reply = min(prompt.max_output_tokens or 0, window // 2)
    if need.likely + reply < window * TIGHT:
        return
    counted = await _counted(prompt, place, egress)
    if counted is not None:
        if counted + reply > window:
            raise endpoint_errors.overflow(place, counted, window)
        return
    if need.least > window:
        raise endpoint_errors.overflow(place, need.least, window)
    if need.likely > window and not place.endpoint.kind.profile.refuses_overflow:
        raise endpoint_errors.overflow(place, need.likely, window)


def cut_notice(place: ModelRef, need: Need, read: int, window: int | None) -> Notice | None:
    """Compare the tokens that the server says it read with those it was sent."""
    if read <= 0 or read >= need.least * CUT or need.least - read < CUT_AT_LEAST:
        return None
    holds = f"; its window holds {window:,}" if window else ""
    return Notice(
        "warning",
        "truncated",
        f"{place} read only {read:,} tokens of a prompt that has at least {need.least:,}{holds}.  "
        "The beginning was probably cut off: start the server with a larger context window, or "
        f"set {place.setting('contextWindow')}.",
    )


async def _counted(prompt: Prompt, place: ModelRef, egress: "Egress") -> int | None:
    """Ask the server to count, if it can; None if it cannot."""
    endpoint = place.endpoint
    messages, tools = chat_messages(prompt), chat_tools(prompt.tools)
    body: dict[str, Any] = {"messages": messages, **({"tools": tools} if tools else {})}
    try:
        match endpoint.kind.profile.counter:
            case TokenCounter.LLAMACPP:
                told = await post_json(endpoint, "/apply-template", body, egress)
                content = {"content": told["prompt"], "add_special": True}
                told = await post_json(endpoint, "/tokenize", content, egress)
                return len(told["tokens"])
            case TokenCounter.VLLM:
                body["model"] = place.model
                return int((await post_json(endpoint, "/tokenize", body, egress))["count"])
            case TokenCounter.NONE:
                return None
    except (KeyError, TypeError, ValueError):
        return None
    except ContextOverflowError:
        raise
    except InhouseError:
        return None


def is_small(endpoint: Endpoint, need: Need) -> bool:
    """Return whether every window in use holds this, so that no server need be asked."""
    return endpoint.context_window is None and need.likely < SMALL


SMALL = 1500
