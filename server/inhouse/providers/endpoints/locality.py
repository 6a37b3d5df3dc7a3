"""Whether a model is really local: a server on loopback may forward to another machine."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inhouse.core.endpoint_kinds import Forwarding
from inhouse.core.errors import InhouseError, ProviderError, RefusedError
from inhouse.core.json_values import fields
from inhouse.core.route import Endpoint
from inhouse.providers.endpoints import endpoint_errors
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.endpoints.http_json import Reply, get_json, post_json, request
from inhouse.providers.endpoints.model_list import entries_of, is_cloud
from inhouse.providers.network.addresses import http_address, read_host
from inhouse.providers.network.port_owner import tunnel_at

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress

GATEWAY_HEADERS = ("x-litellm-", "x-openrouter-", "x-portkey-", "x-kong-", "cf-ray", "x-helicone-")
GATEWAY_FIELDS = ("pricing", "top_provider", "provider", "providers")
LOCAL_OWNERS = frozenset({"llamacpp", "vllm", "sglang", "library", "mlx", "koboldcpp", "tabbyapi"})
REMOTE_OWNERS = frozenset(
    {*("openai", "system", "anthropic", "google", "mistralai", "deepseek", "xai", "openrouter")}
)


@frozen
class Verdict:
    """Whether a model runs on the user's own machines, and how that is known."""

    local: bool
    reason: str
    remedy: str = ""


async def verify_local(  # noqa: PLR0911  # one a kind
    endpoint: Endpoint, model: str, egress: "Egress"
) -> Verdict:
    """Ask the server where it runs the model, sending nothing of a prompt.

    Raises `ProviderError` if a server that must tell does not answer.
    """
    if not endpoint.kind.profile.is_child and not egress.is_local(endpoint.base_url):
        return Verdict(local=False, reason=f"{endpoint.base_url} is not on this machine.")
    if not endpoint.vouched_local and (tunnel := await _tunnel(endpoint)):
        what = f"{tunnel!r} listens there, and it connects to other machines."
        return _unless_vouched(endpoint, what)
    match endpoint.kind.profile.forwarding:
        case Forwarding.NEVER:
            return Verdict(local=True, reason="It runs in a child process of Inhouse.")
        case Forwarding.OLLAMA:
            return await _ollama(endpoint, model, egress)
        case Forwarding.LITELLM:
            return await _litellm(endpoint, model, egress)
        case Forwarding.LM_STUDIO:
            return await _lm_studio(endpoint, model, egress)
        case Forwarding.ALWAYS:
            what = f"A server of kind {endpoint.kind.value!r} forwards requests."
            return _unless_vouched(endpoint, what)
        case Forwarding.UNKNOWN:
            return await _unknown(endpoint, model, egress)


async def require_local(
    endpoint: Endpoint, model: str, egress: "Egress", *, privacy_source: str
) -> None:
    """Raise `RefusedError` unless the model is local."""
    verdict = await verify_local(endpoint, model, egress)
    if verdict.local:
        return
    raise RefusedError(
        f"{ModelRef(endpoint, model)} is not local: {verdict.reason}  "
        f'`inhouse.privacy` is "local-only" ({privacy_source}).',
        verdict.remedy or 'Choose a local model, or set `inhouse.privacy` to "ask" or "any".',
        code="privacy",
    )


async def _tunnel(endpoint: Endpoint) -> str:
    """Return the name of a tunnel in a local server's place, if known."""
    address = None if endpoint.kind.profile.is_child else http_address(endpoint.base_url)
    if address is None or address.unix_path is not None:
        return ""
    return await asyncio.to_thread(tunnel_at, read_host(address.host).addresses or (), address.port)


async def _ollama(endpoint: Endpoint, model: str, egress: "Egress") -> Verdict:
    """Check Ollama, which forwards its cloud models through the same port (backends.md, Q4)."""
    cloud = Verdict(
        local=False,
        reason=f"Ollama runs {model!r} in its cloud.",
        remedy="Choose a model that `ollama list` shows with a size, e.g. after `ollama pull`.",
    )
    if model.rpartition(":")[2].endswith("cloud"):
        return cloud
    listed = entries_of(await get_json(endpoint, "/api/tags", egress), "models")
    try:
        shown = await post_json(endpoint, "/api/show", {"model": model}, egress)
    except ProviderError as error:
        if error.code != "not_found":
            raise
        has = tuple(str(one.get("name")) for one in listed)
        raise endpoint_errors.not_found(ModelRef(endpoint, model), "", has) from error
    names = {model, f"{model}:latest"}
    mine = [one for one in listed if names & {str(one.get("name")), str(one.get("model"))}]
    if is_cloud(fields(shown)) or any(map(is_cloud, mine)):
        return cloud
    return Verdict(local=True, reason="Ollama says that it runs the model itself.")


