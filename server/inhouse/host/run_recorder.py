"""The runs of this process: what each has said, used and contacted so far.

A sub-agent's record adds to its parent's.
"""

import itertools
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from inhouse.core.errors import UserError
from inhouse.core.events import (
    Contact,
    EditChanged,
    EditState,
    EditSummary,
    EndpointUsage,
    EventPayload,
    PermissionAnswered,
    ReasoningDelta,
    RunError,
    RunResult,
    RunStarted,
    RunStatus,
    StopReason,
    TextDelta,
    ThoughtSoFar,
    ToolStarted,
    Usage,
    UsageReported,
)
from inhouse.core.messages import Message
from inhouse.core.redaction import redact, redact_value
from inhouse.core.request import RunRequest
from inhouse.core.route import Route
from inhouse.tools.known_texts import KnownTexts

KEPT = 200
SESSIONS_KEPT = 50


class RunRecorder:
    """Follows a run's events; `result` is correct at any moment."""

    def __init__(
        self, run_id: str, request: RunRequest, route: Route, parent: "RunRecorder | None" = None
    ) -> None:
        self.run_id = run_id
        self.route = route
        self._request = request
        self._parent = parent
        self._started = time.monotonic()
        self._started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._duration_ms: int | None = None
        self._first_token_ms: int | None = None
        self._text: list[str] = []
        self.kept_text: tuple[int, int] | None = None
        """Where the text is in the kept transcript, once it is no longer here."""
        self._text_open = False
        self._edits: dict[str, EditState] = {}
        self._by_endpoint: dict[str, EndpointUsage] = {}
        self._by_agent: dict[str, EndpointUsage] = {}
        self._status = RunStatus.RUNNING
        self._is_told = False
        self._stop_reason: StopReason | None = None
        self._output: Any = None
        self._error: RunError | None = None
        self._contacts: tuple[Contact, ...] = ()
        self._messages: tuple[Message, ...] = ()
        self.permissions: list[tuple[str, str]] = []

    @property
    def running(self) -> bool:
        """Whether its end has not been told yet."""
        return not self._is_told

    def observe(self, payload: EventPayload) -> None:  # noqa: C901  a case for each event
        """Record an event payload.  Does not block and does not raise."""
        if self._text_open and type(payload) is TextDelta:  # nearly every payload
            self._text.append(payload.text)
            return
        match payload:
            case TextDelta(text):
                self._token()
                if not self._text_open:
                    self._text, self._text_open = [], True
                self._text.append(text)
            case ReasoningDelta():
                self._token()
            case ThoughtSoFar():
                self._text, self._text_open = [], False
            case ToolStarted():
                self._token()
                self._text_open = False
            case UsageReported():
                self._text_open = False
                self._add(self.route.endpoint, self._request.agent, payload)
            case EditChanged(uri, state):
                self.edited(uri, state)
            case RunStarted(route):
                self.route = route
            case PermissionAnswered():
                self.permitted(payload)
            case _:
                pass

    def edited(self, uri: str, state: EditState) -> None:
        """Record what became of a file's edit, even after the run, and in the parent."""
        self._edits[uri] = state
        if self._parent is not None:
            self._parent.edited(uri, state)

    def renamed(self, is_old: Callable[[str], bool], new: str) -> None:
        """Record the new URI of a file that it changed, in the parent too.

        *is_old* returns whether a URI names the file, however it is spelled.
        """
        self._edits = {new if is_old(uri) else uri: state for uri, state in self._edits.items()}
        if self._parent is not None:
            self._parent.renamed(is_old, new)

    def permitted(self, given: PermissionAnswered) -> None:
        """Record what the user chose; for a sub-agent, in its parent's record."""
        self.permissions.append((given.kind, given.answer))
        if self._parent is not None:
            self._parent.permitted(given)

    def finish(
        self,
        status: RunStatus,
        *,
        stop_reason: StopReason | None = None,
        text: str | None = None,
        output: object = None,
        error: RunError | None = None,
        messages: tuple[Message, ...] = (),
    ) -> None:
        """Close the ledger; `result` says so from `tell_end` on.

        *text* None keeps what was streamed last.
        """
        self._duration_ms = self._elapsed_ms()
        self._status, self._stop_reason, self._error = status, stop_reason, error
        self._output, self._messages = redact_value(output), messages
        if text is not None:
            self._text = [redact(text)]

    def release_text(self, at: tuple[int, int]) -> None:
        """Forget the texts of a finished run; its answer is at *at* in its transcript."""
        self.kept_text = at
        self._text, self._messages = [], ()

    def contacted(self, contacts: tuple[Contact, ...]) -> None:
        """Record the contacted hosts."""
        self._contacts = contacts

    def tell_end(self) -> None:
        """Let everybody see the end: what has to be written before is written."""
        self._is_told = True

    def result(self) -> RunResult:
        """Return the result as it is now: one that runs until its end is told."""
        ended = self.ended()
        if self._is_told:
            return ended
        return attrs.evolve(
            ended, status=RunStatus.RUNNING, stop_reason=None, output=None, error=None, messages=()
        )

    def ended(self) -> RunResult:
        """Return the result as it will be told."""
        return RunResult(
            run_id=self.run_id,
            agent=self._request.agent,
            route=self.route,
            status=self._status,
            text="".join(self._text),
            usage=self.usage(),
            started_at=self._started_at,
            duration_ms=self._elapsed_ms() if self._duration_ms is None else self._duration_ms,
            first_token_ms=self._first_token_ms,
            stop_reason=self._stop_reason,
            output=self._output,
            edits=tuple(EditSummary(uri, state) for uri, state in self._edits.items()),
            error=self._error,
            contacts=self._contacts,
            prompt=redact_value(self._request.prompt),
            parent=self._parent.run_id if self._parent else None,
            session=self._request.session,
            messages=self._messages,
        )

    def usage(self) -> Usage:
        """Return tokens and cost, including sub-agents."""
        total = EndpointUsage()
        for part in self._by_endpoint.values():
            total = added(total, part)
        return Usage(
            total.input_tokens,
            total.output_tokens,
            total.cost_usd,
            dict(self._by_endpoint),
            dict(self._by_agent),
            total.cached_tokens,
            total.cache_write_tokens,
        )

    def _add(self, endpoint: str, agent: str, usage: UsageReported) -> None:
        one = EndpointUsage(
            usage.input_tokens,
            usage.output_tokens,
            usage.cost_usd,
            1,
            usage.cached_tokens,
            usage.cache_write_tokens,
        )
        for table, key in ((self._by_endpoint, endpoint), (self._by_agent, agent)):
            table[key] = added(table.get(key, EndpointUsage()), one)
        if self._parent is not None:
            self._parent._add(endpoint, agent, usage)  # noqa: SLF001  the same class

    def _token(self) -> None:
        if self._first_token_ms is None:
            self._first_token_ms = self._elapsed_ms()

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._started) * 1000)


