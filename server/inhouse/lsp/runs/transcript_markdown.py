"""A run's events as Markdown, in a form whose preview fetches nothing."""

import re
from typing import Any
from urllib.parse import unquote

from inhouse.core.call_sentences import Link, call_sentence, linked
from inhouse.core.events import (
    EditChanged,
    Notice,
    QuestionAsked,
    ReasoningDelta,
    RunEvent,
    RunFinished,
    RunResult,
    TextDelta,
    ToolFinished,
    ToolOutput,
    ToolStarted,
)
from inhouse.core.quiet_markdown import QuietMarkdown, quiet, quiet_lines
from inhouse.core.redaction import redact
from inhouse.core.tool_words import counts
from inhouse.core.unicode import without_controls
from inhouse.host.host import Plan
from inhouse.host.session_document import spent
from inhouse.lsp.runs.active_runs import ActiveRun, todos_of

_MANY = 1000
_OUTPUT = 10_000
_FENCE = "```"
_RULE = "---\n\n"
_TICKS = re.compile("`{3,}")


class Writer:
    """Builds a document from a run's events."""

    def __init__(
        self, run_id: str, head: str, link: Link = lambda _: None, *, lines: bool = False
    ) -> None:
        """*link* returns the URI of a path that a tool names; *lines* allows links to a line."""
        self._lines = lines
        self._run_id = run_id
        self._link = link
        self._head = head
        """The beginning, until the document is first read."""
        self._parts: list[str] = []
        self._said = QuietMarkdown()
        self._inside = ""
        """What is open at the end of the document: ``text``, ``thinking``, ``lines``, the output
        of a command (its call's id) or nothing."""
        self._tools: dict[str, tuple[str, Any]] = {}
        self._below: dict[str, list[str]] = {}
        """What finished sub-agents said, by the run that spawned them."""
        self._told: dict[str, int] = {}
        """How many characters of each command's output are in the document."""
        self._output_ends = ""

    @property
    def text(self) -> str:
        """The whole document, without any known key."""
        if self._head:
            self._parts.insert(0, quiet_lines(self._head))
            self._head = ""
        if len(self._parts) > 1:
            self._parts = [redact("".join(self._parts))]
        return "".join(self._parts)

    def add(self, event: RunEvent) -> None:  # noqa: C901, PLR0912  one case an event
        own = event.run_id == self._run_id
        who = "" if own else f"{event.agent}: "
        match event.payload:
            case TextDelta(text) if own:
                if self._inside != "text":
                    self._enter("text")
                self._parts.append(self._said.feed(text))
            case ReasoningDelta(text) if own:
                self._enter("thinking")
                self._parts.append(self._said.feed(text))
            case TextDelta() | ReasoningDelta():
                return
            case ToolStarted(call_id, tool, given):
                self._tools[call_id] = (tool, given)
                if tool == "write_todos":
                    for task, done in todos_of(given):
                        self._line(f"  - [{'x' if done else ' '}] {task}")
            case ToolOutput(call_id, text):
                self._output(call_id, text)
            case ToolFinished(call_id, ok, summary):
                self._finished(call_id, who, ok=ok, summary=summary)
            case EditChanged(uri, state, diff):
                line = _first_line(diff) if self._lines else ""
                name = linked(unquote(uri.rpartition("/")[2]), f"{uri}{line}")
                self._line(f"- ✎ {who}{state.value}: {name} ({counts(diff)})")
            case QuestionAsked(_, text, choices):
                offered = f" ({' / '.join(choices)})" if choices else ""
                self._line(f"- ? {who}{_one_line(text + offered)}")
            case Notice(level, _, message):
                self._line(f"- {'⚠' if level == 'warning' else 'i'} {who}{_one_line(message)}")
            case RunFinished(result) if own:
                self._enter("")
                last = self._parts[-1] if self._parts else self._head
                below = last.endswith(_RULE)  # Nothing was said in between.
                self._parts.append(quiet_lines(footer(result).removeprefix(_RULE * below)))
            case RunFinished(result):
                self._add_sub_agent(event, result)
            case _:
                pass
        if len(self._parts) > _MANY:
            self._parts = ["".join(self._parts)]

    def _finished(self, call_id: str, who: str, *, ok: bool, summary: str) -> None:
        tool, given = self._tools.pop(call_id, ("", None))
        told = _one_line(summary)
        if said := call_sentence(tool, given, ok=ok, summary=told, link=self._link):
            self._line(f"- {said[0]} {who}{said[2:]}")

    def _add_sub_agent(self, event: RunEvent, result: RunResult) -> None:
        """Add, folded, what a sub-agent and its own sub-agents said."""
        below = "".join(self._below.pop(event.run_id, ()))
        cost = spent(result.duration_ms, result.usage)
        head = f"{_one_line(event.agent)}: {result.status.value}, {cost}"
        said = quiet(result.text.strip()).replace("</details", "&lt;/details")
        block = f"<details>\n<summary>{head}</summary>\n\n{below}{said}\n\n</details>\n\n"
        if event.parent is not None and event.parent != self._run_id:
            self._below.setdefault(event.parent, []).append(block)
            return
        self._enter("")
        self._parts.append(block)

    def _output(self, call_id: str, text: str) -> None:
        """Add a running command's output up to a limit; the model gets head and tail."""
        told = self._told.get(call_id, 0)
        if told >= _OUTPUT:
            return
        self._told[call_id] = told + len(text)
        if self._inside != call_id:
            self._enter(call_id)
            self._parts.append(f"{_FENCE}\n")
            self._output_ends = ""
        self._parts.append(self._in_fence(without_controls(text[: _OUTPUT - told])))
        if self._told[call_id] >= _OUTPUT:
            self._parts.append("\n[… there is more …]")

    def _in_fence(self, text: str) -> str:
        """Return output that does not end the fence around it, in however many pieces it comes."""
        before = self._output_ends
        shown = _TICKS.sub(lambda found: chr(0x2BC) * len(found[0]), before + text)[len(before) :]
        self._output_ends = (before + shown)[-2:]
        return shown

    def _line(self, line: str) -> None:
        self._enter("lines")
        self._parts.append(f"{quiet_lines(line)}\n")

    def _enter(self, inside: str) -> None:
        if self._inside == inside:
            return
        if self._inside in {"text", "thinking"}:
            self._parts.append(self._said.close())
        if self._inside == "thinking":
            self._parts.append("\n\n</details>\n\n")
        elif self._inside == "text":
            self._parts.append("\n\n")
        elif self._inside == "lines":
            self._parts.append("\n")
        elif self._inside:
            self._parts.append(f"\n{_FENCE}\n\n")
        if inside == "thinking":
            self._parts.append("<details>\n<summary>Thinking</summary>\n\n")
        self._inside = inside


