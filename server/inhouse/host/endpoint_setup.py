"""Adding an endpoint: servers found on this machine, known providers, and saving the choice.

Every door uses it: the terminal's ``inhouse endpoint add`` and an editor's commands.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import evolve, frozen

from inhouse.core.endpoint_kinds import SERVICES, Kind, Service, guessed_kind
from inhouse.core.errors import InhouseError, UserError
from inhouse.core.redaction import remember
from inhouse.core.remedies import KEY_REFERENCE, why_no_key
from inhouse.core.route import BEING_ADDED, Endpoint, EndpointStatus, ModelInfo, Privacy
from inhouse.core.secret import Secret
from inhouse.core.urls import base_url, host_of, is_local_name
from inhouse.providers.network.egress import Egress, EgressPolicy
from inhouse.settings.layers import USER_FILE

if TYPE_CHECKING:
    from .host import Host

LOOKED_AT_S = 1.5
"""Seconds after which a server on this machine that has not answered counts as absent."""
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
    """The model that serves every unknown model name; None if names are sent unchanged."""
    key: str | None = None
    key_reference: str | None = None
    """``${env:NAME}`` or ``${keyring:NAME}`` instead of a key."""
    make_default: bool = True


@frozen
class Description:
    """What somebody said about an endpoint; the provider's name supplies the rest."""

    name: str | None = None
    provider: str | None = None
    """A name of `SERVICES`."""
    kind: str | None = None
    url: str | None = None
    model: str | None = None
    key: str | None = None
    key_reference: str | None = None
    make_default: bool = True


def described(
    said: Description,
    *,
    there: Mapping[str, Endpoint],
    environ: Mapping[str, str],
    url_word: str,
) -> NewEndpoint:
    """Fill in what a provider's name implies.  Raises `UserError` in the words of the door.

    *url_word* is what the door calls the address; *there* are the existing endpoints by name.
    """
    known = {one.name: one for one in SERVICES}
    provider = known.get(said.provider or said.kind or said.name or "")
    if said.url is None and provider is None:
        names = ", ".join(known)
        asked = said.provider or said.name or said.kind or "An endpoint"
        raise UserError(f"{asked!r} needs {url_word}.  Known names: {names}.")
    url = said.url or (provider.base_url if provider else "")
    kind = Kind(said.kind) if said.kind in set(Kind) else None
    kind = kind or (provider.kind if provider else _kind_of(url))
    url = base_url(url, kind)
    wanted = provider.name if provider else _name_at(url)
    name = said.name or name_for(wanted, kind, url, there)
    key = said.key
    variable = re.fullmatch(r"\$\{env:(\w+)\}", said.key_reference or "")
    if variable and key is None:
        key = environ.get(variable[1])
        if not key:
            raise UserError(f"The environment variable {variable[1]} is not set.")
    if key:
        remember(key)
    return NewEndpoint(
        name=name,
        kind=kind,
        base_url=url,
        model=said.model,
        key=key,
        key_reference=said.key_reference,
        make_default=said.make_default,
    )


def _name_at(url: str) -> str:
    """Return a name for an address that nobody named."""
    if is_local_name(url):
        return "local"
    return re.sub(r"[^A-Za-z0-9_]+", "-", host_of(url)).strip("-")[:60] or "server"


def _kind_of(url: str) -> Kind:
    """Guess the kind of an address as it was typed.  Raises `UserError`."""
    read = base_url(url)
    if read.startswith("unix:"):
        return guessed_kind("", None)
    has_path = urlsplit(url if "://" in url else f"//{url}").path not in ("", "/")
    return guessed_kind(host_of(read), None if has_path else urlsplit(read).port)


async def discover(services: Iterable[Service] = SERVICES) -> tuple[FoundServer, ...]:
    """Ask the usual loopback ports for their models; a port that does not answer is left out.

    Nothing but loopback is contacted, whatever the settings say.
    """
    egress = Egress(EgressPolicy(privacy=Privacy.LOCAL_ONLY, privacy_source="looking for servers"))
    try:
        found = await asyncio.gather(*(_ask(one, egress) for one in services if one.is_found))
    finally:
        await egress.aclose()
    return tuple(one for one in found if one is not None)


async def _ask(service: Service, egress: Egress) -> FoundServer | None:
    from inhouse.providers.endpoints.model_list import listed_models  # noqa: PLC0415  only when somebody looks

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


@frozen
class Provider:
    """A service of the list, with its state on this machine."""

    service: Service
    key_is_set: bool
    """Whether the variable that its makers document holds a key."""
    models: tuple[ModelInfo, ...] | None
    """What it serves; None if it was not looked for or does not answer."""


