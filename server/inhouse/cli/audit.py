"""``inhouse audit`` and ``inhouse costs``: what the runs did, from the record."""

import argparse
import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rich.markup import escape
from rich.table import Table

from inhouse import wire
from inhouse.core.counts import count
from inhouse.core.errors import UserError
from inhouse.core.own_environment import environment
from inhouse.core.ports import Question
from inhouse.host.services import open_services
from inhouse.store.run_records import CostReport, Costs, Record
from inhouse.verify.audit_verify import verify

from . import COMPLETED, FAILED, output
from .approver import TerminalApprover
from .streams import is_terminal
from .verify_report import show


async def audit(options: argparse.Namespace) -> int:
    """Show which hosts the runs talked to; ``--verify`` proves it."""
    if options.verify:
        return await _verify(options.only or options.run, as_json=options.json)
    if options.forget:
        return await _forget(sure=options.yes)
    run_id = options.only or options.run
    services = open_services(environment())
    try:
        found = await asyncio.to_thread(services.records.recent, options.limit, run_id=run_id)
    finally:
        await services.aclose()
    if run_id and not found:
        raise UserError(f"There is no record of run {run_id!r}.  `inhouse audit` lists the newest.")
    if options.json:
        output.document([_record(each) for each in found])
    else:
        _print_audit(found)
    return COMPLETED


async def _verify(run_id: str | None, *, as_json: bool) -> int:
    report = await verify(run_id, tell=lambda text: output.status().print(text, markup=False))
    if as_json:
        output.document(report)
    else:
        show(report)
    return COMPLETED if report["proved"] else FAILED


async def costs(options: argparse.Namespace) -> int:
    """Show what runs cost by endpoint and by agent, and what local runs saved."""
    services = open_services(environment())
    try:
        since = (datetime.now(UTC) - timedelta(days=options.days)).date()
    except OverflowError:  # There were no days that long ago.
        since = date.min
    try:
        report = await asyncio.to_thread(services.records.costs, since)
    finally:
        await services.aclose()
    if options.json:
        output.document(_costs(report))
    else:
        _print_costs(report, options.days)
    return COMPLETED


async def _forget(*, sure: bool) -> int:
    """Delete all records, after a question, since nothing brings them back."""
    services = open_services(environment())
    try:
        number = await asyncio.to_thread(services.records.count)
        records = count(number, "record")
        if not sure and not await _wants_to_forget(records):
            output.status().print("Nothing was deleted.")
            return FAILED
        await asyncio.to_thread(services.records.forget)
    finally:
        await services.aclose()
    output.status().print(f"Deleted {records}, and what their runs were asked.")
    return COMPLETED


async def _wants_to_forget(records: str) -> bool:
    if not is_terminal():
        raise UserError(f"This deletes {records} permanently.  Without a terminal, add --yes.")
    keep, delete = "Keep them", "Delete them permanently"
    question = Question(
        id="forget",
        text=f"Delete {records}?  `inhouse audit` and `inhouse costs` forget those runs.",
        choices=(keep, delete),
        kind="forget",
        safe=keep,
    )
    return delete in await TerminalApprover().ask(question)


def _record(record: Record) -> dict[str, Any]:
    return {
        "runId": record.run_id,
        "workspace": record.workspace,
        "agent": record.agent,
        "status": record.status,
        "startedAt": record.started_at,
        "durationMs": record.duration_ms,
        "endpoint": record.endpoint,
        "baseUrl": record.base_url,
        "model": record.model,
        "local": record.local,
        "privacy": record.privacy,
        "inputTokens": record.input_tokens,
        "outputTokens": record.output_tokens,
        "costUsd": record.cost_usd,
        "contacts": [wire.contact(each) for each in record.contacts],
        "permissions": [{"kind": kind, "answer": answer} for kind, answer in record.permissions],
    }


def _print_audit(found: tuple[Record, ...]) -> None:
    if not found:
        output.report().print("No runs yet.")
        return
    table = Table(
        "run", "when", "agent", "host", "address", "sent", "received", "model", box=None,
        pad_edge=False,
    )  # fmt: skip
    for record in found:
        start = (escape(record.run_id), output.local_time(record.started_at), escape(record.agent))
        if not record.contacts:
            table.add_row(*start, "[green]none[/]")
        for contact in record.contacts:
            host = escape(contact.host)
            table.add_row(
                *start,
                f"[green]{host}[/]" if contact.local else f"[yellow]{host}[/]",
                escape(contact.address),
                f"{contact.bytes_sent:,}",
                f"{contact.bytes_received:,}",
                escape(contact.model or ""),
            )
            start = ("", "", "")
    output.report().print(table)
    for record in found:
        if record.permissions:
            given = ", ".join(
                f"{kind}: {answer or 'no answer'}" for kind, answer in record.permissions
            )
            output.report().print(f"{record.run_id} was answered: {given}", markup=False)
    remote = sum(not each.local for record in found for each in record.contacts)
    verdict = (
        f"{count(remote, 'contact')} went to another machine."
        if remote
        else "All hosts were on this machine."
    )
    output.report().print(f"\n{verdict}")


def _costs(report: CostReport) -> dict[str, Any]:
    def part(one: Costs) -> dict[str, Any]:
        return {
            "inputTokens": one.input_tokens,
            "outputTokens": one.output_tokens,
            "costUsd": one.cost_usd,
            "requests": one.requests,
            "unknown": one.unknown,
        }

    return {
        "runs": report.runs,
        "costUsd": report.cost_usd,
        "unknown": report.unknown,
        "savedUsd": report.saved_usd,
        "byEndpoint": {one.name: part(one) for one in report.by_endpoint},
        "byAgent": {one.name: part(one) for one in report.by_agent},
    }


def _print_costs(report: CostReport, days: int) -> None:
    console = output.report()
    runs = count(report.runs, "run")
    console.print(f"{runs} in the last {count(days, 'day')}: ${report.cost_usd:.4f}")
    if report.unknown:
        console.print(f"The cost of {count(report.unknown, 'run')} is unknown, and not included.")
    console.print(
        f"Local runs saved ${report.saved_usd:.4f}, compared with the models they name.\n"
    )
    for title, parts in (("endpoint", report.by_endpoint), ("agent", report.by_agent)):
        table = Table(
            title, "tokens in", "tokens out", "cost", "requests", box=None, pad_edge=False
        )
        for one in parts:
            cost = "unknown" if one.cost_usd is None else f"${one.cost_usd:.4f}"
            table.add_row(
                escape(one.name), f"{one.input_tokens:,}", f"{one.output_tokens:,}", cost,
                str(one.requests),
            )  # fmt: skip
        console.print(table)
        console.print()
