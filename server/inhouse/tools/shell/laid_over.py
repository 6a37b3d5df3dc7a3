"""The workspace as the agent sees it, for one command: pending edits overlay the files (Linux).

The command runs in a mount namespace in which each root is an overlay: the real files below,
unsaved texts and waiting edits above.  The real files stay untouched:

- what the command changes in files that a tool may change becomes edits, as the settings want;
- what the project ignores (build results, caches) or keeps for itself (``.git``), and what no
  tool may touch, is written through;
- what cannot be an edit (links, files that are no text) is thrown away, and named.
"""

import asyncio
import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import filelock
from attrs import define, field, frozen

from inhouse.core.errors import ToolError
from inhouse.core.events import EditState
from inhouse.core.json_values import Json
from inhouse.core.ports import Edit
from inhouse.core.settings import EditMode
from inhouse.tools.access.paths import WorkspacePath
from inhouse.tools.access.safe_open import read_bytes, remove_file, write_bytes
from inhouse.tools.context import ToolContext
from inhouse.tools.files.encoding import Encoding, decode, encode

from . import processes
from .laid_git import Repository, changed_objects, repository_at, write_through
from .laid_git import told as told_of_git

_SCRATCH = ("/var/tmp", "/tmp")  # noqa: S108  a private folder in one of them
_PREFIX, _OWNER = "inhouse-laid-over-", "owner.lock"
_YOUNG_SECONDS = 60
"""So young a folder may be one that its owner has not locked yet."""
_UNOWNED_SECONDS = 86_400
"""So young a folder without a lock may be one of an earlier version, which made none."""
_MOST_THROUGH, _MOST_WALKED, _MOST_NAMED, _MOST_REASONS = 200, 20_000, 12, 3
_LARGEST = 2_000_000
_LAYER_GONE = (
    "Nothing that this command changed was kept: something removed its temporary folder "
    f"({_PREFIX}… in {' or '.join(_SCRATCH)}) while it ran.  Run it again."
)


@frozen
class Waiting:
    """What differs from the disk for one command."""

    texts: Mapping[Path, str | None]

    @property
    def count(self) -> int:
        return len(self.texts)


@define
class _Layer:
    """One root with its overlay."""

    top: WorkspacePath
    scratch: Path
    owner: filelock.BaseFileLock
    """Held as long as the layer is in use: the system releases it when this process dies."""
    given: dict[str, str | None] = field(factory=dict[str, str | None])
    through: list[str] = field(factory=list[str])
    made_at: float = field(factory=time.time)
    repository: Repository | None = None
    """The repository before the command."""

    @property
    def upper(self) -> Path:
        return self.scratch / "upper"


@define
class LaidOver:
    """The layers of one command: `collect` once it has ended, which removes them."""

    _context: ToolContext
    _layers: list[_Layer]

    @property
    def spec(self) -> list[Json]:
        """What the launcher mounts (`isolation.shut_off`)."""
        return [
            {
                "root": str(each.top.path),
                "scratch": str(each.scratch),
                "through": each.through,
                "deleted": [name for name, text in each.given.items() if text is None],
            }
            for each in self._layers
        ]

    async def collect(self) -> str:
        """Turn the command's changes into edits; say what became of them, for the model."""
        changed: list[str] = []
        dropped: list[str] = []
        overtaken: list[str] = []
        refused: dict[str, str] = {}
        git: list[str] = []
        try:
            if not all(each.upper.is_dir() for each in self._layers):
                return _LAYER_GONE  # What is not there any more was not deleted by the command.
            for layer in self._layers:
                git.append(await asyncio.to_thread(told_of_git, layer.repository, layer.top.path))
                found = await asyncio.to_thread(_changes, self._context, layer)
                dropped += found.dropped
                overtaken += found.overtaken
                for edit in found.edits:
                    name = layer.top.name(edit.path.relative_to(layer.top.path).as_posix())
                    outcome = await self._context.workspace.apply(edit)
                    if outcome.state is EditState.REJECTED:
                        refused[name] = outcome.message
                    else:
                        changed.append(name)
        finally:
            await asyncio.to_thread(self.remove)
        review = self._context.edits is EditMode.REVIEW
        became = "The user reviews what it changed" if review else "What it changed"
        told = [
            f"{became}: {named(changed)}." if changed else "",
            f"Not kept, because the edit was refused: {named([*refused])}." if refused else "",
            *[each for each in dict.fromkeys(refused.values()) if each][:_MOST_REASONS],
            f"Not kept, because the file changed on disk meanwhile: {named(overtaken)}."
            if overtaken
            else "",
            f"Thrown away, because it cannot be an edit: {named(dropped)}." if dropped else "",
            *git,
        ]
        return "  ".join(each for each in told if each)

    def remove(self) -> None:
        """Remove the overlay.  Blocks."""
        for layer in self._layers:
            _remove_tree(layer.scratch)
            layer.owner.release()


