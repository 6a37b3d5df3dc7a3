"""Turns values into an AgentDefinition, with every problem at its exact place."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, cast

from attrs import frozen

from inhouse.core.definition import AgentDefinition, LocalProvider, OutputMode
from inhouse.core.json_values import mapping
from inhouse.core.secret import Secret
from inhouse.core.text import Problem, Range, Severity
from inhouse.core.without_effect import TOOLS, fields_without_effect
from inhouse.definitions.readers.parsed_values import UNKNOWN, ParsedDefinition, place_range
from inhouse.definitions.readers.source_ranges import JsonPath, key_of, place_of
from inhouse.definitions.schema.field_rules import effective, rule_mistakes
from inhouse.definitions.schema.free_names import free_name_problems
from inhouse.definitions.schema.mcp_servers import check_servers
from inhouse.definitions.schema.shape import DefinitionShape, LocalProviderShape
from inhouse.definitions.schema.structure import Mistake, structure
from inhouse.definitions.schema.typo_hints import spelling_problems

_OURS = frozenset({"baseUrl", "apiKey"})
_WARNINGS = frozenset(
    {
        *("unknown-tool", "schema-warning", "provider-twice", "key-without-url"),
        *("reasoning-twice", "server-name", "header-variable"),
    }
)


@frozen
class Checked:
    """A definition, if nothing in it is an error, and all its problems."""

    definition: AgentDefinition | None
    problems: tuple[Problem, ...]


def check(
    found: ParsedDefinition,
    path: Path,
    *,
    environment: Mapping[str, str],
    known_tools: Collection[str] = (),
) -> Checked:
    """Check what a file says.  Never raises; a definition with an error is None."""
    try:
        return _check(found, path, environment, known_tools)
    except RecursionError:
        message = "Nested too deep to be checked."
        problem = Problem(path, place_range(found.places), Severity.ERROR, "too-deep", message)
        return Checked(None, (problem,))


def _check(
    found: ParsedDefinition,
    path: Path,
    environment: Mapping[str, str],
    known_tools: Collection[str],
) -> Checked:
    values = effective(found.values)
    shape, mistakes = structure(values)
    mistakes = [mistake for mistake in mistakes if not _covers(found, mistake.path)]
    mistakes += [m for m in rule_mistakes(_with_unknown(found)) if not _covers(found, m.path)]
    servers, server_mistakes = check_servers(found.values, environment)
    mistakes += [m for m in server_mistakes if all(m.path != other.path for other in mistakes)]
    problems = [_problem(mistake, found, path) for mistake in mistakes]
    problems += spelling_problems(found, path, known_tools)
    problems += _without_effect(found, path)
    if all(problem.code != "handle-steps-form" for problem in problems):
        problems += free_name_problems(found, path)
    problems.sort(key=lambda problem: problem.range)
    broken = any(problem.severity is Severity.ERROR for problem in problems)
    if shape is None or broken:
        return Checked(None, tuple(problems))
    return Checked(_definition(shape, values, servers), tuple(problems))


def _without_effect(found: ParsedDefinition, path: Path) -> list[Problem]:
    """Report what is accepted but has no effect, at its place."""
    told: list[tuple[JsonPath, str]] = list(fields_without_effect(found.values))
    for index, name in enumerate(_texts(found.values.get("toolNames"))):
        if name in TOOLS:
            told.append((("toolNames", index), f"`{name}` is not offered.  {TOOLS[name]}."))
    return [
        Problem(path, place_of(found.places, place), Severity.INFORMATION, "no-effect", message)
        for place, message in told
    ]


def _with_unknown(found: ParsedDefinition) -> Mapping[str, Any]:
    """Return the values, with a marker, which rules skip, for what only an evaluation shows."""
    unknown = {path[0]: UNKNOWN for path in found.unknown if path and isinstance(path[0], str)}
    return {**found.values, **unknown} if unknown else found.values


def _covers(found: ParsedDefinition, path: JsonPath) -> bool:
    """Return whether only an evaluation shows the value at a path."""
    return any(path[:length] in found.unknown for length in range(len(path) + 1))


def _problem(mistake: Mistake, found: ParsedDefinition, path: Path) -> Problem:
    severity = Severity.WARNING if mistake.code in _WARNINGS else Severity.ERROR
    return Problem(path, _range(mistake, found), severity, mistake.code, mistake.message)


def _range(mistake: Mistake, found: ParsedDefinition) -> Range:
    if mistake.code == "missing-field" and mistake.path not in found.places:
        parent = place_of(found.places, mistake.path[:-1]) if mistake.path else None
        whole = parent or place_range(found.places)
        return Range(whole.start, whole.start)
    if mistake.on_key:
        return key_of(found.places, mistake.path)
    return place_of(found.places, mistake.path)


def _definition(
    shape: DefinitionShape, values: Mapping[str, Any], servers: Mapping[str, Any]
) -> AgentDefinition:
    compact = values.get("compactContext", False)
    return AgentDefinition(
        id=shape.id,
        display_name=shape.display_name,
        model=shape.model,
        version=shape.version,
        publisher=shape.publisher,
        local_provider=_local_provider(shape),
        reasoning_options=values.get("reasoningOptions"),
        provider_options=_provider_options(values),
        mcp_servers=servers,
        tool_names=shape.tool_names,
        spawnable_agents=shape.spawnable_agents,
        input_schema=values.get("inputSchema"),
        output_mode=OutputMode(shape.output_mode),
        output_schema=shape.output_schema,
        spawner_prompt=shape.spawner_prompt,
        system_prompt=shape.system_prompt or "",
        instructions_prompt=shape.instructions_prompt or "",
        step_prompt=shape.step_prompt or "",
        include_message_history=shape.include_message_history,
        inherit_parent_system_prompt=shape.inherit_parent_system_prompt,
        windowed_file_reads=bool(shape.windowed_file_reads),
        compact_context=compact,
        handle_steps=(shape.handle_steps or "").strip() or None,
    )


def _local_provider(shape: DefinitionShape) -> LocalProvider | None:
    given = shape.local_provider
    if given is None and shape.provider_options is not None and shape.provider_options.base_url:
        options = shape.provider_options
        given = LocalProviderShape(options.base_url or "", options.api_key)
    if given is None:
        return None
    return LocalProvider(given.base_url, Secret(given.api_key) if given.api_key else None)


def _provider_options(values: Mapping[str, Any]) -> Mapping[str, Any] | None:
    options = mapping(values.get("providerOptions"))
    return {name: value for name, value in options.items() if name not in _OURS} or None


def _texts(value: object) -> list[str]:
    """Return a list whose non-strings are emptied, so that positions stay the same."""
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [item if isinstance(item, str) else "" for item in items]
