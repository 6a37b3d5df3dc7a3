"""Translates other programs' agents: tools, models, names.

docs/reference/definitions.md has these tables for readers.
"""

import re
from collections.abc import Mapping

DEFAULT_MODEL = "anthropic/claude-sonnet-4.5"
MODELS: Mapping[str, str] = {
    "sonnet": DEFAULT_MODEL,
    "opus": "anthropic/claude-opus-4.5",
    "haiku": "anthropic/claude-haiku-4.5",
    "inherit": DEFAULT_MODEL,
    "default": DEFAULT_MODEL,
    "best": "anthropic/claude-opus-4.5",
    "opusplan": "anthropic/claude-opus-4.5",
}
"""Aliases, by what they stand for.  A definition here always names a model."""
TOOLS: Mapping[str, str] = {
    "read": "read_files",
    "notebookread": "read_files",
    "write": "write_file",
    "edit": "str_replace",
    "multiedit": "str_replace",
    "patch": "apply_patch",
    "notebookedit": "str_replace",
    "bash": "run_terminal_command",
    "grep": "code_search",
    "glob": "glob",
    "ls": "list_directory",
    "list": "list_directory",
    "webfetch": "read_url",
    "websearch": "web_search",
    "todowrite": "write_todos",
    "task": "spawn_agents",
    "agent": "spawn_agents",
    "askuserquestion": "ask_user",
    "question": "ask_user",
    "skill": "skill",
}
"""Tools by their names in small letters; Claude Code writes ``Read``, opencode ``read``."""
ALL_TOOLS: tuple[str, ...] = (
    "read_files",
    "write_file",
    "str_replace",
    "run_terminal_command",
    "code_search",
    "glob",
    "list_directory",
    "read_url",
    "write_todos",
)
"""The tools of an agent that names none, which means all of them in other programs."""
WITHOUT_COUNTERPART = frozenset(
    {
        *("bashoutput", "killbash", "killshell", "powershell", "monitor", "lsp", "codesearch"),
        *("todoread", "exitplanmode", "enterplanmode", "slashcommand", "enterworktree"),
        *("exitworktree", "toolsearch", "taskcreate", "taskget", "tasklist", "taskupdate"),
        *("taskoutput", "taskstop", "sendmessage", "teamcreate", "teamdelete", "croncreate"),
        *("crondelete", "cronlist", "listmcpresourcestool", "readmcpresourcetool", "plan"),
    }
)
"""Tools of other programs, in small letters, that nothing here is like."""
_CLAUDE = re.compile(
    r"(?:anthropic/)?claude-(?P<family>sonnet|opus|haiku)-(?P<major>\d+)"
    r"(?:-(?P<minor>\d{1,2}))?(?:-\d{8})?(?:-latest)?"
)
_CLAUDE_3 = re.compile(
    r"(?:anthropic/)?claude-(?P<major>\d+)(?:-(?P<minor>\d{1,2}))?-(?P<family>sonnet|opus|haiku)"
    r"(?:-\d{8})?(?:-latest)?"
)
_PATTERN = re.compile(r"^(?P<name>[^()]+)\((?P<limit>.*)\)$", re.DOTALL)


def model_id(name: str) -> str:
    """Return the OpenRouter id of another program's model name."""
    plain = re.sub(r"\[\w+\]$", "", name.strip())
    alias = MODELS.get(plain.lower())
    if alias is not None:
        return alias
    match = _CLAUDE.fullmatch(plain)
    if match is not None:
        return f"anthropic/claude-{match['family']}-{_version(match)}"
    match = _CLAUDE_3.fullmatch(plain)
    if match is not None:
        return f"anthropic/claude-{_version(match)}-{match['family']}"
    return plain


def tool_name(name: str) -> str | None:
    """Return our name for another program's tool; None if there is no equivalent."""
    plain = name.strip()
    match = _PATTERN.match(plain)
    if match is not None:
        plain = match["name"].strip()
    if plain.startswith("mcp__"):
        server, _, tool = plain.removeprefix("mcp__").partition("__")
        return f"{server}/{tool or '*'}" if "*" not in server else None
    server = plain.removesuffix("_*")
    if server != plain and "*" not in server:  # opencode's tools of one server
        return f"{server}/*"
    return TOOLS.get(plain.lower()) or (plain if "_" in plain or "/" in plain else None)


def limit_of(name: str) -> str | None:
    """Return the text in parentheses: ``git:*`` of ``Bash(git:*)``."""
    match = _PATTERN.match(name.strip())
    return match["limit"] if match is not None else None


def identifier(name: str) -> str:
    """Make an id from a name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def title(name: str) -> str:
    """Make a name for people from an id."""
    return " ".join(word.capitalize() for word in re.split(r"[-_\s]+", name) if word) or name


def _version(match: "re.Match[str]") -> str:
    return f"{match['major']}.{match['minor']}" if match["minor"] else match["major"]
