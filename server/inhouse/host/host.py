"""One workspace with its settings, agents and runs: what both doors talk to."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from attrs import evolve, field, frozen

from inhouse.core.definition import Agent
from inhouse.core.errors import RefusedError, UserError
from inhouse.core.events import RunResult
from inhouse.core.limits import Limits
from inhouse.core.ports import Approver, Emit, Workspace
from inhouse.core.redaction import remember
from inhouse.core.request import AgentSummary, RunRequest
from inhouse.core.route import EndpointStatus, Route
from inhouse.core.settings import Settings
from inhouse.settings import editor_layers

from .plan import Plan, Surroundings, choice_for, usable_definition
from .record_writer import RecordKeeper, replay_of
from .run_context import Listen
from .run_registry import RunRegistry
from .services import Services, open_services
from .workspace_snapshot import ClientSettings, WorkspaceSnapshot, follow_typing, look_around


@frozen
class WorkspaceRequest:
    """What a door needs to give a run its workspace."""

    run_id: str
    request: RunRequest
    emit: Emit
    settings: Settings
    approver: Approver
    roots: tuple[Path, ...]


MakeWorkspace = Callable[[WorkspaceRequest], Workspace]


def _nobody() -> None:
    """Tell nobody."""


@frozen
class HostCallbacks:
    """What the host needs of whoever opened it."""

    make_workspace: MakeWorkspace
    approver: Approver
    changed: Callable[[], None] = field(default=_nobody)
    """Called when settings, agents or trust are not what they were.  Must not block."""


class Host:
    """Owns settings, catalog and runs of one workspace.  `start` it, and `aclose` it."""

    def __init__(
        self,
        *,
        roots: tuple[Path, ...],
        environ: Mapping[str, str],
        door: HostCallbacks,
        editor_values: object = None,
        client_trusted: bool | None = None,
        prefer_embedded: bool = False,
    ) -> None:
        """*client_trusted* is the client's own word: yes, no, or None: the user is asked."""
        self.roots = tuple(root.resolve() for root in roots)
        self.environ = environ
        self.door = door
        self.book = RunRegistry()
        self.services: Services = open_services(environ)
        self.records = RecordKeeper(self.services.records, self.services.replays)
        self._client = ClientSettings(editor_layers(editor_values), client_trusted, prefer_embedded)
        self._texts: dict[Path, str] = {}
        self._lock = asyncio.Lock()
        self.world = WorkspaceSnapshot.empty(self.services)
        self.checked: Mapping[str, EndpointStatus] = {}
        """What the last check of each endpoint found, until the endpoints change."""

    # Starting, and following what changes.

    async def start(self) -> None:
        """Read trust, settings and definitions."""
        await self.reload()

    async def configure(self, editor_values: object) -> None:
        """Take the editor's settings; `world.problems` then says what is wrong with them."""
        self._client = evolve(self._client, editor=editor_layers(editor_values))
        await self.reload(())

    async def set_session_key(self, name: str, text: str) -> None:
        """Take a key from whoever keeps it, for as long as this process lives; empty forgets it."""
        if text:
            remember(text)
            self.services.session_keys[name] = text
        else:
            self.services.session_keys.pop(name, None)
        await self.reload(())

    async def set_client_trust(self, *, trusted: bool | None) -> None:
        """Take the client's own word about the workspace."""
        self._client = evolve(self._client, trusted=trusted)
        await self.reload(())

    async def trust(self, *, grant: bool = True) -> None:
        """Trust what the workspace brings as it is now, or take that back."""
        trusting = self.world.trusting
        await asyncio.to_thread(trusting.grant if grant else trusting.revoke)
        await self.reload(())

    async def ask_for_trust(self) -> None:
        """Ask the user, where they have not decided; nothing happens where they have."""
        if self.world.trusting.undecided:
            await self.world.trusting.ask(self.door.approver)
            await self.reload(())

    async def reload(
        self, changed: Collection[Path] | None = None, texts: Mapping[Path, str] | None = None
    ) -> None:
        """Look again; at everything, where *changed* is None.

        *texts* are the unsaved texts of an editor, all of them; None: as before.
        """
        async with self._lock:
            if texts is not None:
                self._texts = dict(texts)
            before = self.world
            self.world = await look_around(
                before,
                self.services,
                self.door.approver,
                roots=self.roots,
                client=self._client,
                changed=changed,
                texts=self._texts,
            )
            if self.world.settings.endpoints != before.settings.endpoints:
                self.checked = {}
            if self.world.egress is not before.egress:
                await before.egress.retire()
        self.door.changed()

    async def typed(self, changed: Collection[Path], texts: Mapping[Path, str]) -> None:
        """Read again what was typed: texts of the editor changed, and nothing on disk."""
        async with self._lock:
            self._texts = dict(texts)
            followed = await follow_typing(self.world, self.services, changed, self._texts)
        if followed:
            self.door.changed()
        else:
            await self.reload(changed, texts)

    async def aclose(self) -> None:
        """End everything that was started.  Runs are their door's to cancel first."""
        await self.records.aclose()
        await self.world.egress.aclose()
        await self.services.aclose()

    # Looking.

    def agents(self) -> tuple[AgentSummary, ...]:
        """Give every agent that was found, the winning ones first."""
        found = sorted(
            self.world.catalog.all, key=lambda agent: (agent.shadowed_by is not None, agent.id)
        )
        return tuple(self._summary(agent) for agent in found)

    def usable_agents(self) -> list[str]:
        """Give the agents that can run, those of the workspace first."""
        usable = [agent for agent in self.world.catalog.agents.values() if agent.definition]
        return [agent.id for agent in sorted(usable, key=lambda each: not each.from_workspace)]

    def agent_named(self, name: str) -> str | None:
        """Find an agent as people write its name."""
        try:
            return self.world.catalog.find(name).id
        except UserError:
            return None

    def explain(self, agent: str, endpoint: str | None = None, model: str | None = None) -> Route:
        """Say where an agent would run, and why.  Opens no connection.  Raises `UserError`."""
        found = self.world.catalog.find(agent)
        definition = usable_definition(found)
        return choice_for(
            found, definition, self.surroundings(), endpoint=endpoint, model=model
        ).route

    def endpoints(self) -> tuple[EndpointStatus, ...]:
        """Give the endpoints as far as they are known without asking them."""
        from . import endpoint_status  # noqa: PLC0415  not needed before somebody asks

        return endpoint_status.unchecked(self)

    async def check_endpoints(self, names: tuple[str, ...] = ()) -> tuple[EndpointStatus, ...]:
        """Check endpoints for real, all where none is named.  Raises `UserError`."""
        from . import endpoint_status  # noqa: PLC0415  not needed before somebody asks

        found = await endpoint_status.checked(self, names)
        self.checked = {**self.checked, **{status.name: status for status in found}}
        return found

    def plan(self, request: RunRequest) -> Plan:
        """Check everything that can be checked at once.  Raises `UserError`."""
        agent = self.world.catalog.find(request.agent)
        needs_trust = agent.from_workspace and not self.world.trusting.trusted
        if needs_trust and not self.world.trusting.undecided:
            raise self.world.trusting.refusal()
        definition = usable_definition(agent)
        choice = choice_for(
            agent,
            definition,
            self.surroundings(trusted=True if needs_trust else None),
            endpoint=request.endpoint,
            model=request.model,
        )
        if choice.endpoint is None or choice.route.refused is not None:
            no = choice.route.refused
            raise RefusedError(no.reason, no.remedy) if no else UserError("No endpoint.")
        settings = self.world.settings
        return Plan(
            request=evolve(request, agent=agent.id),
            agent=agent,
            definition=definition,
            endpoint=choice.endpoint,
            model=choice.model,
            route=choice.route,
            limits=Limits(
                max_steps=settings.max_steps,
                privacy=settings.privacy,
                budget_usd=settings.budget_usd,
            ),
            needs_trust=needs_trust,
        )

    # Running.

    def new_run_id(self) -> str:
        """Give the id of the next run."""
        return self.book.new_run_id()

    async def run(self, plan: Plan, run_id: str, listen: Listen) -> RunResult:
        """Run to the end; only `asyncio.CancelledError` is raised.

        Cancelled or failed, the run's result is in the book and was told as `RunFinished`.
        """
        from . import run_execution  # noqa: PLC0415  with loop and tools: 4 MB that a first run needs

        return (await run_execution.run(self, plan, run_id, listen)).result

    async def confirm(self, plan: Plan) -> Plan:
        """Ask for the trust that a plan waits for.  Raises `RefusedError` where it is not given."""
        if plan.needs_trust:
            await self.ask_for_trust()
            if not self.world.trusting.trusted:
                raise self.world.trusting.refusal()
            plan = self.plan(plan.request)
        return plan

    @property
    def main_root(self) -> Path:
        """The first folder; the user's home where none is open."""
        return self.roots[0] if self.roots else Path.home()

    def workspace_for(
        self,
        request: RunRequest,
        run_id: str,
        emit: Emit,
        approver: Approver,
        roots: tuple[Path, ...],
    ) -> Workspace:
        """Make the workspace of one run, as the door has it."""
        return self.door.make_workspace(
            WorkspaceRequest(
                run_id=run_id,
                request=request,
                emit=emit,
                settings=self.world.settings,
                approver=approver,
                roots=roots,
            )
        )

    def keep_record(self, result: RunResult, request: RunRequest) -> None:
        """Keep the record of a finished run; a sub-agent's is part of its parent's."""
        if result.parent is None:
            models = {agent.id: agent.model for agent in self.world.catalog.all}
            self.records.keep(
                result,
                replay_of(request, self.roots, self._client),
                workspace=self.main_root,
                privacy=self.world.settings.privacy,
                models=models,
                most=self.world.settings.kept_transcripts,
            )

    def surroundings(self, *, trusted: bool | None = None) -> Surroundings:
        """Give what a choice of who serves depends on."""
        return Surroundings(
            settings=self.world.settings,
            environ=self.environ,
            keys=self.world.keys,
            embedded_installed=self.world.embedded_installed,
            workspace_trusted=self.world.trusting.trusted if trusted is None else trusted,
        )

    def _summary(self, agent: Agent) -> AgentSummary:
        if agent.definition is None:
            return AgentSummary(agent, usable=False)
        try:
            route = choice_for(agent, agent.definition, self.surroundings()).route
        except UserError:
            return AgentSummary(agent, usable=True)
        return AgentSummary(agent, usable=True, route=route)
