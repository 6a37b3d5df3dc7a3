"""The values of ``{CODEBUFF_…}`` in prompts that come from the workspace."""

import asyncio
import os
import platform
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from .context import ToolContext
from .files.overlay import seen
from .git_changes import git_changes
from .knowledge import knowledge_files
from .search.find_files import subtree
from .shell.environment import shell

SMALL, MIDDLE, LARGE = 2_500, 10_000, 190_000
"""Tokens of the three file trees."""


def placeholders(context: ToolContext) -> Mapping[str, Callable[[], Awaitable[str]]]:
    """Return each placeholder's name and the function that gives its text."""
    root = str(context.workspace.root)

    async def plain() -> str:
        return root

    return {
        "CODEBUFF_PROJECT_ROOT": plain,
        "CODEBUFF_USER_CWD": plain,
        "CODEBUFF_FILE_TREE_PROMPT_SMALL": lambda: _file_tree(context, SMALL),
        "CODEBUFF_FILE_TREE_PROMPT": lambda: _file_tree(context, MIDDLE),
        "CODEBUFF_FILE_TREE_PROMPT_LARGE": lambda: _file_tree(context, LARGE),
        "CODEBUFF_GIT_CHANGES_PROMPT": lambda: git_changes(
            context.workspace.root, context.environment, trusted=context.trusted
        ),
        "CODEBUFF_KNOWLEDGE_FILES_CONTENTS": lambda: _knowledge(context),
        "CODEBUFF_SYSTEM_INFO_PROMPT": lambda: _system_info(context),
    }


async def _file_tree(context: ToolContext, tokens: int) -> str:
    drawn = await asyncio.to_thread(subtree, await seen(context), ".", tokens)
    note = _NOTES.get(str(drawn["truncationLevel"]), "")
    return (
        "# Project file tree\n\n"
        "The path to the project; commands start there as well:\n"
        f"<project_path>\n{context.workspace.root}\n</project_path>\n\n"
        "Its files, as they were when this conversation began, without those it ignores:\n"
        f"<project_file_tree>\n{drawn['printedTree']}\n</project_file_tree>{note}"
    )


_NOTES = {
    "unimportant-files": "\nNote: files such as build results and pictures are left out.",
    "tokens": "\nNote: the names that the files define are left out, for lack of space.",
    "depth-based": "\nNote: the deepest files are left out, for lack of space.",
}


async def _knowledge(context: ToolContext) -> str:
    files = await asyncio.to_thread(knowledge_files, await seen(context), context.home)
    return "\n\n".join(f"```{each.shown}\n{each.text.rstrip()}\n```" for each in files)


async def _system_info(context: ToolContext) -> str:
    program = Path(shell("")[0]).name
    windows = (
        "\nThe commands of cmd.exe differ from those of Unix: dir, type, copy, move, del, findstr."
        if os.name == "nt" and program.lower().startswith("cmd")
        else ""
    )
    recent = await asyncio.to_thread(_recently_read, context)
    return (
        "# System Info\n\n"
        f"Operating System: {platform.system().lower()} ({platform.machine()})\n"
        f"Shell: {program}{windows}\n\n"
        "<open_files>\n" + "\n".join(recent) + "\n</open_files>"
    )


def _recently_read(context: ToolContext) -> list[str]:
    """Return recently read files: those the user has open say more than access times."""
    shown: list[str] = []
    for path in context.workspace.open_files():
        try:
            shown.append(context.access.place(str(path)).shown)
        except Exception:  # noqa: BLE001, S112  an open file may be anywhere; then it is left out
            continue
    return shown[:50]
