"""A kept session as the updates it was once told in: what ``session/load`` sends.

Source: https://agentclientprotocol.com/protocol/session-setup#loading-sessions.
"""

from collections.abc import Iterable, Sequence

from inhouse.core.events import ReasoningDelta, RunEvent, TextDelta, ToolFinished, ToolStarted
from inhouse.store.sessions import KeptEvent, Turn

from .updates import UpdateStream


def replay_session(
    updates: UpdateStream, turns: Sequence[Turn], events: Iterable[KeptEvent]
) -> None:
    """Send every prompt and what followed it, in order."""
    by_turn: dict[int, list[KeptEvent]] = {}
    for event in events:
        by_turn.setdefault(event.turn, []).append(event)
    for turn in turns:
        if turn.prompt:
            content = {"type": "text", "text": turn.prompt}
            updates.send({"sessionUpdate": "user_message_chunk", "content": content})
        for event in by_turn.get(turn.number, ()):
            if event.run_id == turn.run_id and (payload := _payload(event)) is not None:
                updates.listen(RunEvent(event.run_id, event.agent, payload))
        updates.flush()


def _payload(event: KeptEvent) -> TextDelta | ReasoningDelta | ToolStarted | ToolFinished | None:
    body = event.body
    match event.kind:
        case "text":
            return TextDelta(body["delta"])
        case "reasoning":
            return ReasoningDelta(body["delta"])
        case "tool_call":
            return ToolStarted(body["callId"], body["tool"], body["input"])
        case "tool_result":
            return ToolFinished(body["callId"], body["ok"], body["summary"])
        case _:
            return None
