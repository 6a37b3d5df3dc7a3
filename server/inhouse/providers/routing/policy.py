"""Whether privacy and trust let an endpoint serve.  Asks no name server.

Only the URL's text and the system's hosts file count; ``egress.py`` checks the real connection
again.
"""

from inhouse.core.endpoint_kinds import Forwarding
from inhouse.core.route import Endpoint, Privacy, Refusal
from inhouse.core.settings import Settings
from inhouse.core.urls import host_of
from inhouse.providers.network.addresses import IPAddress, is_here, read_host, read_networks


def refusal(  # noqa: PLR0911  one for each reason
    endpoint: Endpoint, model: str, settings: Settings, *, workspace_trusted: bool = True
) -> Refusal | None:
    """Say why this endpoint may not serve this model, or None."""
    if endpoint.pool:
        found = (
            refusal(one, model, settings, workspace_trusted=workspace_trusted)
            for one in endpoint.pool
        )
        return next(filter(None, found), None)
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
        if (known := read_host(host).addresses) is not None:
            allow = _declare(known[0])
        elif host.endswith((".local", ".internal", ".lan", ".home.arpa")) or "." not in host:
            allow = (
                f"If it is your own machine, declare its address in `localAddresses` of your own "
                f"settings.  {allow}"
            )
        return Refusal(f"{begin}, and {host} is not this machine.", allow)
    if _is_cloud(endpoint, model):
        return Refusal(f"{begin}, and {model!r} runs in Ollama's cloud, not here.", allow)
    if endpoint.kind.profile.forwarding is Forwarding.ALWAYS and not endpoint.vouched_local:
        return Refusal(
            f"{begin}, and a server of kind {endpoint.kind.value!r} forwards requests.",
            f'Vouch for it in your own settings: vouchedLocal = true in "{endpoint.name}".',
        )
    return None


def looks_local(endpoint: Endpoint, model: str, settings: Settings) -> bool:
    """Return whether everything known without asking says local."""
    if endpoint.pool:
        return all(looks_local(one, model, settings) for one in endpoint.pool)
    if endpoint.kind.profile.counts_as_remote and not endpoint.vouched_local:
        return False
    networks = read_networks(settings.local_addresses)
    return is_here(endpoint.base_url, networks) and not _is_cloud(endpoint, model)


def _declare(address: IPAddress) -> str:
    """Say how to declare an address as the user's own."""
    if address.is_unspecified:
        return "Write 127.0.0.1 instead: 0.0.0.0 is an address for listening only."
    plain = str(address).partition("%")[0]
    return f'Declare it in your own settings: localAddresses = ["{plain}"].'


def _may_be_local(endpoint: Endpoint, settings: Settings) -> bool:
    """Return whether a name may be local: only if the user declared addresses (egress checks)."""
    if is_here(endpoint.base_url, read_networks(settings.local_addresses)):
        return True
    known = read_host(host_of(endpoint.base_url)).addresses
    return known is None and bool(settings.local_addresses)


def _is_cloud(endpoint: Endpoint, model: str) -> bool:
    """Return whether a tag marks an Ollama cloud model (``glm-4.6:cloud``)."""
    tag = endpoint.kind.profile.cloud_tag
    return tag is not None and model.rpartition(":")[2].endswith(tag)
