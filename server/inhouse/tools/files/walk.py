"""Walk through the workspace, past what is ignored, protected or a link."""

from collections import deque
from collections.abc import Iterator

from attrs import frozen

from inhouse.tools.access.access_policy import Access
from inhouse.tools.access.paths import WorkspacePath, can_be_named
from inhouse.tools.access.safe_open import list_folder

MOST_FILES = 100_000
DEEPEST = 100
"""How deep folders may be nested; deeper ones exist only to break something."""


@frozen
class WalkedFile:
    """A file or folder of a walk."""

    relative: str
    """From the root, with slashes."""
    is_folder: bool


def walk(access: Access, start: WorkspacePath, *, most: int = MOST_FILES) -> Iterator[WalkedFile]:
    """Yield what is under a folder, nearest first, sorted by name."""
    rules = access.ignored(start.root)
    rules.look_again(f"{start.relative}/x")
    waiting = deque([start.relative])
    seen = 0
    while waiting:
        folder = waiting.popleft()
        try:
            entries = list_folder(start.root, folder)
        except OSError:
            continue  # gone or no longer readable
        rules.learn(folder, {entry.name for entry in entries})
        for entry in entries:
            if entry.kind not in {"file", "folder"} or not can_be_named(entry.name):
                continue
            relative = f"{folder}/{entry.name}" if folder else entry.name
            is_folder = entry.kind == "folder"
            if access.hides(start.root, relative, is_folder=is_folder):
                continue
            if is_folder:
                if relative.count("/") < DEEPEST:
                    waiting.append(relative)
            else:
                seen += 1
            yield WalkedFile(relative, is_folder)
            if seen >= most:
                return


def files_under(access: Access, start: WorkspacePath, *, most: int = MOST_FILES) -> list[str]:
    """Return the files under a folder, from its root."""
    return [found.relative for found in walk(access, start, most=most) if not found.is_folder]
