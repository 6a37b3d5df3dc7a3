"""Sessions as the terminal shows and exports them, and files on disk for undoing a turn."""

import asyncio
from pathlib import Path

from attrs import frozen
from rich.table import Table

from inhouse import wire
from inhouse.core.events import EventPayload
from inhouse.core.json_values import Json
from inhouse.core.message_json import messages_to_json
from inhouse.core.ports import Edit
from inhouse.core.settings import EditMode
from inhouse.core.unicode import visible
from inhouse.host.host import Host
from inhouse.host.session_document import session_document
from inhouse.host.session_undo import Undone
from inhouse.store.sessions import SessionSummary, Turn
from inhouse.tools.edit.disk_workspace import DiskWorkspace

from . import output
from .approver import TerminalApprover


def show_table(found: tuple[SessionSummary, ...]) -> None:
    """Print sessions, one per line, newest first."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("session", "when", "agent", "turns", "status", "tokens", "cost", "title"):
        table.add_column(name, no_wrap=True)
    for one in found:
        cost = "" if not one.cost_usd else f"${one.cost_usd:.4f}"
        when = output.local_time(one.updated_at)[:16]
        tokens = str(one.input_tokens + one.output_tokens)
        row = (one.id, when, one.agent, str(one.turns), one.status, tokens, cost, one.title)
        table.add_row(*(visible(cell).replace("[", r"\[") for cell in row))
    output.report().print(table)


def wire_summary(host: Host, one: SessionSummary) -> Json:
    """Return `SessionSummary` of docs/protocol.md."""
    document = host.services.folders.state / "sessions" / f"{one.id}.md"
    return wire.session_summary(one, document.as_uri())


async def markdown(host: Host, one: SessionSummary) -> str:
    """Return a session's document."""
    store = host.sessions.store

    def read() -> str:
        return session_document(one, store.turns(one.id), store.events(one.id)).read_only

    return await asyncio.to_thread(read)


async def as_json(host: Host, one: SessionSummary) -> Json:
    """Return everything kept of a session except the texts of files."""
    store = host.sessions.store
    turns = await asyncio.to_thread(store.turns, one.id)
    events = await asyncio.to_thread(store.events, one.id)
    history = await asyncio.to_thread(store.history, one.id)
    told: dict[int, list[Json]] = {}
    for event in events:
        shown: Json = {
            "kind": event.kind,
            "runId": event.run_id,
            "agent": event.agent,
            **event.body,
        }
        told.setdefault(event.turn, []).append(shown)
    return {
        **wire_summary(host, one),
        "history": messages_to_json(kept.message for kept in history.messages),
        "turnList": [_turn(turn) | {"events": told.get(turn.number, [])} for turn in turns],
    }


def _turn(turn: Turn) -> Json:
    return {
        "turn": turn.number,
        "runId": turn.run_id,
        "agent": turn.agent,
        "prompt": turn.prompt,
        "params": dict(turn.params),
        "endpoint": turn.endpoint,
        "model": turn.model,
        "local": turn.local,
        "status": turn.status,
        "startedAt": turn.started_at,
        "durationMs": turn.duration_ms,
        "inputTokens": turn.input_tokens,
        "outputTokens": turn.output_tokens,
        "costUsd": turn.cost_usd,
        "error": turn.error_message,
        "undone": turn.undone,
    }


@frozen
class DiskFiles:
    """A terminal's `inhouse.host.session_undo.Files`, under the same rules as every edit."""

    workspace: DiskWorkspace

    def name_of(self, path: Path) -> str:
        return str(path)

    async def read(self, path: Path) -> str | None:
        try:
            return (await self.workspace.read(path)).text
        except FileNotFoundError:
            return None

    async def write(self, path: Path, old: str | None, new: str | None) -> str | None:
        outcome = await self.workspace.write(Edit(path, old, new))
        return None if outcome.state.value == "applied" else outcome.message

    async def withdraw(self, run_id: str, path: Path) -> bool:  # noqa: ARG002
        return False  # A terminal's run ends with no proposal left.


def show_undone(done: Undone) -> None:
    """Print what an undo did, and what it left and why."""
    for path in done.restored:
        verb = "Deleted" if path in done.created else "Restored"
        output.status().print(f"{verb} {path}", markup=False)
    for problem in done.problems:
        output.warning(problem)
    if done.nothing:
        output.status().print(done.nothing, markup=False)


def disk_files(host: Host) -> DiskFiles:
    """Return the files of the host's folders."""
    roots = host.roots or (host.main_root,)

    def silent(_: EventPayload) -> None:
        """Do nothing."""

    return DiskFiles(
        DiskWorkspace(roots[0], silent, TerminalApprover(), EditMode.APPLY, extra_roots=roots[1:])
    )
