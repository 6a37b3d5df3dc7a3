"""What a small model is shown of a project before its first step, so that it need not explore.

Nothing is shown that the agent could not read itself: it needs a reading tool, and every file
passes the same checks (`inhouse.tools.access`).
"""

import asyncio
import re
from collections.abc import Collection

from attrs import frozen

from inhouse.core.errors import ToolError
from inhouse.core.file_blocks import written_block
from inhouse.core.protected_files import is_example
from inhouse.tools.access.paths import WorkspacePath

from .context import ToolContext
from .files.file_text import read_document
from .files.overlay import WorkspaceOverlay, seen
from .search.find_files import best_files, subtree

OUTLINE_TOKENS = 150
FILE_TOKENS = 1_200
"""For the files that the prompt names."""
GUESSED_TOKENS = 700
"""For the files that seem to be meant, if it names none."""
GUESSED_FILES = 2
CHARACTERS_PER_TOKEN = 4

READERS = frozenset({"read_files", "write_file", "str_replace", "apply_patch"})
LISTERS = frozenset(
    {*READERS, "list_directory", "read_subtree", "glob", "find_files", "code_search"}
)
_NAMED = re.compile(r"[\w@+~.$-]+(?:[/\\][\w@+~.$\[\]-]+)*")


@frozen
class ProjectView:
    outline: str = ""
    """Its files, with the names that they define."""
    files: str = ""
    """Files that the prompt is about, each as path and fence."""
    named: tuple[str, ...] = ()
    """The paths of files that it names; empty if the files are guesses."""


async def project_view(
    context: ToolContext, prompt: str, tool_names: Collection[str], *, window: int | None = None
) -> ProjectView:
    """Show what a prompt is about, within a budget of tokens.  Raises nothing."""
    names = set(tool_names)
    share = (window or 8_192) // 8
    files = await seen(context)
    outline = shown = ""
    named: list[str] = []
    if names & LISTERS:
        tokens = min(OUTLINE_TOKENS, share)
        drawn = await asyncio.to_thread(subtree, files, ".", tokens)
        outline = str(drawn.get("printedTree", "")).strip("\n")
    if "read_files" in names:
        named = await asyncio.to_thread(named_files, files, prompt)
        if named:
            shown = await _shown(context, named, min(FILE_TOKENS, share * 2))
        else:
            best = await best_files(context, prompt)
            shown = await _shown(context, best[:GUESSED_FILES], min(GUESSED_TOKENS, share))
    return ProjectView(outline and f"# Files of the project\n{outline}", shown, tuple(named))


def named_files(files: WorkspaceOverlay, prompt: str) -> list[str]:
    """Return the files that a prompt names by path, or by a name that only one file has."""
    words = [match[0].rstrip(".").replace("\\", "/") for match in _NAMED.finditer(prompt)]
    words = [word.removeprefix("./") for word in words if "." in word.strip(".")]
    if not words:
        return []
    paths = [place.prefix + path for place in files.access.tops() for path in files.files(place)]
    there = set(paths)
    found: dict[str, None] = {}
    for word in words:
        if word in there:
            found[word] = None
            continue
        same = [path for path in paths if path.endswith(f"/{word}")]
        if len(same) == 1:
            found[same[0]] = None
    return list(found)


async def _shown(context: ToolContext, paths: list[str], tokens: int) -> str:
    left = tokens * CHARACTERS_PER_TOKEN
    parts: list[str] = []
    for path in paths:
        try:
            place: WorkspacePath = await context.access.find(path)
            text = (await read_document(context.workspace, place)).text
        except ToolError:
            continue
        if is_example(place.relative) or "\0" in text:
            continue
        block = written_block(place.shown, text)
        if len(block) <= left:
            parts.append(block)
            context.known.shown(place.path, text)
            left -= len(block)
    return "\n\n".join(parts)
