"""Keeping the record of each finished run, without making anybody wait for the disk."""

import asyncio
import logging
from pathlib import Path

from inhouse.core.errors import InhouseError
from inhouse.core.events import RunResult
from inhouse.core.route import Privacy
from inhouse.providers import pricing
from inhouse.store.records import RecordStore

logger = logging.getLogger(__name__)


class RecordKeeper:
    """Writes records in the order the runs ended."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._pending: set[asyncio.Task[None]] = set()

    def keep(
        self, result: RunResult, *, workspace: Path, privacy: Privacy, models: dict[str, str]
    ) -> None:
        """Write a record soon.  *models* has each agent's model as its definition names it."""

        def write() -> None:
            try:
                remote = self._remote_cost(result, models)
                self._store.add(
                    result, workspace=workspace, privacy=privacy.value, remote_cost_usd=remote
                )
            except InhouseError as error:
                logger.warning("the record of %s is not kept: %s", result.run_id, error)

        task = asyncio.create_task(asyncio.to_thread(write), name=f"record {result.run_id}")
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def aclose(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._pending, return_exceptions=True)

    def _remote_cost(self, result: RunResult, models: dict[str, str]) -> float | None:
        used = result.usage.by_agent.items()
        if any(agent not in models for agent, _ in used):
            return None
        return pricing.remote_cost([(models[agent], usage) for agent, usage in used])
