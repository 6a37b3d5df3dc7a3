"""One ACP session: its folders, its choices, and its running turn."""

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acp.connection import Connection
from attrs import evolve

from inhouse.core.errors import InhouseError, UserError
from inhouse.core.events import RunResult, RunStatus
from inhouse.core.json_values import Json, fields
from inhouse.core.ports import Workspace
from inhouse.core.request import RunRequest
from inhouse.core.settings import Settings
from inhouse.definitions.catalog.folders import ON_BOARD
from inhouse.host.host import Host, HostCallbacks, WorkspaceRequest
from inhouse.store.sessions import title_of
from inhouse.tools.access.access_policy import access_to
from inhouse.tools.knowledge import Skill, startable_skills

from .client_calls import ClientCalls
from .options import (
    AUTOMATIC,
    COMPACT,
    Available,
    Choices,
    available_commands,
    config_options,
    modes,
)
from .permissions import AcpApprover
from .prompt_content import PromptContent, split_command, with_skill
from .replay import read_session, replay_session
from .terminals import terminal_of
from .transport import StdioTransport
from .updates import UpdateStream
from .workspace import AcpWorkspace


class AcpSession:
    """Owns the host of one session's folders and the task of its turn."""

    def __init__(
        self,
        session_id: str,
        roots: tuple[Path, ...],
        transport: StdioTransport,
        connection: Connection,
        environ: Mapping[str, str],
    ) -> None:
        self.id = session_id
        self.mcp_servers: dict[str, Json] = {}
        """The client's servers: every agent of this session has their tools."""
        self.roots = roots
        self.choices = Choices()
        self.updates = UpdateStream(session_id, roots[0], transport)
        self._calls = ClientCalls(
            connection,
            session_id,
            fields(transport.client["clientCapabilities"]),
            self.updates.warn,
        )
        self._approver = AcpApprover(self._calls, lambda: self.updates)
        self.host = Host(
            roots=roots,
            environ=environ,
            door=HostCallbacks(
                self._workspace,
                self._approver,
                changed=self._changed,
                terminal=terminal_of(self._calls, self.updates),
                shows_window=True,
            ),
        )
        self._own_settings: Settings | None = None
        self._skills: dict[str, Skill] = {}
        self._task: asyncio.Task[RunResult] | None = None
        self._cancelling = False
        self._titled = False
        self._told: tuple[Any, ...] = ()
        self._announcing = False

    async def start(self) -> None:
        """Read settings and agents."""
        await self.host.start()
        await self._look_around()

    async def _look_again(self) -> None:
        """Pick up what changed on disk since the last turn: agents, settings, endpoints, skills."""
        chosen = self.choices.settings()
        if chosen:  # Only without them is it known what is no wider than the user's own settings.
            await self.host.configure({})
        await self.host.reload()
        await self._look_around()
        if chosen:
            await self.host.configure(chosen)
        self._changed()

    async def _look_around(self) -> None:
        """Read the user's own settings and the skills that a person can start."""
        self._own_settings = self.host.world.settings
        self._skills = await asyncio.to_thread(
            startable_skills,
            access_to(self.host.roots),
            Path.home(),
            vouched=self.host.world.trusting.vouched,
        )

    def announce(self) -> None:
        """Announce the available commands to the client, now and whenever they change."""
        self._announcing = True
        self._changed()

    async def go_on(self, *, replay: bool, is_open: bool) -> None:
        """Continue the kept session with this id; *replay* sends the client its updates.

        Raises `UserError` if no such session is kept, unless it *is_open* already.
        """
        try:
            known = await self.host.sessions.named(self.id)
        except UserError:
            if is_open:  # Nothing was said in it yet.
                return
            raise
        if known.id != self.id:  # A prefix is enough for a person, not for a program.
            raise UserError(f"No session {self.id!r}.", code="unknown-session")
        self._titled = True
        self.choices = evolve(
            self.choices,
            agent=known.agent,
            endpoint=known.endpoint or AUTOMATIC,
            model=known.model or AUTOMATIC,
        )
        if replay:
            kept = await asyncio.to_thread(read_session, self.host.sessions.store, known.id)
            replay_session(self.updates, kept)
        self.updates.send({"sessionUpdate": "session_info_update", "title": known.title})
        self.updates.cost_usd = known.cost_usd

    async def aclose(self) -> None:
        """Cancel the running turn and release everything."""
        await self.cancel()
        await self._calls.aclose()
        with contextlib.suppress(Exception):
            await self.host.aclose()

    async def cancel(self) -> None:
        """Cancel the turn, and wait until it has ended."""
        task = self._task
        if task is not None:
            if not self._cancelling:  # A second cancel would interrupt the clean-up.
                self._cancelling = True
                task.cancel()
            await asyncio.wait([task])

    def available(self) -> Available:
        """Return what there is to choose from now."""
        endpoints, agents = self.host.endpoints(), self.host.agents()
        used = (
            one.route.model
            for one in agents
            if one.route is not None and one.agent.source.parent != ON_BOARD
        )
        listed = (model.id for one in endpoints for model in one.models or ())
        named = (
            model
            for endpoint in self.host.world.settings.endpoints.values()
            for model in endpoint.models.values()
        )
        return Available(
            agents=agents,
            endpoints=endpoints,
            models=tuple(dict.fromkeys((*used, *named, *listed))),
            settings=self._own_settings or self.host.world.settings,
            skills={name: skill.description for name, skill in self._skills.items()},
        )

    def state(self) -> Json:
        """Return ``modes`` and ``configOptions`` as they are now."""
        available = self.available()
        return {
            "modes": modes(self.choices, available),
            "configOptions": config_options(self.choices, available),
        }

    async def choose(self, choices: Choices) -> None:
        """Apply a choice; settings chosen here hold only for this session."""
        changed = choices.settings() != self.choices.settings()
        self.choices = choices
        if changed:
            await self.host.configure(choices.settings())

    async def prompt(self, content: PromptContent) -> RunResult:
        """Run one turn to its end.

        Raises `InhouseError` if it cannot start, and `TurnCancelled`.
        """
        if self._task is not None:
            raise UserError(
                "This session is busy.  Cancel its turn, or wait until it ends; another session "
                "can work meanwhile.",
                code="busy",
            )
        task = asyncio.create_task(self._turn(content), name=f"turn {self.id}")
        self._task = task  # From here on a cancel finds it.
        try:
            await asyncio.wait([task])
        finally:
            self._task, self._cancelling = None, False
            self.updates.end_turn()
        if task.cancelled():
            raise TurnCancelled
        return task.result()

    async def _turn(self, content: PromptContent) -> RunResult:
        await self._look_again()
        available = self.available()
        names = [str(command["name"]) for command in available_commands(available)]
        command, text = split_command(content.text, names)
        agents = {one.agent.id for one in available.agents if one.usable}
        if command not in agents and (skill := self._skills.get(command or "")) is not None:
            text = with_skill(text, skill.name, skill.content)
        compacts = command == COMPACT and command not in {*agents, *self._skills}
        agent = (command if command in agents else None) or available.agent_for(self.choices)
        if agent is None:
            raise UserError(
                f"There is no usable agent in {self.roots[0]}.  Add a definition to its .agents "
                "folder, for example .agents/helper.ts.",
                code="no-agent",
            )
        for told in content.left_out:
            self.updates.warn(f"Not sent: {told}.")
        request = RunRequest(
            agent=agent,
            prompt=text,
            endpoint=self.choices.endpoint or None,
            model=self.choices.model or None,
            images=content.images,
            session=self.id,
        )
        if compacts:
            compaction = await self.host.sessions.compaction(self.id)
            request = evolve(request, prompt=compaction.prompt, compact=True)
        plan = self.host.plan(request)
        if self.mcp_servers:
            if plan.needs_trust:  # A plan that waits for trust is made again once trust is given.
                await self.host.ask_for_trust()
                plan = self.host.plan(request)
            if plan.needs_trust:
                raise self.host.world.trusting.refusal()
            servers = {**self.mcp_servers, **plan.definition.mcp_servers}
            plan = evolve(plan, definition=evolve(plan.definition, mcp_servers=servers))
        self._title(content.text)
        result = await self.host.run(plan, self.host.new_run_id(), self.updates.listen)
        if compacts and result.text:
            self.updates.say(result.text)
        return result

    def _workspace(self, request: WorkspaceRequest) -> Workspace:
        return AcpWorkspace(
            request.roots[0],
            request.emit,
            request.approver,
            mode=request.settings.edits,
            extra_roots=request.roots[1:],
            client=self._calls,
            show_diff=lambda path, old, new: self.updates.diff(request.run_id, path, old, new),
            show_question=self._approver.show_diff,
        )

    def _title(self, prompt: str) -> None:
        """Name the session by its first prompt, as every door does."""
        if self._titled:
            return
        self._titled = True
        if title := title_of(prompt):
            self.updates.send({"sessionUpdate": "session_info_update", "title": title})

    def _changed(self) -> None:
        """Announce added and removed agents to the client."""
        if not self._announcing:
            return
        commands = available_commands(self.available())
        told = tuple(command["name"] for command in commands)
        if told != self._told:
            self._told = told
            self.updates.send(
                {"sessionUpdate": "available_commands_update", "availableCommands": commands}
            )


class TurnCancelled(InhouseError):  # noqa: N818  an outcome, not an error
    """The turn was cancelled, by the client or because it has gone."""

    def __init__(self) -> None:
        super().__init__("The turn was cancelled.", code="cancelled")


def stop_reason(result: RunResult) -> str:
    """Return ACP's stop reason of a run that completed or was cancelled."""
    if result.status is RunStatus.CANCELLED:
        return "cancelled"
    return result.stop_reason.value if result.stop_reason is not None else "end_turn"
