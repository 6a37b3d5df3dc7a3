"""Keeps the record of each finished run without making anybody wait for the disk."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from inhouse.core.errors import InhouseError
from inhouse.core.events import RunResult
from inhouse.core.placeholders import has_placeholder
from inhouse.core.request import RunRequest
from inhouse.core.route import Privacy
from inhouse.providers.cost import pricing
from inhouse.store.replays import Replay, ReplayStore
from inhouse.store.run_records import RecordStore

from .workspace_snapshot import ClientSettings

logger = logging.getLogger(__name__)


class RecordKeeper:
    """Writes records in the order the runs ended."""

    def __init__(self, store: RecordStore, replays: ReplayStore) -> None:
        self._store = store
        self._replays = replays
        self._pending: set[asyncio.Task[None]] = set()

    def keep(
        self,
        result: RunResult,
        replay: Replay,
        *,
        workspace: Path,
        privacy: Privacy,
        models: dict[str, str],
        most: int,
        permissions: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Write a record soon, with the run's request; the last *most* requests are kept.

        *models* has each agent's model as its definition names it.
        """

        def write() -> None:
            try:
                remote = self._remote_cost(result, models)
                number = self._store.add(
                    result,
                    workspace=workspace,
                    privacy=privacy.value,
                    remote_cost_usd=remote,
                    permissions=permissions,
                )
                self._replays.keep(number, replay, most=most)
            except InhouseError as error:
                logger.warning("the record of %s is not kept: %s", result.run_id, error)

        task = asyncio.create_task(asyncio.to_thread(write), name=f"record {result.run_id}")
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def written(self) -> None:
        """Wait until everything so far is on disk."""
        await asyncio.gather(*self._pending, return_exceptions=True)

    def _remote_cost(self, result: RunResult, models: dict[str, str]) -> float | None:
        used = result.usage.by_agent.items()
        if any(agent not in models for agent, _ in used):
            return None
        return pricing.remote_cost([(models[agent], usage) for agent, usage in used])


def replay_of(request: RunRequest, roots: tuple[Path, ...], client: ClientSettings) -> Replay:
    """Return a run's request as it is kept for ``inhouse audit --verify``."""
    at = request.range
    return Replay(
        agent=request.agent,
        prompt=request.prompt,
        roots=tuple(map(str, roots)),
        params=dict(request.params),
        images=tuple((one.source, one.media_type) for one in request.images),
        endpoint=request.endpoint,
        model=request.model,
        path=str(request.path) if request.path else None,
        range=(at.start.line, at.start.character, at.end.line, at.end.character) if at else None,
        session=request.session is not None,
        editor=cast("dict[str, Any]", without_keys(_values(client))),
        client_trusted=client.trusted,
        prefer_embedded=client.prefer_embedded,
    )


def _values(client: ClientSettings) -> dict[str, Any]:
    """Return an editor's settings as it sent them."""
    values: dict[str, Any] = {}
    for layer in client.editor:
        values |= {"workspace": layer.values} if layer.from_workspace else layer.values
    return values


def without_keys(value: object, name: str = "") -> object:
    """Leave out every key and header that is given literally."""
    if isinstance(value, Mapping):
        inner = cast("Mapping[str, object]", value).items()
        if name == "headers":
            return {k: v for k, v in inner if has_placeholder(str(v))}
        return {k: without_keys(v, k) for k, v in inner if k != "apiKey" or has_placeholder(str(v))}
    return value
