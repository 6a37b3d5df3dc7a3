"""Tool calls in the words of ACP: kind, title, and the files they are about.

Source: https://agentclientprotocol.com/protocol/tool-calls.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from inhouse.core.json_values import fields, items
from inhouse.core.unicode import visible

Json = dict[str, Any]
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
_VERBS = {
    "read_files": "Read",
    "read_subtree": "List",
    "list_directory": "List",
    "glob": "Find",
    "find_files": "Find",
    "code_search": "Search",
    "str_replace": "Edit",
    "write_file": "Write",
    "apply_patch": "Patch",
    "propose_str_replace": "Propose an edit of",
    "propose_write_file": "Propose",
    "read_url": "Read",
    "skill": "Use the skill",
}
_SUBJECTS = ("path", "pattern", "directory", "url", "name", "prompt", "command", "thought")
_MOST_TITLE = 120
_MOST_LOCATIONS = 20


def kind_of(tool: str) -> str:
    """Give ACP's ``ToolKind`` of a tool."""
    return _KINDS.get(tool, "other")


def title_of(tool: str, given: Any, agent: str | None = None) -> str:
    """Say in one line what a call does; *agent* is named where it is a sub-agent's."""
    values = fields(given)
    subject = ", ".join(_paths(values)) or next(
        (str(values[key]) for key in _SUBJECTS if isinstance(values.get(key), str)), ""
    )
    if tool == "run_terminal_command":
        title = f"`{subject}`"
    else:
        title = f"{_VERBS.get(tool, tool.replace('_', ' '))} {subject}".strip()
    title = visible(title if agent is None else f"{agent}: {title}").replace("\n", " ")
    return title if len(title) <= _MOST_TITLE else f"{title[: _MOST_TITLE - 1]}…"


def locations_of(given: Any, root: Path) -> list[Json]:
    """Give the files a call is about, as absolute paths."""
    values = fields(given)
    return [{"path": str(root / path)} for path in _paths(values)[:_MOST_LOCATIONS]]


def _paths(values: Mapping[str, Any]) -> list[str]:
    """Give every path that a call names: ``path``, ``paths``, and lists of either."""
    found = [values["path"]] if isinstance(values.get("path"), str) else []
    paths = values.get("paths")
    for each in items(paths):
        if isinstance(each, str):
            found.append(each)
        elif isinstance(each, Mapping) and isinstance(
            path := cast("Mapping[str, Any]", each).get("path"), str
        ):
            found.append(path)
    return found
