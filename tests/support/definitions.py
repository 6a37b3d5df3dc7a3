"""Definitions as a user has them: folders on disk, read by a catalog."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inhouse.core.definition import AgentDefinition
from inhouse.core.text import Problem
from inhouse.definitions.catalog.catalog import Catalog, agent_folders
from inhouse.definitions.evaluator import Evaluator
from inhouse.definitions.forms.read_text import read
from inhouse.definitions.schema.check_definition import check

ENVIRONMENT = {"DEFINITIONS_TEST_TOKEN": "t-123"}


async def catalog_of(
    root: Path,
    evaluator: Evaluator | None = None,
    *,
    home: Path | None = None,
    texts: Mapping[Path, str] | None = None,
    known_tools: frozenset[str] = frozenset(),
) -> Catalog:
    """The catalog of one workspace, loaded."""
    catalog = Catalog(
        agent_folders([root], home),
        evaluator,
        environment=ENVIRONMENT,
        known_tools=known_tools,
    )
    await catalog.load(texts)
    return catalog


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Lay out a workspace."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def literal(**changes: Any) -> str:
    """A definition in TypeScript; a value of None leaves its field out."""
    fields = {"id": "'one'", "displayName": "'One'", "model": "'m'", **changes}
    lines = [f"  {name}: {value}," for name, value in fields.items() if value is not None]
    return "\n".join(["export default {", *lines, "}", ""])


def problems_of(text: str, name: str = "one.ts") -> list[Problem]:
    """Everything that is wrong with one text that needs no evaluation."""
    path = Path("/workspace/.agents") / name
    reading = read(path, text)
    problems = list(reading.problems)
    for found in reading.found:
        problems += check(found, path, environment=ENVIRONMENT).problems
    return problems


def definition_of(text: str, name: str = "one.ts") -> AgentDefinition:
    path = Path("/workspace/.agents") / name
    (found,) = read(path, text).found
    checked = check(found, path, environment=ENVIRONMENT)
    assert checked.definition is not None, checked.problems
    return checked.definition


def as_json(definition: AgentDefinition) -> dict[str, Any]:
    """With Codebuff's names, to compare with data."""
    provider = definition.local_provider
    key = provider.api_key if provider is not None else None
    return {
        "id": definition.id,
        "displayName": definition.display_name,
        "model": definition.model,
        "version": definition.version,
        "publisher": definition.publisher,
        "localProvider": provider
        and {"baseUrl": provider.base_url, "apiKey": key.reveal() if key else None},
        "reasoningOptions": definition.reasoning_options,
        "providerOptions": definition.provider_options,
        "mcpServers": dict(definition.mcp_servers),
        "toolNames": list(definition.tool_names),
        "spawnableAgents": list(definition.spawnable_agents),
        "inputSchema": definition.input_schema,
        "outputMode": definition.output_mode.value,
        "outputSchema": definition.output_schema,
        "spawnerPrompt": definition.spawner_prompt,
        "systemPrompt": definition.system_prompt,
        "instructionsPrompt": definition.instructions_prompt,
        "stepPrompt": definition.step_prompt,
        "includeMessageHistory": definition.include_message_history,
        "inheritParentSystemPrompt": definition.inherit_parent_system_prompt,
        "windowedFileReads": definition.windowed_file_reads,
        "compactContext": definition.compact_context,
        "handleSteps": definition.handle_steps,
    }
