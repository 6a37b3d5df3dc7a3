"""What a definition may say that has no effect here; users are told wherever it matters.

The one list behind the diagnostic ``no-effect``, the notice when a run starts, the answer to a
call of such a tool, and docs/reference/definitions.md (a test compares them).
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast

from .definition import AgentDefinition

_SEARCH = "`read_url` reads a page whose address is known, and an MCP server can search"
TOOLS: Mapping[str, str] = MappingProxyType(
    {
        "web_search": f"Searching the web needs Codebuff's servers.  {_SEARCH}",
        "read_docs": f"The documentation of libraries is on Codebuff's servers.  {_SEARCH}",
        "gravity_index": "The index of services is on Codebuff's servers",
        "browser_logs": "Inhouse does not control a browser; an MCP server can",
        "run_file_change_hooks": "Inhouse has no hooks after changes; `run_terminal_command` can "
        "run the same commands",
        "render_ui": "Only Codebuff's own clients show widgets",
    }
)
"""Tool → why it is not offered, and what works instead."""


FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "mcpServers.*.oauth": "Inhouse does not sign in through a browser.  Give the server a "
        "token "
        "in `headers`, such as `Authorization: Bearer $TOKEN`",
    }
)
"""Field by its path, `*` for any name → why it has no effect, and what works instead."""


def fields_without_effect(values: object) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the places in a definition's values that have no effect, each with the reason.

    A value of false, or no value, asks for nothing.
    """
    for path, why in FIELDS.items():
        for place, value in _at(values, tuple(path.split(".")), ()):
            if value:
                yield place, f"`{'.'.join(place)}` has no effect.  {why}."


def _at(
    value: object, path: tuple[str, ...], place: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not path:
        yield place, value
        return
    if not isinstance(value, Mapping):
        return
    members = cast("Mapping[str, Any]", value)
    for name in members if path[0] == "*" else path[:1]:
        if name in members:
            yield from _at(members[name], path[1:], (*place, name))


def without_effect(definition: AgentDefinition) -> Iterator[str]:
    """Say what in a definition has no effect, in one sentence each."""
    for _, told in fields_without_effect({"mcpServers": definition.mcp_servers}):
        yield told
    for name in definition.tool_names:
        if name in TOOLS:
            yield f"The tool `{name}` is not offered.  {TOOLS[name]}."