async def lay_over(context: ToolContext, waiting: Waiting) -> LaidOver:
    """Prepare the layers of one command.  Raises `OSError` and `ToolError`."""
    laid = LaidOver(context, [])
    try:
        for top in context.access.tops():
            laid._layers.append(await asyncio.to_thread(_prepared, context, top, waiting))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  its maker
    except BaseException:
        laid.remove()
        raise
    return laid


def shown(context: ToolContext, path: Path) -> str:
    """Name a file as other results do."""
    for top in context.access.tops():
        if (relative := _relative(path, top.path)) is not None:
            return top.name(relative)
    return str(path)


async def can_lay_over(context: ToolContext) -> bool:
    """Return whether this system supports overlays for these folders; tried once per process."""
    roots = tuple(str(top.path) for top in context.access.tops())
    if roots not in _tried:
        _tried[roots] = await _try(context)
    return _tried[roots]


_tried: dict[tuple[str, ...], bool] = {}


async def _try(context: ToolContext) -> bool:
    if not os.path.isdir("/proc/self/ns"):  # noqa: ASYNC240, PTH112  the system's own
        return False
    await asyncio.to_thread(_remove_left_behind)
    try:
        laid = await lay_over(context, Waiting({}))
    except (OSError, ToolError):
        return False
    try:
        spec = {"way": "namespaces", "overlays": laid.spec}
        return await processes.can_run((), cwd=context.access.tops()[0].path, spec=spec)
    finally:
        await asyncio.to_thread(laid.remove)


def _prepared(context: ToolContext, top: WorkspacePath, waiting: Waiting) -> _Layer:
    scratch = _scratch(top.path)
    layer = _Layer(top, scratch, _owner(scratch))
    layer.owner.acquire()
    for name in ("lower", "upper", "work", "merged"):
        (layer.scratch / name).mkdir()
    shutil.copymode(top.path, layer.upper)
    layer.through = _through(context, top)
    layer.repository = repository_at(top.path)
    for path, text in waiting.texts.items():
        relative = _relative(path, top.path)
        if relative is None or any(_is_in(relative, each) for each in layer.through):
            continue
        layer.given[relative] = text
        if text is not None:
            _put(context, layer, relative, text)
    return layer


def _scratch(root: Path) -> Path:
    """Make a private folder outside the workspace, if overlays work there."""
    for folder in map(Path, _SCRATCH):
        if folder.is_dir() and os.access(folder, os.W_OK) and not folder.is_relative_to(root):
            return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    raise OSError(2, "there is no folder outside of the workspace to keep changes in")


def _owner(scratch: Path) -> filelock.BaseFileLock:
    return filelock.FileLock(scratch / _OWNER, thread_local=False)


def _remove_left_behind() -> None:
    """Remove the layers of processes that were killed: other agents must not read them."""
    for scratch in (each for folder in _SCRATCH for each in Path(folder).glob(f"{_PREFIX}*")):
        with contextlib.suppress(OSError, filelock.Timeout):
            status = scratch.lstat()
            young = _YOUNG_SECONDS if (scratch / _OWNER).exists() else _UNOWNED_SECONDS
            if status.st_uid != os.getuid() or time.time() - status.st_mtime < young:
                continue
            with _owner(scratch).acquire(blocking=False):
                _remove_tree(scratch)


def _through(context: ToolContext, top: WorkspacePath) -> list[str]:
    """Return the folders that are written through, if there are not too many."""
    found: list[str] = []
    waiting, walked = [""], 0
    while waiting and len(found) < _MOST_THROUGH and walked < _MOST_WALKED:
        folder = waiting.pop(0)
        try:
            with os.scandir(top.path / folder) as entries:
                below = sorted(each.name for each in entries if each.is_dir(follow_symlinks=False))
        except OSError:
            continue
        walked += len(below)
        for name in below:
            relative = f"{folder}/{name}" if folder else name
            if context.access.hides(top.root, relative, is_folder=True):
                found.append(relative)
            else:
                waiting.append(relative)
    return found[:_MOST_THROUGH]


