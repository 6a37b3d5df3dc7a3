"""What Git says has changed, for prompts.  Git is only asked, and runs nothing of the project's.

A repository's configuration and attributes name programs that Git runs for its own reasons:
monitors, hooks, filters, signature checks, transports of a lazy fetch, programs of submodules.
Each of them is switched off by what overrides every file of the repository, and a workspace that
is not trusted is not asked about at all.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from inhouse import processes

from .access.protected_files import rule
from .shell.environment import inherited

_SECONDS = 5.0
_MOST_BYTES = 2_000_000
_MOST = 30_000
_NOTHING = "NUL" if os.name == "nt" else "/dev/null"
_OVERRIDES = {
    "core.fsmonitor": "false",
    "core.hooksPath": _NOTHING,
    "core.pager": "cat",
    "core.sshCommand": "false",
    "core.gitProxy": "",
    "core.askPass": "",
    "core.alternateRefsCommand": "false",
    "core.attributesFile": _NOTHING,
    "core.quotePath": "false",
    "credential.helper": "",
    "diff.external": "",
    "color.ui": "never",
    "gpg.program": "false",
    "log.showSignature": "false",
    "log.mailmap": "false",
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
}
_VARIABLES = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_SSH_COMMAND": "false",
    "GIT_ASKPASS": "",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
_DIFF = (
    "diff",
    *("--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "--no-relative"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--no-indent-heuristic"),
)
_LOG = ("log", "-10", "--pretty=format:%s", "--no-show-signature", "--no-notes", "--no-decorate")
_NOT_TRUSTED = "Git Changes: not shown, since this workspace is not trusted."


async def git_changes(root: Path, environment: Mapping[str, str], *, trusted: bool) -> str:
    """Give Codebuff's text about status, changes and last commits; empty without Git."""
    git = processes.find_program("git", outside=(root,))
    if git is None:
        return ""
    if not trusted:
        return _NOT_TRUSTED if (root / ".git").exists() else ""
    variables = await _variables(git, root, inherited(environment, offline=True) | _VARIABLES)
    status = await _ask(
        git, ("status", "--short", "--ignore-submodules=all", "--", "."), root, variables
    )
    if status is None:
        return ""
    diff = await _ask(git, (*_DIFF, "--", "."), root, variables)
    cached = await _ask(git, (*_DIFF, "--cached", "--", "."), root, variables)
    log = await _ask(git, _LOG, root, variables)
    return "\n".join(
        (
            "Git Changes:",
            _block("git_status", _cut(status, _MOST // 10)),
            _block("git_diff", _cut(_without_secrets(diff or ""), _MOST)),
            _block("git_diff_cached", _cut(_without_secrets(cached or ""), _MOST)),
            _block("git_commit_messages_most_recent_first", _cut(log or "", _MOST // 10)),
        )
    )


async def _variables(git: str, root: Path, plain: Mapping[str, str]) -> dict[str, str]:
    """Give the variables that override what a repository says, its own filters among it.

    A filter has any name, so their names are asked for; ``git config`` runs nothing.
    """
    words = ("config", "--name-only", "--null", "--get-regexp", "^filter[.]")
    listed = await _ask(git, words, root, _overriding(plain, _OVERRIDES))
    names = {each.rpartition(".")[0] for each in (listed or "").split("\0") if each}
    filters = {
        f"{name}.{part}": "false" if part == "required" else ""
        for name in names
        for part in ("clean", "smudge", "process", "required")
    }
    return _overriding(plain, {**_OVERRIDES, **filters})


def _overriding(plain: Mapping[str, str], overrides: Mapping[str, str]) -> dict[str, str]:
    """Not by ``-c``: there the name of a filter could hold a ``=``."""
    pairs = {
        name: text
        for at, (key, value) in enumerate(overrides.items())
        for name, text in ((f"GIT_CONFIG_KEY_{at}", key), (f"GIT_CONFIG_VALUE_{at}", value))
    }
    return {**plain, "GIT_CONFIG_COUNT": str(len(overrides)), **pairs}


async def _ask(
    git: str, words: tuple[str, ...], root: Path, variables: Mapping[str, str]
) -> str | None:
    try:
        done = await processes.run(
            (git, "--no-optional-locks", *words),
            seconds=_SECONDS,
            cwd=root,
            environment=variables,
            most=_MOST_BYTES,
        )
    except (OSError, TimeoutError, ValueError):
        return None
    return done.out.decode("utf-8", "surrogateescape").rstrip("\n ") if done.code == 0 else None


def _without_secrets(diff: str) -> str:
    """Leave out the changes of files that no tool may read.

    Only a header begins a line so: lines of a file's content have a sign before them.
    """
    parts = re.split(r"(?m)^diff --git ", diff)
    kept = (part for part in parts[1:] if not _is_protected(part.partition("\n")[0]))
    return parts[0] + "".join(f"diff --git {part}" for part in kept)


def _is_protected(header: str) -> bool:
    """``a/NAME b/NAME``: one name twice, or two where it was moved."""
    names = header.replace('"', "").split(" ")
    return any(rule(name.partition("/")[2] or name) for name in names)


def _block(name: str, text: str) -> str:
    return f"<{name}>\n{text.encode('utf-8', 'replace').decode()}\n</{name}>\n"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n[TRUNCATED_DUE_TO_LENGTH]"
