"""Adding an endpoint: what is found on this machine, what providers there are, and writing it down.

Every door uses it: the terminal's ``inhouse endpoint add`` and an editor's commands.
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from attrs import frozen

from inhouse.core.endpoint_kinds import SERVICES, Kind, Service
from inhouse.core.errors import InhouseError, UserError
from inhouse.core.route import Endpoint, EndpointStatus, ModelInfo, Privacy
from inhouse.core.secret import Secret
from inhouse.providers.doctor import check
from inhouse.providers.endpoints.model_list import listed_models
from inhouse.providers.network.egress import Egress, EgressPolicy

if TYPE_CHECKING:
    from .host import Host

LOOKED_AT_S = 1.5
"""Seconds that a server on this machine has to answer before it counts as not there."""
ALL_MODELS = "*"
"""The glob that maps every model's name."""


@frozen
class FoundServer:
    """A server that answers on this machine."""

    service: Service
    models: tuple[ModelInfo, ...]


@frozen
class NewEndpoint:
    """What somebody wants to add."""

    name: str
    kind: Kind
    base_url: str
    model: str | None = None
    """Serves every model's name that the endpoint does not know; None: names go as they are."""
    key: str | None = None
    key_reference: str | None = None
    """``${env:NAME}`` or ``${keyring:NAME}``, in the place of a key."""
    make_default: bool = True


async def discover(services: Iterable[Service] = SERVICES) -> tuple[FoundServer, ...]:
    """Ask the usual loopback ports for their models; what does not answer is not there.

    Nothing but loopback is contacted, whatever the settings say.
    """
    egress = Egress(EgressPolicy(privacy=Privacy.LOCAL_ONLY, privacy_source="looking for servers"))
    try:
        found = await asyncio.gather(*(_ask(one, egress) for one in services if one.is_found))
    finally:
        await egress.aclose()
    return tuple(one for one in found if one is not None)


async def _ask(service: Service, egress: Egress) -> FoundServer | None:
    endpoint = Endpoint(
        name=service.name,
        kind=service.kind,
        base_url=service.base_url,
        source="looking for servers",
    )
    try:
        async with asyncio.timeout(LOOKED_AT_S):
            models = await listed_models(endpoint, egress)
    except (InhouseError, TimeoutError, OSError):
        return None
    return FoundServer(service, models)


async def try_out(host: "Host", new: NewEndpoint) -> EndpointStatus:
    """Check an endpoint before it is added, with its key.  A refused key is an error finding."""
    endpoint = Endpoint(
        name=new.name,
        kind=new.kind,
        base_url=new.base_url,
        source="the endpoint you are adding",
        api_key=Secret(new.key) if new.key else None,
        models={ALL_MODELS: new.model} if new.model else {},
    )
    async with host.world.egress.kept_open() as egress:
        return await check(endpoint, egress=egress, wanted=(new.model,) if new.model else ())


async def add_endpoint(host: "Host", new: NewEndpoint) -> str:
    """Write an endpoint to the user's own settings, its key to the keyring; return what was done.

    Raises `UserError` if the name cannot be used, the keyring refuses, or the file cannot be
    written; then nothing was changed.
    """
    from inhouse.settings.write_settings import change_user_settings  # noqa: PLC0415  first use

    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", new.name):
        raise UserError(f"{new.name!r} is not a name: use letters, digits, _ and -.")
    key = new.key_reference
    if new.key:
        await asyncio.to_thread(host.services.keys.set, new.name, new.key)
        key = f"${{keyring:{new.name}}}"
    at = ("endpoints", new.name)
    profile = new.kind.profile
    changes: dict[tuple[str, ...], object] = {(*at, "kind"): new.kind.value}
    if new.base_url and new.base_url != profile.default_url:
        changes[(*at, "baseUrl")] = new.base_url
    if key:
        changes[(*at, "apiKey")] = key
    if new.model:
        changes[(*at, "models")] = {ALL_MODELS: new.model}
    if new.make_default:
        changes[("defaultEndpoint",)] = new.name
    path = host.services.folders.config / "config.toml"
    await asyncio.to_thread(change_user_settings, path, changes)
    await host.reload(())
    default = "  It is the default endpoint." if new.make_default else ""
    return f"Added the endpoint {new.name!r} to {path}.{default}"


def free_name(wanted: str, taken: Callable[[str], bool]) -> str:
    """Return a name that no endpoint has yet."""
    name, number = wanted, 2
    while taken(name):
        name, number = f"{wanted}-{number}", number + 1
    return name