def _put(context: ToolContext, layer: _Layer, relative: str, text: str) -> None:
    target = layer.upper / relative
    for parent in reversed(Path(relative).parents[:-1]):
        made = layer.upper / parent
        if not made.is_dir():
            made.mkdir()
            with contextlib.suppress(OSError):
                shutil.copymode(layer.top.path / parent, made)
    encoding, real = Encoding(), layer.top.path / relative
    newest = 0
    with contextlib.suppress(OSError, ToolError, UnicodeDecodeError):
        newest = int(real.stat().st_mtime)
        encoding = decode(read_bytes(layer.top.path, relative), name=relative)[1]
    target.write_bytes(encode(text, encoding, name=relative))
    with contextlib.suppress(OSError):
        shutil.copymode(real, target)
    at = _time_of(context, real, text, newest)
    os.utime(target, (at, at))


def _time_of(context: ToolContext, path: Path, text: str, newest: int) -> int:
    """Give each text of a file its own second, since caches compare times in seconds."""
    known = context.memory.laid_over.get(path)
    if known is not None and known[0] == text:
        return known[1]
    at = max(int(time.time()), newest + 1, known[1] + 1 if known else 0)
    context.memory.laid_over[path] = (text, at)
    return at


@define
class _Found:
    edits: list[Edit] = field(factory=list[Edit])
    no_edits: list[str] = field(factory=list[str])
    """Changes that cannot be edits and may be Git's."""
    dropped: list[str] = field(factory=list[str])
    overtaken: list[str] = field(factory=list[str])
    """Files that somebody else changed on disk while the command ran."""


def _changes(context: ToolContext, layer: _Layer) -> _Found:
    found, met = _Found(), set[str]()
    for folder, folders, files in os.walk(layer.upper):
        inside = os.path.relpath(folder, layer.upper).replace(os.sep, "/")
        prefix = "" if inside == "." else f"{inside}/"
        if prefix and _is_opaque(folder):
            _removed_below(context, layer, prefix[:-1], Path(folder), found)
        for name in [*files, *(each for each in folders if Path(folder, each).is_symlink())]:
            relative = f"{prefix}{name}"
            met.add(relative)
            _one(context, layer, relative, Path(folder, name), found)
        for name in list(folders):
            relative = f"{prefix}{name}"
            if context.access.hides(layer.top.root, relative, is_folder=True):
                folders.remove(name)
                found.dropped += _write_tree_through(layer, relative)
    for relative, text in layer.given.items():
        if text is not None and relative not in met:  # It was removed, so nothing is below it.
            _add(context, layer, relative, None, found)
    changed = changed_objects(layer.repository) if found.no_edits else {}
    for relative in found.no_edits:
        if not _put_by_git(layer, changed, relative):
            found.dropped.append(relative)
    return found


def _put_by_git(layer: _Layer, changed: Mapping[str, bytes | None], relative: str) -> bool:
    with contextlib.suppress(OSError, ToolError):
        made = layer.upper / relative
        return write_through(layer.repository, changed, layer.top.path, relative, made)
    return False


def _one(context: ToolContext, layer: _Layer, relative: str, path: Path, found: _Found) -> None:
    status = path.lstat()
    kept_from_tools = context.access.hides_file(layer.top.root, relative)
    if stat.S_ISCHR(status.st_mode):
        _gone(context, layer, relative, found)
    elif not stat.S_ISREG(status.st_mode):
        found.no_edits.append(relative)
    elif kept_from_tools:
        try:
            write_bytes(layer.top.path, relative, path.read_bytes())
        except (OSError, ToolError):  # It is read-only, or leads out of the workspace.
            found.dropped.append(relative)
            return
        with contextlib.suppress(OSError):
            shutil.copymode(path, layer.top.path / relative)
    elif status.st_size > _LARGEST:
        found.no_edits.append(relative)
    else:
        _text(context, layer, relative, path, found)
        _mode(layer, relative, status, found)


def _mode(layer: _Layer, relative: str, status: os.stat_result, found: _Found) -> None:
    """Return the changed mode; an edit cannot change who may run a file."""
    try:
        before = (layer.top.path / relative).lstat().st_mode
    except OSError:
        before = 0o666
    if (before ^ status.st_mode) & 0o111 and relative not in found.no_edits:
        found.dropped.append(f"{relative} (that it may be run, or not)")


