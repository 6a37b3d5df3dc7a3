"""The endpoints there are, and whether they work."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from inhouse.core.errors import UserError
from inhouse.core.route import Endpoint, EndpointStatus
from inhouse.providers.permission import looks_local

if TYPE_CHECKING:
    from .host import Host


def known_endpoints(host: "Host") -> Mapping[str, Endpoint]:
    """Give the endpoints that settings, definitions and the environment name."""
    return dict(host.world.settings.endpoints)


def unchecked(host: "Host") -> tuple[EndpointStatus, ...]:
    """Give what is known without opening a connection."""
    settings = host.world.settings
    return tuple(
        EndpointStatus(
            name=name,
            kind=endpoint.kind,
            base_url=endpoint.base_url,
            local=looks_local(endpoint, "", settings),
            source=endpoint.source,
        )
        for name, endpoint in known_endpoints(host).items()
    )


def chosen(host: "Host", names: Iterable[str]) -> tuple[Endpoint, ...]:
    """Give the endpoints of these names, all where there are none.  Raises `UserError`."""
    known = known_endpoints(host)
    wanted = tuple(names)
    for name in wanted:
        if name not in known:
            raise UserError(
                f"No endpoint {name!r}.  Endpoints: {', '.join(sorted(known)) or 'none'}"
            )
    return tuple(known[name] for name in wanted or known)
