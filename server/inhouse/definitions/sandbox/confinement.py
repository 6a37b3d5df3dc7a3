"""Which files a definition may import, decided on the file that is really opened."""

import errno
import os
import stat
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from inhouse.core import hard_links
from inhouse.core.files import read_regular
from inhouse.core.protected_files import rule
from inhouse.definitions.evaluator import TrustedFiles

CODE = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
DATA = (".json",)
"""Found also where an import leaves the ending out."""
WRITTEN_DATA = (".toml", ".yaml", ".yml")
TEXTS = (".md", ".mdx", ".markdown", ".txt", ".prompt", ".hbs")
IMPORTED = (*CODE, *DATA, *WRITTEN_DATA, *TEXTS)
PROJECT = (".json", ".yaml")
"""Files that say where modules are."""
MOST_SOURCE = 2 << 20
_AGENT_FOLDERS = frozenset({".agents", ".claude", ".opencode"})


class RefusedFileError(Exception):
    """A file may not be read; the message says why."""

    def __init__(self, message: str, *, code: str = "file") -> None:
        super().__init__(message)
        self.code = code


class Confinement:
    """The folders that one evaluation may read from, and the unsaved texts of the editor."""

    def __init__(
        self,
        entry: Path,
        *,
        roots: Collection[Path],
        texts: Mapping[Path, str] | None = None,
        files: TrustedFiles | None = None,
    ) -> None:
        self._files = files
        own = own_folder(entry)
        self._roots = tuple({real(root) for root in (*roots, own)})
        self._texts = {real(path): text for path, text in (texts or {}).items()}
        self.repository = _repository(self._roots, own)
        """The repository, into which packages and path aliases may lead too."""

    def top(self, folder: Path) -> Path:
        """Return the folder above which nothing is searched."""
        outermost = [root for root in self._roots if folder.is_relative_to(root)]
        return self.repository or min(outermost, key=lambda root: len(root.parts), default=folder)

    def exists(self, path: Path) -> bool:
        return real(path) in self._texts or path.is_file()

    def within(self, path: Path, *, package: bool = False) -> bool:
        """Return whether a path without links may be read."""
        if any(path.is_relative_to(root) for root in self._roots):
            return True
        return package and self.repository is not None and path.is_relative_to(self.repository)

    def read(
        self, path: Path, *, package: bool = False, ends: Collection[str] = IMPORTED
    ) -> tuple[Path, str]:
        """Return the file's true path and its text.  Raises `RefusedFileError`."""
        true = real(path)
        self._check(path, true, package=package, ends=ends)
        if true in self._texts:
            self._check_trust(path, true, ends)
            return true, self._texts[true]
        try:
            content = self._content(path, true, ends)
        except PermissionError as error:
            if self._files is None or error.filename is not None:
                raise RefusedFileError(f"{path.name!r} cannot be read ({error.strerror})") from None
            raise RefusedFileError(f"{path.name!r} {error}", code="needs-trust") from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise RefusedFileError(f"{path.name!r} cannot be read ({reason})") from None
        if len(content) > MOST_SOURCE:
            raise RefusedFileError(f"{path.name!r} has more than {MOST_SOURCE >> 20} MB")
        try:
            return true, content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise RefusedFileError(
                f"{path.name!r} is not UTF-8 (byte {error.start}): save it as UTF-8"
            ) from None

    def _other_name(self, true: Path) -> str | None:
        """Find another name outside the workspace; package managers make many hard links."""
        if "node_modules" in true.parts:
            return None
        tops = (*self._roots, *([self.repository] if self.repository else ()))
        around = [top for top in tops if true.is_relative_to(top)]
        try:
            status = true.lstat()
        except OSError:
            return None
        if status.st_nlink < 2 or not stat.S_ISREG(status.st_mode) or not around:  # noqa: PLR2004  its own name
            return None
        return hard_links.reason_against(min(around, key=lambda top: len(top.parts)), status)

    def _inside(self, true: Path) -> str:
        """Return the part of a path that the workspace controls."""
        tops = (*self._roots, *([self.repository] if self.repository else ()))
        inside = [true.relative_to(top) for top in tops if true.is_relative_to(top)]
        return max(inside, key=lambda one: len(one.parts), default=true).as_posix()

    def _content(self, path: Path, true: Path, ends: Collection[str]) -> bytes:
        if self._files is None:
            return _read_regular(path, true)
        if ends is PROJECT:  # It only says where modules are, and each of those is checked.
            return self._files.look(true)
        return self._files.load(true)

    def _check_trust(self, path: Path, true: Path, ends: Collection[str]) -> None:
        """Check trust; an editor's text is trusted like the file that it changes."""
        if self._files is None or ends is PROJECT:
            return
        try:
            self._files.load(true)
        except PermissionError as error:
            if error.filename is None:
                raise RefusedFileError(f"{path.name!r} {error}", code="needs-trust") from None
        except OSError:
            return  # There is no such file yet.

    def _check(self, path: Path, true: Path, *, package: bool, ends: Collection[str]) -> None:
        if not self.within(true, package=package):
            raise RefusedFileError(
                f"{path.name!r} is outside the workspace ({_shown(true)}): definitions import"
                " only from their own folder, the workspace and its packages"
            )
        if found := rule(path.name) or rule(self._inside(true)):
            raise RefusedFileError(
                f"{path.name!r} may hold secrets and is never imported: it matches {found}"
            )
        if reason := self._other_name(true):
            raise RefusedFileError(f"{path.name!r} is never imported: {reason}")
        if true.suffix.lower() not in ends:
            raise RefusedFileError(
                f"{path.name!r} is not a source file: only TypeScript, JavaScript, JSON, TOML, "
                "YAML and Markdown can be imported"
            )


def _shown(path: Path) -> str:
    return str(path.parent)


def _read_regular(path: Path, true: Path) -> bytes:
    """Read the file that was checked, even if a link is swapped in at this moment."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(true, flags | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise RefusedFileError(f"{path.name!r} is not a regular file")
        # A parent folder may have become a link since: then this is another file.
        if real(true) != true or not os.path.samestat(status, true.stat()):
            raise RefusedFileError(f"{path.name!r} changed while it was read: try again")
        if status.st_size > MOST_SOURCE:
            raise RefusedFileError(
                f"{path.name!r} has {status.st_size >> 20} MB: {MOST_SOURCE >> 20} MB at most"
            )
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(MOST_SOURCE + 1)
    finally:
        os.close(descriptor)


def real(path: Path) -> Path:
    """Resolve every link; a loop of links resolves to a path that cannot be opened."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in (errno.ELOOP, errno.ENAMETOOLONG):
            raise RefusedFileError(f"{path.name!r} cannot be read ({error.strerror})") from None
        return path.absolute()


def own_folder(entry: Path) -> Path:
    """Find the definitions folder that contains a definition, or just its folder."""
    for folder in entry.parents:
        if folder.name in _AGENT_FOLDERS:
            return folder
    return entry.parent


def _repository(roots: Iterable[Path], own: Path) -> Path | None:
    """Find the checkout around the workspace: packages of a monorepo are hoisted to its top."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home raises where there is none
    start = next((root for root in roots if real(own).is_relative_to(root)), own)
    for folder in (start, *start.parents):
        if folder in (home, folder.parent):
            return None
        if (folder / ".git").exists() or (folder / "pnpm-workspace.yaml").exists():
            return folder
        if _names_workspaces(folder / "package.json"):
            return folder
    return None


def _names_workspaces(package: Path) -> bool:
    try:
        return b'"workspaces"' in read_regular(package, MOST_SOURCE)
    except OSError:
        return False
