"""Questions to the user as ``session/request_permission``: the safe choice first, nothing hidden.

Source: https://agentclientprotocol.com/protocol/tool-calls#requesting-permission.
"""

import asyncio
from collections.abc import Callable

from inhouse.core.json_values import Json
from inhouse.core.ports import Question
from inhouse.core.unicode import visible

from .client_calls import ClientCalls
from .updates import UpdateStream

_KINDS = {"command": "execute", "edit": "edit", "host": "fetch"}


class AcpApprover:
    """Asks the client's user; no answer counts as the safe answer.

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
        """Return the choices taken; empty if the client cannot ask or nothing was chosen."""
        if not question.choices:
            return ()  # ACP's stable protocol has no free text.
        async with self._turn:
            options = {f"choice-{n}": choice for n, choice in enumerate(question.choices)}
            shown = [_option(key, choice, question) for key, choice in options.items()]
            if not question.safe:
                no_answer: Json = {
                    "optionId": "no-answer",
                    "name": "No answer",
                    "kind": "reject_once",
                }
                shown.insert(0, no_answer)
            chosen = await self._calls.request_permission(self._tool_call(question), shown)
            return (options[chosen],) if chosen in options else ()

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


def _option(key: str, choice: str, question: Question) -> Json:
    if choice == question.safe:
        kind = "reject_once"
    elif choice in question.lasting:
        kind = "allow_always"
    else:
        kind = "allow_once"
    return {"optionId": key, "name": visible(choice), "kind": kind}
