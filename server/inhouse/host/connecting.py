"""From a plan to a model that may be asked: local is verified first, then metered."""

from typing import TYPE_CHECKING

from inhouse.core.ports import Model
from inhouse.providers.connect import connect

from .metering import MeteredModel
from .plan import Plan

if TYPE_CHECKING:
    from .host import Host
    from .running import Family


def connected(host: "Host", plan: Plan, family: "Family") -> Model:
    """Give the model of a plan; nothing is opened before it is asked."""
    inner = connect(
        plan.endpoint,
        plan.model,
        egress=host.world.egress,
        definition=plan.definition,
        embedded=host.services.embedded,
    )
    return MeteredModel(inner, plan.endpoint, plan.model, plan.route.local, family.budget)
