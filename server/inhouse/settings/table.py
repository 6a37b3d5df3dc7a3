"""Every setting: its name, type, default and meaning.

The one source of the reader, of the JSON Schema, of docs/reference/settings.md and of what the
VS Code extension contributes (a test compares them).
"""

from enum import Enum
from typing import Any

from attrs import frozen

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.route import Privacy
from inhouse.core.settings import CommandMode, EditMode, Trace


class ToolMode(Enum):
    NATIVE = "native"
    TEXT = "text"
    SCHEMA = "schema"


class SettingScope(Enum):
    ANYWHERE = "anywhere"
    """Editor, workspace file, user file."""
    USER = "user"
    """Editor and user file: a file of the workspace may not say it."""


@frozen
class Key:
    name: str
    type: Any
    """As `inhouse.settings.check_values` checks it."""
    description: str
    default: Any = None
    scope: SettingScope = SettingScope.ANYWHERE
    minimum: float | None = None
    above: float | None = None
    """Like ``minimum``, and not that value itself."""
    examples: tuple[Any, ...] = ()


ENDPOINT_KEYS = (
    Key(
        "kind",
        Kind,
        "What kind of server it is. A kind fills in what its name implies: the base URL, where "
        "the real context window is told, how cloud models are spotted.",
        "openai",
    ),
    Key(
        "baseUrl",
        str,
        "Where it listens, without credentials; `unix:/path` for a Unix socket. Implied by every "
        "kind except `openai`.",
        examples=("http://localhost:11434", "https://llm.example.com/v1"),
    ),
    Key(
        "apiKey",
        str,
        "The key: `${keyring:NAME}`, `${env:NAME}`, or the text itself. Without it the word "
        "`unused` is sent.",
        examples=("${keyring:team}", "${env:OPENROUTER_API_KEY}"),
    ),
    Key("headers", dict[str, str], "Further HTTP headers for each request.", {}),
    Key(
        "firstTokenTimeout",
        float,
        "Seconds of silence allowed before the first piece of an answer.",
        600,
        above=0,
    ),
    Key(
        "idleTimeout",
        float,
        "Seconds of silence allowed between two pieces of an answer.",
        120,
        above=0,
    ),
    Key("maxConcurrent", int, "Requests at once; further ones wait.", minimum=1),
    Key(
        "models",
        dict[str, str],
        "The model a definition names (or a glob) → the model this endpoint knows.",
        {},
        examples=({"anthropic/claude-sonnet-4.5": "qwen3-coder:30b", "*": "qwen3:4b"},),
    ),
    Key(
        "contextWindow",
        int,
        "The context window in tokens. An override: the server is not asked.",
        minimum=1,
    ),
    Key(
        "tools",
        ToolMode,
        "How the model takes tools: natively, as text, or held to a JSON schema. An override: "
        "otherwise it is found out and remembered.",
    ),
    Key("keepAlive", str, "Ollama's `keep_alive`.", examples=("10m", "-1")),
    Key("caFile", str, "A file of certificates (PEM) to trust beside the system's."),
    Key(
        "vouchedLocal",
        bool,
        "You vouch that what this server forwards to is on your own machine, where the server "
        "does not tell.",
        default=False,
        scope=SettingScope.USER,
    ),
    Key(
        "pool",
        list[str],
        "Several servers under one name: names of endpoints, or base URLs that share this "
        "endpoint's key. The least busy one serves; one that failed rests.",
        [],
    ),
    Key("modelPath", str, "`kind: embedded`: a GGUF file."),
    Key(
        "prices",
        dict[str, dict[str, float]],
        "Model (or glob) → US dollars for a million tokens: `input`, `output`. Without it the "
        "server's own word counts, then the price list that comes along.",
        {},
        examples=({"qwen3-coder:30b": {"input": 0, "output": 0}},),
    ),
)

ROUTE_KEYS = (
    Key("agents", str, "A glob over agent ids.", examples=("file-*",)),
    Key("endpoint", str, "The endpoint that serves them."),
    Key("model", str, "The model they get there, instead of the definition's."),
)

KEYS = (
    Key("endpoints", dict, "The servers models run on, by name.", {}),
    Key("routes", list, "Which agents go where; the first entry that matches counts.", []),
    Key("defaultEndpoint", str, "The endpoint of agents that nothing else sends anywhere."),
    Key(
        "privacy",
        Privacy,
        "`any`: every endpoint; `ask`: each new remote host is asked for once per workspace; "
        "`local-only`: nothing leaves this machine.",
        "any",
    ),
    Key(
        "edits",
        EditMode,
        "`review`: edits wait for you, hunk by hunk; `apply`: they are made at once.",
        "review",
    ),
    Key(
        "commands",
        CommandMode,
        "Commands that agents want to run: `ask` each time, run the `allow-listed` ones only, "
        "or `never`.",
        "ask",
    ),
    Key(
        "allowedCommands",
        list[str],
        "Commands that run without a question.",
        [],
        examples=(["git status", "pytest -q"],),
    ),
    Key("agentFolders", list[str], "Further folders with agent definitions.", []),
    Key("maxSteps", int, "Answers a model may give in one run.", 200, minimum=1),
    Key(
        "budgetUsd",
        float,
        "US dollars one run may cost, sub-agents included; null: no limit.",
        minimum=0,
    ),
    Key(
        "dailyBudgetUsd",
        float,
        "US dollars all runs of one day may cost; null: no limit.",
        scope=SettingScope.USER,
        minimum=0,
    ),
    Key(
        "trace",
        Trace,
        "What the log tells about requests: nothing, that they happen, or their content "
        "(never a key).",
        "off",
    ),
    Key(
        "embedded",
        bool,
        "Let the embedded model serve agents that nothing else serves. Not set: only agents that "
        "name no remote model.",
    ),
    Key("showTranscript", bool, "Open the transcript when a run starts.", default=False),
    Key(
        "keptTranscripts",
        int,
        "How many transcripts of editor runs stay in the state folder (readable by you alone), so "
        "that they open after a restart; 0: none.",
        100,
        scope=SettingScope.USER,
        minimum=0,
    ),
    Key(
        "localAddresses",
        list[str],
        "Address ranges (CIDR) beyond loopback that count as local.",
        [],
        scope=SettingScope.USER,
        examples=(["192.168.1.0/24"],),
    ),
    Key(
        "allowedEnvironment",
        list[str],
        "Variables that `${env:NAME}` in a workspace's files may name.",
        [],
        scope=SettingScope.USER,
    ),
    Key(
        "keyHosts",
        dict[str, list[str]],
        "Your keys (`env:NAME`, `keyring:NAME`) → the hosts that may receive them though a file "
        "of the workspace names the URL.",
        {},
        scope=SettingScope.USER,
        examples=({"keyring:team": ["llm.example.com"]},),
    ),
)

BY_NAME = {key.name: key for key in KEYS}
ENDPOINT_BY_NAME = {key.name: key for key in ENDPOINT_KEYS}
ROUTE_BY_NAME = {key.name: key for key in ROUTE_KEYS}

CONNECTION = frozenset({"kind", "baseUrl", "apiKey", "headers", "caFile", "modelPath", "pool"})
"""The keys of an endpoint that belong together: they all come from one layer."""
