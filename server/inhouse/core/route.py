"""Who serves a run: the endpoint, and the reasons for it."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from attrs import field, frozen

from .endpoint_kinds import Kind
from .secret import Secret


class Privacy(StrEnum):
    ANY = "any"
    ASK = "ask"
    LOCAL_ONLY = "local-only"


class DecidedBy(StrEnum):
    REQUEST = "request"
    DEFINITION = "definition"
    ROUTE = "route"
    ENVIRONMENT = "environment"
    DEFAULT = "default"
    EMBEDDED = "embedded"


@frozen
class Endpoint:
    """A place that serves models.  URL, key and headers come from one source, always."""

    name: str
    kind: Kind
    base_url: str
    """Without credentials.  ``unix:/path`` where the server listens on a Unix socket."""
    source: str
    """The file and key, setting or variable that named it."""
    api_key: Secret | None = None
    """None: the word ``unused`` is sent."""
    headers: Mapping[str, str] = field(factory=lambda: MappingProxyType({}), repr=False)
    first_token_timeout: float = 600.0
    """Seconds of silence allowed before the first piece."""
    idle_timeout: float = 120.0
    """Seconds of silence allowed between two pieces."""
    max_concurrent: int | None = None
    models: Mapping[str, str] = field(factory=lambda: MappingProxyType({}))
    """The definition's model id → the id that this endpoint knows."""
    context_window: int | None = None
    """Tokens.  An override: the server is not asked."""
    tools: str | None = None
    """An override of what the model can do: ``native``, ``text`` or ``schema``; None: find out."""
    keep_alive: str | None = None
    """Ollama's ``keep_alive``."""
    ca_file: str | None = None
    vouched_local: bool = False
    """The user's own settings say that what this forwards to is local."""
    from_workspace: bool = False
    """A file of the workspace named it: it receives no key of the user's."""
    pool: tuple["Endpoint", ...] = ()
    """Members, least busy first, where this name stands for several servers."""
    model_path: str | None = None
    """``kind: embedded``: a GGUF file."""
    prices: Mapping[str, tuple[float, float]] = field(factory=lambda: MappingProxyType({}))
    """Model (or glob) → US dollars for a million tokens, in and out."""


@frozen
class RouteStep:
    rule: str
    outcome: str


@frozen
class Refusal:
    reason: str
    remedy: str


@frozen
class Route:
    """Which endpoint and model serve a run, and every rule that was looked at."""

    endpoint: str
    base_url: str
    model: str
    local: bool
    decided_by: DecidedBy
    source: str
    steps: tuple[RouteStep, ...] = ()
    refused: Refusal | None = None


@frozen
class ModelInfo:
    id: str
    context_window: int | None
    """Tokens; None where the server does not tell."""
    local: bool


@frozen
class Finding:
    """What a check of an endpoint found."""

    severity: str
    """``error``, ``warning`` or ``information``."""
    message: str
    remedy: str


@frozen
class EndpointStatus:
    name: str
    kind: Kind
    base_url: str
    local: bool
    source: str
    reachable: bool | None = None
    latency_ms: float | None = None
    models: tuple[ModelInfo, ...] | None = None
    findings: tuple[Finding, ...] = ()
