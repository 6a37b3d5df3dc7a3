"""One run as an editor follows it: progress, stream and transcript around `Host.run`."""

import asyncio
from pathlib import Path
from typing import Protocol

from attrs import frozen

from inhouse import wire
from inhouse.core.events import (
    EditChanged,
    EditState,
    Notice,
    QuestionAsked,
    RunEvent,
    RunFinished,
    RunResult,
    RunStatus,
    ToolStarted,
    UsageReported,
)
from inhouse.core.json_values import Json
from inhouse.core.request import RunRequest
from inhouse.host.host import Plan
from inhouse.host.run_context import Listen
from inhouse.lsp.contract import arguments
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.runs.active_runs import ActiveRun, Runs
from inhouse.lsp.runs.event_stream import EventStream
from inhouse.lsp.runs.questions import let_client_ask
from inhouse.lsp.runs.transcript import Transcripts
from inhouse.lsp.runs.work_done import WorkDone
from inhouse.lsp.transport.client import real, to_path
from inhouse.lsp.transport.refreshes import RUNS, SESSIONS, ListChanges, Refresher

_ERROR = 1
_LISTED = (QuestionAsked, Notice, ToolStarted, UsageReported)
"""Events that change a running run's entry in the list of runs."""


class SessionListener(Protocol):
    """Shows the conversation of which a run is a turn."""

    def begin(self, run: ActiveRun, plan: Plan) -> Listen:
        """Return the listener for all events of the run."""
        ...


@frozen(eq=False)
class RunLauncher:
    """Starts runs, and everything that reports them to the editor."""

    context: EditorContext
    runs: Runs
    transcripts: Transcripts
    refresher: Refresher
    lists: ListChanges
    documents: SessionListener

    def start(
        self,
        request: RunRequest,
        argument: arguments.RunArguments,
        token: arguments.Token | None,
    ) -> Json:
        """Check everything that can be checked, start the run and answer.  Raises `UserError`."""
        plan = self.context.host.plan(request)
        token = argument.work_done_token if argument.work_done_token is not None else token
        run = self.runs.start(
            plan.request,
            plan.route,
            lambda run: _RunReporter(self, plan, run, argument, token).run_it(),
            uri=argument.uri,
        )
        return {
            "runId": run.id,
            "agent": plan.agent.id,
            "route": wire.route(plan.route),
            "session": plan.request.session,
        }

    def edited(self, run_id: str, agent: str, path: Path, state: EditState, diff: str) -> None:
        """Report to a run, even a finished one, what the user decided about one of its edits."""
        uri = self.context.documents.uri_of(path)
        self.context.host.book.edited(run_id, uri, state)
        self.context.host.sessions.edited(run_id, path, state.value)
        self.lists.touch(RUNS)
        run = self.runs.get(run_id)
        if run is not None and run.emit is not None:
            parent = None if run_id == run.id else run.id
            run.emit(RunEvent(run_id, agent, EditChanged(uri, state, diff), parent))

    def renamed(self, run_id: str, old: Path, new: Path) -> None:
        """Let a run's records name a file that it proposed to change as it is named now."""
        host = self.context.host

        def is_old(uri: str) -> bool:
            path = to_path(uri)
            return path is not None and old in (path, real(path))

        host.book.renamed(run_id, is_old, self.context.documents.uri_of(new))
        host.sessions.renamed(run_id, old, new)
        self.lists.touch(RUNS)


class _RunReporter:
    """Everything that follows one run."""

    def __init__(
        self,
        launcher: RunLauncher,
        plan: Plan,
        run: ActiveRun,
        argument: arguments.RunArguments,
        token: arguments.Token | None,
    ) -> None:
        rpc = launcher.context.rpc
        # Some clients print the token that is made for those that sent none.
        own = "-".join(("inhouse", *run.id.split("-")[:2]))
        self._context = launcher.context
        self._refresher = launcher.refresher
        self._lists = launcher.lists
        self._plan = plan
        self._run = run
        self._finished: RunResult | None = None
        self._changed = False
        self._own_token = token is None
        self._own_view = argument.own_view
        self._stream = (
            EventStream(argument.stream_token, outbox=rpc.outbox, text=argument.stream_text)
            if argument.stream_token is not None
            else None
        )
        self._work_done = WorkDone(
            rpc,
            own if token is None else token,
            title=f"{plan.agent.id} on {plan.route.endpoint}",
            describe=lambda: str(run.doing),
            every=lambda: launcher.runs.display_every,
        )
        self._listen = launcher.documents.begin(run, plan)
        self._transcript = launcher.transcripts.begin(run, plan, show=argument.show_transcript)

    async def run_it(self) -> None:
        host, run = self._context.host, self._run
        run.progress, run.emit = self._work_done.token, self._emit
        self._lists.touch(RUNS, SESSIONS)
        if self._own_view:
            let_client_ask()
        if self._own_token:
            self._context.spawn(self._work_done.create(), name=f"progress of {run.id}")
        else:
            self._work_done.begin()
        try:
            result = await host.run(self._plan, run.id, self._emit)
            self._finish(result)
        except asyncio.CancelledError:
            self._finish(host.book.result(run.id))
            raise
        finally:
            self._work_done.end(_ending(self._finished, run))
            self._refresher.touch()
            self._lists.touch(RUNS, SESSIONS)

    def _emit(self, event: RunEvent) -> None:
        run = self._run
        run.watch(event)
        if isinstance(event.payload, RunFinished) and event.run_id == run.id:
            if self._finished is not None:
                return
            self._finished = event.payload.result
        if self._stream is not None:
            self._stream.add(event)
        self._transcript.add(event)
        self._listen(event)
        if isinstance(event.payload, _LISTED):
            self._lists.touch(RUNS, SESSIONS)
        if not self._changed:  # Once per turn of the loop is often enough.
            self._changed = True
            asyncio.get_running_loop().call_soon(self._show_change)

    def _show_change(self) -> None:
        self._changed = False
        self._work_done.report()
        self._refresher.touch()

    def _finish(self, result: RunResult) -> None:
        if self._finished is None:
            self._emit(RunEvent(self._run.id, self._plan.agent.id, RunFinished(result)))
        failed = result.error if result.status is RunStatus.FAILED else None
        told = self._own_view or "failures" in self._context.client.draws
        if failed is not None and not told:
            text = f"{result.agent} failed: {failed.message}"
            self._context.rpc.notify("window/showMessage", {"type": _ERROR, "message": text})


def _ending(result: RunResult | None, run: ActiveRun) -> str:
    if result is None:
        return "failed"
    spent = f"{run.elapsed:.1f} s, {result.usage.output_tokens} tokens"
    if result.error is not None:
        return f"{result.status.value}: {result.error.message}"
    if result.usage.cost_usd:
        spent += f", ${result.usage.cost_usd:.4f}"
    return f"{result.status.value} in {spent}"