async def _litellm(endpoint: Endpoint, model: str, egress: "Egress") -> Verdict:
    """Check LiteLLM, whose ``/model/info`` says where each deployment is."""
    try:
        told = await get_json(endpoint, "/model/info", egress)
    except InhouseError as error:
        return _unless_vouched(endpoint, f"LiteLLM does not report where it forwards to ({error}).")
    deployments = [one for one in entries_of(told, "data") if one.get("model_name") == model]
    if not deployments:
        return _unless_vouched(endpoint, f"LiteLLM does not report where {model!r} is.")
    for deployment in deployments:
        parameters = fields(deployment.get("litellm_params"))
        base = parameters.get("api_base")
        if not isinstance(base, str) or not _is_local(base, egress):
            where = base or f"the provider of {parameters.get('model')!r}"
            return Verdict(
                local=False,
                reason=f"LiteLLM forwards {model!r} to {where}.",
                remedy="Choose a model that LiteLLM forwards to this machine.",
            )
    return Verdict(local=True, reason="LiteLLM forwards it to this machine only.")


async def _lm_studio(endpoint: Endpoint, model: str, egress: "Egress") -> Verdict:
    """Check LM Studio: LM Link lets another machine answer, and the REST API does not say so."""
    entries = entries_of(await get_json(endpoint, "/api/v0/models", egress), "data")
    for entry in entries:
        linked = [key for key in ("device", "deviceIdentifier", "link", "remote") if entry.get(key)]
        if entry.get("id") == model and linked:
            return Verdict(local=False, reason=f"LM Studio runs {model!r} on a linked device.")
    return _unless_vouched(endpoint, "LM Studio may use a linked device (LM Link) for it.")


async def _unknown(endpoint: Endpoint, model: str, egress: "Egress") -> Verdict:
    """Look for signs of a gateway; a plain server on loopback is local."""
    try:
        reply = await request(endpoint, "models", egress)
    except InhouseError:
        return Verdict(local=True, reason="It listens on this machine and lists no models.")
    entries = entries_of(reply.value, "data")
    mine = [one for one in entries if one.get("id") == model] or entries
    if any(one.get("owned_by") == "library" for one in mine):
        return await _ollama(endpoint, model, egress)
    if all(one.get("owned_by") in LOCAL_OWNERS for one in mine) and mine:
        return Verdict(local=True, reason="The server says that it runs the model itself.")
    if sign := _gateway_sign(reply, mine):
        return _unless_vouched(endpoint, f"It looks like a gateway ({sign}).")
    return Verdict(local=True, reason="It listens on this machine and shows no sign of a gateway.")


def _gateway_sign(reply: Reply, entries: list[dict[str, Any]]) -> str:
    for name in reply.headers:
        if name.lower().startswith(GATEWAY_HEADERS):
            return f"it sends the header {name}"
    for entry in entries:
        for key in GATEWAY_FIELDS:
            if isinstance(entry.get(key), Mapping | list):
                return f"its models have {key!r}"
        if entry.get("owned_by") in REMOTE_OWNERS:
            return f"it says that {entry.get('id')!r} is owned by {entry.get('owned_by')!r}"
    return ""


def _unless_vouched(endpoint: Endpoint, reason: str) -> Verdict:
    if endpoint.vouched_local:
        return Verdict(local=True, reason="You vouched for it in your own settings.")
    return Verdict(
        local=False,
        reason=reason,
        remedy="If you know that it forwards to your own machines only, set "
        f"`inhouse.endpoints.{endpoint.name}.vouchedLocal` to true in your own settings"
        f"{', beside its baseUrl' if endpoint.from_workspace else ''}.",
    )


def _is_local(base_url: str, egress: "Egress") -> bool:
    try:
        return egress.is_local(base_url)
    except InhouseError:
        return False
