"""A prompt from the editor: a run of a new or continued session, or steering."""

import asyncio
from pathlib import Path
from urllib.parse import unquote, urlsplit

from attrs import frozen

from inhouse import wire
from inhouse.core.errors import UserError
from inhouse.core.files import holds_home
from inhouse.core.json_values import Json
from inhouse.core.messages import Image
from inhouse.core.positions import text_in
from inhouse.core.protected_files import rule
from inhouse.core.request import RunRequest
from inhouse.core.route import Route
from inhouse.host.selection_prompt import text_block
from inhouse.host.sessions import COMPACT
from inhouse.lsp.contract import arguments
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.runs.active_runs import ActiveRun
from inhouse.lsp.runs.run_reporter import RunLauncher
from inhouse.lsp.transport.client import real, to_path


@frozen(eq=False)
class SessionPrompts:
    """Passes each prompt of one editor to the right session."""

    context: EditorContext
    launcher: RunLauncher

    async def start(self, argument: arguments.RunArguments, token: arguments.Token | None) -> Json:
        """Start a run; if the session is already running, steer it with the prompt.

        Raises `UserError`.
        """
        place = None if argument.uri is None else to_path(argument.uri)
        prompt = argument.prompt
        if argument.uri is not None and (place is None or self._opens_the_home(place)):
            what = "not a file yet" if place is None else "outside of the workspace"
            prompt, place = self._with_document(argument.uri, argument, what), None
        request = RunRequest(
            agent=argument.agent,
            prompt=prompt,
            params=argument.params,
            images=_images(argument.images) if argument.images else (),
            endpoint=argument.endpoint,
            model=argument.model,
            session=argument.session,
            path=None if place is None else real(place),
            range=argument.range,
        )
        if request.session is not None and argument.prompt.strip() == COMPACT:
            request = await self.context.host.sessions.compaction(
                request.session,
                agent=request.agent,
                endpoint=request.endpoint,
                model=request.model,
            )
        elif request.session is not None:
            request = await self.context.host.sessions.resolve(request)
            if (steered := await self._steer(request)) is not None:
                return steered
        return self.launcher.start(request, argument, token)

    def _opens_the_home(self, path: Path) -> bool:
        """Return whether no folder is open, and the file's own holds all that the user has."""
        return not self.context.host.roots and holds_home(path.parent)

    def _with_document(self, uri: str, argument: arguments.RunArguments, what: str) -> str:
        """Return the prompt, followed by the text of an open document that is not a file.

        Raises `UserError` if no such document is open, since the agent would not know what is
        meant.
        """
        if (found := rule(_name(uri))) is not None:
            raise UserError(f"{uri!r} matches {found}, which no agent may read.")
        document = self.context.documents.get(uri)
        if document is None:
            raise UserError(
                f"{uri!r} is not a file, and the editor has not opened a document of that name "
                "with the server, so the agent cannot see it.  Save it as a file, or leave 'uri' "
                "out."
            )
        text, lines = document.text, ""
        if argument.range is not None:
            text = text_in(text, argument.range)
            first, last = argument.range.start.line + 1, argument.range.end.line + 1
            lines = f" (lines {first} to {last})"
        shown = text_block(f"{uri}{lines}, which is {what}", text)
        return "\n\n".join(part for part in (argument.prompt, shown) if part)

    async def _steer(self, request: RunRequest) -> Json | None:
        """Steer a running turn; return None if none runs or it has just ended."""
        sessions, name = self.context.host.sessions, request.session or ""
        run = self._running(name)
        if run is not None:
            await asyncio.sleep(0)  # It may have just been started.
            turn = sessions.running(name)
            if turn is None:
                return None
            turn.steer(_something(request))
            return _steered(run.id, run.request.agent, run.route, name)
        if not await sessions.runs_elsewhere(name):
            return None
        plan = self.context.host.plan(request)
        said = await sessions.steer_elsewhere(name, _something(request))
        if said is None:
            return None
        return _steered(said.run_id, plan.agent.id, plan.route, name)

    def _running(self, name: str) -> ActiveRun | None:
        return next(
            (run for run in self.launcher.runs.running if run.request.session == name), None
        )


def _name(uri: str) -> str:
    """Return what a URI names, as a path without slashes around it."""
    try:
        path = urlsplit(uri).path
    except ValueError:  # For example, half an IPv6 address.
        path = uri
    return unquote(path).strip("/")


def _something(request: RunRequest) -> str:
    if request.images:
        raise UserError(
            f"Session {request.session!r} is running.  Send pictures with its next prompt."
        )
    if not request.prompt.strip():
        raise UserError(f"Session {request.session!r} is running.  Write what to send to it.")
    return request.prompt


def _steered(run_id: str, agent: str, route: Route, name: str) -> Json:
    told = wire.route(route)
    return {"runId": run_id, "agent": agent, "route": told, "session": name, "steered": True}


def _images(given: list[arguments.Picture]) -> tuple[Image, ...]:
    """Check pictures before anything begins.  Raises `UserError`."""
    images = tuple(Image(each.data, each.mime_type) for each in given)
    for number, image in enumerate(images):
        if (problem := image.problem()) is not None:
            raise UserError(f"'images[{number}]' cannot be sent: {problem}.")
    return images
