"""Which installed files make the proof, and whether anybody else could have written them."""

import hashlib
import os
import stat
import sys
from pathlib import Path

from attrs import frozen

from inhouse.core.errors import UserError

_PACKAGE = Path(__file__).parent.parent


@frozen
class Installation:
    """The files of this program."""

    folder: str
    files: int
    sha256: str
    """Over the names and contents of all files, in the order of their names."""


def installation(folder: Path = _PACKAGE) -> Installation:
    """Read every file of the program that runs.  Blocks.  Raises `UserError`.

    A proof from files that somebody else may write would be worthless and is refused.
    """
    _check_owner(folder)
    digest = hashlib.sha256()
    names = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    for name in names:
        content = (folder / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return Installation(str(folder), len(names), digest.hexdigest())


def _check_owner(folder: Path) -> None:
    """Check the files, their folders, and all folders above them."""
    if sys.platform == "win32":
        return  # Windows reports no owner, and has no proof either.
    true = folder.resolve()
    for path in (true, *true.parents, *true.rglob("*")):
        status = path.lstat()
        theirs = status.st_uid not in (0, os.geteuid())
        for_all = status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX
        if theirs or (for_all and not stat.S_ISLNK(status.st_mode)):
            why = "belongs to somebody else" if theirs else "may be changed by everybody"
            raise UserError(
                f"Nothing is proved: {path} {why}, so this program may be another than the one "
                "you installed.  Install Inhouse into a folder of your own (for example with "
                "`uv tool install inhouse` or `pipx install inhouse`) and verify with that.",
                code="not_yours",
            )
