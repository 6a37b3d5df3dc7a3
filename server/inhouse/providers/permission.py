"""May this endpoint serve, as privacy and trust are set?  By its text alone: pure, no look-ups.

``egress.py`` checks again what is really connected to.
"""

from inhouse.core.route import Endpoint, Kind, Privacy, Refusal
from inhouse.core.settings import Settings
from inhouse.core.urls import host_of, is_local_name, is_loopback, is_within, literal

_FORWARDING = frozenset({Kind.OPENROUTER, Kind.CODEBUFF, Kind.LITELLM})
"""Kinds that hand requests on, wherever they listen."""


def refusal(
    endpoint: Endpoint, model: str, settings: Settings, *, workspace_trusted: bool = True
) -> Refusal | None:
    """Say why this endpoint may not serve this model, or None."""
    for one in endpoint.pool or (endpoint,):
        refused = _refusal(one, model, settings, workspace_trusted=workspace_trusted)
        if refused is not None:
            return refused
    return None


def looks_local(endpoint: Endpoint, model: str, settings: Settings) -> bool:
    """Tell whether everything that can be told without asking says local."""
    if endpoint.pool:
        return all(looks_local(one, model, settings) for one in endpoint.pool)
    if endpoint.kind in _FORWARDING and not endpoint.vouched_local:
        return False
    here = is_local_name(endpoint.base_url) or _declared(endpoint, settings)
    return here and not _is_cloud(endpoint, model)


def _refusal(
    endpoint: Endpoint, model: str, settings: Settings, *, workspace_trusted: bool
) -> Refusal | None:
    if endpoint.from_workspace and not workspace_trusted:
        return Refusal(
            f"This workspace is not trusted, and {endpoint.source} names {endpoint.base_url}.",
            "Trust the workspace: `inhouse trust` in it, or in the editor.",
        )
    if settings.privacy is not Privacy.LOCAL_ONLY:
        return None
    begin = f"privacy is 'local-only' ({settings.privacy_source})"
    allow = f'Set privacy to "ask" or "any" ({settings.privacy_source}).'
    if not _may_be_local(endpoint, settings):
        host = host_of(endpoint.base_url)
        if literal(host) is not None:
            allow = f'Say in your own settings that it is yours: localAddresses = ["{host}"].'
        return Refusal(f"{begin}, and {host} is not this machine.", allow)
    if _is_cloud(endpoint, model):
        return Refusal(f"{begin}, and {model!r} runs in Ollama's cloud, not here.", allow)
    if endpoint.kind in (Kind.OPENROUTER, Kind.CODEBUFF) and not endpoint.vouched_local:
        return Refusal(
            f"{begin}, and a server of kind {endpoint.kind.value!r} hands requests on.",
            f'Vouch for it in your own settings: vouchedLocal = true in "{endpoint.name}".',
        )
    return None


def _may_be_local(endpoint: Endpoint, settings: Settings) -> bool:
    """A name stays open only where the user declared addresses: egress resolves and checks it."""
    if is_local_name(endpoint.base_url) or _declared(endpoint, settings):
        return True
    host = host_of(endpoint.base_url)
    return bool(settings.local_addresses) and literal(host) is None and _is_plain_name(host)


def _declared(endpoint: Endpoint, settings: Settings) -> bool:
    return is_within(host_of(endpoint.base_url), settings.local_addresses)


def _is_plain_name(host: str) -> bool:
    """A name, and no other spelling of an address such as ``2130706433`` or ``0x7f.1``."""
    last = host.rpartition(".")[2]
    return not is_loopback(host) and not last[:1].isdigit()


def _is_cloud(endpoint: Endpoint, model: str) -> bool:
    """Ollama's cloud models say so in their tag: ``gpt-oss:120b-cloud``, ``glm-4.6:cloud``."""
    return endpoint.kind is Kind.OLLAMA and model.rpartition(":")[2].endswith("cloud")
