"""Settings as values (docs/reference/settings.md)."""

from collections.abc import Mapping
from enum import StrEnum

from attrs import field, frozen

from .route import Endpoint, Privacy


class EditMode(StrEnum):
    REVIEW = "review"
    APPLY = "apply"


class CommandMode(StrEnum):
    ASK = "ask"
    ALLOW_LISTED = "allow-listed"
    NEVER = "never"


class Trace(StrEnum):
    OFF = "off"
    MESSAGES = "messages"
    VERBOSE = "verbose"


@frozen
class RouteRule:
    agents: str
    """A glob over agent ids."""
    endpoint: str
    source: str
    """The file or setting that holds it."""
    model: str | None = None
    from_workspace: bool = False


@frozen
class Settings:
    endpoints: Mapping[str, Endpoint] = field(factory=dict[str, Endpoint])
    routes: tuple[RouteRule, ...] = ()
    default_endpoint: str | None = None
    default_endpoint_source: str = "default"
    privacy: Privacy = Privacy.ANY
    privacy_source: str = "default"
    edits: EditMode = EditMode.REVIEW
    commands: CommandMode = CommandMode.ASK
    allowed_commands: tuple[str, ...] = ()
    agent_folders: tuple[str, ...] = ()
    max_steps: int = 200
    budget_usd: float | None = None
    """For one run, sub-agents included."""
    daily_budget_usd: float | None = None
    trace: Trace = Trace.OFF
    embedded: bool | None = None
    """None: only for an agent that names no remote model."""
    show_transcript: bool = False
    """Open the transcript when a run starts."""
    kept_transcripts: int = 100
    """How many stay readable after the server has ended."""
    local_addresses: tuple[str, ...] = ()
    """Address ranges (CIDR) that the user's own settings declare as theirs."""
    allowed_environment: tuple[str, ...] = ()
    """Variables that ``${env:…}`` in a workspace's files may name."""
    key_hosts: Mapping[str, tuple[str, ...]] = field(factory=dict[str, tuple[str, ...]])
    """Keys (``env:NAME``, ``keyring:NAME``) → hosts that may receive them though a workspace's
    file names the URL."""
    broken_endpoints: Mapping[str, str] = field(factory=dict[str, str])
    """Endpoints that are written but cannot be used → why."""
    sources: Mapping[str, str] = field(factory=dict[str, str])
    """Setting (``budgetUsd``) → where the value that counts stands."""
