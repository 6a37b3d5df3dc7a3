"""Running runs and what each is doing.  Every way to cancel a run ends here."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping

from attrs import define, field

from inhouse.core.events import (
    EventPayload,
    Notice,
    QuestionAsked,
    ReasoningDelta,
    RunEvent,
    RunFinished,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
    UsageReported,
)
from inhouse.core.json_values import items, mapping
from inhouse.core.request import RunRequest
from inhouse.core.route import Route
from inhouse.host.run_context import Listen
from inhouse.host.run_recorder import KEPT
from inhouse.lsp.runs.work_done import DISPLAY_EVERY

_PATIENCE = 5.0
"""Seconds for runs to clean up when everything ends."""
_DISPLAYS_PER_SECOND = 40
_DISPLAYS_BESIDE_TYPING = 10
_TYPING = 1.0
"""Seconds after a change of a document for which its user counts as typing."""
_MOST_APART = 2.0
_TAIL = 80
_TODO = 60


@define
class ActiveRun:
    """One run as the editor watches it."""

    id: str
    request: RunRequest
    route: Route
    doing: "RunActivity"
    uri: str | None = None
    started: float = field(factory=time.monotonic)
    ended: float | None = None
    first_token: float | None = None
    pieces: int = 0
    output_tokens: int = 0
    context_tokens: int = 0
    """How much of the window its last request and answer used."""
    context_window: int | None = None
    questions: int = 0
    """How many questions wait for the user, including sub-agents'."""
    children: set[str] = field(factory=set[str])
    progress: str | int | None = None
    """Its progress token while it runs, by which some clients cancel it."""
    emit: Listen | None = None
    """Emits its events while it runs, including those that others cause."""

    @property
    def elapsed(self) -> float:
        return (self.ended or time.monotonic()) - self.started

    @property
    def tokens(self) -> int:
        """Return output tokens; until the endpoint reports them, one for each piece."""
        return max(self.output_tokens, self.pieces)

    @property
    def tokens_per_second(self) -> float:
        if self.first_token is None:
            return 0.0
        return self.tokens / max((self.ended or time.monotonic()) - self.first_token, 0.1)

    def watch(self, event: RunEvent) -> None:
        """Record an event.  Must not block and must not raise."""
        if event.run_id != self.id:
            self.children.add(event.run_id)
        self.doing.watch(event)
        match event.payload:
            case TextDelta(_, pieces) | ReasoningDelta(_, pieces):
                self.pieces += pieces
                if self.first_token is None:
                    self.first_token = time.monotonic()
            case UsageReported(input_tokens, output_tokens, _, window):
                self.output_tokens += output_tokens
                if event.run_id == self.id:
                    self.context_tokens = input_tokens + output_tokens
                    self.context_window = window or self.context_window
            case QuestionAsked():
                self.questions += 1
            case Notice(_, "answer"):
                self.questions = max(0, self.questions - 1)
            case _:
                pass


class Runs:
    """Owns the tasks of runs, so that none is lost or outlives the server."""

    def __init__(self, new_run_id: Callable[[], str]) -> None:
        self._new_run_id = new_run_id
        self._runs: dict[str, ActiveRun] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._typed = -_TYPING

    def start(
        self,
        request: RunRequest,
        route: Route,
        follow: Callable[[ActiveRun], Coroutine[object, object, None]],
        *,
        uri: str | None = None,
    ) -> ActiveRun:
        """Start ``follow(run)`` in the background."""
        run_id = self._new_run_id()
        run = ActiveRun(run_id, request, route, RunActivity(run_id), uri)
        self._runs[run.id] = run
        task = asyncio.create_task(follow(run), name=run.id)
        self._tasks[run.id] = task
        task.add_done_callback(lambda _: self._forget(run))
        return run

    @property
    def running(self) -> tuple[ActiveRun, ...]:
        """The running runs, newest last."""
        return tuple(self._runs[run_id] for run_id in self._tasks)

    @property
    def display_every(self) -> float:
        """Return the seconds between two displays of one run.

        An eye follows no more than ten a second, and an editor draws all runs in the thread in
        which its user types, so the more there are, the fewer each gets, and fewer still while
        somebody types.
        """
        is_typing = time.monotonic() < self._typed + _TYPING
        all_runs = _DISPLAYS_BESIDE_TYPING if is_typing else _DISPLAYS_PER_SECOND
        return max(DISPLAY_EVERY, min(len(self._tasks) / all_runs, _MOST_APART))

    def typed(self) -> None:
        """Tell that the user has just changed a document."""
        self._typed = time.monotonic()

    def get(self, run_id: str) -> ActiveRun | None:
        """Find a run by its id or by the id of a sub-agent's run."""
        if (run := self._runs.get(run_id)) is not None:
            return run
        return next((run for run in self._runs.values() if run_id in run.children), None)

    def cancel(self, run_id: str | None) -> list[str]:
        """Ask a run, or the newest, to stop; return the ids of those that will."""
        run = self.get(run_id) if run_id is not None else next(reversed(self.running), None)
        if run is None or (task := self._tasks.get(run.id)) is None:
            return []
        # A task that has not begun would never reach the code that reports its end.
        asyncio.get_running_loop().call_soon(task.cancel)
        return [run.id]

    def cancel_progress(self, token: str | int) -> None:
        """Ask the run with this progress token to stop."""
        for run in self.running:
            if run.progress == token:
                self.cancel(run.id)

    async def aclose(self) -> None:
        """Cancel every run and wait until each has cleaned up."""
        tasks = list(self._tasks.values())
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_PATIENCE)

    def _forget(self, run: ActiveRun) -> None:
        run.ended, run.emit, run.progress = time.monotonic(), None, None
        self._tasks.pop(run.id, None)
        for run_id in list(self._runs):
            if len(self._runs) <= KEPT:
                break
            if run_id not in self._tasks:
                del self._runs[run_id]


