# ruff: noqa: RUF009 - `known` is attrs' `field` with a meaning
"""What a definition may say, as types: its fields in Codebuff's spelling, defaults and meaning.

Everything else goes by these classes: the checks (`definition`), the table of fields
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
    base_url: str = known("Where the server is, with its `/v1`.", wire="baseUrl")
    api_key: str | None = known("Sent to that server only.", default=None, wire="apiKey")


@frozen
class ReasoningShape:
    enabled: bool | None = known("Whether the model thinks before it answers.", default=None)
    exclude: bool | None = known("Think, but leave the thoughts out of the answer.", default=None)
    max_tokens: float | None = known("How many tokens it may think.", default=None)
    effort: Effort | None = known("How hard it thinks.", default=None)


@frozen
class MaxPriceShape:
    prompt: float | str | None = known("Dollars per million tokens read.", default=None)
    completion: float | str | None = known("Dollars per million tokens written.", default=None)
    image: float | str | None = known("Dollars per image.", default=None)
    audio: float | str | None = known("Dollars per audio input.", default=None)
    request: float | str | None = known("Dollars per request.", default=None)


@frozen
class ProviderShape:
    order: tuple[str, ...] | None = known("Providers to try, in this order.", default=None)
    allow_fallbacks: bool | None = known("Whether others may serve instead.", default=None)
    require_parameters: bool | None = known(
        "Only providers that know every parameter of the request.", default=None
    )
    data_collection: Literal["allow", "deny"] | None = known(
        "Whether providers that keep data may serve.", default=None
    )
    only: tuple[str, ...] | None = known("Only these providers.", default=None)
    ignore: tuple[str, ...] | None = known("None of these providers.", default=None)
    quantizations: tuple[Quantization, ...] | None = known(
        "Only models of these precisions.", default=None
    )
    sort: Literal["price", "throughput", "latency"] | None = known("What to prefer.", default=None)
    max_price: MaxPriceShape | None = known("The most it may cost.", default=None)
    base_url: str | None = known(
        "The same as `localProvider.baseUrl`.", default=None, wire="baseUrl"
    )
    api_key: str | None = known("The same as `localProvider.apiKey`.", default=None, wire="apiKey")


@frozen
class StdioServerShape:
    command: str = known("The program to start.")
    type: Literal["stdio"] = known("A program that speaks over its pipes.", default="stdio")
    args: tuple[str, ...] = known("Its arguments.", default=())
    env: Mapping[str, str] = known(
        "Its environment; `$NAME` takes the value from yours.", default={}
    )


@frozen
class RemoteServerShape:
    url: str = known("Where the server is.")
    type: Literal["http", "sse"] = known("How it speaks.", default="http")
    params: Mapping[str, str] = known("Added to the URL.", default={})
    headers: Mapping[str, str] = known(
        "Sent along; `$NAME` takes the value from your environment.", default={}
    )
    oauth: bool | None = known("Sign in through a browser.", default=None)


@frozen
class PromptShape:
    type: Literal["string"] = known("Always `string`.")
    description: str | None = known("What the prompt should say.", default=None)


@frozen
class InputShape:
    prompt: PromptShape | None = known("The text an agent is called with.", default=None)
    params: ObjectSchema | None = known("Further parameters: a JSON Schema.", default=None)


@frozen
class CompactShape:
    cache_expiry_ms: float | None = known(
        "Also condense before a turn that begins later than this after the last one, because the "
        "server's prompt cache has expired; 3600000 by default, `null`: never.",
        default=None,
        wire="cacheExpiryMs",
    )
    cache_expiry_min_tokens: float | None = known(
        "Do so only if the request needs at least this many tokens; 140000 by default, `null`: "
        "always.",
        default=None,
        wire="cacheExpiryMinTokens",
    )


@frozen
class DefinitionShape:
    id: str = known(
        "The agent's name for programs: lower case letters, digits and hyphens.",
        more="Must match `^[a-z0-9-]+$`. Two agents with one id in the same folder are an error.",
    )
    display_name: str = known("The agent's name for people.", wire="displayName")
    model: str = known(
        "The model that answers, normally an OpenRouter id such as `anthropic/claude-sonnet-4.5`.",
        more="An endpoint's `models` in the settings may translate it.",
    )
    version: str | None = known("Only needed to publish the agent.", default=None)
    publisher: str | None = known("Only needed to publish the agent.", default=None)
    local_provider: LocalProviderShape | None = known(
        "The server that runs this agent, instead of what settings and environment say.",
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
        "How OpenRouter chooses among providers; sent to OpenRouter only.",
        default=None,
        wire="providerOptions",
        more="`baseUrl` and `apiKey` mean the same as in `localProvider`.",
    )
    mcp_servers: Mapping[str, StdioServerShape | RemoteServerShape] = known(
        "MCP servers whose tools the agent has, by name.",
        default={},
        wire="mcpServers",
        more="No `/` in a name. `$NAME` in `env` and `headers` takes the value from your "
        "environment; a variable that is not set is an error.",
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
        "What the agent is called with: a prompt, parameters, or both.",
        default=None,
        wire="inputSchema",
    )
    output_mode: Literal["last_message", "all_messages", "structured_output"] = known(
        "What the agent gives back to the one that called it.",
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
        "What other agents read about when to call this one.", default=None, wire="spawnerPrompt"
    )
    system_prompt: str | None = known(
        "What the model is told first of all.",
        default=None,
        wire="systemPrompt",
        more="Placeholders such as `{CODEBUFF_FILE_TREE_PROMPT}` are filled in.",
    )
    instructions_prompt: str | None = known(
        "What to do, told after the user's prompt.", default=None, wire="instructionsPrompt"
    )
    step_prompt: str | None = known(
        "Told at each step, and taken away after it.", default=None, wire="stepPrompt"
    )
    include_message_history: bool = known(
        "Whether it sees the history of the one that called it.",
        default=False,
        wire="includeMessageHistory",
    )
    inherit_parent_system_prompt: bool = known(
        "Take over system prompt and tools of the one that called it.",
        default=False,
        wire="inheritParentSystemPrompt",
        more="Excludes an own `systemPrompt`.",
    )
    windowed_file_reads: bool | None = known(
        "`read_files` takes a path with offset and limit.", default=None, wire="windowedFileReads"
    )
    compact_context: bool | CompactShape | None = known(
        "Condense a long history without asking a model, also when the server's cache has expired.",
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
