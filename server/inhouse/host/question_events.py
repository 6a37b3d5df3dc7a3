"""Questions of a run: told as an event, asked through the door."""

from attrs import evolve, frozen

from inhouse.core.events import Notice, PermissionAnswered, QuestionAsked
from inhouse.core.ports import Approver, Emit, Question
from inhouse.core.redaction import redact_value


@frozen
class EventEmittingApprover:
    """An approver whose questions are events of the run too."""

    approver: Approver
    tell: Emit

    async def ask(self, question: Question) -> tuple[str, ...]:
        question = evolve(
            question, text=redact_value(question.text), detail=redact_value(question.detail)
        )
        self.tell(QuestionAsked(question.id, question.text, question.choices))
        answer = await self.approver.ask(question)
        told = ", ".join(answer) if answer else "no answer"
        self.tell(Notice("info", "answer", redact_value(f"Your answer: {told}.")))
        if question.safe:
            self.tell(PermissionAnswered(question.kind, answer[0] if answer else ""))
        return answer
