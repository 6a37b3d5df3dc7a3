"""The commands of sessions: list, open, rename, delete, fork, undo, steer."""

import asyncio
from collections import Counter
from pathlib import Path

from attrs import frozen

from inhouse import wire
from inhouse.core.errors import UserError
from inhouse.core.ports import Edit
from inhouse.host.session_undo import TAKEN_BACK, undo
from inhouse.lsp.contract import arguments
from inhouse.lsp.contract.arguments import Given, Hunks, Token, structure
from inhouse.lsp.documents.show_document import show_document
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.edits.editor_files import EditorFiles
from inhouse.lsp.edits.review import Review
from inhouse.lsp.runs.run_reporter import RunLauncher
from inhouse.lsp.sessions.session_documents import SessionDocuments
from inhouse.lsp.sessions.session_prompts import SessionPrompts
from inhouse.lsp.sessions.session_sending import SessionSending
from inhouse.lsp.transport.refreshes import SESSIONS


class SessionCommands:
    """What the user, or a client, does with conversations."""

    def __init__(
        self,
        context: EditorContext,
        launcher: RunLauncher,
        *,
        prompts: SessionPrompts,
        files: EditorFiles,
        review: Review,
        documents: SessionDocuments,
        sending: SessionSending,
    ) -> None:
        self.prompts = prompts
        self._context = context
        self._launcher = launcher
        self._files = _UndoFiles(context, files, review)
        self._documents = documents
        self._sending = sending
        self._sessions = context.host.sessions

    async def sessions(self, command: str, given: Given, _: Token | None) -> object:
        """List the sessions of this workspace."""
        argument = structure(command, given, arguments.SessionsArguments)
        if argument.limit is not None and argument.limit < 0:
            raise UserError(f"{command}: 'limit' must not be negative.")
        found = await self._sessions.summaries(query=argument.query, limit=argument.limit)
        return [wire.session_summary(one, self._documents.uri_of(one.id)) for one in found]

    async def turns(self, command: str, given: Given, _: Token | None) -> object:
        """List the turns of a session, oldest first."""
        argument = structure(command, given, arguments.OneSession)
        known = await self._sessions.named(argument.session)
        store = self._sessions.store
        turns = await asyncio.to_thread(store.turns, known.id)
        changed = {
            (edit.turn, edit.path)
            for edit in await asyncio.to_thread(store.edits, known.id)
            if edit.state not in TAKEN_BACK
        }
        counts = Counter(turn for turn, _ in changed)
        return [wire.session_turn(turn, counts[turn.number]) for turn in turns]

    async def open(self, command: str, given: Given, _: Token | None) -> object:
        """Show the document of a session, of the newest by default."""
        argument = structure(command, given, arguments.OptionalSession)
        if argument.session is None:
            known = await self._sessions.newest()
        else:
            known = await self._sessions.named(argument.session)
        return {"uri": await self._show(known.id)}

    async def rename(self, command: str, given: Given, _: Token | None) -> object:
        """Rename a session."""
        argument = structure(command, given, arguments.RenameSession)
        known = await self._sessions.rename(argument.session, argument.title)
        self._launcher.lists.touch(SESSIONS)
        return wire.session_summary(known, self._documents.uri_of(known.id))

    async def delete(self, command: str, given: Given, _: Token | None) -> object:
        """Delete a session and everything kept of its runs."""
        argument = structure(command, given, arguments.OneSession)
        known = await self._sessions.named(argument.session)
        await self._launcher.transcripts.forget(await self._sessions.runs_of(known.id))
        self._documents.forget(known.id)
        deleted = await self._sessions.delete(known.id)
        self._launcher.lists.touch(SESSIONS)
        return {"deleted": deleted}

    async def fork(self, command: str, given: Given, _: Token | None) -> object:
        """Start a new session with the turns before one."""
        argument = structure(command, given, arguments.ForkSession)
        session = await self._sessions.fork(argument.session, argument.turn)
        self._launcher.lists.touch(SESSIONS)
        if argument.show:
            await self._show(session)
        return {"session": session}

    async def undo(self, command: str, given: Given, _: Token | None) -> object:
        """Undo what a turn changed in files."""
        argument = structure(command, given, arguments.UndoTurn)
        state = self._context.host.state
        done = await undo(state, self._files, argument.session, argument.turn)
        self._launcher.lists.touch(SESSIONS)
        told = "\n".join(done.problems) or done.nothing or ""
        if told:
            shown = {"type": 2 if done.problems else 3, "message": f"Inhouse: {told}"}
            self._context.rpc.notify("window/showMessage", shown)
        uris = [self._context.documents.uri_of(path) for path in done.restored]
        return {"restored": uris, "problems": list(done.problems)}

    async def compact(self, command: str, given: Given, token: Token | None) -> object:
        """Compact the history of a session, as a run that is reported like any other."""
        argument = structure(command, given, arguments.CompactSession)
        session = argument.session or (await self._sessions.newest()).id
        request = await self._sessions.compaction(session)
        told = arguments.RunArguments(
            stream_token=argument.stream_token,
            stream_text=argument.stream_text,
            work_done_token=argument.work_done_token,
            show_transcript=False,
        )
        return self._launcher.start(request, told, token)

    async def steer(self, command: str, given: Given, _: Token | None) -> object:
        """Steer a running turn."""
        argument = structure(command, given, arguments.Steer)
        said = await self._sessions.steer(argument.session, argument.text)
        return {"session": said.session, "runId": said.run_id, "queued": said.queued}

    async def send(self, command: str, given: Given, token: Token | None) -> object:
        """Send what the user wrote into a session's document."""
        argument = structure(command, given, arguments.SendDocument)
        return await self._sending.send(argument, token)

    async def _show(self, session: str) -> str:
        uri = await self._documents.write(session)
        showing = show_document(self._context.rpc, uri, focus=True)
        self._context.spawn(showing, name=f"showing {session}")
        return uri


@frozen
class _UndoFiles:
    """`inhouse.host.session_undo.Files`: unsaved text first, changes through the editor."""

    context: EditorContext
    files: EditorFiles
    review: Review

    def name_of(self, path: Path) -> str:
        return self.context.name_of(path)

    async def read(self, path: Path) -> str | None:
        return (await self.files.current(path)).text

    async def write(self, path: Path, old: str | None, new: str | None) -> str | None:
        current = await self.files.current(path)
        if current.text != old:
            return f"{self.name_of(path)} has changed in the meantime, so it stays as it is."
        edit = Edit(path, old, new, current.version)
        problem = await self.files.change(current, edit, label="Undo of a turn")
        return None if problem is None else f"{self.name_of(path)}: {problem}"

    async def withdraw(self, run_id: str, path: Path) -> bool:
        hunks = Hunks(uri=path.as_uri(), run_id=run_id)
        if not self.review.waiting(hunks):
            return False
        await self.review.reject(hunks)
        return True
