"""Questions to the user as ``session/request_permission``: the safe choice first, nothing hidden.

Source: https://agentclientprotocol.com/protocol/tool-calls#requesting-permission.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from inhouse.core.ports import Question
from inhouse.core.unicode import visible

from .client_calls import ClientCalls
from .updates import UpdateStream

Json = dict[str, Any]
_LASTING = ("always", "allow for", "apply all", "trust")
"""How the choices begin that hold for more than this once."""
_KINDS = {"command": "execute", "edit": "edit", "host": "fetch"}
_NO_ANSWER = "no-answer"


class AcpApprover:
    """Asks the person in front of the client; no answer is the safe answer.

    One question at a time: a client shows one dialog.
    """

    def __init__(self, calls: ClientCalls, updates: Callable[[], UpdateStream]) -> None:
        self._calls = calls
        self._updates = updates
        self._turn = asyncio.Lock()
        self._edits: dict[str, Json] = {}

    def show_diff(self, question_id: str, content: Json) -> None:
        """Show an edit as ACP's diff when that question about it is asked."""
        self._edits[question_id] = content

    async def ask(self, question: Question) -> tuple[str, ...]:
        """Give the choices taken; empty where the client cannot ask or nothing was chosen."""
        if not question.choices:
            return ()  # ACP's stable protocol has no free text.
        async with self._turn:
            choices = question.choices
            options = [_option(number, choice, question) for number, choice in enumerate(choices)]
            if not question.safe:
                no_answer = {"optionId": _NO_ANSWER, "name": "No answer", "kind": "reject_once"}
                options.insert(0, no_answer)
            chosen = await self._calls.request_permission(self._tool_call(question), options)
            if chosen is None or not chosen.isdigit() or int(chosen) >= len(choices):
                return ()
            return (choices[int(chosen)],)

    def _tool_call(self, question: Question) -> Json:
        updates = self._updates()
        updates.flush()
        content: list[Json] = []
        if (diff := self._edits.pop(question.id, None)) is not None:
            content.append(diff)
        elif question.detail:
            text = visible(question.detail)
            content.append({"type": "content", "content": {"type": "text", "text": text}})
        return {
            "toolCallId": updates.current_call() or question.id,
            "title": visible(question.text),
            "kind": _KINDS.get(question.kind, "other"),
            "status": "pending",
            "content": content,
        }


def _option(number: int, choice: str, question: Question) -> Mapping[str, str]:
    if choice == question.safe:
        kind = "reject_once"
    elif question.safe and choice.lower().startswith(_LASTING):
        kind = "allow_always"
    else:
        kind = "allow_once"
    return {"optionId": str(number), "name": visible(choice), "kind": kind}
