"""Sending from a session's document: the next prompt, or a changed one, which forks the session."""

from collections.abc import Iterator

from attrs import frozen

from inhouse.core import positions
from inhouse.core.errors import InhouseError, UserError
from inhouse.core.json_values import Json
from inhouse.core.quiet_markdown import quiet
from inhouse.core.text import Range
from inhouse.host.session_document import heading_of
from inhouse.lsp.contract import arguments
from inhouse.lsp.contract.arguments import Token
from inhouse.lsp.contract.command_names import Command
from inhouse.lsp.documents.open_documents import OpenDocument
from inhouse.lsp.documents.show_document import show_document
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.features.code_actions import action
from inhouse.lsp.features.code_lenses import lens
from inhouse.lsp.runs.active_runs import ActiveRun, Runs
from inhouse.lsp.sessions.session_documents import Kept, SessionDocuments
from inhouse.lsp.sessions.session_prompts import SessionPrompts
from inhouse.lsp.sessions.typed_document import TypedDocument

_SEND, _MORE = "quickfix", "refactor.inhouse"
_WARNING = 2


@frozen(eq=False)
class SessionSending:
    """Sends what the user wrote in a session's document to its agent."""

    context: EditorContext
    documents: SessionDocuments
    prompts: SessionPrompts
    runs: Runs

    async def send(self, argument: arguments.SendDocument, token: Token | None) -> Json:
        """Send the text under the last heading or, with a turn, its changed prompt in a fork.

        Raises `UserError`.
        """
        session = self.documents.session_of(argument.uri)
        document = self.context.documents.get(argument.uri)
        if session is None or document is None:
            raise UserError(f"{argument.uri!r} is not the open document of a session.")
        followed = self.documents.followed(session)
        async with self.documents.writing(session):
            if followed.sending:
                raise UserError("That prompt is already being sent.")
            return await self._send_what_is_there(session, document, argument, token)

    async def _send_what_is_there(
        self,
        session: str,
        document: OpenDocument,
        argument: arguments.SendDocument,
        token: Token | None,
    ) -> Json:
        found = await self.documents.typed(session, document.text)
        if found is None:
            raise UserError(f"Session {session!r} is no longer kept.")
        kept, typed = found
        if typed is None:
            raise UserError(
                f"The document has no line {heading_of(kept.document.next_turn)!r} any more, and "
                "the next prompt belongs under it.  Undo the change, or open the session again."
            )
        told = arguments.RunArguments(
            stream_token=argument.stream_token,
            stream_text=argument.stream_text,
            work_done_token=argument.work_done_token,
            show_transcript=False,
        )
        if argument.turn is not None:
            return await self._fork(kept, typed, argument.turn, told, token)
        return await self._send(kept, typed, document, told, token)

    def saved(self, uri: str) -> None:
        """Send what the user wrote when they save the document, if the settings say so."""
        session = self.documents.session_of(uri)
        if session is not None and self.context.host.world.settings.send_on_save:
            self.context.spawn(self._send_saved(session, uri), name=f"sending {session}")

    async def actions(self, document: OpenDocument, where: Range) -> list[Json]:
        """Return the code actions of a session's document."""
        found = await self._look(document)
        if found is None:
            return []
        kept, typed = found
        uri, session, agent = document.uri, kept.summary.id, kept.summary.agent
        run = self._run_of(session)
        actions: list[Json] = []
        turn = _turn_at(kept, typed, document.text, where)
        for changed in _changed(kept, typed):
            if changed == turn:
                title = f"Send to {agent} from turn {changed} on, in a fork"
                given = {"uri": uri, "turn": changed}
                actions.append(action(_SEND, title, Command.SESSION_SEND, given, isPreferred=True))
        if typed is not None and typed.draft.text:
            title = f"Send to {agent}" if run is None else f"Say this to {agent} now"
            actions.append(action(_SEND, title, Command.SESSION_SEND, {"uri": uri}))
        if run is not None:
            actions.append(action(_SEND, f"Stop {agent}", Command.CANCEL, {"runId": run.id}))
        if turn <= len(kept.turns):
            one = {"session": session, "turn": turn}
            if run is None:
                undo = f"Undo what turn {turn} changed in files"
                actions.append(action(_MORE, undo, Command.SESSION_UNDO, one))
            title = f"Fork the conversation before turn {turn}"
            actions.append(action(_MORE, title, Command.SESSION_FORK, {**one, "show": True}))
        if run is None and kept.turns:
            title = "Compact the conversation"
            actions.append(action(_MORE, title, Command.SESSION_COMPACT, {"session": session}))
        return actions

    async def lenses(self, document: OpenDocument) -> list[Json]:
        """Return the lenses of a session's document."""
        found = await self._look(document)
        return [] if found is None else list(self._lenses(document, *found))

    def _lenses(
        self, document: OpenDocument, kept: Kept, typed: TypedDocument | None
    ) -> Iterator[Json]:
        uri, session, agent = document.uri, kept.summary.id, kept.summary.agent
        run = self._run_of(session)
        for number in range(1, len(kept.turns) + 1):
            line = _line_of(document.text, typed, number)
            if line is None:
                continue
            if number in _changed(kept, typed):
                given = {"uri": uri, "turn": number}
                yield lens(line, f"Send to {agent} in a fork", Command.SESSION_SEND, given)
            one = {"session": session, "turn": number}
            yield lens(line, "Fork here", Command.SESSION_FORK, {**one, "show": True})
            if run is None:
                yield lens(line, "Undo its changes", Command.SESSION_UNDO, one)
        line = _line_of(document.text, typed, kept.document.next_turn)
        if line is None:
            return
        if typed is not None and typed.draft.text:
            title = f"Send to {agent}" if run is None else f"Say this to {agent} now"
            yield lens(line, title, Command.SESSION_SEND, {"uri": uri})
        if run is not None:
            yield lens(line, f"Stop {agent}", Command.CANCEL, {"runId": run.id})

    async def _send(
        self,
        kept: Kept,
        typed: TypedDocument,
        document: OpenDocument,
        told: arguments.RunArguments,
        token: Token | None,
    ) -> Json:
        session, draft = kept.summary.id, typed.draft
        if not draft.text:
            raise UserError(
                "There is nothing to send: write your prompt under the last heading, "
                f"{heading_of(kept.document.next_turn)!r}."
            )
        followed = self.documents.followed(session)
        text, ours = document.text, kept.document.text.rstrip("\n")
        followed.sending = True
        try:
            answer = await self.prompts.start(
                arguments.RunArguments(
                    prompt=draft.text,
                    session=session,
                    stream_token=told.stream_token,
                    stream_text=told.stream_text,
                    work_done_token=told.work_done_token,
                    show_transcript=False,
                ),
                token,
            )
        except BaseException:
            followed.sending = False
            raise
        if answer.get("steered"):
            followed.sending = False
            await self.documents.replace(session, draft.start, draft.end, "", old=draft.text)
        else:
            followed.shown = ours + text[typed.heading_end : draft.end]
        return answer

    async def _fork(
        self,
        kept: Kept,
        typed: TypedDocument,
        turn: int,
        told: arguments.RunArguments,
        token: Token | None,
    ) -> Json:
        session = kept.summary.id
        if typed.prompts is None:
            raise UserError(
                "The text between the prompts of this document was changed, so it is not clear "
                "what to send.  Undo that change.  You may change only prompts."
            )
        place = typed.prompts.get(turn)
        if place is None or not place.text:
            raise UserError(f"Turn {turn} has no prompt in this document.")
        forked = await self.context.host.sessions.fork(session, turn)
        answer = await self.prompts.start(
            arguments.RunArguments(
                agent=kept.turns[turn - 1].agent,
                prompt=_as_typed(kept.turns[turn - 1].prompt, place.text),
                session=forked,
                stream_token=told.stream_token,
                stream_text=told.stream_text,
                work_done_token=told.work_done_token,
                show_transcript=False,
            ),
            token,
        )
        before = kept.document.prompts[turn - 1].strip()
        await self.documents.replace(session, place.start, place.end, before, old=place.text)
        uri = await self.documents.write(forked)
        showing = show_document(self.context.rpc, uri, focus=True)
        self.context.spawn(showing, name=f"showing {forked}")
        return answer

    async def _send_saved(self, session: str, uri: str) -> None:
        document = self.context.documents.get(uri)
        found = await self._look(document) if document is not None else None
        if found is None:
            return
        kept, typed = found
        changed = _changed(kept, typed)
        has_draft = typed is not None and bool(typed.draft.text)
        if self.documents.followed(session).sending or not (has_draft or changed):
            return
        turn = None if has_draft else changed[0]
        try:
            if changed and (has_draft or len(changed) > 1):
                raise UserError(
                    "More than one prompt could be sent.  Choose with the code actions there."
                )
            await self.send(arguments.SendDocument(uri, turn), None)
        except InhouseError as error:
            told = {"type": _WARNING, "message": f"Not sent: {error}"}
            self.context.rpc.notify("window/showMessage", told)

    async def _look(self, document: OpenDocument) -> tuple[Kept, TypedDocument | None] | None:
        session = self.documents.session_of(document.uri)
        return None if session is None else await self.documents.typed(session, document.text)

    def _run_of(self, session: str) -> ActiveRun | None:
        running = self.context.host.book.running()  # Until its end is reported.
        return next(
            (r for r in self.runs.running if r.request.session == session and r.id in running), None
        )


