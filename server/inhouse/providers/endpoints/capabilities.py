"""What a model at an endpoint can do, found out once and remembered."""

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import define, field

from inhouse.core.route import Endpoint


class Profiles(Protocol):
    """Remembers a small JSON object per endpoint and model.  May block for a moment."""

    def get(self, endpoint: str, model: str) -> Mapping[str, Any]:
        """Return what is known; empty if nothing is."""
        ...

    def put(self, endpoint: str, model: str, profile: Mapping[str, Any]) -> None: ...


@define(eq=False)
class MemoryProfiles:
    """Remembers as long as the process lives."""

    _known: dict[tuple[str, str], dict[str, Any]] = field(
        factory=dict[tuple[str, str], dict[str, Any]]
    )

    def get(self, endpoint: str, model: str) -> Mapping[str, Any]:
        return self._known.get((endpoint, model), {})

    def put(self, endpoint: str, model: str, profile: Mapping[str, Any]) -> None:
        self._known[endpoint, model] = dict(profile)


def profile_key(endpoint: Endpoint) -> str:
    """Return the name and URL: another server behind the same name is another endpoint."""
    if endpoint.kind.profile.is_child:
        return f"{endpoint.name} embedded:{endpoint.model_path or ''}"
    return f"{endpoint.name} {endpoint.base_url}"


def origin_of(endpoint: Endpoint, model: str) -> str:
    """Return the endpoint, its URL and the model: who may see again what it said itself."""
    return f"{profile_key(endpoint)} {model}"
