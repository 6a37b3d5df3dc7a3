"""Every run that this process knows, newest first."""

import itertools
import secrets
from collections import OrderedDict
from collections.abc import Mapping

from inhouse.core.errors import UserError
from inhouse.core.events import EditState, EndpointUsage, RunResult, RunStatus
from inhouse.tools.known_texts import KnownTexts

from .run_recorder import RunRecorder, added

KEPT = 200
SESSIONS_KEPT = 50


class RunRegistry:
    """Keeps the ledgers of the last runs."""

    def __init__(self) -> None:
        self._ledgers: OrderedDict[str, RunRecorder] = OrderedDict()
        self._known: OrderedDict[str, KnownTexts] = OrderedDict()
        self._numbers = itertools.count(1)
        self._gone: dict[str, EndpointUsage] = {}
        """What runs used that are not kept any more."""

    def new_run_id(self) -> str:
        """Give an id that people can read: progress tokens and transcripts carry it.

        Runs and those that they spawn are numbered in one sequence, and no other process, then or
        later, gives the same id.
        """
        return f"run-{next(self._numbers)}-{secrets.token_hex(4)}"

    def open(self, ledger: RunRecorder) -> None:
        """Keep a ledger; the oldest finished one goes where there are too many."""
        self._ledgers[ledger.run_id] = ledger
        for run_id, old in list(self._ledgers.items()):
            if len(self._ledgers) <= KEPT:
                return
            if not old.running:
                del self._ledgers[run_id]
                _add(self._gone, old.result())

    def result(self, run_id: str) -> RunResult:
        """Give a run's result as it is now.  Raises `UserError`."""
        return self._ledger(run_id).result()

    def release_text(self, run_id: str, at: tuple[int, int]) -> None:
        """Forget the text of a run that is over: it stands at *at* in the transcript kept."""
        if run_id in self._ledgers:
            self._ledgers[run_id].release_text(at)

    def kept_text(self, run_id: str) -> tuple[int, int] | None:
        """Tell where in its transcript a run's text stands; None: the result has it."""
        return self._ledger(run_id).kept_text

    def results(self, limit: int | None = None) -> tuple[RunResult, ...]:
        """Give the runs, newest first."""
        newest = reversed(self._ledgers.values())
        return tuple(ledger.result() for ledger in itertools.islice(newest, limit))

    def usage_by_endpoint(self) -> Mapping[str, EndpointUsage]:
        """Give what each endpoint did for all runs of this process, those that run included."""
        used = dict(self._gone)
        for ledger in self._ledgers.values():
            _add(used, ledger.result())
        return used

    def running(self) -> tuple[str, ...]:
        """Give the ids of top-level runs that have not ended, newest first."""
        return tuple(
            result.run_id
            for result in self.results()
            if result.status is RunStatus.RUNNING and result.parent is None
        )

    def edited(self, run_id: str, uri: str, state: EditState) -> None:
        """Remember what the user decided on a run's edit, also when the run is over."""
        if run_id in self._ledgers:
            self._ledgers[run_id].edited(uri, state)

    def known_texts(self, session: str | None) -> KnownTexts:
        """Give what a session was given of files in its runs so far; later runs add to it."""
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
    """Add what a run used; a sub-agent's is part of what the run above it used."""
    if result.parent is None:
        for name, part in result.usage.by_endpoint.items():
            used[name] = added(used.get(name, EndpointUsage()), part)