def _gone(context: ToolContext, layer: _Layer, relative: str, found: _Found) -> None:
    """Return whether an overlay marks something as deleted: by a device numbered zero."""
    real = layer.top.path / relative
    if relative in layer.given and layer.given[relative] is None:
        return
    if context.access.hides_file(layer.top.root, relative):
        with contextlib.suppress(OSError, ToolError):
            remove_file(layer.top.path, relative)
    elif real.is_symlink():  # Its target still exists.
        found.no_edits.append(relative)
    elif real.is_dir():
        _removed_below(context, layer, relative, None, found)
    elif real.is_file():
        _add(context, layer, relative, None, found)


def _text(context: ToolContext, layer: _Layer, relative: str, path: Path, found: _Found) -> None:
    try:
        text = decode(path.read_bytes(), name=relative)[0]
    except (ToolError, UnicodeDecodeError):
        if not _is_same(layer, relative, path):
            found.no_edits.append(relative)
        return
    _add(context, layer, relative, text, found)


def _add(
    context: ToolContext, layer: _Layer, relative: str, new: str | None, found: _Found
) -> None:
    """Add an edit, made for the text that the command was given."""
    path = layer.top.path / relative
    try:
        context.access.place(str(path))
    except ToolError:
        found.dropped.append(relative)
        return
    if relative in layer.given:
        old = layer.given[relative]
    else:
        if _is_newer(path, layer.made_at):
            found.overtaken.append(relative)
            return
        try:
            old = decode(read_bytes(layer.top.path, relative), name=relative)[0]
        except (OSError, ToolError, UnicodeDecodeError):
            old = None
            if new is None:
                found.no_edits.append(relative)
    if old != new:
        found.edits.append(Edit(path, old, new))


def _removed_below(
    context: ToolContext, layer: _Layer, relative: str, upper: Path | None, found: _Found
) -> None:
    """Report files below a folder that was deleted or replaced."""
    for folder, folders, files in os.walk(layer.top.path / relative):
        inside = os.path.relpath(folder, layer.top.path).replace(os.sep, "/")
        folders[:] = [
            each
            for each in folders
            if not context.access.hides(layer.top.root, f"{inside}/{each}", is_folder=True)
        ]
        for name in files:
            one = f"{inside}/{name}"
            is_there = upper is not None and (layer.upper / one).exists()
            if not is_there and not context.access.hides_file(layer.top.root, one):
                _add(context, layer, one, None, found)


def _write_tree_through(layer: _Layer, relative: str) -> tuple[str, ...]:
    """Write a new ignored folder to its real place, including links; return what could not be."""
    source, target = layer.upper / relative, layer.top.path / relative
    try:
        if target.is_symlink() or target.is_file():
            target.unlink()  # The command put a folder in its place.
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):
                source.rename(target)
                return ()
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=_whiteouts)
    except OSError:  # Also `shutil.Error`: some of it may have been written.
        return (relative,)
    return ()


def _whiteouts(folder: str, names: Sequence[str]) -> list[str]:
    return [each for each in names if stat.S_ISCHR(Path(folder, each).lstat().st_mode)]


def _is_opaque(folder: str) -> bool:
    with contextlib.suppress(OSError):
        return os.getxattr(folder, "user.overlay.opaque") == b"y"
    return False


def _is_same(layer: _Layer, relative: str, path: Path) -> bool:
    with contextlib.suppress(OSError, ToolError):
        return read_bytes(layer.top.path, relative) == path.read_bytes()
    return False


def _is_newer(path: Path, moment: float) -> bool:
    with contextlib.suppress(OSError):
        # A time in the future does not say when it was written.
        return moment < path.stat().st_mtime <= time.time() + 1
    return False


def _relative(path: Path, root: Path) -> str | None:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


def _is_in(relative: str, folder: str) -> bool:
    return relative == folder or relative.startswith(f"{folder}/")


def named(names: Sequence[str]) -> str:
    """Return a short list of names."""
    shown = ", ".join(sorted(names)[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _remove_tree(folder: Path) -> None:
    """Remove a tree, including the kernel's own work folder, which has no permissions."""
    for name in (folder / "work" / "work", folder / "work"):
        with contextlib.suppress(OSError):
            name.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
