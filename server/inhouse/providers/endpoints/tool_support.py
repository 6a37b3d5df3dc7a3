"""Whether a model takes native tool calls, where its server tells before it is asked."""

from typing import TYPE_CHECKING

from inhouse.core.endpoint_kinds import ToolSupport
from inhouse.core.errors import InhouseError
from inhouse.core.json_values import fields, items, text
from inhouse.core.route import Endpoint, ToolMode
from inhouse.providers.endpoints.http_json import get_json, post_json

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress


async def native_tools(endpoint: Endpoint, model: str, egress: "Egress") -> ToolMode | None:
    """Return the mode that will work; None where only trying can tell."""
    try:
        match endpoint.kind.profile.tool_support:
            case ToolSupport.TEMPLATE:
                return _by_template(fields(await get_json(endpoint, "/props", egress)))
            case ToolSupport.OLLAMA:
                shown = await post_json(endpoint, "/api/show", {"model": model}, egress)
                return _by_capabilities(fields(shown))
            case ToolSupport.UNKNOWN:
                return None
    except InhouseError:
        return None


def _by_template(props: dict[str, object]) -> ToolMode | None:
    """llama.cpp drops tools in silence where the model's template has no place for them."""
    capabilities = fields(props.get("chat_template_caps"))
    if isinstance(known := capabilities.get("supports_tools"), bool):
        return ToolMode.NATIVE if known else ToolMode.TEXT
    template = text(props.get("chat_template_tool_use")) or text(props.get("chat_template"))
    if not template:
        return None
    return ToolMode.NATIVE if "tools" in template else ToolMode.TEXT


def _by_capabilities(shown: dict[str, object]) -> ToolMode | None:
    capabilities = items(shown.get("capabilities"))
    if not capabilities:
        return None
    return ToolMode.NATIVE if "tools" in capabilities else ToolMode.TEXT
