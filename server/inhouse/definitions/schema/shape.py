# ruff: noqa: RUF009 - `known` is attrs' `field` with a meaning
"""What a definition may say, as types: its fields in Codebuff's spelling, defaults and meaning.

Everything else is derived from these classes: the checks (`definition`), the table of fields
(`fields`), the JSON Schema (`schema`) and the reference in docs.
"""

from collections.abc import Mapping
from typing import Any, Literal

from attrs import NOTHING, field, frozen

Json = Mapping[str, Any]
JsonSchema = Mapping[str, Any]
"""A JSON Schema."""
ObjectSchema = Mapping[str, Any]
"""A JSON Schema of type object."""

Effort = Literal["high", "medium", "low", "minimal", "none"]
Quantization = Literal["int4", "int8", "fp4", "fp6", "fp8", "fp16", "bf16", "fp32", "unknown"]


def known(
    doc: str,
    *,
    default: object = NOTHING,
    wire: str | None = None,
    more: str = "",
    kind: str | None = None,
) -> Any:
    """Declare a field; without a default it is required.  ``kind`` is its type in words."""
    metadata = {"doc": doc, "wire": wire, "more": more, "kind": kind}
    return field(default=default, metadata=metadata)


@frozen
class LocalProviderShape:
    base_url: str = known("The server's base URL, including `/v1`.", wire="baseUrl")
    api_key: str | None = known("The key, sent only to that server.", default=None, wire="apiKey")


@frozen
class ReasoningShape:
    enabled: bool | None = known("Whether the model thinks before it answers.", default=None)
    exclude: bool | None = known("Let the model think, but leave its thoughts out.", default=None)
    max_tokens: float | None = known("The most tokens it may use to think.", default=None)
    effort: Effort | None = known("How much effort it puts into thinking.", default=None)


@frozen
class MaxPriceShape:
    prompt: float | str | None = known("US dollars per million input tokens.", default=None)
    completion: float | str | None = known("US dollars per million output tokens.", default=None)
    image: float | str | None = known("US dollars per image.", default=None)
    audio: float | str | None = known("US dollars per audio input.", default=None)
    request: float | str | None = known("US dollars per request.", default=None)


@frozen
class ProviderShape:
    order: tuple[str, ...] | None = known("Providers to try, in this order.", default=None)
    allow_fallbacks: bool | None = known("Whether other providers may be used.", default=None)
    require_parameters: bool | None = known(
        "Use only providers that support every parameter of the request.", default=None
    )
    data_collection: Literal["allow", "deny"] | None = known(
        "Whether providers that store data may be used.", default=None
    )
    only: tuple[str, ...] | None = known("Use only these providers.", default=None)
    ignore: tuple[str, ...] | None = known("Use none of these providers.", default=None)
    quantizations: tuple[Quantization, ...] | None = known(
        "Use only models with these quantizations.", default=None
    )
    sort: Literal["price", "throughput", "latency"] | None = known(
        "What to prefer in a provider.", default=None
    )
    max_price: MaxPriceShape | None = known("The highest price to accept.", default=None)
    base_url: str | None = known(
        "The same as `localProvider.baseUrl`.", default=None, wire="baseUrl"
    )
    api_key: str | None = known("The same as `localProvider.apiKey`.", default=None, wire="apiKey")


@frozen
class StdioServerShape:
    command: str = known("The program to start.")
    type: Literal["stdio"] = known(
        "A program that uses standard input and output.", default="stdio"
    )
    args: tuple[str, ...] = known("Its arguments.", default=())
    env: Mapping[str, str] = known(
        "Its environment variables; `$NAME` takes the value from your environment.", default={}
    )


@frozen
class RemoteServerShape:
    url: str = known("The server's URL.")
    type: Literal["http", "sse"] = known("The transport.", default="http")
    params: Mapping[str, str] = known("Query parameters added to the URL.", default={})
    headers: Mapping[str, str] = known(
        "HTTP headers; `$NAME` takes the value from your environment.", default={}
    )
    oauth: bool | None = known("Sign in through a browser.", default=None)


@frozen
class PromptShape:
    type: Literal["string"] = known("Always `string`.")
    description: str | None = known("What the prompt should contain.", default=None)


@frozen
class InputShape:
    prompt: PromptShape | None = known("The prompt that the agent takes.", default=None)
    params: ObjectSchema | None = known("Its other parameters, as a JSON Schema.", default=None)


