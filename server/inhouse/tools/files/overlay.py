"""The files as a run sees them: unsaved texts and pending edits win over the disk."""

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from inhouse.tools.access.access_policy import Access
from inhouse.tools.access.paths import WorkspacePath, can_be_named
from inhouse.tools.context import ToolContext

from .walk import files_under


@frozen
class WorkspaceOverlay:
    """The workspace's files for one call of a tool."""

    access: Access
    unsaved: Mapping[Path, str | None]
    """Real path → text; None if the file would be gone."""

    def below(self, place: WorkspacePath) -> dict[str, str | None]:
        """Return what differs from the disk at or under *place*, by the path from its root."""
        found = {
            path.relative_to(place.root).as_posix(): text
            for path, text in self.unsaved.items()
            if path.is_relative_to(place.path)
        }
        return {
            relative: text
            for relative, text in found.items()
            if can_be_named(relative) and not self.access.hides_file(place.root, relative)
        }

    def files(self, place: WorkspacePath) -> list[str]:
        """Return the files under a folder, from its root."""
        below = self.below(place)
        on_disk = files_under(self.access, place)
        if not below:
            return on_disk
        listed = frozenset(on_disk)
        new = [each for each, text in below.items() if text is not None and each not in listed]
        return [each for each in on_disk if below.get(each, "") is not None] + new

    def is_file(self, place: WorkspacePath) -> bool:
        if place.path in self.unsaved:
            return self.unsaved[place.path] is not None
        return place.path.is_file()

    def is_folder(self, place: WorkspacePath) -> bool:
        return place.path.is_dir() or any(
            text is not None and relative != place.relative
            for relative, text in self.below(place).items()
        )


async def seen(context: ToolContext) -> WorkspaceOverlay:
    """Ask the workspace once what differs from the disk."""
    return WorkspaceOverlay(context.access, await context.workspace.unsaved())
