"""Model ids that are known without asking anybody."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inhouse.lsp.session import Session


def model_words(session: "Session") -> Iterator[tuple[str, str]]:
    """Give each model with where it was seen: offered, in settings, in other definitions."""
    for name, status in session.checked.items():
        yield from ((model.id, f"offered by {name}") for model in status.models or ())
    yield from _in_settings(session)
    for agent in session.host.world.catalog.all:
        if agent.model:
            yield agent.model, f"model of {agent.id}"


def _in_settings(session: "Session") -> Iterator[tuple[str, str]]:
    settings = session.host.world.settings
    for endpoint in settings.endpoints.values():
        known = (one for pair in endpoint.models.items() for one in pair)
        yield from ((one, f"models of {endpoint.name}") for one in known if "*" not in one)
    for route in settings.routes:
        if route.model:
            yield route.model, f"route of {route.agents}"
