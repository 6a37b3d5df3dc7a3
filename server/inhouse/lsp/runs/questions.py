"""Questions to the user, through ``window/showMessageRequest``: one at a time."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from inhouse.core.errors import InhouseError, UserError
from inhouse.core.json_values import fields
from inhouse.core.ports import Question
from inhouse.core.unicode import visible
from inhouse.lsp.contract.arguments import AnswerArguments
from inhouse.lsp.documents.show_document import could_show
from inhouse.lsp.transport.rpc import EditorRpc, plain

Choices = tuple[str, ...]
_WARNING, _INFO = 2, 3
_WITHOUT_DIALOGS = frozenset({"helix"})
"""Clients that refuse ``window/showMessageRequest`` although a user is there (Helix 25.01)."""
_LIMIT, _LINES, _START = 1_000, 16, 300
"""Characters and lines that every dialog shows completely, and what is shown of longer texts."""
_ONE_LINE, _FIRST = 60, 44
"""Characters of a question, and of its beginning, in a line of 100 that also says how to answer."""
_MOMENT, _TRIES = 0.3, 3
"""Seconds in which nobody can have read a question, so an answer was meant for something else."""
_OVER = "This question has already been answered, or its run is over."
_TOO_SOON = "The answer came before the question could be read; please answer again."


_asked_by_client: ContextVar[bool] = ContextVar("asked by client", default=False)


def let_client_ask() -> None:
    """Emit questions of this task, and of tasks that it starts, only as events."""
    _asked_by_client.set(True)


@define
class _Open:
    question: Question
    since: float = field(factory=time.monotonic)
    answer: asyncio.Future[Choices] = field(factory=asyncio.Future[Choices])
    in_actions: Choices | None = None
    """The choices that code actions offer, if no dialog shows the question."""


class EditorApprover:
    """Asks the user in the editor.

    A client that shows questions itself answers with the command ``inhouse.answer``; the first
    answer counts, the other is dropped.
    """

    def __init__(self, link: EditorRpc) -> None:
        self._link = link
        self._turn = asyncio.Lock()
        self._open: dict[str, _Open] = {}

    @property
    def in_actions(self) -> tuple[Question, ...]:
        """The waiting questions that no dialog shows and code actions answer."""
        return tuple(
            evolve(each.question, choices=each.in_actions)
            for each in self._open.values()
            if each.in_actions is not None
        )

    async def ask(self, question: Question) -> Choices:
        """Return what the user chose; empty if dismissed or if nobody can be asked."""
        asked = _Open(question)
        self._open[question.id] = asked
        try:
            return await (asked.answer if _asked_by_client.get() else self._ask(asked))
        finally:
            self._open.pop(question.id, None)

    def answer(self, given: AnswerArguments) -> None:
        """Accept an answer that came as a command."""
        first = next(iter(self._open), None)
        asked = self._open.get(given.question_id or first or "")
        if asked is None:
            waiting = ", ".join(self._open) or "none"
            raise UserError(f"{_OVER}  Questions that wait: {waiting}", code="no-question")
        choices = tuple(given.choices or ()) + ((given.text,) if given.text else ())
        offered = asked.question.choices
        unknown = [each for each in given.choices or () if offered and each not in offered]
        if unknown:
            raise UserError(f"No choice {unknown[0]!r}.  Choices: {', '.join(offered)}")
        if len(choices) > 1 and not asked.question.multiple:
            raise UserError(f"One choice, not {len(choices)}.  Choices: {', '.join(offered)}")
        safe = asked.question.safe
        if safe and choices not in ((), (safe,)) and time.monotonic() - asked.since < _MOMENT:
            raise UserError(_TOO_SOON)
        if not asked.answer.done():
            asked.answer.set_result(choices)

    async def _ask(self, asked: _Open) -> Choices:
        async with self._turn:
            if asked.answer.done():
                return asked.answer.result()
            if self._is_drawn(asked.question):
                return await asked.answer
            async with _whole(self._link, asked.question) as (text, choices):
                if asked.answer.done():
                    return asked.answer.result()
                return await self._answered(asked, text, choices)

    def _is_drawn(self, question: Question) -> bool:
        """Return whether the client shows the question itself; never one that may do harm."""
        kind = "choices" if question.choices else "freeText"
        return question.is_told and not question.safe and kind in self._link.client.draws

    async def _answered(self, asked: _Open, text: str, choices: Choices) -> Choices:
        """Ask in a dialog, or by code actions if there is none."""
        showing = asyncio.create_task(self._show(asked.question, text, choices), name="question")
        try:
            await asyncio.wait((showing, asked.answer), return_when=asyncio.FIRST_COMPLETED)
            if asked.answer.done():
                return asked.answer.result()
            shown = showing.result()
            if shown is not None:
                return shown
            asked.in_actions = choices
            self._link.notify("window/showMessage", _notice(asked.question, text))
            return await asked.answer
        finally:
            showing.cancel()

    async def _show(self, question: Question, text: str, choices: Choices) -> Choices | None:
        return await self._choose(question, text, choices) if question.choices else None

    async def _choose(self, question: Question, text: str, choices: Choices) -> Choices | None:
        titles = [*choices, "Done"] if question.multiple else list(choices)
        taken: list[str] = []
        while True:
            try:
                answer = await self._deliberate(
                    question, text, [each for each in titles if each not in taken]
                )
            except InhouseError:
                return None if self._link.client.name in _WITHOUT_DIALOGS else ()
            if answer is None:
                return tuple(taken)  # Leaving the list keeps what was picked in it.
            if not question.multiple:
                return (answer,)
            if answer == "Done" and answer not in question.choices:
                return tuple(taken)
            taken.append(answer)

    async def _deliberate(self, question: Question, text: str, titles: list[str]) -> str | None:
        """Ask until an answer can belong to this question, which takes a moment to read."""
        shown = text
        for _ in range(_TRIES):
            asked = time.monotonic()
            answer = await self._dialog(question, shown, titles)
            safe = not question.safe or answer in {None, question.safe}
            if safe or time.monotonic() - asked >= _MOMENT:
                return answer
            shown = f"{_TOO_SOON}\n{text}"
            await asyncio.sleep(_MOMENT)
        return None

    async def _dialog(self, question: Question, text: str, titles: list[str]) -> str | None:
        params = {
            "type": _WARNING if question.safe else _INFO,
            "message": text,
            "actions": [{"title": title} for title in titles],
        }
        answer = await self._link.request("window/showMessageRequest", params, seconds=None)
        title = fields(answer).get("title")
        return next((each for each in titles if title in {each, plain(each)}), None)


@asynccontextmanager
async def _whole(link: EditorRpc, question: Question) -> AsyncGenerator[tuple[str, Choices]]:
    """Give a dialog's text and choices; what cannot be shown completely cannot be allowed.

    A text too long for a dialog, or a diff, is opened as a document while the question waits.  An
    editor without dialogs has one line for it.
    """
    text, narrow = _text(question), link.client.name in _WITHOUT_DIALOGS
    fits = len(text) <= _LIMIT and text.count("\n") < _LINES
    if narrow:
        fits = len(text) <= _ONE_LINE and "\n" not in text
    if fits and not question.diff:
        yield text, question.choices
        return
    size = f"{text.count(chr(10)) + 1:,} lines, {len(text):,} characters"
    start = f"{text[:_START].rstrip()} […]"
    # Helix accepts answers where a server is attached, which is the case for Markdown.
    name = "question.md" if narrow else "what-changed.diff" if question.diff else "question.txt"
    with tempfile.TemporaryDirectory(prefix="inhouse-question-", ignore_cleanup_errors=True) as at:
        path = Path(os.path.realpath(at), name)  # noqa: ASYNC240  a new folder of ours
        await asyncio.to_thread(
            path.write_text, _document(question, text, name), "utf-8", "replace"
        )
        if await could_show(link, path.as_uri(), focus=False):
            if narrow:
                yield f"{_first_words(question.text)}  See {name}.", question.choices
            elif question.diff:
                yield f"{visible(question.text)}\nWhat changed is in {name}.", question.choices
            else:
                yield f"{start}\nRead all of it in the document {name} ({size}).", question.choices
        elif fits:
            yield text, question.choices
        elif question.safe:
            hint = "it cannot be allowed, because this editor cannot show it whole"
            yield f"{start}\n({size}: {hint}.)", (question.safe,)
        else:
            yield f"{start}\n({size})", question.choices


def _document(question: Question, text: str, name: str) -> str:
    """Return the text of a question's document."""
    if not question.diff:
        return text
    diff = visible(question.diff)
    if name.endswith(".diff"):
        return diff
    return f"{visible(question.text)}\n\n~~~~~~diff\n{diff}~~~~~~\n"


def _first_words(text: str) -> str:
    """Return a question's beginning, leaving room in the line for how to answer."""
    line = visible(text).partition("\n")[0].partition("  ")[0]
    return line if len(line) <= _FIRST else f"{line[: _FIRST - 1]}…"


def _text(question: Question) -> str:
    more = question.detail if question.detail not in question.text else ""
    return visible(f"{question.text}\n{more}" if more else question.text)


def _notice(question: Question, text: str) -> dict[str, Any]:
    how = (
        "Answer it with a code action."
        if question.choices
        else 'Write the answer, select it, and take the code action "Answer with this selection".'
    )
    return {"type": _INFO, "message": f"{text}  {how}"}
