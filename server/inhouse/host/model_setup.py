"""From a plan to a model that may be asked: metered, and through the one door."""

import asyncio
from functools import partial
from urllib.parse import urlsplit

from attrs import evolve

from inhouse.core.endpoint_kinds import guessed_kind
from inhouse.core.errors import ProviderError
from inhouse.core.logs import trace
from inhouse.core.ports import Model
from inhouse.core.route import Endpoint
from inhouse.core.urls import host_of
from inhouse.providers.endpoints.locality import verify_local
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress

from .metered_model import MeteredModel
from .plan import Plan
from .redacting_model import RedactingModel
from .run_context import RunContext
from .traced_model import traced

PATIENCE = 3.0
"""Seconds that a server has to tell where it runs a model, where that does not decide anything."""


def connected(run: RunContext) -> Model:
    """Give the model of a plan; nothing is opened before it is asked."""
    plan, host = run.plan, run.host
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
    )
    inner = traced(RedactingModel(inner), f"{plan.endpoint.name} ({plan.model})")
    told = partial(shared.prices.price, plan.endpoint, plan.model, run.egress)
    return MeteredModel(inner, plan.endpoint, plan.model, plan.route.local, run.tree.budget, told)


async def verified(plan: Plan, egress: Egress) -> Plan:
    """Ask the kinds of server that may forward to elsewhere where they run the model.

    Under ``local-only`` every kind is asked again, and may refuse, before the first request
    (`inhouse.providers.guarded_model`); here the answer only makes the route tell the truth.
    """
    if not plan.route.local or not _may_forward(plan.endpoint):
        return plan
    try:
        async with asyncio.timeout(PATIENCE):
            verdict = await verify_local(plan.endpoint, plan.model, egress)
    except (ProviderError, TimeoutError):
        return plan
    return evolve(plan, route=evolve(plan.route, local=verdict.local))


def _may_forward(endpoint: Endpoint) -> bool:
    """A program on Ollama's port may be Ollama, whatever kind the settings say."""
    kind, port = endpoint.kind, urlsplit(endpoint.base_url).port
    guessed = guessed_kind(host_of(endpoint.base_url), port)
    return any(one.profile.tells_where_it_forwards for one in (kind, guessed))
