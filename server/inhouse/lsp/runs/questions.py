"""Questions to the user, through ``window/showMessageRequest``: one at a time."""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from attrs import define, field, frozen

from inhouse.core.errors import InhouseError, UserError
from inhouse.core.events import QuestionAsked, RunEvent
from inhouse.core.json_values import fields
from inhouse.core.ports import Question
from inhouse.lsp.commands.arguments import AnswerArguments
from inhouse.lsp.runs.active_runs import ActiveRun
from inhouse.lsp.transport.rpc import EditorRpc

Choices = tuple[str, ...]
_TYPE = {"command": 2, "trust": 2, "host": 2, "repeat": 2}
_INFO = 3
_WITHOUT_DIALOGS = frozenset({"helix"})
"""Clients that refuse ``window/showMessageRequest`` though somebody sits there (Helix 25.01)."""
_LIMIT = 1000
"""Characters of a question that a dialog shows well."""


@frozen
class _Asker:
    run: ActiveRun
    emit: Callable[[RunEvent], None]


_asker: ContextVar[_Asker | None] = ContextVar("asker", default=None)


@contextmanager
def asking_for(run: ActiveRun, emit: Callable[[RunEvent], None]) -> Generator[None]:
    """Whatever is asked inside is asked for this run, also by its sub-agents."""
    token = _asker.set(_Asker(run, emit))
    try:
        yield
    finally:
        _asker.reset(token)


@define
class _Open:
    question: Question
    answer: asyncio.Future[Choices] = field(factory=asyncio.Future[Choices])
    in_actions: bool = False
    """No dialog shows it: code actions answer it."""


class EditorApprover:
    """Asks the user in the editor.

    A client that draws questions itself answers with the command ``inhouse.answer``; whichever
    answer comes first counts, the other is dropped.
    """

    def __init__(self, link: EditorRpc) -> None:
        self._link = link
        self._turn = asyncio.Lock()
        self._open: dict[str, _Open] = {}

    @property
    def in_actions(self) -> tuple[Question, ...]:
        """What waits and is shown by no dialog: code actions answer it."""
        return tuple(each.question for each in self._open.values() if each.in_actions)

    async def ask(self, question: Question) -> Choices:
        """Give what the user chose; empty when dismissed or when nobody can be asked."""
        asked = _Open(question)
        self._open[question.id] = asked
        self._tell(question)
        try:
            return await self._ask(asked)
        finally:
            self._open.pop(question.id, None)

    def answer(self, given: AnswerArguments) -> None:
        """Take an answer that came as a command."""
        first = next(iter(self._open), None)
        asked = self._open.get(given.question_id or first or "")
        if asked is None:
            waiting = ", ".join(self._open) or "none"
            raise UserError(f"No question {given.question_id!r} waits.  Questions: {waiting}")
        choices = tuple(given.choices or ()) + ((given.text,) if given.text else ())
        offered = asked.question.choices
        unknown = [each for each in given.choices or () if offered and each not in offered]
        if unknown:
            raise UserError(f"No choice {unknown[0]!r}.  Choices: {', '.join(offered)}")
        if len(choices) > 1 and not asked.question.multiple:
            raise UserError(f"One choice, not {len(choices)}.  Choices: {', '.join(offered)}")
        if not asked.answer.done():
            asked.answer.set_result(choices)

    async def _ask(self, asked: _Open) -> Choices:
        async with self._turn:
            if asked.answer.done():
                return asked.answer.result()
            showing = asyncio.create_task(self._show(asked.question), name="question")
            try:
                await asyncio.wait((showing, asked.answer), return_when=asyncio.FIRST_COMPLETED)
                if asked.answer.done():
                    return asked.answer.result()
                shown = showing.result()
                if shown is not None:
                    return shown
                if asked.question.choices or "freeText" not in self._link.client.draws:
                    asked.in_actions = True
                    self._link.notify("window/showMessage", _notice(asked.question))
                return await asked.answer
            finally:
                showing.cancel()

    async def _show(self, question: Question) -> Choices | None:
        if not question.choices:
            return None
        titles = [*question.choices, "Done"] if question.multiple else list(question.choices)
        taken: list[str] = []
        while True:
            try:
                answer = await self._dialog(
                    question, [each for each in titles if each not in taken]
                )
            except InhouseError:
                return None if self._link.client.name in _WITHOUT_DIALOGS else ()
            if answer is None:
                return ()
            if not question.multiple:
                return (answer,)
            if answer == "Done" and answer not in question.choices:
                return tuple(taken)
            taken.append(answer)

    async def _dialog(self, question: Question, titles: list[str]) -> str | None:
        more = question.detail if question.detail not in question.text else ""
        text = f"{question.text}\n{more}" if more else question.text
        if len(text) > _LIMIT:
            text = f"{text[: _LIMIT - 1]}…"
        params = {
            "type": _TYPE.get(question.kind, _INFO),
            "message": text,
            "actions": [{"title": title} for title in titles],
        }
        answer = await self._link.request("window/showMessageRequest", params, seconds=None)
        title = fields(answer).get("title")
        return title if title in titles else None

    def _tell(self, question: Question) -> None:
        asker = _asker.get()
        if asker is None:
            return
        asked = QuestionAsked(question.id, question.text, question.choices)
        asker.emit(RunEvent(asker.run.id, asker.run.request.agent, asked))


def _notice(question: Question) -> dict[str, Any]:
    how = (
        "A code action answers it."
        if question.choices
        else 'Write the answer, select it, and take the code action "Answer with this selection".'
    )
    return {"type": _INFO, "message": f"{question.text}  {how}"}
