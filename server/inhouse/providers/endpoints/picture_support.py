"""Whether a model takes pictures: what its server says, and what is sent if it does not."""

import asyncio
import re
from typing import TYPE_CHECKING, Any

from attrs import evolve

from inhouse.core.endpoint_kinds import WindowSource
from inhouse.core.errors import (
    ContextOverflowError,
    InhouseError,
    ProviderError,
    ProviderUnavailableError,
)
from inhouse.core.json_values import fields, items, text
from inhouse.core.messages import Message, UserMessage
from inhouse.core.ports import Prompt
from inhouse.core.route import Endpoint
from inhouse.providers.endpoints.http_json import get_json, post_json
from inhouse.providers.endpoints.model_list import entries_of

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress

PATIENCE = 3.0
"""Seconds that a server has to answer; after that only trying shows it."""
_SOMETHING_ELSE = frozenset(
    {"unauthorized", "rate_limited", "unreachable", "hung_up", "timeout", "redirect"}
)
"""Codes of errors that a prompt without pictures would get too."""
_ABOUT_PICTURES = re.compile(r"image|picture|vision|multi-?modal|mmproj", re.IGNORECASE)


def pictures_in(prompt: Prompt) -> int:
    """Count the pictures that would be sent."""
    return sum(len(one.images) for one in prompt.messages if isinstance(one, UserMessage))


def without_pictures(prompt: Prompt) -> Prompt:
    """Replace each message's pictures by a note, so that the model knows of them."""
    return evolve(prompt, messages=tuple(map(_named, prompt.messages)))


def may_be_about_pictures(error: ProviderError) -> bool:
    """Return whether this prompt might be accepted without its pictures.

    Servers have no common error for it, so every refusal of the request itself counts.
    """
    if isinstance(error, ContextOverflowError) or error.code in _SOMETHING_ELSE:
        return False
    if isinstance(error, ProviderUnavailableError):
        return bool(_ABOUT_PICTURES.search(str(error)))
    return True


async def takes_pictures(endpoint: Endpoint, model: str, egress: "Egress") -> bool | None:
    """Ask the server; None if only trying shows it."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await _told(endpoint, model, egress)
    except (InhouseError, TimeoutError):
        return None


async def _told(  # noqa: PLR0911  one a kind
    endpoint: Endpoint, model: str, egress: "Egress"
) -> bool | None:
    match endpoint.kind.profile.window:
        case WindowSource.LLAMACPP:
            return await _llama_cpp(endpoint, egress)
        case WindowSource.OLLAMA:
            shown = fields(await post_json(endpoint, "/api/show", {"model": model}, egress))
            known = items(shown.get("capabilities"))
            return "vision" in known if known else None
        case WindowSource.LM_STUDIO:
            entry = _entry(await get_json(endpoint, "/api/v0/models", egress), model)
            kind = text(entry.get("type"))
            return kind == "vlm" if kind else None
        case WindowSource.LITELLM:
            return await _litellm(endpoint, model, egress)
        case WindowSource.MODEL_LIST:
            entry = _entry(await get_json(endpoint, "models", egress), model)
            if entry.get("owned_by") == "llamacpp":
                return await _llama_cpp(endpoint, egress)
            taken = items(fields(entry.get("architecture")).get("input_modalities"))
            return "image" in taken if taken else None
        case WindowSource.UNKNOWN:
            return None


async def _llama_cpp(endpoint: Endpoint, egress: "Egress") -> bool | None:
    """Read ``modalities.vision`` of ``GET /props``, which old versions do not have."""
    told = fields(fields(await get_json(endpoint, "/props", egress)).get("modalities"))
    vision = told.get("vision")
    return vision if isinstance(vision, bool) else None


async def _litellm(endpoint: Endpoint, model: str, egress: "Egress") -> bool | None:
    """Read ``supports_vision``; any of the deployments behind a name may answer."""
    entries = entries_of(await get_json(endpoint, "/model/info", egress), "data")
    told = [
        fields(entry.get("model_info")).get("supports_vision")
        for entry in entries
        if entry.get("model_name") == model
    ]
    if False in told:
        return False
    return True if told and all(one is True for one in told) else None


def _entry(told: object, model: str) -> dict[str, Any]:
    entries = entries_of(told, "data")
    found = next((one for one in entries if one.get("id") == model), None)
    if found is None and len(entries) == 1:
        found = entries[0]  # A server with one model answers to any name.
    return found or {}


def _named(message: Message) -> Message:
    if not isinstance(message, UserMessage) or not message.images:
        return message
    count = len(message.images)
    what = "A picture was" if count == 1 else f"{count} pictures were"
    note = f"[{what} attached here and not sent: this model does not accept pictures.]"
    told = f"{message.text}\n\n{note}" if message.text else note
    return evolve(message, text=told, images=())
