"""Everything that belongs to one editor: its context, its features and all their tasks."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Mapping
from inspect import isawaitable
from pathlib import Path

from inhouse.core.errors import InhouseError
from inhouse.core.json_values import Json
from inhouse.core.own_environment import environment
from inhouse.core.text import Position
from inhouse.host.host import Host, HostCallbacks, WorkspaceRequest
from inhouse.lsp.commands.agent_commands import AgentCommands
from inhouse.lsp.commands.check_endpoints import EndpointChecks
from inhouse.lsp.commands.handlers import Commands
from inhouse.lsp.contract.arguments import Given, Token
from inhouse.lsp.contract.server_capabilities import PROMPT_SCHEME
from inhouse.lsp.documents.diagnostics import Diagnostics
from inhouse.lsp.documents.open_documents import Documents
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.edits.editor_files import EditorFiles
from inhouse.lsp.edits.kept_edits import KeptEdits
from inhouse.lsp.edits.review import Review
from inhouse.lsp.edits.review_commands import ReviewCommands
from inhouse.lsp.edits.workspace import EditorWorkspace
from inhouse.lsp.features.code_actions import CodeActions
from inhouse.lsp.features.code_lenses import CodeLenses
from inhouse.lsp.features.context_names import context_names
from inhouse.lsp.features.folding import folding_ranges
from inhouse.lsp.language.definition_diagnostics import DefinitionDiagnostics
from inhouse.lsp.runs.active_runs import Runs
from inhouse.lsp.runs.questions import EditorApprover
from inhouse.lsp.runs.run_reporter import RunLauncher
from inhouse.lsp.runs.transcript import Transcripts
from inhouse.lsp.sessions.session_commands import SessionCommands
from inhouse.lsp.sessions.session_documents import SessionDocuments
from inhouse.lsp.sessions.session_prompts import SessionPrompts
from inhouse.lsp.sessions.session_sending import SessionSending
from inhouse.lsp.transport.client import real, to_path
from inhouse.lsp.transport.malloc_trim import give_back
from inhouse.lsp.transport.refreshes import (
    AGENTS,
    EDITS,
    ENDPOINTS,
    ListChanges,
    Refresher,
)
from inhouse.lsp.transport.rpc import EditorRpc
from inhouse.lsp.workspace.file_watcher import Watching
from inhouse.lsp.workspace.settings_sync import SettingsSync

logger = logging.getLogger(__name__)
_WARM_AFTER = 0.5
"""Seconds after the first sign of use, so that the user's request comes first."""


