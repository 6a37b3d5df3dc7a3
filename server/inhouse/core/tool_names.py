"""What models call tools when they do not use the names they were given."""

import re
from collections.abc import Collection, Mapping

EDITING = frozenset({"str_replace", "write_file", "apply_patch"})
"""Tools that change files."""
PROPOSING = frozenset({"propose_str_replace", "propose_write_file"})
"""Tools that propose a change of a file."""
CHANGING = EDITING | PROPOSING | {"create_plan", "run_terminal_command"}
"""Tools that change files or run commands: nothing in their input may be guessed."""

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "read_files": ("read_file", "read", "open_file", "view_file", "view", "cat", "get_file"),
    "write_file": (
        *("write", "create_file", "save_file", "overwrite_file", "write_to_file"),
        *("create", "update_file", "propose_write_file"),
    ),
    "str_replace": (
        *(
            "edit_file",
            "edit",
            "replace",
            "replace_in_file",
            "search_replace",
            "search_and_replace",
        ),
        *("string_replace", "str_replace_editor", "propose_str_replace"),
    ),
    "propose_write_file": ("write_file", "write", "create_file"),
    "propose_str_replace": ("str_replace", "edit_file", "edit", "replace"),
    "run_terminal_command": (
        *("run_command", "bash", "shell", "terminal", "execute_command", "execute", "run_shell"),
        *("run_shell_command", "run_in_terminal", "exec", "run_terminal", "run", "command"),
    ),
    "code_search": (
        "grep",
        "search",
        "search_code",
        "search_files",
        "ripgrep",
        "rg",
        "grep_search",
    ),
    "list_directory": ("ls", "list_dir", "list_files", "list_folder", "dir", "list"),
    "find_files": ("find_file", "find", "file_search", "search_file"),
    "glob": ("glob_files", "find_by_name", "file_glob"),
    "end_turn": ("finish", "done", "stop", "end"),
    "task_completed": ("attempt_completion", "complete", "completed", "finish", "done", "submit"),
    "spawn_agents": ("spawn_agent", "spawn", "task", "agent"),
    "ask_user": ("ask", "ask_followup_question", "question"),
    "think_deeply": ("think", "thought"),
    "set_output": ("output", "result", "final_answer"),
    "read_url": ("fetch", "fetch_url", "web_fetch", "open_url"),
}


_TOKEN = re.compile(
    r"<[|\uff5c][^<>]{0,40}[|\uff5c]>.*|</?\w[\w:-]{0,30}>.*|\[/?[A-Z_]{3,}\].*", re.DOTALL
)
"""A piece of a model's template (``<|channel|>commentary``, ``</arg_value>``, ``[ARGS]``)."""
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_-]+")
LONGEST_NAME = 64


def without_tokens(name: str) -> str:
    """Return a name without blanks and without tokens of a model's template around it."""
    plain = name.strip()
    if plain.startswith("<"):
        plain = re.sub(r"^(?:<[^<>]{1,40}>\s*)+", "", plain)
    return re.sub(r":\d{1,6}$", "", _TOKEN.sub("", plain).strip())


def legal_name(name: str) -> str:
    """Return a name that every server accepts: letters, digits, ``_`` and ``-``, at most 64."""
    if len(name) <= LONGEST_NAME and name and not _ILLEGAL.search(name):
        return name
    plain = _ILLEGAL.sub("_", without_tokens(name).rpartition(":")[2]).strip("_")
    return plain[:LONGEST_NAME] or "unknown"


def same_name(name: str, declared: Collection[str]) -> str | None:
    """Return the declared tool that *name* is another spelling of; None if there is none.

    Names differ by case, dashes, a name space in front, and tokens of the model's template.
    """
    if name in declared:
        return name
    clean = without_tokens(name).rpartition(":")[2]
    last = clean.strip().strip("`'\"").rpartition(".")[2].rpartition("/")[2]
    plain = last.replace("-", "_").lower()
    for spelling in (clean, last, plain):
        if spelling in declared:
            return spelling
    return next((one for one in declared if one.replace("-", "_").lower() == plain), None)


def tool_meant(name: str, declared: Collection[str]) -> str | None:
    """Return the declared tool that *name* stands for, also by an alias; None if there is none.

    A declared name itself always wins.
    """
    if (same := same_name(name, declared)) is not None:
        return same
    last = without_tokens(name).rpartition(":")[2].strip("`'\"").rpartition(".")[2]
    plain = last.rpartition("/")[2].replace("-", "_").lower()
    for tool, aliases in _ALIASES.items():
        if plain in aliases and tool in declared:
            return tool
    return None
