"""A model for any endpoint."""

from inhouse.core.definition import AgentDefinition
from inhouse.core.ports import Model
from inhouse.core.route import Endpoint
from inhouse.providers.egress import Egress


def connect(
    endpoint: Endpoint,
    model: str,
    *,
    egress: Egress,
    definition: AgentDefinition | None = None,
) -> Model:
    """Return the model; nothing is opened before it is asked."""
    del definition
    from inhouse.providers.openai_chat import OpenAIChat  # noqa: PLC0415  # openai: 0.6 s

    return OpenAIChat(endpoint, endpoint.models.get(model, model), egress)
