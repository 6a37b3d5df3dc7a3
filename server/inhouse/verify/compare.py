"""Compares a recorded run with what was seen when it was repeated.  Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inhouse.store.run_records import Record

Json = dict[str, Any]

Pairs = Mapping[tuple[str, str], int]
"""Sender and receiver (``address port``) → bytes, on loopback."""


def judge(record: Record, seen: Mapping[str, Any], *, notes: Sequence[str]) -> Json:
    """Compare; *seen* is the report of `inhouse.verify.inside` on the repeated run."""
    told: Json = seen["told"]
    result: Json = told.get("result") or {"contacts": [], "status": "failed"}
    contacts: list[Json] = result["contacts"]
    pairs, loopback, out = _pairs(seen["packets"])
    hosts = _hosts(record, contacts, pairs)
    unknown = _unknown(contacts, pairs)
    problem = (
        _blind(seen)
        or (f"{len(out)} packets tried to leave this machine" if out else "")
        or _failure(record, told, result)
        or _strangers(record, contacts)
        or (f"there was traffic that no record names: {', '.join(unknown)}" if unknown else "")
        or _smuggled(hosts)
    )
    where = ", ".join(dict.fromkeys(one["host"] for one in contacts)) or "no host at all"
    good = f"Proved: repeated, {record.run_id} reached {where}, and not one packet tried to leave."
    return {
        **heading(record),
        "proved": not problem,
        "verdict": f"NOT proved: {problem}." if problem else good,
        "notes": list(notes),
        "hosts": hosts,
        "packets": {"loopback": loopback, "out": out},
    }


def hopeless(record: Record, reason: str) -> Json:
    """Say why a record cannot be repeated or could never be a proof; None if it can."""
    return {
        **heading(record),
        "proved": False,
        "verdict": f"NOT proved: {reason}",
        "notes": [],
        "hosts": _hosts(record, [], Counter()),
        "packets": {"loopback": 0, "out": []},
    }


def heading(record: Record) -> Json:
    return {
        "runId": record.run_id,
        "agent": record.agent,
        "startedAt": record.started_at,
        "status": record.status,
        "privacy": record.privacy,
        "baseUrl": record.base_url,
    }


def _pairs(packets: Iterable[Sequence[Any]]) -> tuple[Pairs, int, list[Json]]:
    """Return bytes by sender and receiver on loopback, packets there, and packets elsewhere."""
    pairs: Counter[tuple[str, str]] = Counter()
    loopback, out = 0, list[Json]()
    for interface, source, source_port, target, target_port, payload, size in packets:
        if interface == "lo":
            loopback += 1
            pairs[f"{source} {source_port}", f"{target} {target_port}"] += payload
        else:
            out.append({"from": source, "to": target, "bytes": size})
    return pairs, loopback, out


def _hosts(record: Record, contacts: list[Json], pairs: Pairs) -> list[Json]:
    """Return, for each host, what the record says, the repeat counted and the capture saw."""
    rows: dict[tuple[str, str, str], Json] = {}
    for one in record.contacts:
        row = rows.setdefault(_same(one.endpoint, one.host, one.address), _row(one.host))
        row["address"] = one.address
        row["recorded"] = {"sent": one.bytes_sent, "received": one.bytes_received}
    for one in contacts:
        row = rows.setdefault(_same(one["endpoint"], one["host"], one["address"]), _row(""))
        row["host"], row["address"] = one["host"], one["address"]
        row["repeated"] = {"sent": one["bytesSent"], "received": one["bytesReceived"]}
        row["captured"] = _captured(_end(one), pairs)
    return list(rows.values())


def _captured(end: str, pairs: Pairs) -> Json | None:
    if not any(end in pair for pair in pairs):
        return None
    return {
        "sent": sum(count for (_, to), count in pairs.items() if to == end),
        "received": sum(count for (by, _), count in pairs.items() if by == end),
    }


def _row(host: str) -> Json:
    return {"host": host, "address": "", "recorded": None, "repeated": None, "captured": None}


def _same(endpoint: str, host: str, address: str) -> tuple[str, str, str]:
    """Compare hosts, ignoring the embedded server's port, which changes with each start."""
    return endpoint, "" if endpoint == "embedded" else host, address


def _end(contact: Mapping[str, Any]) -> str:
    return f"{contact['address']} {contact['host'].rpartition(':')[2]}"


def _blind(seen: Mapping[str, Any]) -> str:
    if not seen["seesOutside"]:
        return "the capture did not see the packet that was sent to test it"
    return ""


def _failure(record: Record, told: Json, result: Json) -> str:
    if "failure" in told:
        return f"it could not be repeated: {told['failure'].rstrip('.')}"
    if result["status"] != "completed" and record.status == "completed":
        error: Json = result.get("error") or {}
        message: str = error.get("message", result["status"])
        return f"it completed then, and did not now: {message.rstrip('.')}"
    return ""


def _strangers(record: Record, contacts: list[Json]) -> str:
    known = {_same(one.endpoint, one.host, one.address) for one in record.contacts}
    new = [
        one["host"]
        for one in contacts
        if _same(one["endpoint"], one["host"], one["address"]) not in known
    ]
    return f"repeated, it reached what is not in the record: {', '.join(new)}" if new else ""


def _unknown(contacts: list[Json], pairs: Pairs) -> list[str]:
    """Return loopback servers that received something although no contact names them."""
    known = {_end(one) for one in contacts}
    strange = [pair for pair in pairs if not known & set(pair)]
    return [to for at, (by, to) in enumerate(strange) if (to, by) not in strange[:at]]


def _smuggled(hosts: list[Json]) -> str:
    for row in hosts:
        told, seen = row["repeated"], row["captured"]
        if told and seen and seen["sent"] > told["sent"]:
            more = seen["sent"] - told["sent"]
            return f"{more} bytes more went to {row['host']} than the record counted"
    return ""
