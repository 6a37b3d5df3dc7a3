"""Tool calls in ACP's terms: their kind and files.

Source: https://agentclientprotocol.com/protocol/tool-calls.
"""

from pathlib import Path

from inhouse.core.json_values import Json, fields
from inhouse.core.tool_words import paths_of

_KINDS = {
    "read_files": "read",
    "read_subtree": "read",
    "skill": "read",
    "list_directory": "search",
    "glob": "search",
    "find_files": "search",
    "code_search": "search",
    "diagnostics": "search",
    "str_replace": "edit",
    "write_file": "edit",
    "apply_patch": "edit",
    "propose_str_replace": "edit",
    "propose_write_file": "edit",
    "run_terminal_command": "execute",
    "think_deeply": "think",
    "read_url": "fetch",
    "web_search": "fetch",
    "read_docs": "fetch",
}
_MOST_LOCATIONS = 20


def kind_of(tool: str) -> str:
    """Return ACP's ``ToolKind`` of a tool."""
    return _KINDS.get(tool, "other")


def locations_of(given: object, root: Path) -> list[Json]:
    """Return the files a call is about, as absolute paths."""
    values = fields(given)
    return [{"path": str(root / path)} for path in paths_of(values)[:_MOST_LOCATIONS]]
