"""Lists a server's models and what it says about each, for every kind."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from inhouse.core.endpoint_kinds import ModelListApi
from inhouse.core.errors import ProviderError
from inhouse.core.json_values import objects
from inhouse.core.route import Endpoint, ModelInfo
from inhouse.providers.endpoints.http_json import get_json

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress

_WINDOW_KEYS = ("max_model_len", "context_length", "loaded_context_length", "max_context_length")


async def listed_models(endpoint: Endpoint, egress: "Egress") -> tuple[ModelInfo, ...]:
    """Ask the server.  Raises `ProviderError`."""
    local = egress.is_local(endpoint.base_url)
    match endpoint.kind.profile.models:
        case ModelListApi.OLLAMA:
            return tuple(_ollama(await get_json(endpoint, "/api/tags", egress), local=local))
        case ModelListApi.LM_STUDIO:
            try:
                told = await get_json(endpoint, "/api/v0/models", egress)
            except ProviderError:
                told = await get_json(endpoint, "models", egress)
            return tuple(_openai(told, local=local))
        case ModelListApi.OPENAI:
            return tuple(_openai(await get_json(endpoint, "models", egress), local=local))


def window_in(entry: dict[str, Any]) -> int | None:
    """Read the window from an entry of a model list, as vLLM, OpenRouter and others write it."""
    meta = entry.get("meta")
    for fields in (entry, meta):
        if isinstance(fields, dict):
            known = cast("dict[str, Any]", fields)
            for key in _WINDOW_KEYS:
                if isinstance(value := known.get(key), int) and value > 0:
                    return value
    return None


def entries_of(told: object, key: str) -> list[dict[str, Any]]:
    """Return the objects of a list in an answer; none if it has another shape."""
    return objects(told.get(key) if isinstance(told, dict) else told)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def is_cloud(entry: dict[str, Any]) -> bool:
    """Return whether Ollama says that the model runs in its cloud (backends.md, Q4)."""
    return bool(entry.get("remote_host") or entry.get("remote_model"))


def _openai(told: object, *, local: bool) -> Iterable[ModelInfo]:
    for entry in entries_of(told, "data"):
        if isinstance(identifier := entry.get("id"), str):
            yield ModelInfo(identifier, window_in(entry), local)


def _ollama(told: object, *, local: bool) -> Iterable[ModelInfo]:
    for entry in entries_of(told, "models"):
        identifier = entry.get("model") or entry.get("name")
        if isinstance(identifier, str):
            yield ModelInfo(identifier, None, local and not is_cloud(entry))
