"""A session as a Markdown document: its turns in order, in a form whose preview fetches nothing."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from attrs import frozen

from inhouse.core.call_sentences import call_sentence, linked, place_of
from inhouse.core.events import Usage
from inhouse.core.quiet_markdown import quiet, quiet_lines
from inhouse.core.unicode import without_controls
from inhouse.store.sessions import RUNNING, KeptEvent, SessionSummary, Turn

_MANY = 1000
_TOP = "## "
_LOUD = re.compile(r"[!<`~$]")
"""A text without any of these is safe as it is."""
_HEADING = re.compile(r"(?m)^(?=[ \t]{0,3}#{1,6}[ \t]+\d+[ \t]*·)")
_MARKUP = re.compile(r"(?<=\])(?=[(\[])|(?=<[A-Za-z/!])")
_MARKS = re.compile(r"[\[\]()<>`\x00-\x1f]")


@frozen
class SessionDocument:
    """A session's document in pieces: our own text, and between it the user's prompts."""

    fixed: tuple[str, ...]
    """What is before, between and after the prompts; the last piece ends with the next prompt's
    heading."""
    prompts: tuple[str, ...]
    """The turns' prompts; one fewer than there are fixed pieces."""

    @property
    def next_turn(self) -> int:
        return len(self.prompts) + 1

    @property
    def text(self) -> str:
        """Return the whole document; the heading at its end is where the next prompt goes."""
        pairs = zip(self.fixed, (*self.prompts, ""), strict=True)
        return "".join(piece for pair in pairs for piece in pair)

    @property
    def read_only(self) -> str:
        """Return the document without room for a next prompt."""
        return self.text.removesuffix(prompt_heading(self.next_turn))


def session_document(
    summary: SessionSummary,
    turns: Sequence[Turn],
    events: Iterable[KeptEvent],
    roots: Sequence[Path] = (),
) -> SessionDocument:
    """Make the document of a session; *roots* are the folders of the workspace that is open."""
    by_turn: dict[int, list[KeptEvent]] = {}
    for event in events:
        by_turn.setdefault(event.turn, []).append(event)
    piece = f"# {one_line(summary.title)}\n\n"
    if summary.forked_from:
        piece += f"*Forked from {summary.forked_from}.*\n\n"
    fixed, root = [piece + prompt_heading(1)], Path(summary.workspace)
    roots = roots if root in roots[:1] else (root,)
    for number, turn in enumerate(turns, 1):
        writer = TurnWriter(turn.run_id, *roots)
        for event in by_turn.get(turn.number, ()):
            writer.add(event)
        ending = "" if turn.status == RUNNING else footer(turn)
        fixed.append(written_turn(turn.agent, number, writer.text() + ending))
    return SessionDocument(tuple(fixed), tuple(map(prompt_of, turns)))


def written_turn(agent: str, number: int, text: str) -> str:
    """Return what follows a turn's prompt, up to the next one."""
    return f"\n\n{_TOP}{number} · {one_line(agent)}\n\n{text}{prompt_heading(number + 1)}"


def prompt_of(turn: Turn) -> str:
    """Return a turn's prompt as the document shows it."""
    return _quiet(turn.prompt or _params(turn.params))


def prompt_heading(turn: int) -> str:
    """Return the heading above a prompt; the text under the last one is the next prompt."""
    return f"{heading_of(turn)}\n\n"


def heading_of(turn: int) -> str:
    """Return the line above a prompt."""
    return f"{_TOP}{turn} · You"