@frozen
class CompactShape:
    cache_expiry_ms: float | None = known(
        "Also compact before a turn that starts more than this many milliseconds after the last "
        "one, because the server's prompt cache has expired. Default: 3600000. `null`: never.",
        default=None,
        wire="cacheExpiryMs",
    )
    cache_expiry_min_tokens: float | None = known(
        "Do so only if the request needs at least this many tokens. Default: 140000. `null`: "
        "always.",
        default=None,
        wire="cacheExpiryMinTokens",
    )


@frozen
class DefinitionShape:
    id: str = known(
        "The agent's id: lower-case letters, digits and hyphens.",
        more="Must match `^[a-z0-9-]+$`. Two agents with one id in the same folder are an error.",
    )
    display_name: str = known("The agent's name, as people see it.", wire="displayName")
    model: str = known(
        "The model that answers, normally an OpenRouter id such as `anthropic/claude-sonnet-4.5`.",
        more="An endpoint's `models` in the settings may translate it.",
    )
    version: str | None = known("Only needed to publish the agent.", default=None)
    publisher: str | None = known("Only needed to publish the agent.", default=None)
    local_provider: LocalProviderShape | None = known(
        "The server that runs this agent. It takes precedence over settings and environment.",
        default=None,
        wire="localProvider",
    )
    reasoning_options: ReasoningShape | None = known(
        "How much the model thinks: `max_tokens` or `effort`.",
        default=None,
        wire="reasoningOptions",
        more="Needs one of `max_tokens` and `effort`.",
    )
    provider_options: ProviderShape | None = known(
        "How OpenRouter chooses among providers. Sent only to OpenRouter.",
        default=None,
        wire="providerOptions",
        more="`baseUrl` and `apiKey` mean the same as in `localProvider`.",
    )
    mcp_servers: Mapping[str, StdioServerShape | RemoteServerShape] = known(
        "MCP servers whose tools the agent has, by name.",
        default={},
        wire="mcpServers",
        more="No `/` in a name. `$NAME` in `env` and `headers` takes the value from your "
        "environment; in `env`, a variable that is not set is an error.",
    )
    tool_names: tuple[str, ...] = known(
        "The tools the agent has.",
        default=(),
        wire="toolNames",
        more="`server/tool` names one tool of an MCP server.",
    )
    spawnable_agents: tuple[str, ...] = known(
        "The agents this one may start: an id, or `publisher/id@version`.",
        default=(),
        wire="spawnableAgents",
        more="Needs `spawn_agents` or `spawn_agent_inline` in `toolNames`, or a `handleSteps`.",
    )
    input_schema: InputShape | None = known(
        "What the agent takes: a prompt, parameters, or both.",
        default=None,
        wire="inputSchema",
    )
    output_mode: Literal["last_message", "all_messages", "structured_output"] = known(
        "What the agent returns to its caller.",
        default="last_message",
        wire="outputMode",
    )
    output_schema: ObjectSchema | None = known(
        "JSON Schema of the output.",
        default=None,
        wire="outputSchema",
        more="Needs `outputMode: 'structured_output'`.",
    )
    spawner_prompt: str | None = known(
        "What the agent is for. Other agents read it to decide when to call this one.",
        default=None,
        wire="spawnerPrompt",
    )
    system_prompt: str | None = known(
        "The system prompt.",
        default=None,
        wire="systemPrompt",
        more="Placeholders such as `{CODEBUFF_FILE_TREE_PROMPT}` are filled in.",
    )
    instructions_prompt: str | None = known(
        "Instructions, added after the user's prompt.", default=None, wire="instructionsPrompt"
    )
    step_prompt: str | None = known(
        "A prompt that is added at each step, and removed after it.",
        default=None,
        wire="stepPrompt",
    )
    include_message_history: bool = known(
        "Whether the agent sees its caller's history.",
        default=False,
        wire="includeMessageHistory",
    )
    inherit_parent_system_prompt: bool = known(
        "Use the caller's system prompt and tools.",
        default=False,
        wire="inheritParentSystemPrompt",
        more="Cannot be combined with `systemPrompt`.",
    )
    windowed_file_reads: bool | None = known(
        "Lets `read_files` take a path with offset and limit.",
        default=None,
        wire="windowedFileReads",
    )
    compact_context: bool | CompactShape | None = known(
        "Compact a long history without asking a model, also when the server's cache has expired.",
        default=None,
        wire="compactContext",
    )
    handle_steps: str | None = known(
        "A generator function that drives the agent: `function* ({ prompt }) { yield 'STEP' }`.",
        default=None,
        wire="handleSteps",
        more="Its source must begin with `function*`; it runs in a sandbox.",
        kind="generator function",
    )
