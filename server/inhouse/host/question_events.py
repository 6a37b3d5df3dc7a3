"""Questions: emitted once as an event of the run that asks, then asked through the door."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from attrs import evolve, frozen

from inhouse.core.events import Notice, PermissionAnswered, QuestionAsked
from inhouse.core.ports import Approver, Emit, Question
from inhouse.core.redaction import redact_value

_asking: ContextVar[Emit | None] = ContextVar("asking", default=None)


@contextmanager
def asking_for(emit: Emit) -> Generator[None]:
    """Emit every question asked inside as an event of *emit*'s run."""
    token = _asking.set(emit)
    try:
        yield
    finally:
        _asking.reset(token)


@frozen
class EventEmittingApprover:
    """A host's approver: emits an event for each question before the door asks it."""

    approver: Approver

    async def ask(self, question: Question) -> tuple[str, ...]:
        question = evolve(
            question,
            text=redact_value(question.text),
            detail=redact_value(question.detail),
            diff=redact_value(question.diff),
        )
        if (emit := _asking.get()) is None:
            return await self.approver.ask(question)
        told = QuestionAsked(
            question.id,
            question.text,
            question.choices,
            detail=question.detail,
            safe=question.safe,
            multiple=question.multiple,
        )
        emit(told)
        answer = await self.approver.ask(evolve(question, is_told=True))
        taken = ", ".join(answer) if answer else "no answer"
        emit(Notice("info", "answer", redact_value(f"Your answer: {taken}.")))
        if question.safe:
            emit(PermissionAnswered(question.kind, answer[0] if answer else ""))
        return answer
