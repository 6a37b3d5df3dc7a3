"""What a tool does, in words that a person reads at a glance: "Ran pytest: exit 1"."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from .json_values import mapping
from .unicode import visible

_MOST = 100
_NAMED = 3
"""Files, agents and the like that are named; more are counted."""

VERBS: Mapping[str, tuple[str, str, str]] = {
    "read_files": ("Reading", "Read", "read"),
    "read_subtree": ("Listing", "Listed", "list"),
    "list_directory": ("Listing", "Listed", "list"),
    "glob": ("Looking for", "Looked for", "look for"),
    "find_files": ("Looking for", "Looked for", "look for"),
    "code_search": ("Searching for", "Searched for", "search for"),
    "str_replace": ("Editing", "Edited", "edit"),
    "write_file": ("Writing", "Wrote", "write"),
    "apply_patch": ("Editing", "Edited", "edit"),
    "propose_str_replace": ("Proposing a change to", "Proposed a change to", "propose a change to"),
    "propose_write_file": ("Proposing", "Proposed", "propose"),
    "run_terminal_command": ("Running", "Ran", "run"),
    "read_url": ("Reading", "Read", "read"),
    "web_search": ("Searching the web for", "Searched the web for", "search the web for"),
    "read_docs": ("Reading the documentation of", "Read the documentation of", "read"),
    "skill": ("Reading the skill", "Read the skill", "read the skill"),
    "spawn_agents": ("Running", "Ran", "run"),
    "spawn_agent_inline": ("Running", "Ran", "run"),
    "lookup_agent_info": ("Looking up", "Looked up", "look up"),
    "ask_user": ("Asking you", "Asked you", "ask you"),
    "diagnostics": ("Reading diagnostics of", "Read diagnostics of", "read diagnostics of"),
}
"""Of each tool: what it is doing, what it did, and what it could not do."""
PLAIN: Mapping[str, tuple[str, str, str]] = {
    "write_todos": ("Planning", "Planned the next steps", "plan"),
    "think_deeply": ("Thinking", "Thought about it", "think"),
    "set_output": ("Giving its result", "Gave its result", "give its result"),
    "add_message": ("Adding a message", "Added a message", "add a message"),
    "set_messages": ("Rewriting its history", "Rewrote its history", "rewrite its history"),
}
SILENT = frozenset({"end_turn", "task_completed"})
"""Tools that only end a step: nothing happens that a person would want to read."""
_SUBJECTS = (
    *("path", "command", "pattern", "query", "directory", "url", "name", "agent_type", "agentType"),
    *("libraryTitle", "topic", "prompt"),
)


def doing(tool: str, given: Any) -> str:
    """Say in one line what a call is doing: "Running pytest -q"; empty for one that only ends."""
    return "" if tool in SILENT else _line(tool, given, 0)


def done(tool: str, given: Any, *, ok: bool, summary: str) -> str:
    """Say in one line what a call did, or could not do and why; empty for one that only ends."""
    if tool in SILENT and ok:
        return ""
    if not ok and not ran(tool, summary):
        return f"Could not {_line(tool, given, 2)}: {summary}"
    line = _line(tool, given, 1)
    tells = tool == "run_terminal_command" or tool not in {*VERBS, *PLAIN, *SILENT}
    return f"{line}: {summary}" if tells and summary else line


def ran(tool: str, summary: str) -> bool:
    """Tell whether a call is that of a command which ran to its end, however it ended."""
    return tool == "run_terminal_command" and summary.startswith("exit ")


def counts(diff: str) -> str:
    """Say how many lines a unified diff puts in and takes out."""
    lines = [one for one in diff.splitlines() if not one.startswith(("+++", "---"))]
    added = sum(one.startswith("+") for one in lines)
    return f"+{added} −{sum(one.startswith('-') for one in lines)}"  # noqa: RUF001  a minus sign


def _line(tool: str, given: Any, tense: int) -> str:
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


def _subject(values: Mapping[str, Any]) -> str:
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


def _names(value: Any) -> list[str]:
    """Give the names in a list of texts, or of objects that have one."""
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
