"""Access control for every tool that reads or writes files."""

import asyncio
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from attrs import define, field

from inhouse.core import hard_links
from inhouse.core.errors import ToolError
from inhouse.core.protected_files import is_example, rule

from .ignore_rules import IgnoreRules, ignores_case
from .paths import WorkspacePath, follow, locate

NOISE = frozenset({"node_modules", "__pycache__", ".venv", "bower_components", ".tox", ".nox"})
"""Folders that a walk skips even without an ignore file; they may be read by name."""


@define
class Access:
    """The workspace's roots and the rules for what is in them."""

    roots: tuple[Path, ...]
    _ignored: dict[Path, IgnoreRules] = field(factory=dict[Path, IgnoreRules], init=False)

    def place(self, raw: str) -> WorkspacePath:
        """Return the place that *raw* means.

        Raises `ToolError`, which names the rule against it.  The rules for reading and writing are
        the same.
        """
        return self._checked(locate(raw, self.roots))

    def shown(self, path: Path) -> str | None:
        """Return what a path is called here; None if no tool may read it."""
        try:
            return self.place(str(path)).shown
        except ToolError:
            return None

    async def find(self, raw: str) -> WorkspacePath:
        """Do what `place` does, in a thread: a disk may be slow."""
        return await asyncio.to_thread(self.place, raw)

    def tops(self) -> tuple[WorkspacePath, ...]:
        """Return every root that is not inside another."""
        places = [follow(root, self.roots) for root in self.roots]
        unique = {place.path: place for place in places}
        return tuple(
            place
            for path, place in unique.items()
            if not any(path != other and path.is_relative_to(other) for other in unique)
        )

    def inner(self, folder: WorkspacePath, name: str) -> WorkspacePath:
        """Return the place of *name* in a folder, as `place` does."""
        return self._checked(follow(folder.path / name, self.roots))

    def _checked(self, place: WorkspacePath) -> WorkspacePath:
        if reason := self.refusal(place):
            raise ToolError(
                f"{place.shown!r} is refused, for reading and for writing: {reason}.  "
                "Go on without it, or ask the user for what you need.",
                code="refused_file",
            )
        return place

    def refusal(self, place: WorkspacePath) -> str | None:
        """Return the rule that forbids *place*, by its own name or by the name of a link to it."""
        for relative in dict.fromkeys((place.relative, place.named)):
            if reason := rule(relative):
                return f"it matches {reason}"
        ignored = self.ignored(place.root)
        ignored.look_again(place.relative)
        is_folder = place.path.is_dir()
        names = () if is_example(place.relative) else (place.relative, place.named)
        for relative in dict.fromkeys(names):
            if found := ignored.rule(relative, is_folder=is_folder):
                return f"the project ignores it by {found}"
        return _other_name(place.root, place.relative)

    def ignored(self, root: Path) -> IgnoreRules:
        """Return the ignore rules of a real root."""
        if root not in self._ignored:
            self._ignored[root] = IgnoreRules(root, ignores_case(root))
        return self._ignored[root]

    def hides(self, root: Path, relative: str, *, is_folder: bool) -> bool:
        """Return whether a walk skips *relative*, whose parents it did not skip."""
        name = relative.rpartition("/")[2]
        if rule(name) or (is_folder and name in NOISE):
            return True
        own = self.ignored(root).own_rule(relative, is_folder=is_folder)
        return own is not None and not is_example(relative)

    def hides_file(self, root: Path, relative: str) -> bool:
        """Return whether a search must not show *relative*."""
        if rule(relative):
            return True
        found = self.ignored(root).rule(relative, is_folder=False)
        if found is not None and not is_example(relative):
            return True
        return _other_name(root, relative) is not None


def _other_name(root: Path, relative: str) -> str | None:
    try:
        status = (root / relative).lstat()
    except OSError:
        return None
    return hard_links.reason_against(root, status) if stat.S_ISREG(status.st_mode) else None


def access_to(roots: Sequence[Path]) -> Access:
    """Return the access to *roots*; relative paths start at the first one."""
    unique = dict.fromkeys(Path(os.path.abspath(root)) for root in roots)  # noqa: PTH100  realpath comes later
    return Access(tuple(unique))
