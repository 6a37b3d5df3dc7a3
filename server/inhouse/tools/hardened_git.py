"""Git that runs none of a repository's programs and shows no protected file.

A repository's configuration and attributes name programs that Git runs for its own reasons:
monitors, hooks, filters, signature checks, merges, transports of a lazy fetch, programs of
submodules.  Each of them is switched off by settings that override every file of the repository.
Nor is Git used on a repository that is not really this folder's (`own_repository`).
"""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from inhouse import processes
from inhouse.core.errors import ToolError
from inhouse.core.protected_files import protected_names
from inhouse.tools.access.own_repository import ForeignRepository, look_at_repository

_SECONDS = 5.0
_MOST_BYTES = 2_000_000
_MOST_MEMORY = 1 << 30
"""A repository's expressions and packs can ask for any amount (Linux)."""
_NONE_FOUND = 1
"""How ``git config`` ends if no setting has such a name."""
_NOTHING = "NUL" if os.name == "nt" else "/dev/null"
_FAILS = "/dev/null"
"""A program that no system can start; a plain name would be looked for on the ``PATH``."""
_OVERRIDES = {
    "core.fsmonitor": "false",
    "core.hooksPath": _NOTHING,
    "core.pager": "cat",
    "core.sshCommand": _FAILS,
    "core.gitProxy": "",
    "core.askPass": "",
    "core.alternateRefsCommand": _FAILS,
    "core.attributesFile": _NOTHING,
    "core.quotePath": "false",
    "credential.helper": "",
    "color.branch": "never",
    "color.diff": "never",
    "color.grep": "never",
    "color.status": "never",
    "diff.external": "",
    "diff.orderFile": _NOTHING,
    "diff.submodule": "short",
    "color.ui": "never",
    "format.pretty": "medium",
    "gpg.program": _FAILS,
    "gpg.openpgp.program": _FAILS,
    "gpg.ssh.program": _FAILS,
    "gpg.ssh.defaultKeyCommand": _FAILS,
    "gpg.x509.program": _FAILS,
    "grep.threads": "0",
    "log.diffMerges": "separate",
    "log.showSignature": "false",
    "log.mailmap": "false",
    "mailmap.blob": "",
    "mailmap.file": "",
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
}
_VARIABLES = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_SSH_COMMAND": _FAILS,
    "GIT_ASKPASS": "",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}


async def hardened_variables(git: str, root: Path, plain: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that override a repository's settings, including its own filters.

    *plain* are Git's other variables; programs of a workspace on their ``PATH`` do not count.

    Filters can have any name, so Git is asked for them; ``git config`` runs nothing. Raises
    `ToolError` if the repository is another folder's.
    """
    found = await asyncio.to_thread(look_at_repository, root)
    if isinstance(found, ForeignRepository):
        raise ToolError(
            f"Git is not asked about this folder: {found.why}.", code="repository_elsewhere"
        )
    path = processes.own_path(plain.get("PATH", os.defpath), (root,))
    plain = {**plain, **_VARIABLES, "PATH": path}
    if found is not None:
        plain["GIT_WORK_TREE"] = str(found.top)
        plain["GIT_CEILING_DIRECTORIES"] = found.ceiling
    names = await _filters(git, root, _overriding(plain, _OVERRIDES))
    filters = {
        f"{name}.{part}": "false" if part == "required" else ""
        for name in names
        for part in ("clean", "smudge", "process", "required")
    }
    return _overriding(plain, {**_OVERRIDES, **filters})


async def _filters(git: str, root: Path, variables: Mapping[str, str]) -> set[str]:
    """Return ``filter.NAME`` for each filter.  Raises `ToolError` if not all of them are known."""
    words = ("config", "--name-only", "--null", "--get-regexp", "^filter[.]")
    done = await _run(git, words, root, variables)
    if done is None or done.code not in {0, _NONE_FOUND} or len(done.out) >= _MOST_BYTES:
        raise ToolError(
            "Git is not asked about this folder: it could not read the repository's settings.",
            code="repository_settings",
        )
    listed = done.out.decode("utf-8", "surrogateescape")
    return {each.rpartition(".")[0] for each in listed.split("\0") if each}


def without_protected() -> list[str]:
    """Return the pathspecs that leave protected files out of what Git shows; they go last."""
    files, folders = protected_names()
    magic = ":(top,exclude,icase,glob)**"
    return [f"{magic}/{each}" for each in files] + [f"{magic}/{each}/**" for each in folders]


def _overriding(plain: Mapping[str, str], overrides: Mapping[str, str]) -> dict[str, str]:
    """Return overriding variables; not ``-c``, where a filter's name could contain ``=``."""
    pairs = {
        name: text
        for at, (key, value) in enumerate(overrides.items())
        for name, text in ((f"GIT_CONFIG_KEY_{at}", key), (f"GIT_CONFIG_VALUE_{at}", value))
    }
    return {**plain, "GIT_CONFIG_COUNT": str(len(overrides)), **pairs}


async def ask_git(
    git: str,
    words: tuple[str, ...],
    root: Path,
    variables: Mapping[str, str],
    *,
    given: bytes | None = None,
) -> str | None:
    """Run Git on *given* input; return None if it fails or takes more than 5 seconds."""
    done = await _run(git, words, root, variables, given=given)
    if done is None or done.code != 0:
        return None
    return done.out.decode("utf-8", "surrogateescape").rstrip("\n ")


async def _run(
    git: str,
    words: tuple[str, ...],
    root: Path,
    variables: Mapping[str, str],
    *,
    given: bytes | None = None,
) -> processes.Finished | None:
    try:
        return await processes.run(
            (git, "--no-optional-locks", *words),
            seconds=_SECONDS,
            cwd=root,
            environment=variables,
            given=given,
            most=_MOST_BYTES,
            memory=_MOST_MEMORY,
        )
    except (OSError, TimeoutError, ValueError):
        return None
