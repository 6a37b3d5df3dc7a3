"""Settings as values, each declared once (docs/reference/settings.md)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from attrs import field, frozen

from .route import Endpoint, Privacy
from .setting import SettingGroup, SettingScope, hidden_setting, required_setting, setting

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_ENDPOINTS, _SAFETY, _AGENTS = SettingGroup.ENDPOINTS, SettingGroup.SAFETY, SettingGroup.AGENTS


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
    """Which agents go where."""

    agents: str = field(metadata=required_setting("A glob over agent ids.", examples=("file-*",)))
    endpoint: str = field(metadata=required_setting("The endpoint that serves them."))
    source: str
    """The file or setting that holds it."""
    model: str | None = setting(None, "The model to use there, instead of the definition's.")
    from_workspace: bool = False


class McpTransport(StrEnum):
    """How an MCP server is reached."""

    STDIO = "stdio"
    HTTP = "http"
    SSE = "sse"


class McpReadOnly(StrEnum):
    ASK = "ask"
    RUN = "run"


@frozen
class McpServer:
    """An MCP server that the settings name; a definition uses it by ``server/tool``."""

    name: str
    source: str
    """The file or setting that holds it."""
    command: str | None = setting(
        None,
        "The program to start. It communicates over standard input and output.",
        examples=("npx", "uvx"),
        is_connection=True,
    )
    args: tuple[str, ...] = setting(
        (),
        "The program's arguments.",
        examples=(["-y", "@modelcontextprotocol/server-filesystem", "."],),
        is_connection=True,
    )
    env: Mapping[str, str] = hidden_setting(
        _NOTHING,
        "Environment variables for the program; `${env:NAME}`, `${keyring:NAME}` and `$NAME` "
        "insert a value.",
        examples=({"GITHUB_TOKEN": "${keyring:github}"},),
        is_connection=True,
    )
    url: str | None = setting(
        None,
        "The URL of a server that is reached over HTTP.",
        examples=("https://mcp.example.com/mcp",),
        is_connection=True,
    )
    type: McpTransport | None = setting(
        None,
        "The transport: `stdio` for a command, `http` for a URL, or the older `sse`.",
        is_connection=True,
    )
    params: Mapping[str, str] = hidden_setting(
        _NOTHING,
        "Query parameters added to the URL.",
        examples=({"region": "eu"},),
        is_connection=True,
    )
    headers: Mapping[str, str] = hidden_setting(
        _NOTHING,
        "HTTP headers for each request, filled like `env`.",
        examples=({"Authorization": "Bearer ${keyring:team}"},),
        is_connection=True,
    )
    enabled: bool = setting(
        True,
        "Whether agents may use it. A workspace may turn off one of your servers.",
    )
    from_workspace: bool = False
    for_base_agents: bool = False
    """It stands in a ``.agents/mcp.json``: each agent named ``base…`` has it, as in Codebuff."""


@frozen
class Settings:
    """What the user wants.  Each field that is a setting declares it completely: see `setting`."""

    endpoints: Mapping[str, Endpoint] = setting(
        _NOTHING, "The servers that run models, by name.", written=dict, group=_ENDPOINTS
    )
    routes: tuple[RouteRule, ...] = setting(
        (),
        "Which endpoint serves which agents. The first entry that matches counts.",
        written=list,
        group=_ENDPOINTS,
    )
    default_endpoint: str | None = setting(
        None, "The endpoint for agents that no other rule routes.", group=_ENDPOINTS
    )
    default_endpoint_source: str = "default"
    privacy: Privacy = setting(
        Privacy.ANY,
        "`any`: every endpoint; `ask`: Inhouse asks once per workspace for each new remote host; "
        "`local-only`: nothing leaves this machine.",
        group=_SAFETY,
        choices={
            "any": "Every endpoint that the settings name.",
            "ask": "Ask before the first text goes to a host that is not this machine.",
            "local-only": "Refuse every host that is not verified to be this machine.",
        },
        scope=SettingScope.NARROWING,
        widest_first=(Privacy.ANY, Privacy.ASK, Privacy.LOCAL_ONLY),
    )
    privacy_source: str = "default"
    edits: EditMode = setting(
        EditMode.REVIEW,
        "`review`: edits wait for you, hunk by hunk; `apply`: they are made at once.",
        group=_SAFETY,
        choices={
            "review": "Keep edits as proposals that you apply or reject hunk by hunk.",
            "apply": "Make edits at once; one undo takes them back.",
        },
        scope=SettingScope.NARROWING,
        widest_first=(EditMode.APPLY, EditMode.REVIEW),
    )
    commands: CommandMode = setting(
        CommandMode.ASK,
        "What happens to commands that agents want to run: `ask` each time, run only the "
        "`allow-listed` ones, or `never` run one.",
        group=_SAFETY,
        choices={
            "ask": "Ask before each command.",
            "allow-listed": "Run the commands in inhouse.allowedCommands and refuse all others.",
            "never": "Refuse every command.",
        },
        scope=SettingScope.NARROWING,
        widest_first=(CommandMode.ASK, CommandMode.ALLOW_LISTED, CommandMode.NEVER),
    )
    allowed_commands: tuple[str, ...] = setting(
        (),
        "Commands that run without asking.",
        scope=SettingScope.USER,
        group=_SAFETY,
        examples=(["git status", "pytest -q"],),
    )
    agent_folders: tuple[str, ...] = setting(
        (), "More folders with agent definitions.", group=_AGENTS
    )
    max_steps: int = setting(
        200,
        "The number of answers a model may give in one run.",
        scope=SettingScope.NARROWING,
        group=_SAFETY,
        minimum=1,
    )
    budget_usd: float | None = setting(
        None,
        "US dollars one run may cost, sub-agents included; null: no limit.",
        scope=SettingScope.NARROWING,
        group=_SAFETY,
        minimum=0,
    )
    daily_budget_usd: float | None = setting(
        None,
        "What all runs of one day may cost, in US dollars; null: no limit.",
        scope=SettingScope.USER,
        group=_SAFETY,
        minimum=0,
    )
    trace: Trace = setting(
        Trace.OFF,
        "What the log records about requests: nothing, that they happen, or their content "
        "(never a key).",
        choices={
            "off": "Nothing.",
            "messages": "That requests happen.",
            "verbose": "What is in them; never a key.",
        },
        is_harmless=True,
        scope=SettingScope.NARROWING,
        widest_first=(Trace.VERBOSE, Trace.MESSAGES, Trace.OFF),
    )
    embedded: bool | None = setting(
        None,
        "Use the embedded model for agents that have no other endpoint. If it is not set, only "
        "for agents that do not name a remote model.",
        group=_ENDPOINTS,
    )
    show_transcript: bool = setting(
        False,
        "Open the transcript when a run starts.",
        group=_AGENTS,
        is_harmless=True,
    )
    kept_transcripts: int = setting(
        100,
        "How many transcripts of editor runs are kept in the state folder, so that they open "
        "after a restart. Only you can read them. 0 keeps none.",
        scope=SettingScope.USER,
        group=_AGENTS,
        minimum=0,
    )
    compact_at: float = setting(
        0.8,
        "The share of a model's context window at which a conversation is compacted: old tool "
        "results are left out, then old turns become a summary.",
        group=_AGENTS,
        above=0,
    )
    kept_sessions: int | None = setting(
        None,
        "How many sessions (conversations, with prompts, answers, tool results and edits) are "
        "kept in the state folder. Only you can read them. 0 writes none to disk. If it is not "
        "set: 100, or none if `keptTranscripts` is 0.",
        scope=SettingScope.USER,
        group=_AGENTS,
        minimum=0,
    )
    send_on_save: bool = setting(
        False,
        "When you save a session's document, send the text below its last heading, or a prompt "
        "in it that you changed.",
        group=_AGENTS,
        scope=SettingScope.USER,
    )
    local_addresses: tuple[str, ...] = setting(
        (),
        "Address ranges (CIDR) beyond loopback that count as local.",
        scope=SettingScope.USER,
        group=_SAFETY,
        examples=(["192.168.1.0/24"],),
    )
    allowed_environment: tuple[str, ...] = setting(
        (),
        "Variables that `${env:NAME}` in a workspace's files may name, and that commands get.",
        scope=SettingScope.USER,
        group=_SAFETY,
    )
    key_hosts: Mapping[str, tuple[str, ...]] = setting(
        _NOTHING,
        "Your keys (`env:NAME`, `keyring:NAME`) → the hosts that may receive them even if a file "
        "of the workspace names the URL.",
        scope=SettingScope.USER,
        group=_SAFETY,
        examples=({"keyring:team": ["llm.example.com"]},),
    )
    mcp_servers: Mapping[str, McpServer] = setting(
        _NOTHING,
        "MCP servers by name. A definition names their tools as `server/tool` in `toolNames`, so "
        "that no secret needs to be in a workspace.",
        written=dict,
        group=_AGENTS,
    )
    mcp_read_only: McpReadOnly = setting(
        McpReadOnly.ASK,
        "MCP tools that declare themselves read-only: `ask` before each call, as for every other "
        "tool, or `run` them. Inhouse cannot check what a server declares.",
        choices={
            "ask": "Ask before a call, as for every other tool of a server.",
            "run": "Call them without asking.",
        },
        scope=SettingScope.USER,
        group=_SAFETY,
    )
    broken_endpoints: Mapping[str, str] = field(factory=dict[str, str])
    """Endpoints that are configured but cannot be used → the reason."""
    sources: Mapping[str, str] = field(factory=dict[str, str])
    """Setting (``budgetUsd``) → where the effective value was set."""

    @property
    def sessions_on_disk(self) -> int:
        """How many sessions are kept; by default none if transcripts are off."""
        if self.kept_sessions is not None:
            return self.kept_sessions
        return 100 if self.kept_transcripts else 0
