"""Who serves a run: the endpoint, and the reasons for it."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from .endpoint_kinds import Kind
from .secret import Secret
from .setting import SettingScope, hidden_setting, required_setting, setting

_NOTHING: Mapping[str, Any] = MappingProxyType({})
NOT_IN_SETTINGS = ("definition", "environment")
"""Names of endpoints whose address and key are in a definition or in variables: no settings may
give an endpoint such a name, and no door can change them."""
BEING_ADDED = "the endpoint you are adding"
"""The source of an endpoint that is tried before any settings have it."""


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


class ToolMode(StrEnum):
    """How a model is offered tools."""

    NATIVE = "native"
    TEXT = "text"
    SCHEMA = "schema"
    FILES = "files"


@frozen
class TokenPrice:
    """US dollars for a million tokens."""

    input: float
    output: float
    cached_input: float | None = None
    """For tokens read from the server's cache; None for the price of any other input."""
    cache_write: float | None = None
    """For tokens written to the server's cache; None for the price of any other input."""


@frozen
class Endpoint:
    """A place that serves models.  URL, key and headers come from one source, always."""

    name: str
    kind: Kind = field(
        metadata=required_setting(
            "The kind of server. It sets the default base URL, and how Inhouse reads the context "
            "window and recognises cloud models.",
            written_default=Kind.OPENAI,
            is_connection=True,
        )
    )
    base_url: str = field(
        metadata=required_setting(
            "The server's base URL, without credentials; `unix:/path` for a Unix socket. Every "
            "kind except `openai` has a default.",
            examples=("http://localhost:11434", "https://llm.example.com/v1"),
            is_connection=True,
        )
    )
    source: str
    """The file and key, setting or variable that named it."""
    api_key: Secret | None = setting(
        None,
        "The key: `${keyring:NAME}`, `${env:NAME}`, or the text itself. If it is not set, "
        "Inhouse sends the word `unused`.",
        written=str,
        examples=("${keyring:team}", "${env:OPENROUTER_API_KEY}"),
        is_connection=True,
    )
    headers: Mapping[str, str] = hidden_setting(
        _NOTHING, "Additional HTTP headers for each request.", is_connection=True
    )
    first_token_timeout: float = setting(
        600.0, "Seconds of silence allowed before the first piece of an answer.", above=0
    )
    idle_timeout: float = setting(
        120.0, "Seconds of silence allowed between two pieces of an answer.", above=0
    )
    max_concurrent: int | None = setting(
        None,
        "The most requests at the same time; others wait.",
        minimum=1,
        scope=SettingScope.NARROWING,
    )
    models: Mapping[str, str] = setting(
        _NOTHING,
        "The model a definition names (or a glob) → the model this endpoint knows. `*` applies "
        "to agents only; a model that a request names is used as it is.",
        examples=({"anthropic/claude-sonnet-4.5": "qwen3-coder:30b", "*": "qwen3:4b"},),
    )
    context_window: int | None = setting(
        None,
        "The context window in tokens. It overrides what the server reports.",
        minimum=1,
    )
    tools: ToolMode | None = setting(
        None,
        "How the model calls tools: `native`; `text` (JSON in its text); `schema` (JSON that "
        "must fit a schema); or `files` (for small models: one line per call, edits as a path "
        "and a fenced block). If it is not set, Inhouse finds out and remembers it.",
    )
    temperature: float | None = setting(
        None,
        "The sampling temperature. Not set: the server's own, and 0 on your own machines when "
        "tools are offered.",
        minimum=0,
        maximum=2,
    )
    top_p: float | None = setting(
        None, "Sample from the likeliest tokens up to this probability.", above=0, maximum=1
    )
    max_tokens: int | None = setting(
        None,
        "The most tokens in one answer, unless the request sets a smaller limit.",
        minimum=1,
        scope=SettingScope.NARROWING,
    )
    extra_body: Mapping[str, Any] = setting(
        _NOTHING,
        "Additional fields for each request, as the server documents them. They cannot replace "
        "what Inhouse writes (messages, model, tools, stream).",
        examples=({"min_p": 0.05, "seed": 7},),
        scope=SettingScope.OWNER,
    )
    keep_alive: str | None = setting(None, "Ollama's `keep_alive`.", examples=("10m", "-1"))
    ca_file: str | None = setting(
        None,
        "A file of certificates (PEM) to trust in addition to the system's.",
        is_connection=True,
    )
    vouched_local: bool = setting(
        False,
        "You vouch that this server forwards only to your own machines, if the server does not "
        "report it.",
        scope=SettingScope.USER,
    )
    from_workspace: bool = False
    """Named by a file of the workspace, so it receives none of the user's keys."""
    pool: tuple["Endpoint", ...] = setting(
        (),
        "Several servers under one name: names of endpoints, or base URLs that share this "
        "endpoint's key. Inhouse asks the least busy one, and leaves one that failed alone for a "
        "while.",
        written=list[str],
        is_connection=True,
    )
    model_path: str | None = setting(None, "`kind: embedded`: a GGUF file.", is_connection=True)
    prices: Mapping[str, TokenPrice] = setting(
        _NOTHING,
        "Model (or glob) → US dollars per million tokens: `input`, `output`, and optionally "
        "`cachedInput` and `cacheWrite`. If it is not set, Inhouse uses the prices that the "
        "server reports, then its own price list.",
        written=dict[str, dict[str, float]],
        examples=({"qwen3-coder:30b": {"input": 0, "output": 0}},),
        scope=SettingScope.USER,
    )

    @property
    def identity(self) -> str:
        """Its name and URL: another server behind the same name is another endpoint."""
        if self.kind.profile.is_child:
            return f"{self.name} embedded:{self.model_path or ''}"
        return f"{self.name} {self.base_url}"

    def origin_of(self, model: str) -> str:
        """Return the endpoint, its URL and a model: who may see again what it said itself."""
        return f"{self.identity} {model}"


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
    """In tokens; None if the server does not say."""
    local: bool


@frozen
class Finding:
    """What a check of an endpoint found."""

    severity: str
    """``error``, ``warning`` or ``information``."""
    message: str
    remedy: str
    code: str = ""
    """A short stable word for programs, if the finding comes from an error."""


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
    from_workspace: bool = False
    takes_key: bool = False
    """Whether a door can set a key of the user's for it."""
