"""What Git did while a command ran on an overlay of the real files.

Git's own folder is the real one: commits, branches, the stash and the index change at once, while
what it did to files became edits.  What cannot be an edit (a picture, a link) is written through if
the index says that Git added or removed it.
"""

import contextlib
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from inhouse.core.errors import ToolError
from inhouse.core.files import read_regular
from inhouse.tools.access.git_index import object_names, read_index, repository_of, shared_folder
from inhouse.tools.access.safe_open import remove_file, write_bytes

_REFS = ("HEAD", "refs/stash", "MERGE_HEAD", "CHERRY_PICK_HEAD", "rebase-merge/onto")
_OBJECT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHORT = 10
_MOST_BYTES = 50_000_000


@frozen
class Repository:
    """A snapshot of a repository."""

    folder: Path
    prefix: str
    """The workspace's path from the top of the repository, with a slash at the end."""
    refs: Mapping[str, str]
    index: bytes

    @property
    def head(self) -> str:
        return self.refs.get("HEAD", "")


def repository_at(root: Path) -> Repository | None:
    """Read the repository that contains a root.  Blocks; starts no Git."""
    found = repository_of(root)
    if found is None:
        return None
    top, folder = found
    inside = root.relative_to(top).as_posix()
    prefix = "" if inside == "." else f"{inside}/"
    refs = {name: _resolved(folder, name) for name in _REFS}
    return Repository(folder, prefix, refs, read_index(folder))


def told(before: Repository | None, root: Path) -> str:
    """Say what Git has changed in its own folder since; empty if nothing."""
    after = repository_at(root)
    if before is None or after is None:
        return ""
    changed = [name for name in _REFS if before.refs[name] != after.refs[name]]
    if object_names(before.index) != object_names(after.index):
        changed.append("the index")
    if not changed:
        return ""
    names = ", ".join(
        f"HEAD is now {after.head[:_SHORT] or 'unborn'}" if each == "HEAD" else each
        for each in changed
    )
    return (
        f"Git changed its own folder at once ({names}); what it did to text files became edits, "
        "which are on the disk only once they are applied and saved."
    )


def changed_objects(before: Repository | None) -> dict[str, bytes | None]:
    """Return the index entries that differ from *before*; None for removed ones."""
    if before is None:
        return {}
    was, now = object_names(before.index), object_names(read_index(before.folder))
    return {name: now.get(name) for name in {*was, *now} if was.get(name) != now.get(name)}


def write_through(
    before: Repository | None,
    changed: Mapping[str, bytes | None],
    root: Path,
    relative: str,
    made: Path,
) -> bool:
    """Repeat on the real file what Git did to the overlaid one, *made*; return whether it was Git.

    *changed* is of `changed_objects`.  Raises `OSError` and `ToolError`.
    """
    if before is None or (name := f"{before.prefix}{relative}") not in changed:
        return False
    now = changed[name]
    mode = made.lstat().st_mode
    if now is None and stat.S_ISCHR(mode):  # How an overlay marks a deleted file.
        _remove(root, relative)
        return True
    if stat.S_ISLNK(mode) and _blob(os.fsencode(made.readlink())) == now:
        _link(root, relative, made.readlink())
        return True
    if stat.S_ISREG(mode) and _blob(content := made.read_bytes()) == now:
        write_bytes(root, relative, content)
        with contextlib.suppress(OSError):
            shutil.copymode(made, root / relative)
        return True
    return False


def _remove(root: Path, relative: str) -> None:
    if (root / relative).is_symlink():
        _in_its_folder(root, relative).unlink()
    else:
        remove_file(root, relative)


def _link(root: Path, relative: str, target: Path) -> None:
    (root / relative).parent.mkdir(parents=True, exist_ok=True)
    link = _in_its_folder(root, relative)
    with contextlib.suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(target)


def _in_its_folder(root: Path, relative: str) -> Path:
    """Return the path of a link; none of its parent folders may be a link."""
    path = root / relative
    if os.path.realpath(path.parent) != str(path.parent):
        raise ToolError(f"{relative!r} is behind a link.", code="outside_workspace")
    return path


def _blob(content: bytes) -> bytes:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).digest()


def _resolved(folder: Path, name: str) -> str:
    """Return the object that a Git ref names, without following further refs."""
    text = _line(folder / name)
    if not text.startswith("ref: "):
        return text if _OBJECT.fullmatch(text) else ""
    branch = text.removeprefix("ref: ")
    if not branch.startswith("refs/") or ".." in branch:  # Git has no such ref.
        return ""
    try:
        common = shared_folder(folder)
    except OSError:
        return ""
    found = _line(common / branch)
    return found if _OBJECT.fullmatch(found) else f"{branch} {_packed(common, branch)}".strip()


def _packed(folder: Path, branch: str) -> str:
    try:
        lines = (
            read_regular(folder / "packed-refs", _MOST_BYTES)
            .decode("utf-8", "replace")
            .splitlines()
        )
    except OSError:
        return ""
    return next((line.split(" ")[0] for line in lines if line.endswith(f" {branch}")), "")


def _line(path: Path) -> str:
    try:
        return read_regular(path).decode("utf-8", "replace").strip()
    except OSError:
        return ""
