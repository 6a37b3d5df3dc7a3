"""The text of a file as the user sees it: unsaved text wins over the disk."""

import asyncio

from inhouse.core.errors import ToolError
from inhouse.core.ports import Document, Workspace
from inhouse.tools.access.paths import WorkspacePath
from inhouse.tools.access.safe_open import read_bytes

from .encoding import decode


async def read_document(workspace: Workspace, place: WorkspacePath) -> Document:
    """Read *place*.  Raises `ToolError`."""
    document = await find_document(workspace, place)
    if document is None:
        raise missing(place)
    return document


async def find_document(workspace: Workspace, place: WorkspacePath) -> Document | None:
    """Read *place*; return None if there is no such file.  Raises `ToolError`.

    The workspace decides: an open buffer, edits that wait for review, else the disk.  It is asked
    by both names if a link led here, and a document with a version wins.  What it cannot read is
    read here, so that the error names the file as the model does.
    """
    gone, found = False, None
    for path in dict.fromkeys((place.path, place.root / place.named)):
        try:
            document = await workspace.read(path)
        except FileNotFoundError:
            gone = gone or path == place.path
        except (OSError, UnicodeDecodeError, ToolError):
            continue
        else:
            if document.version is not None:
                return document
            found = document if path == place.path else found
    if gone or found is not None:
        return None if gone else found
    try:
        text = await asyncio.to_thread(_from_disk, place)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ToolError(unreadable(place.shown, error), code="unreadable") from None
    return Document(place.path, text, None)


def missing(place: WorkspacePath) -> ToolError:
    """Say that there is no such file."""
    return ToolError(
        f"There is no file {place.shown!r}.  "
        "list_directory, glob or find_files show which files there are.",
        code="no_file",
    )


def unreadable(name: str, error: OSError) -> str:
    """Say why a file or folder cannot be opened."""
    return f"{name!r} cannot be opened: {error.strerror or error.__class__.__name__}."


def _from_disk(place: WorkspacePath) -> str:
    return decode(read_bytes(place.root, place.relative), name=place.shown)[0]
