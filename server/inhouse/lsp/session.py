"""What belongs to one editor: its host, its documents, its runs."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from inspect import isawaitable
from pathlib import Path
from typing import Any

from inhouse.core.errors import InhouseError, UserError
from inhouse.core.events import EditChanged, EditState, RunEvent
from inhouse.core.route import EndpointStatus
from inhouse.host.host import Host, WorkspaceRequest
from inhouse.lsp.commands.agent_commands import AgentCommands
from inhouse.lsp.commands.arguments import Token
from inhouse.lsp.commands.handlers import execute
from inhouse.lsp.documents import definition_diagnostics
from inhouse.lsp.documents.diagnostics import Diagnostics
from inhouse.lsp.documents.open_documents import Documents, OpenDocument
from inhouse.lsp.edits.apply_edit import Buffers, Current
from inhouse.lsp.edits.review import Review
from inhouse.lsp.edits.workspace import EditorWorkspace, change, disk_workspace, read_current
from inhouse.lsp.features.code_lenses import Refresher
from inhouse.lsp.features.prompt_comments import Prompts
from inhouse.lsp.language import pull_diagnostics
from inhouse.lsp.runs.active_runs import Runs
from inhouse.lsp.runs.questions import EditorApprover
from inhouse.lsp.runs.transcript import Transcripts
from inhouse.lsp.transport.client import EditorClient, real, to_path, to_uri
from inhouse.lsp.transport.malloc_trim import give_back
from inhouse.lsp.transport.rpc import EditorRpc
from inhouse.lsp.workspace.file_watcher import Watching
from inhouse.lsp.workspace.settings_sync import SettingsSync

logger = logging.getLogger(__name__)


class Session:
    """Owns every task that was started for one editor."""

    def __init__(
        self, link: EditorRpc, host: Host, approver: EditorApprover, started: asyncio.Task[None]
    ) -> None:
        self.link = link
        self.host = host
        self.approver = approver
        self.runs = Runs()
        self.tokens: dict[Token, str] = {}
        """Progress tokens of the runs in flight: the client cancels by token."""
        self.listeners: dict[str, Callable[[RunEvent], None]] = {}
        """What hears of the runs in flight."""
        self.documents = Documents()
        self.buffers = Buffers(self.documents)
        self.diagnostics = Diagnostics(link)
        self.refresher = Refresher(link)
        self.review = Review(self)
        self.prompts = Prompts(self)
        self.transcripts = Transcripts(self)
        self.settings = SettingsSync(self)
        self.watching = Watching(self)
        self.agent_commands = AgentCommands(self)
        self.checked: dict[str, EndpointStatus] = {}
        """What the last check of the endpoints found, until settings change."""
        self.pulled: set[str] = set()
        """Documents whose problems the client asks for: they are not pushed as well."""
        self._endpoints = host.world.settings.endpoints
        self._started = started
        self._getting_ready: asyncio.Task[None] | None = None
        self._broken: BaseException | None = None
        """What went wrong when agents and settings were read for the first time."""
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def client(self) -> EditorClient:
        return self.link.client

    # Its life.

    def begin(self) -> None:
        """The client is ready: it may be asked now."""
        if self._getting_ready is None:
            self._getting_ready = self.spawn(self._get_ready(), name="getting ready")

    async def ready(self) -> None:
        """Wait until agents and settings have been read for the first time."""
        await asyncio.wait((self._started,))
        if self._getting_ready is not None:
            await asyncio.wait((self._getting_ready,))

    def execute(self, command: str, given: list[Any] | None, token: Token | None) -> Awaitable[Any]:
        """Run a command of the client.  Raises `InhouseError`."""
        return self._execute(command, given, token)

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Start work that ends with the session at the latest."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def close_runs(self) -> None:
        """Cancel what runs and wait until each has said how it ended."""
        await self.runs.aclose()

    async def aclose(self) -> None:
        await self.runs.aclose()
        await self.transcripts.aclose()
        self.watching.stop()
        tasks = [*self._tasks, self._started]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(Exception):
            await self.host.aclose()

    # What the rooms of this door ask for.

    def workspace(self, context: WorkspaceRequest) -> EditorWorkspace:
        return EditorWorkspace(self, context)

    async def current(self, path: Path) -> Current:
        """Read a file as it is now."""
        return await read_current(self, path, self._disk())

    async def change(self, current: Current, new: str | None, *, label: str) -> str | None:
        """Change a file through the editor; give None, or why it is as it was."""
        return await change(self, current, new, self._disk(), label=label)

    def edited(self, run_id: str, agent: str, path: Path, state: EditState, diff: str) -> None:
        """The user has decided on an edit of a run, which may be over."""
        uri = self.documents.uri_of(path)
        self.host.book.edited(run_id, uri, state)
        run = self.runs.get(run_id)
        if run is not None and (listener := self.listeners.get(run.id)) is not None:
            parent = None if run_id == run.id else run.id
            payload = EditChanged(uri, state, diff)
            listener(RunEvent(run_id, agent, payload, parent))

    def usable_agents(self) -> list[str]:
        """Give the agents that can run, those of the workspace first."""
        usable = [
            agent
            for agent in self.host.world.catalog.agents.values()
            if agent.definition is not None
        ]
        return [agent.id for agent in sorted(usable, key=lambda each: not each.from_workspace)]

    def agent_named(self, name: str) -> str | None:
        """Find an agent as people write its name."""
        try:
            return self.host.world.catalog.find(name).id
        except UserError:
            return None

    def agent_folders(self) -> tuple[Path, ...]:
        return tuple(folder.path for folder in self.host.world.folders)

    def shown(self, document: OpenDocument) -> str:
        return document.uri if document.path is None else self.name_of(document.path)

    def name_of(self, path: Path) -> str:
        """Name a file as people do: from its workspace's folder on."""
        for root in (*self.client.roots, *self.host.roots):
            if path.is_relative_to(root):
                return path.relative_to(root).as_posix()
        return path.name

    @property
    def state_folder(self) -> Path:
        return self.host.services.folders.state

    async def write_state(self, folder: str, name: str, text: str) -> str:
        """Write a file of our own for the user to look at; give its URI."""
        path = self.state_folder / folder / name
        await asyncio.to_thread(_write, path, text)
        return to_uri(path)

    def document_changed(self, uri: str) -> None:
        """A document was opened, saved or closed."""
        named = to_path(uri)
        if named is None:
            return
        path = real(named)
        if self.documents.get(uri) is None:
            self.buffers.closed(path)
        self.review.looked_at(path)
        self.watching.touched([path])

    def document_typed(self, uri: str) -> None:
        """A document was changed and not saved."""
        named = to_path(uri)
        if named is not None:
            path = real(named)
            self.review.looked_at(path)
            self.watching.typed(path)

    def folders_changed(self, added: list[Path | None], removed: list[Path | None]) -> None:
        """The client opened or closed folders of its workspace."""
        roots = [root for root in self.host.roots if root not in removed]
        roots += [root for root in added if root is not None and root not in roots]
        self.host.roots = tuple(root.resolve() for root in roots)
        self.spawn(self.host.reload(), name="folders")

    def world_changed(self) -> None:
        """Settings, agents or trust are not what they were."""
        if self._endpoints != (endpoints := self.host.world.settings.endpoints):
            self._endpoints, self.checked = endpoints, {}
        self.settings.show_problems()
        pull_diagnostics.refresh(self)
        definition_diagnostics.show(self)
        self.refresher.touch()
        self.spawn(self.agent_commands.update(), name="agent commands")
        self.watching.folders_changed()

    async def _execute(self, command: str, given: list[Any] | None, token: Token | None) -> Any:
        if not self._is_ready():
            await self.ready()
        if self._broken is not None:  # The user may have mended it by now.
            await self.host.reload()
            self._broken = None
        result: Any = execute(self, command, given, token)
        return await result if isawaitable(result) else result

    def _is_ready(self) -> bool:
        pending = self._getting_ready is not None and not self._getting_ready.done()
        return self._started.done() and not pending

    async def _get_ready(self) -> None:
        await asyncio.wait((self._started,))
        if (error := self._started.exception()) is not None:
            self._broken = error
            what = str(error) if isinstance(error, InhouseError) else type(error).__name__
            message = f"Inhouse could not read its settings and agents: {what}"
            self.link.notify("window/showMessage", {"type": 1, "message": message})
        await self.settings.start()
        self.watching.start()
        # What was opened before anybody knew where definitions are.
        self.watching.touched([real(each.path) for each in self.documents if each.path is not None])
        self.spawn(give_back(), name="giving memory back")

    def _disk(self) -> Any:
        return disk_workspace(self.host.roots, self.approver)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s broke: %s", task.get_name(), type(error).__name__)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", errors="replace", newline="")
