"""Questions of a run: told as an event, asked through the door."""

from attrs import frozen

from inhouse.core.events import QuestionAsked
from inhouse.core.ports import Approver, Emit, Question


@frozen
class AskingAloud:
    """An approver whose questions are events of the run too."""

    approver: Approver
    tell: Emit

    async def ask(self, question: Question) -> tuple[str, ...]:
        self.tell(QuestionAsked(question.id, question.text, question.choices))
        return await self.approver.ask(question)