class RunRegistry:
    """Every run that this process knows: keeps the recorders of the last ones."""

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

    def renamed(self, run_id: str, is_old: Callable[[str], bool], new: str) -> None:
        """Record the new URI of a file that a run changed, even after the run."""
        if run_id in self._ledgers:
            self._ledgers[run_id].renamed(is_old, new)

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


def added(left: EndpointUsage, right: EndpointUsage) -> EndpointUsage:
    """Add two; if either cost is unknown, so is the sum."""
    if left.requests == 0:
        return right
    if right.requests == 0:
        return left
    known = left.cost_usd is not None and right.cost_usd is not None
    cost = (left.cost_usd or 0.0) + (right.cost_usd or 0.0)
    return attrs.evolve(
        left,
        input_tokens=left.input_tokens + right.input_tokens,
        output_tokens=left.output_tokens + right.output_tokens,
        cached_tokens=left.cached_tokens + right.cached_tokens,
        cache_write_tokens=left.cache_write_tokens + right.cache_write_tokens,
        cost_usd=cost if known else None,
        requests=left.requests + right.requests,
    )


def _add(used: dict[str, EndpointUsage], result: RunResult) -> None:
    """Add a run's usage; a sub-agent's is part of its parent's."""
    if result.parent is None:
        for name, part in result.usage.by_endpoint.items():
            used[name] = added(used.get(name, EndpointUsage()), part)
