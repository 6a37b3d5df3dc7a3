"""A prompt from the editor: a run, of a new session or of one that goes on, or a steer."""

import asyncio
from pathlib import Path

from attrs import frozen

from inhouse import wire
from inhouse.core.errors import UserError
from inhouse.core.request import RunRequest
from inhouse.core.route import Route
from inhouse.lsp.commands import arguments
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.runs.active_runs import ActiveRun
from inhouse.lsp.runs.run_reporter import RunLauncher
from inhouse.lsp.transport.client import Json, real, to_path


@frozen(eq=False)
class SessionPrompts:
    """Takes every prompt of one editor to the session that it is for."""

    context: EditorContext
    launcher: RunLauncher

    async def start(self, argument: arguments.RunArguments, token: arguments.Token | None) -> Json:
        """Start a run; to a session that runs already, the prompt is something said meanwhile.

        Raises `UserError`.
        """
        request = RunRequest(
            agent=argument.agent,
            prompt=argument.prompt,
            params=argument.params,
            endpoint=argument.endpoint,
            model=argument.model,
            session=argument.session,
            path=_place(argument.uri),
            range=argument.range,
        )
        if request.session is not None:
            request = await self.context.host.sessions.resolve(request)
            if (steered := await self._steer(request)) is not None:
                return steered
        return self.launcher.start(request, argument, token)

    async def _steer(self, request: RunRequest) -> Json | None:
        """Tell a running turn something; None where none runs, or its turn has just ended."""
        sessions, name = self.context.host.sessions, request.session or ""
        run = self._running(name)
        if run is not None:
            await asyncio.sleep(0)  # It may have been started a moment ago.
            turn = sessions.running(name)
            if turn is None:
                return None
            turn.steer(_something(request))
            return _steered(run.id, run.request.agent, run.route, name)
        if not await sessions.runs_elsewhere(name):
            return None
        plan = self.context.host.plan(request)
        said = await sessions.steer(name, _something(request))
        return _steered(said.run_id, plan.agent.id, plan.route, name)

    def _running(self, name: str) -> ActiveRun | None:
        return next(
            (run for run in self.launcher.runs.running if run.request.session == name), None
        )


def _something(request: RunRequest) -> str:
    if not request.prompt.strip():
        raise UserError(f"Session {request.session!r} is running: say what to tell it.")
    return request.prompt


def _steered(run_id: str, agent: str, route: Route, name: str) -> Json:
    told = wire.route(route)
    return {"runId": run_id, "agent": agent, "route": told, "session": name, "steered": True}


def _place(uri: str | None) -> Path | None:
    path = to_path(uri) if uri is not None else None
    return None if path is None else real(path)
