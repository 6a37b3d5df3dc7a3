"""A run's events as ``session/update`` notifications: exact text, adjacent pieces joined.

Source: https://agentclientprotocol.com/protocol/prompt-turn (session updates).
"""

import asyncio
import json
from pathlib import Path

from attrs import define, field

from inhouse.core.events import (
    EditChanged,
    Notice,
    ReasoningDelta,
    RunEvent,
    RunFinished,
    RunStarted,
    RunStatus,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
    UsageReported,
)
from inhouse.core.json_values import Json, fields, items
from inhouse.core.remedies import as_in_file
from inhouse.core.tool_words import title_of

from .tool_calls import kind_of, locations_of
from .transport import StdioTransport

_MOST_OUTPUT = 20_000
"""How many characters at the end of a running command's output are shown."""
_OUTPUT_EVERY_S = 0.1
_CHUNKS = {"text": "agent_message_chunk", "thought": "agent_thought_chunk"}
_PLAN_TOOL = "write_todos"


@define
class _Call:
    """A tool call that has not ended."""

    tool: str
    run_id: str
    output: str = ""
    content: list[Json] = field(factory=list[Json])
    pending: asyncio.TimerHandle | None = None


class UpdateStream:
    """Sends the updates of one ACP session, in order.

    Text that arrives while the client does not read becomes one chunk, so the queue never grows
    beyond the text itself and the run is not held up.
    """

    def __init__(self, session_id: str, root: Path, transport: StdioTransport) -> None:
        self._transport = transport
        self._root = root
        self._loop = asyncio.get_running_loop()
        self._head = (
            '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":'
            f'{json.dumps(session_id)},"update":'
        )
        self._kind = ""
        self._pieces: list[str] = []
        self._scheduled = False
        self._calls: dict[str, _Call] = {}
        self._children: dict[str, str] = {}
        """Run id of a sub-agent → id of the tool call that stands for it."""
        self.cost_usd: float | None = 0.0
        """Of the whole session, including sub-agents; None if some of it is unknown."""

    def listen(self, event: RunEvent) -> None:  # noqa: C901, PLR0912  one case a line
        """Send the updates for an event.  Never blocks."""
        child = None if event.parent is None else event.agent
        match event.payload:
            case TextDelta(text):
                if child is None:
                    self._add("text", text)
            case ReasoningDelta(text):
                if child is None:
                    self._add("thought", text)
            case RunStarted() if child is not None:
                self.start_child(event.run_id, event.agent, event.parent)
            case ToolStarted(call_id, tool, given):
                self._start(event.run_id, call_id, tool, given, child)
            case ToolOutput(call_id, text):
                self._output(call_id, text)
            case ToolFinished(call_id, ok, summary):
                self._finish(call_id, ok=ok, summary=summary)
            case EditChanged() as edit:
                self._edited(event.run_id, edit)
            case UsageReported() as usage:
                self._used(usage, own=child is None)
            case Notice(level, _, message) if level == "warning":
                self.warn(message)
            case RunFinished(result) if child is not None:
                self.finish_child(event.run_id, result.text, result.status)
            case _:
                pass

    def send(self, update: Json) -> None:
        """Send one update after everything before it."""
        self._close()
        rest = json.dumps(update, ensure_ascii=False, separators=(",", ":"), default=str)
        self._transport.write(f"{self._head}{rest}}}}}")

    def say(self, text: str) -> None:
        """Send a text of Inhouse's own as the answer, if no model gives one."""
        self._add("text", text)

    def warn(self, text: str) -> None:
        """Send a notice of Inhouse's own, apart from the answer, which stays the model's words."""
        self._add("thought", f"\n{as_in_file(text)}\n")

    def end_turn(self) -> None:
        """Send what is queued; a call that has not ended was cut off with its turn."""
        for call_id in tuple(self._calls):
            self._finish(call_id, ok=False, summary="")
        for run_id in tuple(self._children):
            self.finish_child(run_id, "", RunStatus.CANCELLED)
        self._close()

    def flush(self) -> None:
        """Send the text that is held back to be joined with more."""
        self._close()

    def diff(self, run_id: str, path: Path, old: str | None, new: str | None) -> Json:
        """Show an edit in its tool call; return the content for a question about it."""
        content: Json = {"type": "diff", "path": str(path), "newText": new or ""}
        if old is not None:
            content["oldText"] = old
        for call_id, call in reversed(self._calls.items()):
            if call.run_id == run_id and kind_of(call.tool) == "edit":
                call.content.append(content)
                self._update(call_id, content=call.content)
                break
        return content

    def terminal(self, call_id: str, terminal: str) -> None:
        """Show a terminal of the client in the call that runs a command there."""
        call = self._calls.get(call_id)
        if call is not None:
            call.content.append({"type": "terminal", "terminalId": terminal})
            self._update(call_id, content=call.content)

    def current_call(self, run_id: str | None = None) -> str | None:
        """Return the id of the tool call in progress, in one run or in any."""
        for call_id, call in reversed(self._calls.items()):
            if run_id is None or call.run_id == run_id:
                return call_id
        return None

    # Text.

    def _add(self, kind: str, text: str) -> None:
        if not text:
            return
        if kind != self._kind:
            self._close()
            self._kind = kind
        self._pieces.append(text)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._transport.queue.full:
            self._transport.queue.when_room(self._flush)
            return
        self._scheduled = False
        if self._pieces and "\ud800" <= self._pieces[-1][-1:] <= "\udbff":
            return  # Half of a surrogate pair: the other half comes with the next piece.
        self._close()

    def _close(self) -> None:
        if self._pieces:
            text, self._pieces = "".join(self._pieces), []
            quoted = json.dumps(text, ensure_ascii=False)
            self._transport.write(
                f'{self._head}{{"sessionUpdate":"{_CHUNKS[self._kind]}",'
                f'"content":{{"type":"text","text":{quoted}}}}}}}}}'
            )

    # Tool calls.

    def _start(
        self, run_id: str, call_id: str, tool: str, given: object, agent: str | None
    ) -> None:
        if tool == _PLAN_TOOL and agent is None:
            self._plan(given)
        self._calls[call_id] = _Call(tool, run_id)
        update: Json = {
            "sessionUpdate": "tool_call",
            "toolCallId": call_id,
            "title": title_of(tool, given, agent),
            "kind": kind_of(tool),
            "status": "in_progress",
            "rawInput": given,
            "locations": locations_of(given, self._root),
        }
        if (parent := self._children.get(run_id)) is not None:
            update["_meta"] = {"inhouse": {"parentToolCallId": parent}}
        self.send(update)

    def _output(self, call_id: str, text: str) -> None:
        call = self._calls.get(call_id)
        if call is None:
            return
        call.output = (call.output + text)[-_MOST_OUTPUT:]
        if call.pending is None:
            call.pending = self._loop.call_later(_OUTPUT_EVERY_S, self._show_output, call_id)

    def _show_output(self, call_id: str) -> None:
        call = self._calls.get(call_id)
        if call is not None:
            call.pending = None
            self._update(call_id, content=[*call.content, *_text(call.output)])

    def _finish(self, call_id: str, *, ok: bool, summary: str) -> None:
        call = self._calls.pop(call_id, None)
        if call is None:
            return
        if call.pending is not None:
            call.pending.cancel()
        content = [*call.content, *_text(call.output), *_text(summary)]
        self._update(call_id, status="completed" if ok else "failed", content=content)

    def _edited(self, run_id: str, edit: EditChanged) -> None:
        call_id = self.current_call(run_id)
        if call_id is not None:
            self._update(call_id, rawOutput={"uri": edit.uri, "state": edit.state.value})

    def _update(self, call_id: str, **changes: object) -> None:
        self.send({"sessionUpdate": "tool_call_update", "toolCallId": call_id} | changes)

    def _plan(self, given: object) -> None:
        entries = [
            {
                "content": str(todo.get("task", "")),
                "priority": "medium",
                "status": "completed" if todo.get("completed") else "pending",
            }
            for todo in map(fields, items(fields(given).get("todos")))
            if todo
        ]
        if entries:
            self.send({"sessionUpdate": "plan", "entries": entries})

    # Sub-agents.

    def start_child(self, run_id: str, agent: str, parent: str | None) -> None:
        """Show a sub-agent's run as a tool call."""
        call_id = f"agent-{run_id}"
        self._children[run_id] = call_id
        update: Json = {
            "sessionUpdate": "tool_call",
            "toolCallId": call_id,
            "title": f"Agent {agent}",
            "kind": "other",
            "status": "in_progress",
        }
        spawner = self.current_call(parent)
        if spawner is not None:
            update["_meta"] = {"inhouse": {"parentToolCallId": spawner}}
        self.send(update)

    def finish_child(self, run_id: str, text: str, status: RunStatus = RunStatus.COMPLETED) -> None:
        """End the tool call of a sub-agent's run with what it said; do nothing for other runs."""
        call_id = self._children.pop(run_id, None)
        if call_id is not None:
            done = "completed" if status is RunStatus.COMPLETED else "failed"
            self._update(call_id, status=done, content=_text(text))

    # Usage.

    def _used(self, usage: UsageReported, *, own: bool) -> None:
        known = self.cost_usd is not None and usage.cost_usd is not None
        self.cost_usd = (self.cost_usd or 0.0) + (usage.cost_usd or 0.0) if known else None
        if not own or usage.context_window is None:
            return
        update: Json = {
            "sessionUpdate": "usage_update",
            "used": usage.input_tokens + usage.output_tokens,
            "size": usage.context_window,
        }
        if self.cost_usd is not None:
            update["cost"] = {"amount": self.cost_usd, "currency": "USD"}
        self.send(update)


def _text(text: str) -> list[Json]:
    return [{"type": "content", "content": {"type": "text", "text": text}}] if text else []