@define
class _AtWork:
    agent: str
    parent: str | None
    what: str = "waiting for the first token"


@define
class RunActivity:
    """What a run and its sub-agents are doing, as a tree in one line."""

    run_id: str
    tail: str = ""
    """The end of the run's own text, or of its command's output."""
    todos: str = ""
    _at_work: dict[str, _AtWork] = field(factory=dict[str, _AtWork])

    def watch(self, event: RunEvent) -> None:
        """Record an event.  Must not block and must not raise."""
        payload = event.payload
        if isinstance(payload, RunFinished):
            self._at_work.pop(event.run_id, None)
            return
        at_work = self._at_work.get(event.run_id)
        if at_work is None:
            at_work = self._at_work[event.run_id] = _AtWork(event.agent, event.parent)
        own = event.run_id == self.run_id
        match payload:
            case TextDelta(text):
                at_work.what = "writing"
                if own:
                    self.tail = (self.tail + text)[-_TAIL:]
            case ToolOutput(_, text) if own:
                self.tail = (self.tail + text)[-_TAIL:]
            case ToolStarted(_, tool, given):
                at_work.what = tool
                self.tail = "" if own else self.tail
                if own and tool == "write_todos":
                    self.todos = _progress(todos_of(given))
            case Notice(_, _, message):
                at_work.what = message
            case _:
                at_work.what = _WORDS.get(type(payload), at_work.what)

    def __str__(self) -> str:
        tail = " ".join(self.tail.split())
        return f"{self.brief}: …{tail}" if tail else self.brief

    @property
    def brief(self) -> str:
        """What is done now, without the text that it is about."""
        line = self._line(self.run_id)
        return f"{line} ({self.todos})" if self.todos else line

    def _line(self, run_id: str) -> str:
        """Return what one run does, followed by what its sub-agents do."""
        own = self._at_work.get(run_id)
        what = own.what if own else "waiting for the first token"
        below = [
            f"{each.agent}: {self._line(child)}"
            for child, each in self._at_work.items()
            if each.parent == run_id
        ]
        return f"{what} [{'; '.join(below)}]" if below else what


def todos_of(given: object) -> list[tuple[str, bool]]:
    """Return the items of a ``write_todos`` call, and whether each is done."""
    found: list[tuple[str, bool]] = []
    for each in items(mapping(given).get("todos")):
        match each:
            case {"task": str(task), "completed": bool(done)}:
                found.append((" ".join(task.split()), done))
            case _:
                pass
    return found


_WORDS: Mapping[type[EventPayload], str] = {
    ReasoningDelta: "thinking",
    ToolFinished: "waiting for the model",
    QuestionAsked: "waiting for your answer",
}


def _progress(todos: list[tuple[str, bool]]) -> str:
    """Say how far the list is and what is next: ``2/5 done, next: write the test``."""
    if not todos:
        return ""
    waiting = [task for task, done in todos if not done]
    told = f"{len(todos) - len(waiting)}/{len(todos)} done"
    return f"{told}, next: {waiting[0][:_TODO]}" if waiting else told
