"""Every run that this process knows, newest first."""

import itertools
import secrets
from collections import OrderedDict
from collections.abc import Mapping

from inhouse.core.errors import UserError
from inhouse.core.events import EditState, EndpointUsage, RunResult
from inhouse.tools.known_texts import KnownTexts

from .run_recorder import RunRecorder, added

KEPT = 200
SESSIONS_KEPT = 50


class RunRegistry:
    """Keeps the recorders of the last runs."""

    def __init__(self) -> None:
        self._ledgers: OrderedDict[str, RunRecorder] = OrderedDict()
        self._known: OrderedDict[str, KnownTexts] = OrderedDict()
        self._numbers = itertools.count(1)
        self._gone: dict[str, EndpointUsage] = {}
        """The usage of runs that are no longer kept."""

    def new_run_id(self) -> str:
        """Return a readable id, which progress tokens and transcripts show.

        Runs and sub-agents are numbered in one sequence, and no other process ever gives the same
        id.
        """
        return f"run-{next(self._numbers)}-{secrets.token_hex(4)}"

    def open(self, ledger: RunRecorder) -> None:
        """Keep a recorder; if there are too many, the oldest finished one is dropped."""
        self._ledgers[ledger.run_id] = ledger
        for run_id, old in list(self._ledgers.items()):
            if len(self._ledgers) <= KEPT:
                return
            if not old.running:
                del self._ledgers[run_id]
                _add(self._gone, old.result())

    def result(self, run_id: str) -> RunResult:
        """Return a run's current result.  Raises `UserError`."""
        return self._ledger(run_id).result()

    def release_text(self, run_id: str, at: tuple[int, int]) -> None:
        """Forget the text of a finished run; it is at *at* in the kept transcript."""
        if run_id in self._ledgers:
            self._ledgers[run_id].release_text(at)

    def kept_text(self, run_id: str) -> tuple[int, int] | None:
        """Return where a run's text is in its transcript; None if the result has it."""
        return self._ledger(run_id).kept_text

    def results(self, limit: int | None = None) -> tuple[RunResult, ...]:
        """Return the runs, newest first."""
        newest = reversed(self._ledgers.values())
        return tuple(ledger.result() for ledger in itertools.islice(newest, limit))

    def usage_by_endpoint(self) -> Mapping[str, EndpointUsage]:
        """Return each endpoint's usage over all runs of this process, running ones included."""
        used = dict(self._gone)
        for ledger in self._ledgers.values():
            _add(used, ledger.result())
        return used

    def running(self) -> tuple[str, ...]:
        """Return the ids of runs whose end was not reported yet, newest first."""
        newest = reversed(self._ledgers.values())
        return tuple(ledger.run_id for ledger in newest if ledger.running)

    def edited(self, run_id: str, uri: str, state: EditState) -> None:
        """Record what the user decided about a run's edit, even after the run."""
        if run_id in self._ledgers:
            self._ledgers[run_id].edited(uri, state)

    def known_texts(self, session: str | None) -> KnownTexts:
        """Return what a session's runs have seen of files so far; later runs add to it."""
        if not session:
            return KnownTexts()
        known = self._known.setdefault(session, KnownTexts())
        self._known.move_to_end(session)
        if len(self._known) > SESSIONS_KEPT:
            self._known.popitem(last=False)
        return known

    def _ledger(self, run_id: str) -> RunRecorder:
        if run_id not in self._ledgers:
            known = ", ".join(itertools.islice(reversed(self._ledgers), 8)) or "none yet"
            raise UserError(f"No run {run_id!r}.  Runs: {known}", code="unknown-run")
        return self._ledgers[run_id]


def _add(used: dict[str, EndpointUsage], result: RunResult) -> None:
    """Add a run's usage; a sub-agent's is part of its parent's."""
    if result.parent is None:
        for name, part in result.usage.by_endpoint.items():
            used[name] = added(used.get(name, EndpointUsage()), part)
