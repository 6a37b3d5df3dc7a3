"""What a tool call does, in one line for people."""

from collections.abc import Mapping
from typing import Any, cast

from .json_values import fields, items
from .unicode import visible

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


def title_of(tool: str, given: Any, agent: str | None = None) -> str:
    """Say in one line what a call does; *agent* is named where it is a sub-agent's."""
    values = fields(given)
    subject = ", ".join(paths_of(values)) or next(
        (str(values[key]) for key in _SUBJECTS if isinstance(values.get(key), str)), ""
    )
    if tool == "run_terminal_command":
        title = f"`{subject}`"
    else:
        title = f"{_VERBS.get(tool, tool.replace('_', ' '))} {subject}".strip()
    title = visible(title if agent is None else f"{agent}: {title}").replace("\n", " ")
    return title if len(title) <= _MOST_TITLE else f"{title[: _MOST_TITLE - 1]}…"


def paths_of(values: Mapping[str, Any]) -> list[str]:
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
