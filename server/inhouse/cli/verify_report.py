"""What ``audit --verify`` proved, for people."""

from typing import Any

from rich.markup import escape
from rich.table import Table

from . import output


def show(report: dict[str, Any]) -> None:
    """Print the probes, the repeated run and the verdict of each."""
    console = output.report()
    installed = report["installation"]
    console.print(
        f"Tried with the {installed['files']} files of {installed['folder']} "
        f"(SHA-256 {installed['sha256']}):",
        style="dim",
        markup=False,
    )
    for probe in report["probes"]:
        mark = "[green]ok[/]    " if probe["passed"] else "[bold red]FAILED[/]"
        console.print(f"{mark} {escape(probe['name'])}: {escape(probe['outcome'])}")
    _packets(report["packets"])
    _verdict(report["verdict"])
    replay = report.get("replay")
    if replay is None:
        console.print("\nNo recorded run can be repeated yet, so only the probes ran.")
        return
    console.print(
        f"\n{replay['runId']} of agent {replay['agent']}, {replay['startedAt'][:19]}, "
        f"privacy {replay['privacy']!r}, at {replay['baseUrl']}",
        style="bold",
        markup=False,
    )
    if replay["hosts"]:
        console.print(_hosts(replay["hosts"]))
    _packets(replay["packets"])
    for note in replay["notes"]:
        console.print(f"  {note}", markup=False, style="dim")
    _verdict(replay["verdict"])


def _hosts(rows: list[dict[str, Any]]) -> Table:
    """Print bytes sent and received: as recorded, as counted now, as captured."""
    table = Table("host", "address", "recorded", "repeated", "captured", box=None, pad_edge=False)
    for row in rows:
        amounts = (_amount(row[column]) for column in ("recorded", "repeated", "captured"))
        table.add_row(escape(row["host"]), escape(row["address"]), *amounts)
    return table


def _amount(told: dict[str, int] | None) -> str:
    return "nothing" if told is None else f"{told['sent']:,} sent, {told['received']:,} received"


def _packets(packets: dict[str, Any]) -> None:
    console = output.report()
    console.print(
        f"{packets['loopback']} packets on loopback, {len(packets['out'])} to the outside."
    )
    for one in packets["out"]:
        console.print(f"  {one['from']} → {one['to']} ({one['bytes']} bytes)", markup=False)


def _verdict(verdict: str) -> None:
    good = verdict.startswith("Proved")
    output.report().print(verdict, style="bold green" if good else "bold red", markup=False)