_CHANGED_AT = re.compile(r"^@@ -(\d+)(?:,\d+)? \+\d+", re.MULTILINE)


def _first_line(diff: str) -> str:
    """Return the fragment of a URI for the first line that a unified diff changes."""
    found = _CHANGED_AT.search(diff)
    if found is None:
        return ""
    below = diff[found.end() :].split("\n")[1:]
    same = next((n for n, line in enumerate(below) if not line.startswith(" ")), 0)
    return f"#L{max(int(found[1]) + same, 1)}"


def header(run: ActiveRun, plan: Plan) -> str:
    """Return the beginning of a transcript."""
    prompt = "\n".join(f"> {line}" for line in run.request.prompt.splitlines())
    route = plan.route
    where = "local" if route.local else "remote"
    runs = (
        f"{route.model} on {route.endpoint} ({route.base_url}, {where}), "
        f"decided by {route.decided_by.value}: {route.source}"
    )
    return f"# {run.request.agent}\n\n{prompt}\n\n{runs}\n\n{_RULE}"


def footer(result: RunResult) -> str:
    """Return how the run ended, what it cost, and each contacted host."""
    ending = f"**{result.status.value}** in {spent(result.duration_ms, result.usage)}"
    if result.error is not None:
        ending += f"\n\n{result.error.message}"
    contacts = "\n".join(
        f"- {each.host} ({each.address}, {'local' if each.local else 'remote'}): "
        f"{each.bytes_sent} bytes sent, {each.bytes_received} received"
        for each in result.contacts
    )
    hosts = f"Hosts contacted:\n\n{contacts}" if contacts else "No host was contacted."
    return f"{_RULE}{ending}\n\n{hosts}\n"


_MARKUP = re.compile(r"(?<=\])(?=[(\[])|(?=<[A-Za-z/!])")


def _one_line(text: str) -> str:
    """Return a text of a tool, a question or a server: one line, no link, no picture, no HTML."""
    return _MARKUP.sub(r"\\", without_controls(" ".join(text.split())))
