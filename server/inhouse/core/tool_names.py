"""What models call tools by, where they do not use the names they were given."""

from collections.abc import Collection, Mapping

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


def tool_meant(name: str, declared: Collection[str]) -> str | None:
    """Give the declared tool that *name* stands for; None: there is none.

    A declared name itself always wins; names differ by case, dashes and a name space in front.
    """
    last = name.strip().strip("`'\"").rpartition(".")[2].rpartition("/")[2]
    plain = last.replace("-", "_").lower()
    for spelling in (name, last, plain):
        if spelling in declared:
            return spelling
    for tool, aliases in _ALIASES.items():
        if plain in aliases and tool in declared:
            return tool
    return None