class TurnWriter:
    """Builds the text of one turn from its events."""

    def __init__(self, run_id: str, *roots: Path) -> None:
        self._run_id = run_id
        self._roots = roots
        self._parts: list[str] = []
        self._said: list[str] = []
        """The open piece of text or thinking at the end."""
        self._inside = ""
        self._calls: dict[str, tuple[str, Any]] = {}

    def text(self) -> str:
        """Return the whole text, closing whatever is open."""
        return "".join([*self._parts, _answer("".join(self._said)), _CLOSE.get(self._inside, "")])

    def add(self, event: KeptEvent) -> None:
        own = event.run_id == self._run_id
        match event.kind:
            case "text" | "reasoning" if own:
                self._enter(event.kind)
                self._said.append(event.body["delta"])
                if len(self._said) > _MANY:
                    self._said = ["".join(self._said)]
            case "text" | "reasoning":
                return
            case _:
                who = "" if own else f"{event.agent}: "
                if (line := self._line(event.kind, event.body, who)) is not None:
                    self._enter("line")
                    self._parts.append(f"- {line}\n")
        if len(self._parts) > _MANY:
            self._parts = ["".join(self._parts)]

    def _line(self, kind: str, body: Mapping[str, Any], who: str) -> str | None:  # noqa: PLR0911  one case a line
        match kind:
            case "tool_call":
                self._calls[body["callId"]] = (body["tool"], body["input"])
                return None
            case "tool_result":
                tool, given = self._calls.pop(body["callId"], ("", None))
                told, ok = _plain(body["summary"]), body["ok"]
                said = call_sentence(tool, given, ok=ok, summary=told, link=self._link)
                return f"{said[0]} {who}{said[2:]}" if said else None
            case "edit":
                name = linked(unquote(body["uri"].rpartition("/")[2]), body["uri"])
                return f"✎ {who}{body['state']}: {quiet_lines(name)}"
            case "question":
                choices = f" ({' / '.join(body['choices'])})" if body["choices"] else ""
                return f"? {who}{_plain(body['text'] + choices)}"
            case "notice":
                mark = "⚠" if body["level"] == "warning" else "i"
                return f"{mark} {who}{_plain(body['message'])}"
            case "steer":
                said = "You" if body["state"] == "delivered" else f"You ({body['state']})"
                return f"» {said}: {_plain(body['text'])}"
            case _:
                return None

    def _link(self, name: str) -> str | None:
        place = place_of(name, self._roots)
        return None if _MARKS.search(name) or not place.is_absolute() else place.as_uri()

    def _enter(self, inside: str) -> None:
        if self._inside == inside:
            return
        self._leave()
        self._parts.append(_OPEN.get(inside, ""))
        self._inside = inside

    def _leave(self) -> None:
        if self._said:
            self._parts.append(_answer("".join(self._said)))
            self._said = []
        self._parts.append(_CLOSE.get(self._inside, ""))
        self._inside = ""


_OPEN = {"reasoning": "<details>\n<summary>Thinking</summary>\n\n"}
_CLOSE = {"reasoning": "\n\n</details>\n\n", "text": "\n\n", "line": "\n"}


def footer(turn: Turn) -> str:
    """Say how a turn ended, where it ran and what it cost."""
    where = "local" if turn.local else "remote"
    told = f"*{turn.status} · {one_line(turn.model)} on {one_line(turn.endpoint)} ({where})"
    if turn.status != "interrupted":
        told += f" · {spent(turn.duration_ms, turn)}"
    told += " · its changes were undone*" if turn.undone else "*"
    error = f"{one_line(turn.error_message)}\n\n" if turn.error_message else ""
    return f"{error}{told}\n\n"


def spent(duration_ms: int, used: Usage | Turn) -> str:
    """Say how long a run took, its tokens and, if known, its cost."""
    told = f"{duration_ms / 1000:.1f} s, {used.input_tokens} tokens in, {used.output_tokens} out"
    return f"{told}, ${used.cost_usd:.4f}" if used.cost_usd else told


def one_line(text: str) -> str:
    """Return a text on one line, safe for a terminal and a preview."""
    bare = text if text.isascii() and text.isprintable() else without_controls(text)
    line = " ".join(bare.split())
    return quiet_lines(line) if _LOUD.search(line) else line


def _answer(text: str) -> str:
    """Return what the model said; no line of it looks like the heading of a turn."""
    said = _quiet(text)
    return _HEADING.sub(r"\\", said) if "·" in said else said


def _quiet(text: str) -> str:
    """Return what the model said, made safe for a preview."""
    return quiet(text) if _LOUD.search(text) else text


def _plain(text: str) -> str:
    """Return a text of a tool, a question or a server: one line, no link, no picture, no HTML."""
    return _MARKUP.sub(r"\\", one_line(text))


def _params(params: Mapping[str, Any]) -> str:
    return json.dumps(params, ensure_ascii=False) if params else ""
