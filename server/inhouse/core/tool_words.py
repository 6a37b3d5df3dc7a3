"""What a tool does, in words that a person grasps at a glance: "Ran pytest: exit 1"."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from .json_values import fields, items, mapping
from .unicode import visible

_MOST = 100
_NAMED = 3
"""How many files, agents and the like are named; the rest are counted."""


class Words(NamedTuple):
    """The words that people read about a tool."""

    doing: str
    did: str
    could_not: str
    title: str = ""
    """Its name in a list of calls; empty for the tool's own name."""


VERBS: Mapping[str, Words] = {
    "read_files": Words("Reading", "Read", "read", "Read"),
    "read_subtree": Words("Listing", "Listed", "list", "List"),
    "list_directory": Words("Listing", "Listed", "list", "List"),
    "glob": Words("Looking for", "Looked for", "look for", "Find"),
    "find_files": Words("Looking for", "Looked for", "look for", "Find"),
    "code_search": Words("Searching for", "Searched for", "search for", "Search"),
    "str_replace": Words("Editing", "Edited", "edit", "Edit"),
    "write_file": Words("Writing", "Wrote", "write", "Write"),
    "apply_patch": Words("Editing", "Edited", "edit", "Patch"),
    "propose_str_replace": Words(
        "Proposing a change to", "Proposed a change to", "propose a change to", "Propose an edit of"
    ),
    "propose_write_file": Words("Proposing", "Proposed", "propose", "Propose"),
    "run_terminal_command": Words("Running", "Ran", "run"),
    "read_url": Words("Reading", "Read", "read", "Read"),
    "web_search": Words("Searching the web for", "Searched the web for", "search the web for"),
    "read_docs": Words("Reading the documentation of", "Read the documentation of", "read"),
    "skill": Words("Reading the skill", "Read the skill", "read the skill", "Use the skill"),
    "spawn_agents": Words("Running", "Ran", "run"),
    "spawn_agent_inline": Words("Running", "Ran", "run"),
    "lookup_agent_info": Words("Looking up", "Looked up", "look up"),
    "ask_user": Words("Asking you", "Asked you", "ask you"),
    "diagnostics": Words("Reading diagnostics of", "Read diagnostics of", "read diagnostics of"),
}
"""Verbs of tools that act on a subject."""
PLAIN: Mapping[str, Words] = {
    "write_todos": Words("Planning", "Planned the next steps", "plan"),
    "think_deeply": Words("Thinking", "Thought about it", "think"),
    "set_output": Words("Giving its result", "Gave its result", "give its result"),
    "add_message": Words("Adding a message", "Added a message", "add a message"),
    "set_messages": Words("Rewriting its history", "Rewrote its history", "rewrite its history"),
}
SILENT = frozenset({"end_turn", "task_completed"})
"""Tools that only end a step: nothing that a person would want to read."""
_SUBJECTS = (
    *("path", "command", "pattern", "query", "directory", "url", "name", "agent_type", "agentType"),
    *("libraryTitle", "topic", "prompt"),
)
_TITLED = ("path", "pattern", "directory", "url", "name", "prompt", "command", "thought")
"""What a title names, in this order of preference."""
_MOST_TITLE = 120


def doing(tool: str, given: object) -> str:
    """Say in one line what a call is doing: "Running pytest -q"; empty for one that only ends."""
    return "" if tool in SILENT else _line(tool, given, 0)


def done(tool: str, given: object, *, ok: bool, summary: str) -> str:
    """Say in one line what a call did, or could not do and why; empty for one that only ends."""
    if tool in SILENT and ok:
        return ""
    if not ok and not ran(tool, summary):
        return f"Could not {_line(tool, given, 2)}: {summary}"
    line = _line(tool, given, 1)
    tells = tool == "run_terminal_command" or tool not in {*VERBS, *PLAIN, *SILENT}
    return f"{line}: {summary}" if tells and summary else line


def ran(tool: str, summary: str) -> bool:
    """Return whether a call is a command that ran to its end, whatever its exit status."""
    return tool == "run_terminal_command" and summary.startswith("exit ")


def counts(diff: str) -> str:
    """Say how many lines a unified diff adds and removes."""
    lines = [one for one in diff.splitlines() if not one.startswith(("+++", "---"))]
    added = sum(one.startswith("+") for one in lines)
    return f"+{added} −{sum(one.startswith('-') for one in lines)}"  # noqa: RUF001  a minus sign


def title_of(tool: str, given: object, agent: str | None = None) -> str:
    """Say in one line what a call does; *agent* is named if it is a sub-agent's."""
    values = fields(given)
    subject = ", ".join(paths_of(values)) or next(
        (str(values[key]) for key in _TITLED if isinstance(values.get(key), str)), ""
    )
    words = VERBS.get(tool)
    name = words.title if words is not None and words.title else tool.replace("_", " ")
    title = f"`{subject}`" if tool == "run_terminal_command" else f"{name} {subject}".strip()
    title = visible(title if agent is None else f"{agent}: {title}").replace("\n", " ")
    return title if len(title) <= _MOST_TITLE else f"{title[: _MOST_TITLE - 1]}…"


def paths_of(values: Mapping[str, object]) -> list[str]:
    """Return every path that a call names: ``path``, ``paths``, and lists of either."""
    found = [path] if isinstance(path := values.get("path"), str) else []
    for each in items(values.get("paths")):
        if isinstance(each, str):
            found.append(each)
        elif isinstance(each, Mapping) and isinstance(
            path := cast("Mapping[str, Any]", each).get("path"), str
        ):
            found.append(path)
    return found


def _line(tool: str, given: object, tense: int) -> str:
    if (plain := PLAIN.get(tool)) is not None:
        return plain[tense]
    subject = _subject(mapping(given))
    verbs = VERBS.get(tool)
    if verbs is None:
        name = f"{('Calling', 'Called', 'call')[tense]} {tool}"
        return _short(f"{name} {subject}".rstrip())
    if not subject and tool == "diagnostics":
        subject = "the project"
    return _short(f"{verbs[tense]} {subject}".rstrip())


def _subject(values: Mapping[str, object]) -> str:
    for key in ("paths", "agents"):
        names = _names(values.get(key))
        if names:
            more = len(names) - _NAMED
            shown = ", ".join(names[:_NAMED])
            return f"{shown} and {more} more" if more > 0 else shown
    operation = values.get("operation")
    if isinstance(operation, Mapping):  # apply_patch
        return _subject(cast("Mapping[str, Any]", operation))
    for key in _SUBJECTS:
        if isinstance(found := values.get(key), str) and found.strip():
            return found if key != "pattern" else repr(found)
    return ""


def _names(value: object) -> list[str]:
    """Return the names in a list of texts, or of objects that have one."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Sequence):
        return []
    found: list[str] = []
    for each in cast("Sequence[Any]", value):
        if isinstance(each, str):
            found.append(each)
        elif isinstance(each, Mapping):
            members = cast("Mapping[str, Any]", each)
            name = members.get("path") or members.get("agent_type") or members.get("agentType")
            found += [name] if isinstance(name, str) else []
    return found


def _short(text: str) -> str:
    line = " ".join(visible(text).split())
    return line if len(line) <= _MOST else f"{line[: _MOST - 1]}…"
