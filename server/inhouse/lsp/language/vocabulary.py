"""The words that fit as a value: choices, tools, agents, models, endpoints."""

from collections.abc import Iterator

from attrs import frozen

from inhouse.core.json_values import items, mapping
from inhouse.core.text import Position
from inhouse.core.unicode import visible
from inhouse.definitions.readers.source_ranges import JsonPath
from inhouse.definitions.schema.fields import field_at
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language.definition_document import DefinitionDocument
from inhouse.lsp.language.descriptions import tool_text
from inhouse.lsp.language.known_models import model_words
from inhouse.tools.specs import names, spec

FUNCTION, CLASS, MODULE, ENUM_MEMBER, KEYWORD, CONSTANT = 3, 7, 9, 20, 14, 21
_COMMON = (
    "read_files",
    "write_file",
    "str_replace",
    "run_terminal_command",
    "code_search",
    "find_files",
    "glob",
    "list_directory",
    "spawn_agents",
    "set_output",
    "end_turn",
)
_BASE_URLS = {("localProvider", "baseUrl"), ("providerOptions", "baseUrl")}
_ALIASES = {"tools": "toolNames", "name": "id", "description": "spawnerPrompt"}
"""Keys of Markdown front matter as other programs write them."""


@frozen
class Suggestion:
    text: str
    kind: int
    detail: str = ""
    docs: str = ""
    raw: bool = False
    """Written without quotes: ``true``."""
    label: str = ""
    """What the list shows, if that is not the text itself."""


def words_for(
    context: EditorContext, site: DefinitionDocument, path: JsonPath, position: Position
) -> Iterator[Suggestion]:
    """Yield the words that fit the value at *path*, the likely ones first."""
    if site.suffix == ".md" and path and path[0] in _ALIASES:
        path = (_ALIASES[str(path[0])], *path[1:])
    match path:
        case ("toolNames", *_):
            yield from _tools(site, position)
            yield from _server_tools(context, site, position)
        case ("spawnableAgents", *_):
            yield from _agents(context, site, position)
        case ("model",):
            for model, source in model_words(context):
                yield Suggestion(model, MODULE, source)
        case _ if path in _BASE_URLS:
            yield from _base_urls(context)
        case _:
            yield from _choices(path)


def placeholders() -> Iterator[tuple[str, str]]:
    """Return the placeholders that are filled in when a prompt is sent."""
    yield from _PLACEHOLDERS.items()


def _tools(site: DefinitionDocument, position: Position) -> Iterator[Suggestion]:
    there = set(_already(site, position, "toolNames"))
    ordered = (*_COMMON, *(name for name in names() if name not in _COMMON))
    for name in ordered:
        if name not in there:
            told = spec(name)
            first = told.description.strip().split("\n", 1)[0]
            yield Suggestion(name, FUNCTION, first[:120], tool_text(told))


def _server_tools(
    context: EditorContext, site: DefinitionDocument, position: Position
) -> Iterator[Suggestion]:
    """Return the last known tools of MCP servers, without starting any."""
    found = site.found_at(position)
    own = mapping(found.values.get("mcpServers") if found is not None else None)
    there = set(_already(site, position, "toolNames"))
    last = context.host.services.mcp_listings.by_name()
    for server in dict.fromkeys([*own, *context.host.world.settings.mcp_servers]):
        listed = last.get(server, {})
        words = {f"{server}/*": "every tool of this MCP server"}
        for tool in listed.values():
            first = visible(tool.description.strip().partition("\n")[0])
            words[f"{server}/{tool.name}"] = first[:120]
        if not listed:
            words[f"{server}/*"] += "; `inhouse mcp check` lists them"
        for name, told in words.items():
            if name not in there:
                yield Suggestion(name, FUNCTION, told)


def _agents(
    context: EditorContext, site: DefinitionDocument, position: Position
) -> Iterator[Suggestion]:
    there = set(_already(site, position, "spawnableAgents"))
    found = site.found_at(position)
    own = found.values.get("id") if found is not None else None
    for agent in context.host.world.catalog.agents.values():
        if agent.id not in there and agent.id != own:
            purpose = agent.spawner_prompt.strip()
            yield Suggestion(agent.id, CLASS, agent.display_name, purpose)


def _already(site: DefinitionDocument, position: Position, name: str) -> Iterator[str]:
    """Return the items of a list, without the one at the cursor."""
    found = site.found_at(position)
    if found is None:
        return
    for at, value in enumerate(items(found.values.get(name))):
        place = found.places.get((name, at))
        here = place is not None and place.value.start <= position <= place.value.end
        if isinstance(value, str) and not here:
            yield value


def _base_urls(context: EditorContext) -> Iterator[Suggestion]:
    for endpoint in context.host.world.settings.endpoints.values():
        if endpoint.base_url:
            yield Suggestion(endpoint.base_url, CONSTANT, f"endpoint {endpoint.name}")
            # Match by name as well, which is what people remember and type.
            yield Suggestion(endpoint.base_url, CONSTANT, endpoint.base_url, label=endpoint.name)
    yield Suggestion("http://localhost:11434/v1", CONSTANT, "Ollama on this machine")
    yield Suggestion("http://localhost:1234/v1", CONSTANT, "LM Studio on this machine")
    yield Suggestion("http://localhost:8080/v1", CONSTANT, "llama.cpp on this machine")


def _choices(path: JsonPath) -> Iterator[Suggestion]:
    field = field_at(path)
    if field is None:
        return
    for choice in field.choices:
        default = "default" if choice == field.default else ""
        yield Suggestion(choice, ENUM_MEMBER, default)
    if field.type.startswith("boolean"):
        yield Suggestion("true", KEYWORD, raw=True)
        yield Suggestion("false", KEYWORD, raw=True)


_PLACEHOLDERS = {
    "CODEBUFF_AGENT_NAME": "the agent's display name",
    "CODEBUFF_CURRENT_DATE": "today",
    "CODEBUFF_FILE_TREE_PROMPT_SMALL": "the file tree, 2,500 tokens at most",
    "CODEBUFF_FILE_TREE_PROMPT": "the file tree, 10,000 tokens at most",
    "CODEBUFF_FILE_TREE_PROMPT_LARGE": "the file tree, 190,000 tokens at most",
    "CODEBUFF_GIT_CHANGES_PROMPT": "what git says has changed",
    "CODEBUFF_INITIAL_AGENT_PROMPT": "the prompt of the first agent",
    "CODEBUFF_KNOWLEDGE_FILES_CONTENTS": "knowledge.md, AGENTS.md or CLAUDE.md of each folder",
    "CODEBUFF_PROJECT_ROOT": "the project's folder",
    "CODEBUFF_REMAINING_STEPS": "how many steps are left",
    "CODEBUFF_SYSTEM_INFO_PROMPT": "operating system and shell",
    "CODEBUFF_USER_CWD": "the user's folder",
    "CODEBUFF_USER_INPUT_PROMPT": "what the user asked",
}
