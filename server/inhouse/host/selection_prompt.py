"""The selection: the text that a run was started on."""

import asyncio
from pathlib import Path

from attrs import frozen

from inhouse.core import positions
from inhouse.core.errors import ToolError, UserError
from inhouse.core.ports import Workspace
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
    path: Path, within: Range | None, workspace: Workspace, roots: tuple[Path, ...]
) -> Selection:
    """Read the file that a run was started on, or a part of it, preferring unsaved text.

    Raises `UserError` if the file may not be read: the same rules as for every tool.
    """
    try:
        place = await asyncio.to_thread(access_to(roots).place, str(path))
        document = await workspace.read(place.path)
    except ToolError as error:
        raise UserError(f"The run was started on a file it may not read.  {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}.  Start on another file.") from error
    start, end = 0, len(document.text)
    if within is not None:
        start = positions.offset_at(document.text, within.start)
        end = positions.offset_at(document.text, within.end)
    text = document.text[start:end]
    return Selection(
        place.shown,
        text[:LONGEST],
        within,
        len(text) > LONGEST,
        place.path,
        document.text,
        start,
    )