def _changed(kept: Kept, typed: TypedDocument | None) -> list[int]:
    """Return the turns whose prompts the user changed."""
    if typed is None or typed.prompts is None:
        return []
    before = dict(enumerate(kept.document.prompts, 1))
    return [
        number
        for number, place in typed.prompts.items()
        if number in before and place.text and place.text != before[number].strip()
    ]


def _as_typed(before: str, text: str) -> str:
    """Return a changed prompt without the marks that keep a preview from fetching anything."""
    if quiet(before) == before:
        return text
    return text.replace("!\\[", "![").replace("&lt;", "<")


def _turn_at(kept: Kept, typed: TypedDocument | None, text: str, where: Range) -> int:
    """Return the turn at a place in the document; below all of them, the next one."""
    last = kept.document.next_turn
    lines = {n: found for n in range(1, last + 1) if (found := _line_of(text, typed, n))}
    above = [n for n, found in lines.items() if found.start.line <= where.start.line]
    turn = max(above, default=1)
    if typed is not None and turn < last and turn + 1 not in lines:
        return last  # Text of ours was changed: nobody knows where this turn ends.
    return turn


def _line_of(text: str, typed: TypedDocument | None, turn: int) -> Range | None:
    if typed is None:  # A document that is only read has no heading to type below.
        found = f"\n{text}".find(f"\n{heading_of(turn)}\n")
        return None if found < 0 else positions.range_at(text, found, found)
    at = typed.headings.get(turn)
    return None if at is None else positions.range_at(text, at, at)
