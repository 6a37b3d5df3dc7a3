"""What Git says has changed, for prompts.

Git runs nothing of the project's (`inhouse.tools.hardened_git`), shows no protected file, and is
not used at all in an untrusted workspace.
"""

import asyncio
import os
import stat
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from pathlib import Path

from inhouse import processes
from inhouse.core import hard_links
from inhouse.core.errors import ToolError
from inhouse.core.protected_files import rule

from .hardened_git import ask_git, hardened_variables
from .shell.environment import inherited

_MOST = 30_000
_MOST_BYTES_OF_PATHS = 20_000 if os.name == "nt" else 60_000
"""Windows takes a command line of 32,767 characters."""
_QUOTES = 3
"""Bytes around each path, which Windows may have to quote."""
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
    diff = await _diff(git, root, variables)
    cached = await _diff(git, root, variables, "--cached")
    log = await ask_git(git, _LOG, root, variables)
    return "\n".join(
        (
            "Git Changes:",
            _block("git_status", _cut(status, _MOST // 10)),
            _block("git_diff", _cut(diff, _MOST)),
            _block("git_diff_cached", _cut(cached, _MOST)),
            _block("git_commit_messages_most_recent_first", _cut(log or "", _MOST // 10)),
        )
    )


async def _diff(git: str, root: Path, variables: Mapping[str, str], *options: str) -> str:
    """Return the changes of files that a tool may read.

    Git is asked for these files only: what it prints has many forms, and secrets are not looked
    for in it.
    """
    listed = await ask_git(
        git, (*_DIFF, *options, "--name-only", "--no-renames", "-z", "--", "."), root, variables
    )
    names = [each for each in (listed or "").split("\0") if each]
    top = Path(variables.get("GIT_WORK_TREE", root))
    hidden = await asyncio.to_thread(_hidden, root, top, names)
    # The diff of more names than fit is longer than what is shown of it.
    paths = paths_that_fit((each for each in names if each not in hidden), hidden)
    if not paths:
        return ""
    return await ask_git(git, (*_DIFF, *options, "--", *paths), root, variables) or ""


def _hidden(root: Path, top: Path, names: Iterable[str]) -> frozenset[str]:
    """Return the files that no tool may read: protected ones, and those with a name elsewhere."""
    true = Path(os.path.realpath(root))
    return frozenset(each for each in names if rule(each) or _is_linked(true, top / each))


def _is_linked(root: Path, path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    is_file = stat.S_ISREG(status.st_mode)
    return is_file and hard_links.reason_against(root, status) is not None


def paths_that_fit(
    names: Iterable[str], hidden: Iterable[str], most: int = _MOST_BYTES_OF_PATHS
) -> list[str]:
    """Return pathspecs for the names, as many as a command line of *most* bytes takes.

    A folder may stand where there was a file, and its files go by the file's name: those of them
    that are hidden are excluded.
    """
    below, left, kept = sorted(hidden), most, list[str]()
    for name in names:
        first, end = (bisect_left(below, f"{name}{after}") for after in "/0")  # "0" follows "/".
        paths = [
            f":(top,literal){name}",
            *(f":(top,exclude,literal){each}" for each in below[first:end]),
        ]
        size = sum(len(each.encode("utf-8", "surrogateescape")) + _QUOTES for each in paths)
        if size <= left:
            left -= size
            kept += paths
    return kept


def _block(name: str, text: str) -> str:
    return f"<{name}>\n{text.encode('utf-8', 'replace').decode()}\n</{name}>\n"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n[TRUNCATED_DUE_TO_LENGTH]"
