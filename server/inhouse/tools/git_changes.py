"""What Git says has changed, for prompts.

Git runs nothing of the project's (`inhouse.tools.hardened_git`), and is not used at all in an
untrusted workspace.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from inhouse import processes
from inhouse.core.errors import ToolError
from inhouse.core.protected_files import rule

from .hardened_git import ask_git, hardened_variables
from .shell.environment import inherited

_MOST = 30_000
_DIFF = (
    "diff",
    *("--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "--no-relative"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--no-indent-heuristic"),
)
_LOG = ("log", "-10", "--pretty=format:%s", "--no-show-signature", "--no-notes", "--no-decorate")
_NOT_TRUSTED = "Git Changes: not shown, since this workspace is not trusted."


async def git_changes(root: Path, environment: Mapping[str, str], *, trusted: bool) -> str:
    """Return Codebuff's text about status, changes and last commits; empty without Git."""
    git = processes.find_program("git", outside=(root,))
    if git is None:
        return ""
    if not trusted:
        return _NOT_TRUSTED if (root / ".git").exists() else ""
    try:
        variables = await hardened_variables(git, root, inherited(environment, offline=True))
    except ToolError as error:
        return f"Git Changes: not shown.  {error}"
    status = await ask_git(
        git, ("status", "--short", "--ignore-submodules=all", "--", "."), root, variables
    )
    if status is None:
        return ""
    diff = await ask_git(git, (*_DIFF, "--", "."), root, variables)
    cached = await ask_git(git, (*_DIFF, "--cached", "--", "."), root, variables)
    log = await ask_git(git, _LOG, root, variables)
    return "\n".join(
        (
            "Git Changes:",
            _block("git_status", _cut(status, _MOST // 10)),
            _block("git_diff", _cut(_without_secrets(diff or ""), _MOST)),
            _block("git_diff_cached", _cut(_without_secrets(cached or ""), _MOST)),
            _block("git_commit_messages_most_recent_first", _cut(log or "", _MOST // 10)),
        )
    )


def _without_secrets(diff: str) -> str:
    """Leave out the changes of files that no tool may read.

    Only headers begin a line like this: lines of content have a sign before them.
    """
    parts = re.split(r"(?m)^diff --git ", diff)
    kept = (part for part in parts[1:] if not _is_protected(part.partition("\n")[0]))
    return parts[0] + "".join(f"diff --git {part}" for part in kept)


def _is_protected(header: str) -> bool:
    """Return whether a header names a protected file: ``a/NAME b/NAME``, two names if moved."""
    names = header.replace('"', "").split(" ")
    return any(rule(name.partition("/")[2] or name) for name in names)


def _block(name: str, text: str) -> str:
    return f"<{name}>\n{text.encode('utf-8', 'replace').decode()}\n</{name}>\n"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n[TRUNCATED_DUE_TO_LENGTH]"
