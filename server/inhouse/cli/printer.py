"""A run as a person at a terminal sees it: the answer on stdout, the rest on stderr."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from attrs import define
from rich.markup import escape

from inhouse.core import tool_words
from inhouse.core.events import (
    EditChanged,
    EditState,
    Notice,
    QuestionAsked,
    ReasoningDelta,
    RunEvent,
    RunFinished,
    RunResult,
    RunStarted,
    Steered,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
)
from inhouse.core.remedies import as_in_file
from inhouse.core.unicode import visible, without_controls

from . import output
from .answer import Answer, renders
from .status_line import StatusLine

_EDITED: Mapping[EditState, str] = {
    EditState.APPLIED: "[green]✓[/] Edited",
    EditState.PROPOSED: "[magenta]±[/] Proposed for",
    EditState.REJECTED: "[yellow]✗[/] Not changed:",
}
_WAITING = "Waiting for the model"


@define
class _Call:
    tool: str
    given: Any
    edited: bool = False


class Printer:
    """Shows a run: what the model says, and one readable line for each thing that it does.

    On a terminal the answer is rendered and a last line says what is happening and for how long; in
    a pipe the answer is exactly what the model wrote.
    """

    def __init__(
        self,
        *,
        thinking: bool,
        live: bool = False,
        plain: bool = False,
        root: Path | None = None,
        diffs: bool = True,
        beside: bool = False,
    ) -> None:
        """*diffs* shows proposals; *beside* keeps the answer off standard output."""
        self._thinking = thinking
        self._diffs = diffs
        self._answer = Answer(rendered=not plain and renders(), beside=beside)
        self._status = StatusLine() if live else None
        self._calls: dict[tuple[str, str], _Call] = {}
        self._thought_since: float | None = None
        self._is_thinking = False
        """Whether the last output was a thought."""
        self._root = root or Path.cwd()

    def show(self, event: RunEvent) -> None:  # noqa: C901, PLR0912  one case a line
        """Show one event.  A sub-agent's text is not the answer: it is not shown."""
        child = event.parent is not None
        match event.payload:
            case TextDelta(text):
                self._doing("Writing" if not child else f"{event.agent} is writing", child=child)
                if not child:
                    self._say(text)
            case ReasoningDelta(text):
                self._doing("Thinking" if not child else f"{event.agent} is thinking", child=child)
                if not child:
                    self._think(text)
            case RunStarted(route):
                where = "[green]local[/]" if route.local else "[red]remote[/]"
                name = escape(f"{event.agent} → {route.endpoint} · {route.model}")
                self._line(f"{name} · {where}", child=child)
                self._doing(_WAITING, child=child)
            case ToolStarted(call_id, tool, given):
                self._calls[event.run_id, call_id] = _Call(tool, given)
                self._end_text()
                if doing := tool_words.doing(tool, given):
                    self._doing(f"{event.agent}: {doing}" if child else doing, child=False)
            case ToolFinished(call_id):
                self._called(event.payload, self._calls.pop((event.run_id, call_id), None), event)
                self._doing(_WAITING, child=child)
            case ToolOutput(_, text):
                self._clear()
                output.status().print(without_controls(text), end="", style="dim", markup=False)
            case EditChanged():
                self._edit(event, event.payload, child=child)
            case QuestionAsked():
                self._end_text()
                if self._status is not None:
                    self._status.hold()
            case Notice(_, code) if code == "answer" and self._status is not None:
                self._status.go_on()
            case Notice(level, code, message):
                style = "yellow" if level == "warning" else "dim"
                said = escape(visible(as_in_file(message)))
                self._line(f"[{style}]{said}[/]", child=child)
                if code == "retrying":
                    self._doing("Trying again", child=child)
            case Steered(text, state) if state == "delivered":
                self._line(f"[cyan]»[/] {escape(visible(text))}", child=child)
            case RunFinished(result) if not child:
                self._finish(result)
            case _:
                pass

    def close(self) -> None:
        """Remove the status line."""
        if self._status is not None:
            self._status.stop()

    def _say(self, text: str) -> None:
        self._end_thought()
        self._clear()
        self._answer.add(text)
        if self._status is not None:
            if self._answer.is_mid_line:  # The status would appear in the answer's own line.
                self._status.hold()
            else:
                self._status.go_on()
                self._status.say("Writing", self._answer.tail)

    def _think(self, text: str) -> None:
        if self._thought_since is None:
            self._thought_since = time.monotonic()
        if not self._thinking:
            return
        if not self._is_thinking:
            self._end_text()
            self._is_thinking = True
            output.status().print("Thinking", style="dim bold")
        self._clear()
        if self._status is not None:
            self._status.hold()
        output.status().print(without_controls(text), end="", style="dim italic", markup=False)

    def _end_thought(self) -> None:
        """Separate the thinking from what follows."""
        since, self._thought_since = self._thought_since, None
        if self._is_thinking:
            self._is_thinking = False
            output.status().print("\n")
            if self._status is not None:
                self._status.go_on()
        elif since is not None and self._status is not None:
            self._clear()
            seconds = f"{time.monotonic() - since:.0f}"
            output.status().print(f"Thought for {seconds} s", style="dim")

    def _called(self, finished: ToolFinished, call: _Call | None, event: RunEvent) -> None:
        if call is None or (call.edited and finished.ok):
            return
        said = tool_words.done(call.tool, call.given, ok=finished.ok, summary=finished.summary)
        if said:
            mark = "[green]✓[/]" if finished.ok else "[red]✗[/]"
            self._line(f"{mark} {escape(said)}", child=event.parent is not None)

    def _edit(self, event: RunEvent, edit: EditChanged, *, child: bool) -> None:
        """Say what became of an edit; show a proposal in full, since nobody is asked about it."""
        for (run_id, _), call in self._calls.items():
            call.edited = call.edited or run_id == event.run_id
        name = escape(visible(self._name(edit.uri)))
        self._line(f"{_EDITED[edit.state]} {name} ({tool_words.counts(edit.diff)})", child=child)
        if edit.state is EditState.PROPOSED and self._diffs:
            output.diff(edit.diff)

    def _name(self, uri: str) -> str:
        path = Path(unquote(urlsplit(uri).path))
        try:
            return path.relative_to(self._root).as_posix()
        except ValueError:
            return str(path)

    def _doing(self, what: str, *, child: bool) -> None:
        if self._status is not None and not (child and what == _WAITING):
            self._status.say(what)

    def _line(self, markup: str, *, child: bool) -> None:
        self._end_text()
        output.status().print(("  " if child else "") + markup)

    def _clear(self) -> None:
        if self._status is not None:
            self._status.clear()

    def _end_text(self) -> None:
        """Make the next output start on a new line."""
        self._end_thought()
        self._clear()
        self._answer.flush()
        if self._answer.is_mid_line and sys.stdout.isatty():
            self._answer.end_line()
        if self._status is not None:
            self._status.go_on()

    def _finish(self, result: RunResult) -> None:
        self._end_thought()
        self.close()
        self._answer.flush()
        self._answer.end_line()
        if result.error is not None:
            output.error(result.error.message)
        output.status().print(summary(result), markup=False, style="dim")


def summary(result: RunResult) -> str:
    """Say in one line how a run ended, what it used, and which hosts it contacted."""
    usage = result.usage
    cost = "" if usage.cost_usd is None else f" · ${usage.cost_usd:.4f}"
    hosts = ", ".join(dict.fromkeys(contact.host for contact in result.contacts))
    return (
        f"{result.status.value.capitalize()} in {result.duration_ms / 1000:.1f} s · "
        f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out{cost} · "
        + (f"contacted {hosts}" if hosts else "contacted no host")
    )
