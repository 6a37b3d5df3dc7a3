"""A connected model for a replayed server."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.ports import Model
from inhouse.providers.endpoints.endpoint_state import EndpointState
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress
from support.asking import endpoint
from support.replay import Replay

Connect = Callable[..., Model]


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    async with Egress() as egress:
        yield egress


@pytest.fixture
def model_at(egress: Egress) -> Connect:
    """A model behind a replayed server, e.g. ``model_at(server, kind=Kind.VLLM)``."""

    def at(
        server: Replay,
        model: str = "m",
        kind: Kind = Kind.OPENAI,
        *,
        shared: Any = None,
        **more: Any,
    ) -> Any:
        at = endpoint(server.base_url, kind, **more)
        if shared:  # one process with several runs
            state = EndpointState()
            return lambda: connect(at, model, egress=egress, shared=state)
        return connect(at, model, egress=egress)

    return at
