"""Rules between a definition's fields, beyond their types."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from inhouse.core.json_values import is_number, items, mapping
from inhouse.definitions.readers.source_ranges import JsonPath
from inhouse.definitions.schema.check_json_schema import schema_mistakes
from inhouse.definitions.schema.structure import Mistake

_ID = re.compile(r"[a-z0-9-]+")
_SPAWNERS = frozenset({"spawn_agents", "spawn_agent_inline"})
_THINKING = frozenset({"max_tokens", "effort"})
_GENERATOR = "function*"


def rule_mistakes(values: Mapping[str, Any]) -> list[Mistake]:
    """Yield every broken rule; fields of a wrong type are skipped."""
    return [
        *_id(values),
        *_reasoning(values),
        *_schemas(values),
        *_output(values),
        *_spawning(values),
        *_prompts(values),
        *_steps(values),
        *_providers(values),
    ]


def _id(values: Mapping[str, Any]) -> Iterator[Mistake]:
    name = values.get("id")
    if isinstance(name, str) and _ID.fullmatch(name) is None:
        fixed = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        hint = f", for example {fixed!r}" if fixed else ""
        yield Mistake(
            ("id",),
            "bad-id",
            f"{name[:60]!r} is not an id: use lower-case letters, digits and hyphens{hint}.",
        )
    if values.get("model") == "":
        yield Mistake(("model",), "empty-model", "`model` is empty: name one.")


def _reasoning(values: Mapping[str, Any]) -> Iterator[Mistake]:
    options = values.get("reasoningOptions")
    if isinstance(options, Mapping) and not _THINKING & mapping(options).keys():
        yield Mistake(
            ("reasoningOptions",),
            "reasoning-options",
            "`reasoningOptions` needs `max_tokens` or `effort`.",
        )
    elif effective(values) is not values:
        message = "`max_tokens` is there too, and wins: `effort` has no effect."
        yield Mistake(("reasoningOptions", "effort"), "reasoning-twice", message, on_key=True)


def effective(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the values without what Codebuff does not look at: ``effort`` beside ``max_tokens``."""
    options = mapping(values.get("reasoningOptions"))
    if "effort" not in options or not is_number(options.get("max_tokens")):
        return values
    kept = {name: value for name, value in options.items() if name != "effort"}
    return {**values, "reasoningOptions": kept}


def _schemas(values: Mapping[str, Any]) -> Iterator[Mistake]:
    params = mapping(values.get("inputSchema")).get("params")
    yield from _schema(params, ("inputSchema", "params"))
    yield from _schema(values.get("outputSchema"), ("outputSchema",))


def _schema(schema: object, path: JsonPath) -> Iterator[Mistake]:
    if not isinstance(schema, Mapping):
        return
    kind = mapping(schema).get("type")
    if kind != "object":
        what = "lacks `type: 'object'`" if kind is None else "must have the type 'object'"
        place = path if kind is None else (*path, "type")
        yield Mistake(place, "invalid-schema", f"`{'.'.join(map(str, path))}` {what}.")
    yield from schema_mistakes(mapping(schema), path)


def _output(values: Mapping[str, Any]) -> Iterator[Mistake]:
    if values.get("outputSchema") is None:
        return
    mode = values.get("outputMode")
    if mode is None or (isinstance(mode, str) and mode in {"last_message", "all_messages"}):
        path: JsonPath = ("outputSchema",) if mode is None else ("outputMode",)
        yield Mistake(
            path,
            "output-schema-mode",
            "`outputSchema` needs `outputMode: 'structured_output'`.",
            on_key=mode is None,
        )


def _spawning(values: Mapping[str, Any]) -> Iterator[Mistake]:
    tools = values.get("toolNames", [])
    if not items(values.get("spawnableAgents")) or values.get("handleSteps"):
        return
    if isinstance(tools, list) and not any(tool in _SPAWNERS for tool in _texts(tools)):
        yield Mistake(
            ("spawnableAgents",),
            "spawn-agents-missing",
            "`spawnableAgents` needs 'spawn_agents' (or 'spawn_agent_inline') in `toolNames`, "
            "or a `handleSteps` that spawns them.",
        )


def _prompts(values: Mapping[str, Any]) -> Iterator[Mistake]:
    prompt = values.get("systemPrompt")
    inherits = values.get("inheritParentSystemPrompt") is True
    if inherits and isinstance(prompt, str) and prompt.strip():
        yield Mistake(
            ("systemPrompt",),
            "system-prompt-twice",
            "`inheritParentSystemPrompt` cannot be combined with `systemPrompt`: remove one of "
            "them.",
        )


def _steps(values: Mapping[str, Any]) -> Iterator[Mistake]:
    source = values.get("handleSteps")
    if not isinstance(source, str) or not source or source.strip().startswith(_GENERATOR):
        return
    start = source.strip().split("\n", 1)[0][:40]
    yield Mistake(
        ("handleSteps",),
        "handle-steps-form",
        f"`handleSteps` must begin with `function*`, not with `{start}`.  "
        "Write `handleSteps: function* ({ prompt }) { … }`.",
    )


def _providers(values: Mapping[str, Any]) -> Iterator[Mistake]:
    local, options = values.get("localProvider"), mapping(values.get("providerOptions"))
    yield from _url(mapping(local), "localProvider")
    yield from _url(options, "providerOptions")
    if isinstance(local, Mapping) and options.get("baseUrl") is not None:
        message = "This has no effect, because `localProvider` takes precedence."
        yield Mistake(("providerOptions", "baseUrl"), "provider-twice", message, on_key=True)
    elif options.get("apiKey") is not None and options.get("baseUrl") is None:
        message = "An `apiKey` without `baseUrl` is never sent: add the `baseUrl` it belongs to."
        yield Mistake(("providerOptions", "apiKey"), "key-without-url", message, on_key=True)


def _url(provider: Mapping[str, Any], name: str) -> Iterator[Mistake]:
    url = provider.get("baseUrl")
    if not isinstance(url, str) or _is_url(url):
        return
    yield Mistake(
        (name, "baseUrl"),
        "bad-url",
        f"{url[:80]!r} is not the URL of a server.  For example 'http://localhost:11434/v1'.",
    )


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return False
    if parts.scheme == "unix":
        return bool(parts.path)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0


def _texts(values: Any) -> list[str]:
    return [value for value in items(values) if isinstance(value, str)]
