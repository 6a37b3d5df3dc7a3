"""A kept session as the updates that were once sent for it: what ``session/load`` sends.

Source: https://agentclientprotocol.com/protocol/session-setup#loading-sessions.
"""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

from attrs import frozen

from inhouse.core.events import ReasoningDelta, RunEvent, TextDelta, ToolFinished, ToolStarted
from inhouse.core.messages import Image
from inhouse.store.sessions import KeptEdit, KeptEvent, SessionStore, Turn

from .updates import UpdateStream


@frozen
class KeptSession:
    """Everything kept of a session."""

    turns: Sequence[Turn]
    events: Sequence[KeptEvent]
    edits: Sequence[KeptEdit]
    pictures: Mapping[int, Sequence[Image]]


def read_session(store: SessionStore, session: str) -> KeptSession:
    """Read a session from the store.  Blocks."""
    return KeptSession(
        store.turns(session), store.events(session), store.edits(session), store.pictures(session)
    )


def replay_session(updates: UpdateStream, kept: KeptSession) -> None:
    """Send every prompt and what followed it, in order."""
    by_turn: defaultdict[int, list[KeptEvent]] = defaultdict(list)
    for event in kept.events:
        by_turn[event.turn].append(event)
    edits: defaultdict[tuple[int, str], deque[KeptEdit]] = defaultdict(deque)
    for edit in kept.edits:
        edits[edit.turn, edit.path.as_uri()].append(edit)
    for turn in kept.turns:
        if turn.prompt:
            content = {"type": "text", "text": turn.prompt}
            updates.send({"sessionUpdate": "user_message_chunk", "content": content})
        for image in kept.pictures.get(turn.number, ()):
            content = {"type": "image", "data": image.source, "mimeType": image.media_type}
            updates.send({"sessionUpdate": "user_message_chunk", "content": content})
        _replay_turn(updates, turn, by_turn[turn.number], edits)


def _replay_turn(
    updates: UpdateStream,
    turn: Turn,
    events: Sequence[KeptEvent],
    edits: Mapping[tuple[int, str], deque[KeptEdit]],
) -> None:
    children: dict[str, list[str]] = {}
    for event in events:
        parent = None if event.run_id == turn.run_id else turn.run_id
        if parent is not None and event.run_id not in children:
            updates.start_child(event.run_id, event.agent, parent)
            children[event.run_id] = []
        if event.kind == "edit":
            if waiting := edits.get((turn.number, event.body["uri"])):
                edit = waiting.popleft()
                updates.diff(event.run_id, edit.path, edit.old, edit.new)
        elif (payload := _payload(event)) is not None:
            if parent is not None and isinstance(payload, TextDelta):
                children[event.run_id].append(payload.text)
            updates.listen(RunEvent(event.run_id, event.agent, payload, parent))
    for run_id, said in children.items():
        updates.finish_child(run_id, "".join(said))
    updates.end_turn()


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
