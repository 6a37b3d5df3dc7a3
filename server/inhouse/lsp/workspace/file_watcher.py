"""Watches the files of agents and settings, quickly and with any client."""

import asyncio
import contextlib
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Generator, Mapping
from pathlib import Path

from inhouse.core.errors import InhouseError
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.transport.client import real

logger = logging.getLogger(__name__)
_DEBOUNCE_MS = 100
_STEP_MS = 20
_PATIENCE = 10.0
_SETTLING = 2.0
_STARTING = 0.3
"""Seconds that a watcher needs to be ready; it does not say when."""
SETTINGS_FILES = ("inhouse.toml", "config.toml")


class Watching:
    """Reports changes to the host: on disk and in unsaved buffers."""

    def __init__(self, context: EditorContext) -> None:
        self._context = context
        self._changed: set[Path] = set()
        self._on_disk = False
        """Whether something may have changed on disk too."""
        self._reloading: asyncio.Task[None] | None = None
        self._stop: asyncio.Event = asyncio.Event()
        self._again: asyncio.Event = asyncio.Event()
        self._watched: tuple[Path, ...] = ()
        self._since = time.time() - 1

    def start(self) -> None:
        """Watch ourselves, and let the client report changes too if it offers to.

        Few clients watch the home folder, some watch nothing at all, and none says so.
        """
        if self._context.client.can("workspace.didChangeWatchedFiles.dynamicRegistration"):
            self._context.spawn(self._register(), name="watched files")
        self._context.spawn(self._watch_folders(), name="watching folders")
        self._context.spawn(self._watch_parents(), name="watching roots")
        self._context.spawn(self._catch_up(), name="catching up")

    def stop(self) -> None:
        self._stop.set()
        self._again.set()

    def folders_changed(self) -> None:
        """Watch other folders, since these may hold agents now."""
        folders = tuple(path for path in self._context.host.world.agent_folders if path.is_dir())
        if folders != self._watched:
            self._again.set()

    def touched(self, paths: Collection[Path]) -> None:
        """Read again what changed, once for changes that come together."""
        mine = {path for path in paths if self.concerns(path)}
        self._changed |= mine
        self._on_disk |= bool(mine)
        self._begin()

    def typed(self, path: Path) -> None:
        """Read a text that changed in the editor again, without reading the disk."""
        if self.concerns(path):
            self._changed.add(path)
            self._begin()

    def _begin(self) -> None:
        if self._changed and (self._reloading is None or self._reloading.done()):
            self._reloading = self._context.spawn(self._reload(), name="reloading")

    def concerns(self, path: Path) -> bool:
        """Return whether a file may hold agents or settings."""
        if path.name in SETTINGS_FILES:
            return True
        return any(path.is_relative_to(folder) for folder in self._context.host.world.agent_folders)

    async def settled(self) -> None:
        """Wait, with a limit, until changes have been read."""
        if self._reloading is not None and not self._reloading.done():
            await asyncio.wait([self._reloading], timeout=_SETTLING)

    async def _reload(self) -> None:
        await asyncio.sleep(0.01)
        while self._changed:
            changed, self._changed = self._changed, set()
            on_disk, self._on_disk = self._on_disk, False
            host = self._context.host
            await (host.reload if on_disk else host.typed)(changed, self._texts())

    def _texts(self) -> Mapping[Path, str]:
        """Return unsaved texts, which win over the disk."""
        return {
            real(document.path): document.text
            for document in self._context.documents
            if document.path is not None and self.concerns(real(document.path))
        }

    async def _catch_up(self) -> None:
        """Check once for changes between reading and watching."""
        await asyncio.sleep(_STARTING)
        sources = [agent.source for agent in self._context.host.world.catalog.all]
        folders = [*self._context.host.world.agent_folders, *self._context.host.roots]
        self.touched(await asyncio.to_thread(_changed_since, self._since, folders, sources))

    async def _watch_folders(self) -> None:
        """Watch the existing folders of agents."""
        while True:
            folders = tuple(
                path for path in self._context.host.world.agent_folders if path.is_dir()
            )
            self._again.clear()
            self._watched = folders
            with _watching(folders, self.touched):
                await self._again.wait()

    async def _watch_parents(self) -> None:
        """Watch the roots themselves, where ``.agents`` may appear and ``inhouse.toml`` is."""
        host = self._context.host
        parents = {folder.parent for folder in self._context.host.world.agent_folders}
        wanted = [*host.roots, host.services.folders.config, *parents]
        folders = tuple(path for path in dict.fromkeys(wanted) if path.is_dir())
        with _watching(folders, self._parents_touched, recursive=False):
            await self._stop.wait()

    def _parents_touched(self, paths: set[Path]) -> None:
        if paths & set(self._context.host.world.agent_folders):
            self._again.set()
        self.touched(paths)

    async def _register(self) -> None:
        globs = ["**/.agents/**", *(f"**/{name}" for name in SETTINGS_FILES[:1])]
        options = {"watchers": [{"globPattern": glob} for glob in globs]}
        entry = {
            "id": "inhouse-files",
            "method": "workspace/didChangeWatchedFiles",
            "registerOptions": options,
        }
        try:
            await self._context.rpc.request(
                "client/registerCapability", {"registrations": [entry]}, seconds=_PATIENCE
            )
        except (InhouseError, TimeoutError):
            logger.info("The client does not watch files for us.")


def _changed_since(when: float, folders: list[Path], sources: list[Path]) -> set[Path]:
    """Return the files that are newer, and those that are gone."""
    found = {path for path in sources if not path.exists()}
    for folder in folders:
        deep = folder.name == ".agents"
        for at, _, names in os.walk(folder):
            wanted = names if deep else [name for name in names if name in SETTINGS_FILES]
            paths = [Path(at, name) for name in wanted]
            found |= {path for path in paths if path.is_file() and path.stat().st_mtime >= when}
            if not deep:
                break
    return found


@contextlib.contextmanager
def _watching(
    folders: tuple[Path, ...], touched: Callable[[set[Path]], None], *, recursive: bool = True
) -> Generator[None]:
    """Call *touched* in this thread's event loop with the files that change in *folders*.

    `watchfiles.awatch` would do as well, but runs in anyio, which costs an idle server 4 MB.
    """
    if not folders:
        yield
        return
    stop = threading.Event()
    work = functools.partial(
        _watch, folders, touched, asyncio.get_running_loop(), stop, recursive=recursive
    )
    threading.Thread(target=work, name="watching files", daemon=True).start()
    try:
        yield
    finally:
        stop.set()


def _watch(
    folders: tuple[Path, ...],
    touched: Callable[[set[Path]], None],
    loop: asyncio.AbstractEventLoop,
    stop: threading.Event,
    *,
    recursive: bool,
) -> None:
    """Watch in a thread until *stop* is set."""
    from watchfiles import watch  # noqa: PLC0415  slow to import, and not needed at first

    changes = watch(
        *folders,
        debounce=_DEBOUNCE_MS,
        step=_STEP_MS,
        stop_event=stop,
        recursive=recursive,
        rust_timeout=1000,
        raise_interrupt=False,
    )
    try:
        for found in changes:
            if stop.is_set():
                return
            loop.call_soon_threadsafe(touched, {Path(path) for _, path in found})
    except (OSError, RuntimeError) as error:  # RuntimeError: watchfiles' own, or our loop has ended
        if not stop.is_set():
            logger.warning("Changes on disk are not seen until a reload: %s", error)
