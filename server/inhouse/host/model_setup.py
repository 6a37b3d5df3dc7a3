"""Makes the model of a plan: metered, and connected through the network room."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

from attrs import evolve, frozen

from inhouse.core.endpoint_kinds import guessed_kind
from inhouse.core.errors import InhouseError, ProviderError, UserError
from inhouse.core.logs import trace
from inhouse.core.ports import Chunks, Model, Prompt
from inhouse.core.route import Endpoint, ToolMode
from inhouse.core.urls import host_of
from inhouse.providers.embedded.servers import WINDOW
from inhouse.providers.endpoints.locality import verify_local
from inhouse.providers.endpoints.served_model import ServedModel
from inhouse.providers.endpoints.tool_support import (
    UNKNOWN,
    is_local_server,
    mode_for,
    served_in_time,
)
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress

from .run_context import RunContext
from .run_model import RunModel
from .run_plan import Plan
from .services import Services

BYTES_PER_PARAMETER = 0.6
"""Of a model quantised to four bits, as nearly all small ones are."""
PATIENCE = 3.0
"""Seconds that a server has to say where it runs a model, if nothing depends on it."""


@frozen
class ModelTraits:
    """What is known about a run's model before its first step."""

    served: ServedModel | None = None
    small: bool = False
    """Whether it is told less, in the form that suits small models best."""
    window: int | None = None
    """In tokens; None if unknown."""


async def traits_of(run: RunContext) -> ModelTraits:
    """Ask a local server what it serves.  Sends nothing of the prompt."""
    endpoint, services = run.plan.endpoint, run.host.services
    model = endpoint.models.get(run.plan.model, run.plan.model)
    if run.plan.unserved is not None or endpoint.pool or not is_local_server(endpoint):
        return ModelTraits()
    if endpoint.kind.profile.is_child:
        served, known = await asyncio.to_thread(_embedded, services, endpoint), None
    elif endpoint.tools is not None and endpoint.context_window is not None:
        served, known = UNKNOWN, None  # The user says all that it would be asked for.
    else:
        known = served = await served_in_time(endpoint, model, run.egress, services.shared)
    mode = await mode_for(endpoint, model, served, services.shared)
    small = mode is ToolMode.FILES or (mode is None and served.is_small)
    return ModelTraits(known, small, endpoint.context_window or served.window)


def _embedded(services: Services, endpoint: Endpoint) -> ServedModel:
    """Guess from the file's size, since its server starts only with the first request."""
    try:
        path = services.embedded.model_of(endpoint)
        parameters = int(path.stat().st_size / BYTES_PER_PARAMETER)
    except (InhouseError, OSError):
        return UNKNOWN
    return ServedModel(str(path), parameters=parameters, window=WINDOW)


def connected(run: RunContext, served: ServedModel | None = None) -> Model:
    """Return the model of a plan; no connection is opened before the first request."""
    plan, host = run.plan, run.host
    if plan.unserved is not None:
        return _NoModel(plan.unserved)
    trace(host.world.settings.trace)
    shared = host.services.shared
    inner = connect(
        plan.endpoint,
        plan.model,
        egress=run.egress,
        definition=plan.definition,
        embedded=host.services.embedded,
        shared=shared,
        backend=run.tree.backend,
        served=served,
    )
    asked = next(iter(plan.endpoint.pool), plan.endpoint)  # Its key is for its own URL.
    told = partial(shared.prices.price, asked, plan.model, run.egress)
    window = partial(_window, run, served.window if served is not None else None)
    return RunModel(
        inner, plan.endpoint, plan.model, plan.route.local, run.tree.budget, told, window
    )


async def _window(run: RunContext, served: int | None) -> int | None:
    """Return the size of the model's window; the server is asked only if the door shows it."""
    plan, windows = run.plan, run.host.services.shared.windows
    endpoint = plan.endpoint
    model = endpoint.models.get(plan.model, plan.model)
    known = endpoint.context_window or served or windows.known(endpoint, model)
    if known is not None or endpoint.pool or not run.host.door.shows_window:
        return known
    return await windows.window(endpoint, model, run.egress)


@frozen
class _NoModel:
    """Stands for the model of a run that needs none; says why there is none if it is asked."""

    why: UserError

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncGenerator[AsyncIterator[Chunks]]:
        del prompt
        raise self.why
        yield  # pyright: ignore[reportUnreachable]  an async generator needs one


async def verified(plan: Plan, egress: Egress) -> Plan:
    """Ask servers that may forward requests where they run the model.

    Under ``local-only``, every kind is asked again before the first request and may then be refused
    (`inhouse.providers.guarded_model`); here the answer only makes the route correct.
    """
    if plan.unserved is not None or not plan.route.local or not _may_forward(plan.endpoint):
        return plan
    try:
        async with asyncio.timeout(PATIENCE):
            verdict = await verify_local(plan.endpoint, plan.model, egress)
    except (ProviderError, TimeoutError):
        return plan
    return evolve(plan, route=evolve(plan.route, local=verdict.local))


def _may_forward(endpoint: Endpoint) -> bool:
    """Return whether the server may forward; a program on Ollama's port may be Ollama."""
    kind, port = endpoint.kind, urlsplit(endpoint.base_url).port
    guessed = guessed_kind(host_of(endpoint.base_url), port)
    return any(one.profile.tells_where_it_forwards for one in (kind, guessed))
