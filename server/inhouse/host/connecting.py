"""From a plan to a model that may be asked: metered, and through the one door."""

from inhouse.core.ports import Model
from inhouse.providers.connect import connect

from .metering import MeteredModel
from .scope import Scope


def connected(scope: Scope) -> Model:
    """Give the model of a plan; nothing is opened before it is asked."""
    plan, host = scope.plan, scope.host
    inner = connect(
        plan.endpoint,
        plan.model,
        egress=host.world.egress,
        definition=plan.definition,
        embedded=host.services.embedded,
    )
    return MeteredModel(inner, plan.endpoint, plan.model, plan.route.local, scope.family.budget)
