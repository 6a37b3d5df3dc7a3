"""``inhouse audit --verify``: prove on this machine, with this program, that nothing leaves.

It makes a network namespace whose only way out is an interface that leads nowhere and is watched
packet by packet (`inhouse.verify.inside`).  There it tries fixed probes and repeats a recorded run
exactly as it was requested.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import attrs

from inhouse import processes
from inhouse.core.errors import UserError
from inhouse.core.own_environment import environment
from inhouse.host.services import Services, open_services
from inhouse.store.replays import Replay
from inhouse.store.run_records import Record

from .compare import hopeless, judge
from .installation import installation
from .relay import outside

PATIENCE_S = 180.0
REPLAY_PATIENCE_S = 1800.0
_TRY_SECONDS = 30.0
LOOKED_AT = 100
EMBEDDED = "embedded"


async def verify(run_id: str | None, *, tell: Callable[[str], None]) -> dict[str, Any]:
    """Try the probes, repeat a run, and report what that proved, as JSON.

    *tell* is called with the steps that take time.  Raises `UserError` if this system or that run
    allows no proof.
    """
    installed = await asyncio.to_thread(installation)
    services = open_services(environment())
    try:
        record, replay = await asyncio.to_thread(_chosen, services, run_id)
        command = await _command()
        report = await _prove(command, services, record, replay, tell=tell)
        return {**report, "installation": attrs.asdict(installed)}
    finally:
        await services.aclose()


def _chosen(services: Services, run_id: str | None) -> tuple[Record | None, Replay | None]:
    """Return the requested run, else the last one that can be repeated.  Blocks."""
    records = services.records.recent(LOOKED_AT, run_id=run_id)
    if run_id is not None and not records:
        raise UserError(f"No record of a run {run_id!r}.  `inhouse audit` lists the newest.")
    for record in records:
        replay = services.replays.of(record.id)
        if replay is not None:
            return record, replay
    if run_id is not None:
        raise UserError(
            f"What run {run_id!r} was asked is not kept any more, only the last runs are.  "
            "Run it again, then verify that run."
        )
    return None, None


async def _prove(
    command: list[str],
    services: Services,
    record: Record | None,
    replay: Replay | None,
    *,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    if record is None or replay is None:
        return await _inside(command, {}, PATIENCE_S)
    if strange := [one.host for one in record.contacts if not one.local]:
        report = await _inside(command, {}, PATIENCE_S)
        told = f"its record names hosts that are not on this machine: {', '.join(strange)}."
        report["replay"] = hopeless(record, told)
    else:
        tell(f"Repeating {record.run_id} of agent {record.agent} in the namespace …")
        async with AsyncExitStack() as stack:
            folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="inhouse-replay-"))
            )
            relays = _relays(record, folder)
            await stack.enter_async_context(outside(relays))
            await asyncio.to_thread(_copy_home, services, folder / "home")
            job = {
                "run": attrs.asdict(replay),
                "relays": relays,
                "patience": REPLAY_PATIENCE_S,
                "addresses": sorted({one["address"] for one in relays} - LOOPBACK),
                "home": str(folder / "home"),
            }
            report = await _inside(command, job, PATIENCE_S + REPLAY_PATIENCE_S)
        report["replay"] = judge(record, report["replay"], notes=_notes(record, replay, relays))
    report["proved"] = report["proved"] and report["replay"]["proved"]
    return report


LOOPBACK = {"127.0.0.1", "::1"}


def _relays(record: Record, folder: Path) -> list[dict[str, Any]]:
    """Return relays for the record's servers outside the namespace.

    The embedded server starts inside, and Unix sockets are reachable from there.
    """
    ends = {
        (one.address, int(one.host.rpartition(":")[2]))
        for one in record.contacts
        if one.endpoint != EMBEDDED and not one.host.startswith("unix:")
    }
    return [
        {"address": address, "port": port, "socket": str(folder / f"{number}.sock")}
        for number, (address, port) in enumerate(sorted(ends))
    ]


def _copy_home(services: Services, home: Path) -> None:
    """Copy what a run depends on, so that repeating it changes nothing.  Blocks."""
    services.database.copy_to(home / "state")
    for source, link in (
        (services.folders.config, home / "config"),
        (services.folders.cache, home / "cache"),
        (services.folders.data / "models", home / "data/models"),
    ):
        link.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            link.symlink_to(source, target_is_directory=True)


def _notes(record: Record, replay: Replay, relays: list[dict[str, Any]]) -> list[str]:
    """Say exactly what the result proves, and what it does not."""
    notes = ["Edits, commands and questions of the run were not repeated."]
    servers = ", ".join(f"{one['address']}:{one['port']}" for one in relays)
    if servers:
        notes.append(
            f"The server at {servers} is outside the namespace and was reached through a bridge. "
            " The check watched what Inhouse sent, not what that server does with it."
        )
    if any(one.endpoint == EMBEDDED for one in record.contacts):
        notes.append("The embedded model started inside the namespace: it was watched too.")
    if any(one.host.startswith("unix:") for one in record.contacts):
        notes.append("A Unix socket sends no packets, so its server was not watched.")
    if replay.session:
        notes.append(
            "The session's earlier messages are not kept, so the repeated run began without them."
        )
    if record.privacy != "local-only":
        notes.append(f"Privacy was {record.privacy!r}: nothing but the capture held it here.")
    return notes


async def _command() -> list[str]:
    """Return the command that makes a namespace.  Raises `UserError` if none can be made."""
    if sys.platform != "linux":
        raise UserError(
            "audit --verify needs Linux: only there can a program be put into a network namespace "
            "and watched.  `inhouse audit` shows the record of each run everywhere.",
            code="unavailable",
        )
    unshare, ip = (_program(name) for name in ("unshare", "ip"))
    refused = ""
    for command in ([unshare, "--net"], [unshare, "--user", "--map-root-user", "--net"]):
        up = (*command, ip, "link", "set", "lo", "up")
        try:
            tried = await processes.run(up, seconds=_TRY_SECONDS)
        except TimeoutError:
            refused = "unshare did not end"
            continue
        if tried.code == 0:
            return command
        refused = tried.last_words
    raise UserError(
        f"This system does not allow a network namespace here ({refused}).  Run it as root, or "
        "allow unprivileged "
        "user namespaces (kernel.unprivileged_userns_clone, or AppArmor's restriction).",
        code="unavailable",
    )


def _program(name: str) -> str:
    found = processes.find_program(name)
    if found is None:
        raise UserError(
            f"audit --verify needs the command {name!r}.  Install util-linux and iproute2.",
            code="unavailable",
        )
    return found


async def _inside(command: list[str], job: dict[str, Any], patience: float) -> dict[str, Any]:
    try:
        done = await processes.run(
            [*command, *processes.python("inhouse.verify.inside")],
            seconds=patience,
            environment=environment(),  # A repeated run may need a key from a variable.
            given=json.dumps(job).encode(),
        )
    except TimeoutError:
        raise UserError(f"The probes did not end within {patience:.0f} s.") from None
    try:
        told = cast("dict[str, Any]", json.loads(done.out))
    except ValueError:
        raise UserError(
            f"The probes could not run: {done.last_words}", code="unavailable"
        ) from None
    return {**told["probes"], **({"replay": told["replay"]} if job else {})}
