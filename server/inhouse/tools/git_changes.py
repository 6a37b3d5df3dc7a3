"""What Git says has changed, for prompts.  Git is only asked, and runs nothing of the project's."""

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from .access.protected_files import rule
from .shell.environment import inherited

_SECONDS = 5.0
_MOST_BYTES = 2_000_000
_MOST = 30_000
# A repository can name programs that Git runs for its own reasons; none of them runs here.
_SAFE = (
    "--no-optional-locks",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=",
    "-c",
    "diff.external=",
    "-c",
    "core.pager=cat",
    "-c",
    "color.ui=never",
)
_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--submodule=short")


async def git_changes(root: Path, environment: Mapping[str, str]) -> str:
    """Give Codebuff's text about status, changes and last commits; empty without Git."""
    git = shutil.which("git")
    if git is None:
        return ""
    status, diff, cached, log = await asyncio.gather(
        *(
            _ask((git, *_SAFE, *words), root, environment)
            for words in (
                ("status", "--short"),
                _DIFF,
                (*_DIFF, "--cached"),
                ("log", "-10", "--pretty=format:%s"),
            )
        )
    )
    if status is None:
        return ""
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
    """Leave out the changes of files that no tool may read."""
    parts = diff.split("diff --git ")
    kept = (part for part in parts[1:] if not _is_protected(part.partition("\n")[0]))
    return parts[0] + "".join(f"diff --git {part}" for part in kept)


def _is_protected(header: str) -> bool:
    """``a/NAME b/NAME``: one name twice, or two where it was moved."""
    names = header.replace('"', "").split(" ")
    return any(rule(name.partition("/")[2] or name) for name in names)


async def _ask(command: tuple[str, ...], root: Path, environment: Mapping[str, str]) -> str | None:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=root,
        env=inherited(environment, offline=True) | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=os.name != "nt",
    )
    assert process.stdout is not None  # noqa: S101  it is a pipe
    try:
        async with asyncio.timeout(_SECONDS):
            output = await process.stdout.read(_MOST_BYTES)
            while len(chunk := await process.stdout.read(_MOST_BYTES)) > 0:
                output = (output + chunk)[:_MOST_BYTES]
            code = await process.wait()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output.decode("utf-8", errors="replace").rstrip() if code == 0 else None


def _block(name: str, text: str) -> str:
    return f"<{name}>\n{text}\n</{name}>\n"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n[TRUNCATED_DUE_TO_LENGTH]"
