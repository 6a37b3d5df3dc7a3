"""The messages of a conversation between user, model and tools."""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import evolve, field, frozen

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@frozen
class ToolCall:
    """A request by the model to run one tool."""

    id: str
    name: str
    arguments: str
    """JSON exactly as the model wrote it.  It may be invalid."""
    said_id: str = ""
    """The id that the server gave it, if that is not `id`."""
    extra: Mapping[str, Any] = field(default=_NOTHING, hash=False)
    """What its server wants back with it, such as a signature (Gemini's ``extra_content``)."""


@frozen
class SystemMessage:
    """One that a definition's ``set_messages`` adds; the system prompt is `Prompt.system`."""

    text: str


_PICTURE = re.compile(r"image/[a-z0-9.+-]{1,60}")


@frozen
class Image:
    """A picture in a user's message."""

    source: str
    """Base64, or a ``data:`` URL, or the URL of a page on the web."""
    media_type: str | None = None

    @property
    def data_url(self) -> str | None:
        """None if it is elsewhere and would have to be fetched."""
        if self.source.startswith("data:"):
            return self.source
        if ":" in self.source:
            return None
        return f"data:{self.media_type or 'image/png'};base64,{self.source}"

    def problem(self) -> str | None:
        """Say why this picture cannot be sent; None if it can."""
        if not _PICTURE.fullmatch(self.media_type or ""):
            return f"{self.media_type!r} is not the media type of a picture, such as 'image/png'"
        try:
            size = len(b64decode(self.source, validate=True))
        except (binascii.Error, ValueError):
            return "its data is not base64"
        return None if size else "it is empty"


@frozen
class UserMessage:
    text: str
    tags: tuple[str, ...] = ()
    """Codebuff's tags, e.g. ``STEP_PROMPT`` for a message that lives for one step."""
    images: tuple[Image, ...] = ()
    """Pictures that came with the prompt or from a definition's ``set_messages``."""


@frozen
class Origin:
    """Who gave an answer, and what goes back only to them."""

    model: str
    """The endpoint, its URL and the model."""
    thoughts: str = ""
    """The member of the answer that held the thoughts."""
    extra: Mapping[str, Any] = field(default=_NOTHING, hash=False)
    """Members of the answer that its server wants back (``reasoning_details``)."""


@frozen
class AssistantMessage:
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    origin: Origin | None = None


@frozen
class ToolMessage:
    """What a tool returned."""

    call_id: str
    tool: str
    output: Any
    """A JSON value in the shape of Codebuff's ``toolResult[0].value``."""
    failed: bool = False


@frozen
class ToolParts:
    """What a tool returned, if that is more than one JSON value."""

    value: Any
    """As a model reads it."""
    parts: tuple[dict[str, Any], ...] = ()
    """As ``handleSteps`` gets it in ``toolResult``: Codebuff's parts, ``json`` and ``media``."""
    images: tuple[Image, ...] = ()
    """Shown to a model that takes pictures, in a user message after the results."""


def without_private(message: "Message") -> "Message":
    """Return a message as another endpoint or model may see it, without its maker's private fields.

    Thoughts, and the signatures that some servers put on them, never go to anybody else.
    """
    if not isinstance(message, AssistantMessage):
        return message
    calls = tuple(evolve(call, said_id="", extra=_NOTHING) for call in message.tool_calls)
    return evolve(message, reasoning="", origin=None, tool_calls=calls)


Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage
