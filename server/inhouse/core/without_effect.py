"""Tools that a definition may name and that do nothing here: told, wherever it would matter.

The one list behind the diagnostic ``no-effect``, the notice when a run starts, the answer to a
call of such a tool, and docs/reference/definitions.md (a test compares them).
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from .definition import AgentDefinition

_SEARCH = "`read_url` reads a page whose address is known, and an MCP server can search"
TOOLS: Mapping[str, str] = MappingProxyType(
    {
        "web_search": f"Searching the web needs Codebuff's servers.  {_SEARCH}",
        "read_docs": f"The documentation of libraries is on Codebuff's servers.  {_SEARCH}",
        "gravity_index": "The index of services is on Codebuff's servers",
        "browser_logs": "No browser is driven here; an MCP server can drive one",
        "run_file_change_hooks": "There are no hooks after changes here; "
        "`run_terminal_command` runs what they would",
        "render_ui": "Only Codebuff's own clients show widgets",
    }
)
"""Tool → why it is not offered, and what works instead."""


def without_effect(definition: AgentDefinition) -> Iterator[str]:
    """Tell what of a definition has no effect, one sentence each."""
    for name in definition.tool_names:
        if name in TOOLS:
            yield f"The tool `{name}` is not offered.  {TOOLS[name]}."
