"""The endpoints of settings, definitions and environment, and whether they work."""

import asyncio

from attrs import define, evolve, field

from inhouse.core.definition import AgentDefinition
from inhouse.core.errors import UserError
from inhouse.core.remedies import why_no_key
from inhouse.core.route import Endpoint, EndpointStatus
from inhouse.providers.doctor import check
from inhouse.providers.routing.policy import looks_local

from .host_state import HostState
from .plan import choice_for

ANY_AGENT = AgentDefinition(id="any", display_name="Any agent", model="any")
"""Stands for an agent that does not exist yet, to ask what would serve it."""


@define
class Known:
    """An endpoint, and the models that agents want from it."""

    endpoint: Endpoint
    wanted: set[str] = field(factory=set[str])


def known_endpoints(state: HostState) -> tuple[Known, ...]:
    """Return the endpoints that settings, definitions and the environment name."""
    settings = state.world.settings
    known = {
        (endpoint.name, endpoint.base_url): Known(endpoint)
        for endpoint in settings.endpoints.values()
    }
    usable = [agent for agent in state.world.catalog.agents.values() if agent.definition]
    for agent, definition in (
        *((agent, agent.definition) for agent in usable),
        (None, ANY_AGENT),
    ):
        try:
            choice = choice_for(agent, definition or ANY_AGENT, state)
        except UserError:
            continue
        endpoint = choice.endpoint
        if endpoint is not None:
            one = known.setdefault((endpoint.name, endpoint.base_url), Known(endpoint))
            if agent is not None:
                one.wanted.add(choice.model)
    return tuple(known.values())


def unchecked(state: HostState) -> tuple[EndpointStatus, ...]:
    """Return what is known without opening a connection."""
    settings = state.world.settings
    return tuple(
        EndpointStatus(
            name=one.endpoint.name,
            kind=one.endpoint.kind,
            base_url=one.endpoint.base_url,
            local=looks_local(one.endpoint, "", settings),
            source=one.endpoint.source,
            from_workspace=one.endpoint.from_workspace,
            takes_key=why_no_key(one.endpoint.name, one.endpoint) is None,
        )
        for one in known_endpoints(state)
    )


async def checked(
    state: HostState, names: tuple[str, ...], base_url: str | None
) -> tuple[EndpointStatus, ...]:
    """Check endpoints concurrently.  Raises `UserError`."""
    async with state.world.egress.kept_open() as egress:
        chosen = _chosen(state, names, base_url)
        waiting = [
            check(
                one.endpoint,
                egress=egress,
                embedded=state.services.embedded,
                wanted=sorted(one.wanted),
                shared=state.services.shared,
            )
            for one in chosen
        ]
        return tuple(
            evolve(status, takes_key=why_no_key(one.endpoint.name, one.endpoint) is None)
            for one, status in zip(chosen, await asyncio.gather(*waiting), strict=True)
        )


def _chosen(state: HostState, names: tuple[str, ...], base_url: str | None) -> tuple[Known, ...]:
    known = [one for one in known_endpoints(state) if base_url in {None, one.endpoint.base_url}]
    there = {one.endpoint.name for one in known}
    for name in names:
        if name not in there:
            told = ", ".join(sorted(there)) or "none"
            at = "" if base_url is None else f" at {base_url}"
            raise UserError(
                f"No endpoint {name!r}{at}.  Endpoints: {told}", code="unknown_endpoint"
            )
    return tuple(one for one in known if not names or one.endpoint.name in names)
