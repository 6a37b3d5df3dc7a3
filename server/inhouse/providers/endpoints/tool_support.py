"""What a server says about the model it serves, before it is asked anything else."""

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve

from inhouse.core.endpoint_kinds import ToolSupport
from inhouse.core.errors import InhouseError
from inhouse.core.json_values import fields, items, text, whole
from inhouse.core.route import Endpoint, ToolMode
from inhouse.providers.endpoints.context_window import told_window
from inhouse.providers.endpoints.http_json import get_json, post_json
from inhouse.providers.endpoints.model_list import entries_of, window_in
from inhouse.providers.endpoints.served_model import ServedModel
from inhouse.providers.endpoints.timely_answers import PATIENCE
from inhouse.providers.network.addresses import is_here

if TYPE_CHECKING:
    from inhouse.providers.endpoints.endpoint_state import EndpointState
    from inhouse.providers.network.egress import Egress


_SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s?([bm])(?![a-z])", re.IGNORECASE)


UNKNOWN = ServedModel()


def is_local_server(endpoint: Endpoint) -> bool:
    """Return whether this is a server for local models, by its kind or address."""
    profile = endpoint.kind.profile
    return profile.serves_local_models or (profile.unspecific and is_here(endpoint.base_url))


async def served_in_time(
    endpoint: Endpoint, model: str, egress: "Egress", shared: "EndpointState"
) -> ServedModel:
    """Ask as `served_model`; a server that is known to answer late is not waited for."""
    asked = partial(served_model, endpoint, model, egress)
    return await shared.served.get(endpoint, model, asked) or _guessed(endpoint, model)


async def served_model(endpoint: Endpoint, model: str, egress: "Egress") -> ServedModel:
    """Ask the server what it serves; what cannot be known is left out."""
    guessed = _guessed(endpoint, model)
    try:
        async with asyncio.timeout(PATIENCE):
            match endpoint.kind.profile.tool_support:
                case ToolSupport.TEMPLATE:
                    return await _llama_cpp(endpoint, egress) or guessed
                case ToolSupport.OLLAMA:
                    return await _ollama(endpoint, model, egress)
                case ToolSupport.UNKNOWN:
                    if endpoint.kind.profile.unspecific and is_here(endpoint.base_url):
                        return await _listed(endpoint, model, egress, guessed)
                    if not endpoint.kind.profile.serves_local_models:
                        return guessed
                    return evolve(guessed, window=await told_window(endpoint, model, egress))
    except (InhouseError, TimeoutError):
        return guessed


def _guessed(endpoint: Endpoint, model: str) -> ServedModel:
    return ServedModel(parameters=size_in(model) if is_local_server(endpoint) else None)


async def mode_for(
    endpoint: Endpoint, model: str, served: ServedModel, shared: "EndpointState"
) -> ToolMode | None:
    """Return the setting, else what was found out, else what the server says; None to try it."""
    if endpoint.tools is not None:
        return endpoint.tools
    found = (await shared.profile(endpoint, served.name or model)).get("tools")
    return ToolMode(found) if found in list(ToolMode) else served.mode


def size_in(name: str) -> int | None:
    """Read the number of parameters from a model's name: ``qwen2.5-coder:1.5b``."""
    found = [
        float(number) * (1e9 if unit.lower() == "b" else 1e6)
        for number, unit in _SIZE.findall(
            name.replace("-", " ").replace("_", " ").replace(":", " ")
        )
    ]
    return int(max(found)) if found else None


async def _llama_cpp(endpoint: Endpoint, egress: "Egress") -> ServedModel | None:
    props = fields(await get_json(endpoint, "/props", egress))
    if not props:
        return None
    try:
        entries = entries_of(await get_json(endpoint, "models", egress), "data")
    except InhouseError:
        entries = []
    return _described(props, entries[0] if entries else {})


async def _listed(
    endpoint: Endpoint, model: str, egress: "Egress", guessed: ServedModel
) -> ServedModel:
    """Read the list of models, which shows what kind of server an endpoint without a kind is."""
    entries = entries_of(await get_json(endpoint, "models", egress), "data")
    if entries and entries[0].get("owned_by") == "llamacpp":
        return _described(fields(await get_json(endpoint, "/props", egress)), entries[0])
    named = [one for one in entries if one.get("id") == model]
    meant = named[0] if named else entries[0] if len(entries) == 1 else {}
    return evolve(guessed, window=window_in(meant))


def _described(props: dict[str, Any], entry: dict[str, Any]) -> ServedModel:
    meta = fields(entry.get("meta"))
    name = text(props.get("model_path")) or text(entry.get("id"))
    generation = fields(props.get("default_generation_settings"))
    return ServedModel(
        name,
        _template_has_tools(props),
        whole(meta.get("n_params")) or size_in(name.rpartition("/")[2]),
        whole(generation.get("n_ctx")) or whole(props.get("n_ctx")),
    )


def _template_has_tools(props: dict[str, Any]) -> bool | None:
    """Return whether the template has tools; llama.cpp silently drops them if not."""
    capabilities = fields(props.get("chat_template_caps"))
    if isinstance(known := capabilities.get("supports_tools"), bool):
        return known
    template = text(props.get("chat_template_tool_use")) or text(props.get("chat_template"))
    return "tools" in template if template else None


async def _ollama(endpoint: Endpoint, model: str, egress: "Egress") -> ServedModel:
    shown = fields(await post_json(endpoint, "/api/show", {"model": model}, egress))
    capabilities = items(shown.get("capabilities"))
    told = whole(fields(shown.get("model_info")).get("general.parameter_count"))
    size = text(fields(shown.get("details")).get("parameter_size"))
    return ServedModel(
        model,
        ("tools" in capabilities) if capabilities else None,
        told or size_in(size) or size_in(model),
    )