def providers(
    found: Iterable[FoundServer] | None, environ: Mapping[str, str]
) -> tuple[Provider, ...]:
    """Return every provider: those that answer first, then those with a key."""
    answered = {one.service.name: one.models for one in found or ()}
    known = [
        Provider(
            one,
            bool(one.key_variable and environ.get(one.key_variable)),
            answered.get(one.name),
        )
        for one in SERVICES
    ]
    return tuple(sorted(known, key=lambda one: (one.models is None, not one.key_is_set)))


async def try_out(host: "Host", new: NewEndpoint) -> EndpointStatus:
    """Check an endpoint and its key before it is added.  A refused key is an error finding.

    One of the user's own that is tried again under its name keeps its headers and certificates.
    """
    from inhouse.providers.doctor import check  # noqa: PLC0415  only when somebody asks

    key = Secret(new.key) if new.key else None
    known = host.world.settings.endpoints.get(new.name)
    same = known is not None and (known.kind, known.base_url) == (new.kind, new.base_url)
    if known is not None and same and not known.from_workspace:
        endpoint = evolve(known, api_key=key, pool=())
    else:
        endpoint = Endpoint(
            name=new.name,
            kind=new.kind,
            base_url=new.base_url,
            source=BEING_ADDED,
            api_key=key,
            models={ALL_MODELS: new.model} if new.model else {},
        )
    async with host.world.egress.kept_open() as egress:
        return await check(endpoint, egress=egress, wanted=(new.model,) if new.model else ())


async def add_endpoint(host: "Host", new: NewEndpoint) -> str:
    """Write an endpoint to the user's settings and its key to the keyring; return what was done.

    Raises `UserError` if the name cannot be used, the keyring refuses, or the file cannot be
    written; then nothing was changed.
    """
    from inhouse.settings.write_settings import change_user_settings  # noqa: PLC0415  first use

    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", new.name):
        raise UserError(f"{new.name!r} is not a name: use letters, digits, _ and -.")
    key = new.key_reference
    if new.key and key is None:
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
    path = user_settings_file(host)
    known = host.world.settings.endpoints.get(new.name)
    done = "Added" if known is None or known.from_workspace else "Changed"
    await asyncio.to_thread(change_user_settings, path, changes)
    await host.reload(())
    default = "  It is the default endpoint." if new.make_default else ""
    place = "to" if done == "Added" else "in"
    return f"{done} the endpoint {new.name!r} {place} {path}.{default}"


async def choose_default(host: "Host", name: str) -> None:
    """Make an endpoint the default in the user's settings.  Raises `UserError`."""
    from inhouse.settings.write_settings import change_user_settings  # noqa: PLC0415  first use

    known = host.world.settings.endpoints
    if name not in known:
        told = ", ".join(known) or "none"
        raise UserError(f"No endpoint {name!r}.  Endpoints: {told}", code="unknown_endpoint")
    changes = {("defaultEndpoint",): name}
    await asyncio.to_thread(change_user_settings, user_settings_file(host), changes)
    await host.reload(())


async def set_key(host: "Host", name: str, reference: str | None) -> Path | None:
    """Have an endpoint use another key: change its ``apiKey`` in the user's file, nothing else.

    *reference* is ``${env:NAME}`` or ``${keyring:NAME}``; None writes nothing.  Return the file;
    None if the client's own settings name the address, which only the client can change.  Raises
    `UserError` if the endpoint takes no key of the user's, or not from here.
    """
    from inhouse.settings.write_settings import change_user_settings  # noqa: PLC0415  first use

    known = _takes_key(host, name)
    if reference is not None and not KEY_REFERENCE.fullmatch(reference):
        raise UserError("'keyReference' is ${env:NAME} or ${keyring:NAME}, and never the key.")
    path = user_settings_file(host)
    if not known.source.startswith(f"{path}: "):
        return None
    if reference is not None:
        changes = {("endpoints", name, "apiKey"): reference}
        await asyncio.to_thread(change_user_settings, path, changes)
        await host.reload(())
    return path


def _takes_key(host: "Host", name: str) -> Endpoint:
    """Return an endpoint whose key a door can change.  Raises `UserError`, with what works."""
    known = host.world.settings.endpoints.get(name)
    if (refused := why_no_key(name, known)) is not None:
        raise refused
    if known is None:
        told = ", ".join(host.world.settings.endpoints) or "none"
        raise UserError(f"No endpoint {name!r}.  Endpoints: {told}", code="unknown_endpoint")
    return known


def user_settings_file(host: "Host") -> Path:
    """Return the user's own settings file, which every door reads."""
    return host.services.folders.config / USER_FILE


def name_for(wanted: str, kind: Kind, url: str, there: Mapping[str, Endpoint]) -> str:
    """Return the name that the user's settings give this server, else one that is free."""
    for known in there.values():
        if not known.from_workspace and (known.kind, known.base_url) == (kind, url):
            return known.name
    name, number = wanted, 2
    while name in there:
        name, number = f"{wanted}-{number}", number + 1
    return name