class Session:
    """Assembles the features and owns every task that was started for one editor."""

    def __init__(self, rpc: EditorRpc) -> None:
        approver = EditorApprover(rpc)
        host = Host(
            roots=rpc.client.roots,
            environ=dict(environment()),
            door=HostCallbacks(self.workspace, approver, self.world_changed),
            editor_values=rpc.client.settings,
            client_trusted=rpc.client.trusted,
        )
        started = asyncio.create_task(host.start(), name="starting")
        context = EditorContext(rpc, host, self.spawn, Documents(), Diagnostics(rpc), rpc.client)
        refresher, lists = Refresher(rpc), ListChanges(rpc)
        self.context = context
        self.runs = Runs(host.book.new_run_id)
        self._files = EditorFiles(context, approver)
        self.transcripts = Transcripts(context, self.runs, self._files.buffers)
        self.documents = SessionDocuments(context, self.runs, self._files.buffers)
        launcher = RunLauncher(
            context, self.runs, self.transcripts, refresher, lists, self.documents
        )
        self._review = Review(
            context,
            self._files,
            edited=launcher.edited,
            renamed=launcher.renamed,
            changed=self._review_changed,
        )
        self._kept = KeptEdits(context, self._review)
        self._review.kept = self._kept.changed
        self._review.is_kept = self._kept.settled
        self.definitions = DefinitionDiagnostics(context)
        self.settings = SettingsSync(context)
        self.watching = Watching(context)
        self.actions = CodeActions(context, self.runs, self._review, approver)
        self.lenses = CodeLenses(context, self.runs, self._review, refresher)
        self._agent_commands = AgentCommands(context)
        prompts = SessionPrompts(context, launcher)
        self.sending = SessionSending(context, self.documents, prompts, self.runs)
        self.sessions = SessionCommands(
            context,
            launcher,
            prompts=prompts,
            files=self._files,
            review=self._review,
            documents=self.documents,
            sending=self.sending,
        )
        self._commands = Commands(
            context,
            launcher=launcher,
            sessions=self.sessions,
            approver=approver,
            review=ReviewCommands(context, self._review, self._files, self._kept),
            checks=EndpointChecks(context, self.definitions, lists),
        )
        self._refresher, self._lists = refresher, lists
        self._used = False
        self._started = started
        self._getting_ready: asyncio.Task[None] | None = None
        self._renaming: asyncio.Task[None] | None = None
        self._broken: BaseException | None = None
        """What went wrong when agents and settings were first read."""
        self._tasks: set[asyncio.Task[None]] = set()

    # Life cycle.

    def begin(self) -> None:
        """Begin, since the client is ready for requests."""
        if self._getting_ready is None:
            self._getting_ready = self.spawn(self._get_ready(), name="getting ready")

    async def ready(self) -> None:
        """Wait until agents and settings have been read for the first time."""
        await asyncio.wait((self._started,))
        if self._getting_ready is not None:
            await asyncio.wait((self._getting_ready,))

    async def execute(self, command: str, given: Given, token: Token | None) -> object:
        """Run a command of the client.  Raises `InhouseError`."""
        if not self._started.done() or (self._getting_ready and not self._getting_ready.done()):
            await self.ready()
        if self._broken is not None:  # The user may have fixed it by now.
            await self.context.host.reload()
            self._broken = None
        result = self._commands.execute(command, given, token)
        self.used()
        return await result if isawaitable(result) else result

    def spawn(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        """Start a task that ends with the session at the latest."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def aclose(self) -> None:
        await self.runs.aclose()
        await self.transcripts.aclose()
        await self.documents.aclose()
        if self._renaming is not None:  # Those before it are over when it is.
            await asyncio.wait((self._renaming,))
        await self._kept.aclose()
        self.watching.stop()
        tasks = [*self._tasks, self._started]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(Exception):
            await self.context.host.aclose()

    async def context_names(self, uri: str, position: Position) -> Json | None:
        """Complete an ``@`` in a prompt; None if there is none."""
        document = self.context.documents.get(uri)
        if document is None:
            return None
        is_prompt = (
            uri.startswith(f"{PROMPT_SCHEME}:") or self.documents.session_of(uri) is not None
        )
        return await context_names(self.context, document, position, is_prompt=is_prompt)

    async def folds(self, uri: str) -> list[Json] | None:
        """Return folding ranges of a document that Inhouse writes; None for any other."""
        document = self.context.documents.get(uri)
        if document is None:
            return None
        if self.documents.session_of(uri) is None and not self.transcripts.writes(uri):
            return None
        return await asyncio.to_thread(folding_ranges, document.text)

    # Outside events, passed to the parts they concern.

    def workspace(self, request: WorkspaceRequest) -> EditorWorkspace:
        """Make the workspace of a run."""
        return EditorWorkspace(self.context, self._files, self._review, request)

    def used(self) -> None:
        """Prepare what a run needs, since somebody is using the editor."""
        if not self._used:
            self._used = True
            self.spawn(self._warm(), name="warming")

    def document_changed(self, uri: str) -> None:
        """Handle a document that was opened, saved or closed."""
        self.used()
        named = to_path(uri)
        if named is None:
            return
        path = real(named)
        if self.context.documents.get(uri) is None:
            self._files.buffers.closed(path)
        self._review.looked_at(path)
        self.watching.touched([path])

    def document_opened(self, uri: str) -> None:
        """Handle a document that was opened."""
        self._kept.look()
        self.document_changed(uri)
        self.documents.opened(uri)

    def document_closed(self, uri: str) -> None:
        """Handle a document that was closed."""
        self.document_changed(uri)
        self.documents.closed(uri)

    def document_saved(self, uri: str) -> None:
        """Handle a document that was saved."""
        self.document_changed(uri)
        self.sending.saved(uri)

    def document_typed(self, uri: str) -> None:
        """Handle a document that was changed and not saved."""
        # Asked only while something runs: it looks at the disk, and this is once a key.
        if self.runs.running and not (
            self.transcripts.writes(uri) or self.documents.session_of(uri)
        ):
            self.runs.typed()
        named = to_path(uri)
        if named is not None:
            path = real(named)
            self._review.looked_at(path)
            self.watching.typed(path)

    def files_renamed(self, moves: Mapping[Path, Path]) -> None:
        """Handle files and folders that the user renamed or moved in the editor."""
        self._renaming = self.spawn(self._review.renamed(moves), name="renamed files")
        self.watching.touched([*moves, *moves.values()])

    def folders_changed(self, added: list[Path | None], removed: list[Path | None]) -> None:
        """Handle workspace folders that the client opened or closed."""
        host = self.context.host
        roots = [root for root in host.roots if root not in removed]
        roots += [root for root in added if root is not None and root not in roots]
        self.spawn(host.change_roots(roots), name="folders")

    def world_changed(self) -> None:
        """Handle a change of settings, agents or trust."""
        self.settings.show_problems()
        self.definitions.refresh()
        self.definitions.show()
        self._refresher.touch()
        self._lists.touch(AGENTS, ENDPOINTS)
        self.spawn(self._agent_commands.update(), name="agent commands")
        self.watching.folders_changed()

    def _review_changed(self) -> None:
        self._refresher.touch()
        self._lists.touch(EDITS)

    async def _warm(self) -> None:
        await asyncio.sleep(_WARM_AFTER)
        await self.ready()
        await self.context.host.warm()

    async def _get_ready(self) -> None:
        await asyncio.wait((self._started,))
        if (error := self._started.exception()) is not None:
            self._broken = error
            what = str(error) if isinstance(error, InhouseError) else type(error).__name__
            message = f"Inhouse could not read its settings and agents: {what}"
            self.context.rpc.notify("window/showMessage", {"type": 1, "message": message})
        await self.settings.start()
        await self._kept.restore()
        self.watching.start()
        # Documents that were opened before the folders of definitions were known.
        opened = [each.path for each in self.context.documents if each.path is not None]
        self.watching.touched([*map(real, opened)])
        self.spawn(give_back(), name="giving memory back")

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s broke: %s", task.get_name(), type(error).__name__)
