"""What a kind adds to each Chat Completions request, from the agent's definition."""

from collections.abc import Mapping
from typing import Any

from inhouse.core.definition import AgentDefinition
from inhouse.core.endpoint_kinds import Kind, RequestOptions
from inhouse.core.route import Endpoint
from inhouse.providers.dialect.chat_request import plain


def extra_body(kind: Kind, definition: AgentDefinition | None) -> dict[str, Any]:
    """Return ``reasoningOptions`` and ``providerOptions`` in the form of the endpoint's kind."""
    reasoning = definition.reasoning_options if definition is not None else None
    match kind.profile.options:
        case RequestOptions.OPENROUTER:
            body: dict[str, Any] = {"usage": {"include": True}}
            if reasoning:
                body["reasoning"] = plain(reasoning)
            if definition is not None and definition.provider_options:
                body["provider"] = plain(definition.provider_options)
            return body
        case RequestOptions.TEMPLATE:
            thinks = wants_thinking(reasoning)
            return {} if thinks is None else {"chat_template_kwargs": {"enable_thinking": thinks}}
        case RequestOptions.EFFORT:
            effort = (reasoning or {}).get("effort")
            return {"reasoning_effort": effort} if isinstance(effort, str) else {}
        case RequestOptions.NONE:
            return {}


_WRITTEN_HERE = frozenset({"messages", "model", "tools", "stream", "stream_options"})


def own_fields(endpoint: Endpoint) -> dict[str, Any]:
    """Return the settings' ``extraBody``, without what each request sets itself."""
    return {key: value for key, value in endpoint.extra_body.items() if key not in _WRITTEN_HERE}


def wants_thinking(reasoning: Mapping[str, Any] | None) -> bool | None:
    """Return whether a definition wants its model to think; None if it does not say."""
    if not reasoning:
        return None
    if reasoning.get("enabled") is False or reasoning.get("effort") == "none":
        return False
    said = any(reasoning.get(key) for key in ("enabled", "effort", "max_tokens"))
    return True if said else None
