"""The inside of ``audit --verify``: builds the watched network and runs the proof in it.

Started by `inhouse.verify.audit_verify` in a fresh network namespace; its task comes as JSON on
standard input, its report goes to standard output.
"""

import json
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from inhouse import processes

from . import probes
from .capture import Packet, capturing
from .probes import ProbeOutcome
from .relay import relaying

CONTROL = b"inhouse-control-packet"
OUT, PEER = "inhouse-out", "inhouse-peer"
_COMMAND_SECONDS = 30.0
NOWHERE = "192.0.2.1"
"""From a range reserved for documentation (RFC 5737)."""


def main() -> int:
    job: dict[str, Any] = json.load(sys.stdin)
    _build_network()
    told = {"probes": _probe()}
    if job:
        told["replay"] = _replay(job)
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _probe() -> dict[str, Any]:
    canary = f"canary-{os.urandom(12).hex()}"
    with (
        tempfile.TemporaryDirectory(prefix="inhouse-verify-") as folder,
        capturing([CONTROL, canary.encode()]) as packets,
    ):
        _send_control_packet()
        with probes.open_bench(Path(folder), canary) as bench:
            outcomes = [probe(bench) for probe in probes.PROBES]
    return report(outcomes, packets, canary)


def _replay(job: dict[str, Any]) -> dict[str, Any]:
    """Repeat a run; return its report and every packet."""
    for address in job["addresses"]:
        mask = 128 if ":" in address else 32
        _command(f"ip addr add {address}/{mask} dev lo")
    with capturing([CONTROL]) as packets:
        _send_control_packet()
        with relaying(job["relays"]):
            done = processes.run_blocking(
                processes.python("inhouse.verify.repeat_run"),
                given=json.dumps(job["run"]).encode(),
                environment={**os.environ, "INHOUSE_HOME": job["home"]},
                seconds=job["patience"],
            )
    try:
        told = json.loads(done.out)
    except ValueError:
        told = {"failure": f"The process that repeated it ended with status {done.code}."}
    shown = [
        [p.interface, p.source, p.source_port, p.target, p.target_port, p.payload, p.size]
        for p in packets
        if CONTROL not in p.marks
    ]
    return {"told": told, "packets": shown, "seesOutside": len(shown) < len(packets)}


def report(outcomes: list[ProbeOutcome], packets: list[Packet], canary: str) -> dict[str, Any]:
    """Report what was proved; nothing is if the capture itself might have been blind."""
    inside = [one for one in packets if one.interface == "lo"]
    outside = [one for one in packets if one.interface == OUT]
    left = [one for one in outside if CONTROL not in one.marks]
    sees_outside = len(left) < len(outside)
    sees_canary = any(canary.encode() in one.marks for one in inside)
    failed = [one.name for one in outcomes if not one.passed]
    if not sees_outside or not sees_canary:
        verdict = "Nothing is proved: the capture did not see what was sent to test it."
    elif left:
        verdict = f"NOT proved: {len(left)} packets tried to leave this machine."
    elif failed:
        verdict = f"NOT proved: {', '.join(failed)} did not end as they must."
    else:
        verdict = "Proved: with privacy 'local-only' every packet of these runs stayed on loopback."
    return {
        "proved": verdict.startswith("Proved"),
        "verdict": verdict,
        "probes": [
            {"name": one.name, "passed": one.passed, "outcome": one.outcome} for one in outcomes
        ],
        "packets": {
            "loopback": len(inside),
            "out": [{"from": one.source, "to": one.target, "bytes": one.size} for one in left],
        },
        "captureSeesOutside": sees_outside,
        "captureSeesCanary": sees_canary,
        "canaryLeft": any(canary.encode() in one.marks for one in outside),
    }


def _build_network() -> None:
    """Set up loopback and a way out that leads nowhere, which shows every attempt to leave."""
    commands = (
        "ip link set lo up",
        f"ip link add {OUT} type veth peer name {PEER}",
        f"ip link set {PEER} up",
        f"ip addr add 198.51.100.1/24 dev {OUT}",
        f"ip -6 addr add 2001:db8::1/64 dev {OUT} nodad",
        f"ip link set {OUT} up",
        f"ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev {OUT}",
        "ip route add default via 198.51.100.2",
        f"ip -6 neigh add 2001:db8::2 lladdr 02:00:00:00:00:02 dev {OUT}",
        "ip -6 route add default via 2001:db8::2",
    )
    for command in commands:
        _command(command)


def _command(command: str) -> None:
    program = processes.find_program("ip")
    if program is None:
        raise SystemExit("ip is not installed")
    done = processes.run_blocking((program, *command.split()[1:]), seconds=_COMMAND_SECONDS)
    if done.code != 0 and " -6 " not in command:
        raise SystemExit(f"{command}: {done.last_words}")


def _send_control_packet() -> None:
    """Send one packet out: unless the capture sees it, the capture proves nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(CONTROL, (NOWHERE, 9))


if __name__ == "__main__":
    sys.exit(main())
