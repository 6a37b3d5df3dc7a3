"""One workspace with its settings, agents and runs: what doors work with."""

import asyncio
import contextlib
import gc
import importlib
from collections.abc import Collection, Mapping
from pathlib import Path

from attrs import evolve

from inhouse.core.definition import Agent
from inhouse.core.errors import UserError
from inhouse.core.events import RunResult
from inhouse.core.redaction import remember
from inhouse.core.request import AgentSummary, RunRequest
from inhouse.core.route import EndpointStatus, Route
from inhouse.definitions.catalog.folders import ON_BOARD
from inhouse.processes import keep_out_of
from inhouse.settings import editor_layers

from .host_state import HostCallbacks, HostState, WorkspaceRequest
from .plan import choice_for, plan_run, usable_definition
from .question_events import EventEmittingApprover
from .record_writer import RecordKeeper
from .reload import ask_for_trust, reload, reload_typed
from .run_context import Listen
from .run_plan import Plan
from .services import open_services
from .workspace_snapshot import ClientSettings, WorkspaceSnapshot

__all__ = ["Host", "HostCallbacks", "Plan", "WorkspaceRequest"]


class Host:
    """Owns the settings, catalog and runs of one workspace.

    Call `start` first and `aclose` last.
    """

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
        """*client_trusted* is the client's own decision; None if the user is to be asked."""
        services = open_services(environ)
        self._warmed = False
        self.state = HostState(
            roots=tuple(root.resolve() for root in roots),
            environ=environ,
            door=evolve(door, approver=EventEmittingApprover(door.approver)),
            services=services,
            client=ClientSettings(editor_layers(editor_values), client_trusted, prefer_embedded),
            records=RecordKeeper(services.records, services.replays),
            world=WorkspaceSnapshot.empty(services),
        )
        self.services = services
        self.book = self.state.book
        """The runs that this process knows."""
        self.sessions = self.state.sessions
        """The conversations, kept and running."""

    @property
    def world(self) -> WorkspaceSnapshot:
        """The current snapshot of trust, settings and agents."""
        return self.state.world

    @property
    def checked(self) -> Mapping[tuple[str, str], EndpointStatus]:
        """What the last check of each endpoint found, until the endpoints change.

        By name and base URL: each definition's own server is named "definition".
        """
        return self.state.checked

    @property
    def roots(self) -> tuple[Path, ...]:
        """The workspace's folders, as real paths."""
        return self.state.roots

    @property
    def named_roots(self) -> tuple[Path, ...]:
        """The folders that names of files begin in, never none."""
        return self.roots or (self.main_root,)

    @property
    def main_root(self) -> Path:
        """The first folder, or the user's home if none is open."""
        return self.state.main_root

    # Starting, and following changes.

    async def start(self) -> None:
        """Read trust, settings and definitions."""
        await self.reload()

    async def change_roots(self, roots: Collection[Path]) -> None:
        """Replace the workspace's folders."""
        self.state.roots = tuple(root.resolve() for root in roots)
        keep_out_of(self.state.roots)
        await self.reload()

    async def configure(self, editor_values: object) -> None:
        """Apply the editor's settings; `world.problems` then says what is wrong with them."""
        self.state.client = evolve(self.state.client, editor=editor_layers(editor_values))
        await self.reload(())

    async def set_session_key(self, name: str, text: str) -> None:
        """Keep a key in memory for as long as this process lives; an empty one is forgotten."""
        if text:
            remember(text)
            self.services.session_keys[name] = text
        else:
            self.services.session_keys.pop(name, None)
        await self.reload(())

    async def trust(self, *, grant: bool = True) -> None:
        """Trust the workspace's current contents, or revoke that."""
        trusting = self.world.trusting
        await asyncio.to_thread(trusting.grant if grant else trusting.revoke)
        await self.reload(())

    async def ask_for_trust(self) -> None:
        """Ask the user for trust, unless they have decided already."""
        await ask_for_trust(self.state)

    async def reload(
        self, changed: Collection[Path] | None = None, texts: Mapping[Path, str] | None = None
    ) -> None:
        """Read again what changed, or everything if *changed* is None.

        *texts* are all of an editor's unsaved texts; None if they are as before.
        """
        await reload(self.state, changed, texts)

    async def typed(self, changed: Collection[Path], texts: Mapping[Path, str]) -> None:
        """Read the editor's texts again; only these changed, nothing on disk."""
        await reload_typed(self.state, changed, texts)

    async def warm(self) -> None:
        """Load and open what the first run needs, so that it need not wait.

        Idle servers save 40 MB.
        """
        if not self._warmed:
            self._warmed = True
            await asyncio.to_thread(_load_for_runs)
            with contextlib.suppress(UserError):  # The run itself says what is wrong.
                await asyncio.to_thread(self.sessions.store.find, "")  # Opens the file.

    async def aclose(self) -> None:
        """End everything that was started.  The door must have cancelled its runs."""
        await self.state.records.written()
        await self.state.sessions.aclose()
        await self.world.egress.aclose()
        await self.services.aclose()

    # Reading.

    def agents(self) -> tuple[AgentSummary, ...]:
        """Return every agent: usable ones first, Inhouse's own last."""
        found = sorted(
            self.world.catalog.all,
            key=lambda agent: (
                agent.shadowed_by is not None,
                agent.source.parent == ON_BOARD,
                agent.id,
            ),
        )
        return tuple(self._summary(agent) for agent in found)

    def usable_agents(self) -> list[str]:
        """Return the agents that can run, those of the workspace first."""
        usable = [agent for agent in self.world.catalog.agents.values() if agent.definition]
        return [agent.id for agent in sorted(usable, key=lambda each: not each.from_workspace)]

    def agent_named(self, name: str) -> str | None:
        """Find an agent by its name as people write it."""
        try:
            return self.world.catalog.find(name).id
        except UserError:
            return None

    def explain(self, agent: str, endpoint: str | None = None, model: str | None = None) -> Route:
        """Return where an agent would run, and why.  Opens no connection.  Raises `UserError`."""
        found = self.world.catalog.find(agent)
        definition = usable_definition(found)
        return choice_for(found, definition, self.state, endpoint=endpoint, model=model).route

    def endpoints(self) -> tuple[EndpointStatus, ...]:
        """Return what is known about the endpoints without asking them."""
        from . import endpoint_status  # noqa: PLC0415  not needed until somebody asks

        return endpoint_status.unchecked(self.state)

    async def check_endpoints(
        self, names: tuple[str, ...] = (), base_url: str | None = None
    ) -> tuple[EndpointStatus, ...]:
        """Check endpoints by asking them: those named, or all.  Raises `UserError`.

        With *base_url*, contact no other: several endpoints may have the same name.
        """
        from . import endpoint_status  # noqa: PLC0415  not needed until somebody asks

        found = await endpoint_status.checked(self.state, names, base_url)
        told = {(status.name, status.base_url): status for status in found}
        self.state.checked = {**self.checked, **told}
        return found

    async def result(self, run_id: str) -> tuple[RunResult, bool]:
        """Return a run's result, and whether its text is still there.  Raises `UserError`.

        A finished run's text is read from its transcript (``keptTranscripts``).
        """
        result, at = self.book.result(run_id), self.book.kept_text(run_id)
        if at is None:
            return result, True
        transcript = await asyncio.to_thread(self.services.transcripts.text, run_id)
        if transcript is None:
            return result, False
        return evolve(result, text=transcript[slice(*at)]), True

    def plan(self, request: RunRequest) -> Plan:
        """Check everything that can be checked without a connection.  Raises `UserError`."""
        session = request.session or self.sessions.new_id()
        return plan_run(self.state, evolve(request, session=session))

    # Running.

    def new_run_id(self) -> str:
        """Return the id of the next run."""
        return self.book.new_run_id()

    async def run(self, plan: Plan, run_id: str, listen: Listen) -> RunResult:
        """Run to the end; only `asyncio.CancelledError` is raised.

        Even if cancelled or failed, the run's result is in the registry and was emitted as
        `RunFinished`.
        """
        from . import run_execution  # noqa: PLC0415  with loop and tools: 4 MB that a first run needs

        return (await run_execution.run(self.state, plan, run_id, listen)).result

    def _summary(self, agent: Agent) -> AgentSummary:
        if agent.definition is None:
            return AgentSummary(agent, usable=False)
        try:
            route = choice_for(agent, agent.definition, self.state).route
        except UserError:
            return AgentSummary(agent, usable=True)
        return AgentSummary(agent, usable=True, route=route)


_FOR_RUNS = (
    "inhouse.host.run_execution",
    "inhouse.providers.chat.completions",
    "filelock",
    "inhouse.providers.network.transport",
    "anyio._backends._asyncio",  # Taken by name as soon as a connection is opened.
    "encodings.idna",
)


def _load_for_runs() -> None:
    """Import in a separate thread; the garbage collector need not look at it again."""
    for name in _FOR_RUNS:
        with contextlib.suppress(ImportError):  # The run itself says what is missing.
            importlib.import_module(name)
    gc.freeze()
