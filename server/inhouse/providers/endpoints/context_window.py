"""Reads the context window that a server really has, from where each kind reports it."""

from typing import TYPE_CHECKING, Any

from inhouse.core.endpoint_kinds import WindowSource
from inhouse.core.errors import InhouseError
from inhouse.core.json_values import fields, whole
from inhouse.core.route import Endpoint
from inhouse.providers.endpoints.http_json import get_json, post_json
from inhouse.providers.endpoints.model_list import entries_of, window_in

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress


async def told_window(  # noqa: PLR0911  # one a kind
    endpoint: Endpoint, model: str, egress: "Egress"
) -> int | None:
    """Ask the server, in the way of its kind."""
    try:
        match endpoint.kind.profile.window:
            case WindowSource.LLAMACPP:
                return await _llama_cpp(endpoint, egress)
            case WindowSource.OLLAMA:
                return await ollama_window(endpoint, model, egress)
            case WindowSource.LM_STUDIO:
                return await _lm_studio(endpoint, model, egress)
            case WindowSource.LITELLM:
                return await _litellm(endpoint, model, egress)
            case WindowSource.UNKNOWN:
                return None
            case WindowSource.MODEL_LIST:
                return await _listed(endpoint, model, egress)
    except (InhouseError, TypeError, ValueError, AttributeError):
        return None


async def ollama_window(endpoint: Endpoint, model: str, egress: "Egress") -> int | None:
    """Return the largest window that the model supports."""
    shown = await post_json(endpoint, "/api/show", {"model": model}, egress)
    return model_window(shown)


def model_window(shown: Any) -> int | None:
    """Read ``model_info["qwen3.context_length"]``."""
    for key, value in fields(fields(shown).get("model_info")).items():
        if key.endswith(".context_length") and isinstance(value, int):
            return value
    return None


async def ollama_loaded_window(endpoint: Endpoint, model: str, egress: "Egress") -> int | None:
    """Return the window a loaded model was given."""
    for entry in entries_of(await get_json(endpoint, "/api/ps", egress), "models"):
        if model in (entry.get("model"), entry.get("name")):
            return whole(entry.get("context_length"))
    return None


async def _llama_cpp(endpoint: Endpoint, egress: "Egress") -> int | None:
    props = await get_json(endpoint, "/props", egress)
    generation = fields(fields(props).get("default_generation_settings"))
    return whole(generation.get("n_ctx")) or whole(fields(props).get("n_ctx"))


async def _lm_studio(endpoint: Endpoint, model: str, egress: "Egress") -> int | None:
    entries = entries_of(await get_json(endpoint, "/api/v0/models", egress), "data")
    entry = next((one for one in entries if one.get("id") == model), None)
    loaded = [one for one in entries if one.get("state") == "loaded"]
    if entry is None and len(loaded) == 1:
        entry = loaded[0]
    if entry is None:
        return None
    return whole(entry.get("loaded_context_length")) or whole(entry.get("max_context_length"))


async def _litellm(endpoint: Endpoint, model: str, egress: "Egress") -> int | None:
    told = await get_json(endpoint, "/model/info", egress)
    windows: list[int] = []
    for entry in entries_of(told, "data"):
        if entry.get("model_name") == model:
            info = fields(entry.get("model_info"))
            window = whole(info.get("max_input_tokens")) or whole(info.get("max_tokens"))
            windows.extend([window] if window else [])
    return min(windows, default=None)


async def _listed(endpoint: Endpoint, model: str, egress: "Egress") -> int | None:
    entries = entries_of(await get_json(endpoint, "models", egress), "data")
    entry = next((one for one in entries if one.get("id") == model), None)
    if entry is None and len(entries) == 1:
        entry = entries[0]  # llama.cpp answers to any name
    if entry is None:
        return None
    match entry.get("owned_by"):
        case "llamacpp":
            return await _llama_cpp(endpoint, egress)
        case "library":
            return await ollama_loaded_window(endpoint, model, egress)
        case _:
            return window_in(entry)
