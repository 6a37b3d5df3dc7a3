"""A model for any endpoint."""

from inhouse.core.definition import AgentDefinition
from inhouse.core.errors import UserError
from inhouse.core.ports import Model
from inhouse.core.route import Endpoint, Kind
from inhouse.providers.egress import Egress
from inhouse.providers.embedded import ALIAS, EmbeddedModel, EmbeddedServers


def connect(
    endpoint: Endpoint,
    model: str,
    *,
    egress: Egress,
    definition: AgentDefinition | None = None,
    embedded: EmbeddedServers | None = None,
) -> Model:
    """Return the model; nothing is opened before it is asked."""
    del definition
    model = endpoint.models.get(model, model)
    if endpoint.kind is Kind.EMBEDDED:
        if embedded is None:
            raise UserError("The embedded model cannot be started here.", code="embedded_missing")
        return EmbeddedModel(endpoint, embedded, lambda at: _chat(at, ALIAS, egress))
    return _chat(endpoint, model, egress)


def _chat(endpoint: Endpoint, model: str, egress: Egress) -> Model:
    from inhouse.providers.openai_chat import OpenAIChat  # noqa: PLC0415  # openai: 0.6 s

    return OpenAIChat(endpoint, model, egress)
