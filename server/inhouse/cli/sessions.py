"""``inhouse sessions``: find, show, export, delete and undo conversations."""

import argparse
import asyncio
import sys
from pathlib import Path

from inhouse.core.errors import UserError
from inhouse.core.unicode import without_controls
from inhouse.host.host import Host
from inhouse.host.session_undo import undo
from inhouse.store.sessions import SessionSummary

from . import COMPLETED, FAILED, output
from .open_host import open_host
from .parser import whole_number
from .printer import Printer
from .session_output import as_json, disk_files, markdown, show_table, show_undone, wire_summary


async def sessions(options: argparse.Namespace) -> int:
    """Do what the options say with one session, or list all."""
    actions = {
        "show": _show,
        "export": _export,
        "delete": _delete,
        "undo": _undo,
        "compact": _compact,
        "rename": _rename,
    }
    async with open_host(options) as host:
        return await actions.get(options.action, _list)(host, options)


async def _list(host: Host, options: argparse.Namespace) -> int:
    found = await host.sessions.summaries(
        everywhere=options.all, query=options.query, limit=options.limit
    )
    if options.json:
        output.document([wire_summary(host, one) for one in found])
    elif found:
        show_table(found)
    else:
        output.status().print(
            "There is no session yet.  Start one with `inhouse chat` or `inhouse run AGENT …`."
        )
    return COMPLETED


async def _show(host: Host, options: argparse.Namespace) -> int:
    known = await _one(host, options)
    if options.json:
        output.document(await as_json(host, known))
        return COMPLETED
    text = await markdown(host, known)
    output.text(without_controls(text) if sys.stdout.isatty() else text)
    return COMPLETED


async def _export(host: Host, options: argparse.Namespace) -> int:
    if options.output is None:
        return await _show(host, options)
    known = await _one(host, options)
    path = Path(options.output)
    if options.json or path.suffix == ".json":
        import json  # noqa: PLC0415  only here

        text = json.dumps(await as_json(host, known), indent=2, ensure_ascii=False) + "\n"
    else:
        text = await markdown(host, known)
    try:
        await asyncio.to_thread(path.write_text, text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
    output.status().print(f"{known.id} → {path}", markup=False)
    return COMPLETED


async def _delete(host: Host, options: argparse.Namespace) -> int:
    if not options.session:
        raise UserError("Which session?  `inhouse sessions` lists them.")
    for name in options.session:
        output.status().print(f"Deleted {await host.sessions.delete(name)}.", markup=False)
    return COMPLETED


_UNDO = "Name a session and the number of a turn: inhouse sessions undo ID 3."


async def _undo(host: Host, options: argparse.Namespace) -> int:
    session, turn, *more = [*options.session, None, None]
    try:
        number = None if turn is None else whole_number(turn)
    except argparse.ArgumentTypeError as error:
        raise UserError(f"{_UNDO}  {error}.") from error
    if any(more):
        raise UserError(_UNDO)
    known = await (host.sessions.named(session) if session else host.sessions.newest())
    done = await undo(host.state, disk_files(host), known.id, number)
    show_undone(done)
    return FAILED if done.problems else COMPLETED


async def _rename(host: Host, options: argparse.Namespace) -> int:
    session, *title = options.session or [""]
    known = await host.sessions.rename(session, " ".join(title))
    output.status().print(f"{known.id}: {known.title}", markup=False)
    return COMPLETED


async def _compact(host: Host, options: argparse.Namespace) -> int:
    from .run import follow  # noqa: PLC0415  only here

    known = await _one(host, options)
    await host.ask_for_trust()
    plan = host.plan(await host.sessions.compaction(known.id))
    return await follow(host, plan, Printer(thinking=False, live=True), as_json=options.json)


async def _one(host: Host, options: argparse.Namespace) -> SessionSummary:
    if len(options.session) > 1:
        raise UserError(f"Name one session, not {len(options.session)}.")
    sessions = host.sessions
    return await (sessions.named(options.session[0]) if options.session else sessions.newest())
