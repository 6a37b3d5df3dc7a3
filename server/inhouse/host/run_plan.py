"""A run that can start, as a value: what will run, where, and within which limits."""

from attrs import frozen

from inhouse.core.definition import Agent, AgentDefinition
from inhouse.core.errors import UserError
from inhouse.core.limits import Limits
from inhouse.core.request import RunRequest
from inhouse.core.route import Endpoint, Route


@frozen
class Plan:
    request: RunRequest
    agent: Agent
    definition: AgentDefinition
    endpoint: Endpoint
    model: str
    route: Route
    limits: Limits
    needs_trust: bool = False
    """Whether the user must first be asked to trust the workspace."""
    unserved: UserError | None = None
    """Why no model serves a run whose ``handleSteps`` names no step; it fails if it asks one."""
