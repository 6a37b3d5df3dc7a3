"""The selection: the text that a run was started on."""

import asyncio
from pathlib import Path

from attrs import frozen

from inhouse.core import positions
from inhouse.core.errors import ToolError, UserError
from inhouse.core.ports import Workspace
from inhouse.core.request import RunRequest
from inhouse.core.text import Range
from inhouse.tools.access.access_policy import access_to

LONGEST = 40_000
"""How many characters of a file the model gets; tools can read the rest."""


@frozen
class Selection:
    """A file, or a part of it."""

    shown: str
    """Its path in the workspace."""
    text: str
    range: Range | None
    cut: bool
    path: Path
    """Absolute and real."""
    document: str
    """The whole file."""
    start: int
    """Where the text begins in the file, in characters."""

    def as_prompt(self) -> str:
        """Return it as it follows the user's prompt."""
        lines = ""
        if self.range is not None:
            lines = f" (lines {self.range.start.line + 1} to {self.range.end.line + 1})"
        return text_block(f"{self.shown}{lines}", self.text, cut=self.cut)


def text_block(head: str, text: str, *, cut: bool = False) -> str:
    """Return a text as it follows a prompt, in a fence that the text does not contain."""
    cut, text = cut or len(text) > LONGEST, text[:LONGEST]
    fence = "```"
    while fence in text:
        fence += "`"
    more = f"\n(only the first {LONGEST} characters)" if cut else ""
    newline = "" if text.endswith("\n") else "\n"
    return f"{head}:\n{fence}\n{text}{newline}{fence}{more}"


async def selection(
    request: RunRequest, workspace: Workspace, roots: tuple[Path, ...]
) -> Selection | None:
    """Read what the request points at, preferring unsaved text.

    Raises `UserError` if the file may not be read: the same rules as for every tool.
    """
    if request.path is None:
        return None
    try:
        place = await asyncio.to_thread(access_to(roots).place, str(request.path))
        document = await workspace.read(place.path)
    except ToolError as error:
        raise UserError(f"The run was started on a file it may not read.  {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{request.path} cannot be read: {error}.  Start on another file."
        ) from error
    start, end = 0, len(document.text)
    if request.range is not None:
        start = positions.offset_at(document.text, request.range.start)
        end = positions.offset_at(document.text, request.range.end)
    text = document.text[start:end]
    return Selection(
        place.shown,
        text[:LONGEST],
        request.range,
        len(text) > LONGEST,
        place.path,
        document.text,
        start,
    )


def nearest_first(roots: tuple[Path, ...], path: Path | None) -> tuple[Path, ...]:
    """Put the folder that a run was started in before the others."""
    if path is None:
        return roots
    place = path.resolve()
    return tuple(sorted(roots, key=lambda root: not place.is_relative_to(root)))
