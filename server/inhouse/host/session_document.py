"""A session as one Markdown document: its turns in order; a preview of it fetches nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from inhouse.core.quiet_markdown import QuietMarkdown, quiet, quiet_lines
from inhouse.core.unicode import without_controls
from inhouse.store.sessions import RUNNING, KeptEvent, SessionSummary, Turn

_INPUT = 120
_TOP = "## "


@frozen
class PromptSpan:
    """Where a turn's prompt stands in the document."""

    turn: int
    start: int
    end: int


@frozen
class SessionDocument:
    text: str
    prompts: tuple[PromptSpan, ...]


def session_document(
    summary: SessionSummary, turns: Sequence[Turn], events: Iterable[KeptEvent]
) -> SessionDocument:
    """Write a session down.  Where nothing runs, it ends with a heading for the next prompt."""
    by_turn: dict[int, list[KeptEvent]] = {}
    for event in events:
        by_turn.setdefault(event.turn, []).append(event)
    parts = [f"# {one_line(summary.title)}\n\n"]
    if summary.forked_from:
        parts.append(f"*Forked from {summary.forked_from}.*\n\n")
    length = sum(map(len, parts))
    spans: list[PromptSpan] = []
    for turn in turns:
        head = prompt_heading(turn.number)
        prompt = quiet(turn.prompt or _params(turn.params))
        spans.append(PromptSpan(turn.number, length + len(head), length + len(head) + len(prompt)))
        writer = TurnWriter(turn.run_id)
        for event in by_turn.get(turn.number, ()):
            writer.add(event)
        ending = "" if turn.status == RUNNING else footer(turn)
        added = (
            f"{head}{prompt}\n\n{answer_heading(turn.agent, turn.number)}{writer.text()}{ending}"
        )
        parts.append(added)
        length += len(added)
    if not turns or turns[-1].status != RUNNING:
        parts.append(prompt_heading(len(turns) + 1))
    return SessionDocument("".join(parts), tuple(spans))


def prompt_heading(turn: int) -> str:
    """Give the heading above a prompt; what stands under the last one is the next prompt."""
    return f"{_TOP}{turn} · You\n\n"


def answer_heading(agent: str, turn: int) -> str:
    return f"{_TOP}{turn} · {one_line(agent)}\n\n"


class TurnWriter:
    """Grows the text of one turn from what happened in it."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._parts: list[str] = []
        self._said = QuietMarkdown()
        self._inside = ""
        self._calls: dict[str, tuple[str, Any]] = {}

    def text(self) -> str:
        """Give all of it, with whatever is open closed."""
        self._leave()
        return "".join(self._parts)

    def open_text(self) -> str:
        """Give what there is so far, to be continued."""
        return "".join(self._parts)

    def add(self, event: KeptEvent) -> None:
        own = event.run_id == self._run_id
        match event.kind:
            case "text" | "reasoning" if own:
                self._enter(event.kind)
                self._parts.append(self._said.feed(event.body["delta"]))
            case "text" | "reasoning":
                return
            case _:
                who = "" if own else f"{event.agent}: "
                if (line := self._line(event.kind, event.body, who)) is not None:
                    self._enter("line")
                    self._parts.append(f"- {line}\n")

    def _line(self, kind: str, body: Mapping[str, Any], who: str) -> str | None:  # noqa: PLR0911  one case a line
        match kind:
            case "tool_call":
                self._calls[body["callId"]] = (body["tool"], body["input"])
                return None
            case "tool_result":
                tool, given = self._calls.pop(body["callId"], ("", None))
                mark = "✓" if body["ok"] else "✗"
                return f"{mark} {who}`{tool}` {_short(given)} → {one_line(body['summary'])}"
            case "edit":
                return f"✎ {who}{body['state']}: <{body['uri']}>"
            case "question":
                choices = f" ({' / '.join(body['choices'])})" if body["choices"] else ""
                return f"? {who}{one_line(body['text'])}{choices}"
            case "notice":
                mark = "⚠" if body["level"] == "warning" else "i"
                return f"{mark} {who}{one_line(body['message'])}"
            case "steer":
                said = "You" if body["state"] == "delivered" else f"You ({body['state']})"
                return f"» {said}: {one_line(body['text'])}"
            case _:
                return None

    def _enter(self, inside: str) -> None:
        if self._inside == inside:
            return
        self._leave()
        self._parts.append(_OPEN.get(inside, ""))
        self._inside = inside

    def _leave(self) -> None:
        if self._inside in {"text", "reasoning"}:
            self._parts.append(self._said.close())
        self._parts.append(_CLOSE.get(self._inside, ""))
        self._inside = ""


_OPEN = {"reasoning": "<details>\n<summary>Thinking</summary>\n\n"}
_CLOSE = {"reasoning": "\n\n</details>\n\n", "text": "\n\n", "line": "\n"}


def footer(turn: Turn) -> str:
    """Say how a turn ended, where it ran and what it cost."""
    where = "local" if turn.local else "remote"
    spent = f"{turn.duration_ms / 1000:.1f} s, {turn.input_tokens} tokens in, "
    spent += f"{turn.output_tokens} out"
    if turn.cost_usd:
        spent += f", ${turn.cost_usd:.4f}"
    told = f"*{turn.status} · {one_line(turn.model)} on {one_line(turn.endpoint)} ({where})"
    if turn.status != "interrupted":
        told += f" · {spent}"
    told += " · its changes were undone*" if turn.undone else "*"
    error = f"{one_line(turn.error_message)}\n\n" if turn.error_message else ""
    return f"{error}{told}\n\n"


def one_line(text: str) -> str:
    """Give a text on one line, with nothing that a terminal would obey or a preview fetch."""
    return quiet_lines(" ".join(without_controls(text).split()))


def _params(params: Mapping[str, Any]) -> str:
    return json.dumps(params, ensure_ascii=False) if params else ""


def _short(given: Any) -> str:
    if not given:
        return ""
    text = one_line(json.dumps(given, ensure_ascii=False, default=str))
    text = text if len(text) <= _INPUT else f"{text[: _INPUT - 1]}…"
    return f"`{text.replace('`', chr(0x2BC))}`"
