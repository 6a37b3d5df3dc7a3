"""Finds which program listens on a port of this machine, since some only forward elsewhere.

A tunnel looks like a local server from outside.  The system knows whose port it is, but does not
reveal programs of other users, nor on macOS any other program.
"""

import contextlib
from collections.abc import Sequence

from inhouse.core.urls import literal
from inhouse.providers.network.addresses import IPAddress, unmapped

LEADS_ELSEWHERE = frozenset(
    {
        *("ssh", "sshd", "sshd-session", "autossh", "plink", "putty", "dropbear", "sshuttle"),
        *("socat", "stunnel", "stunnel4", "kubectl", "chisel", "gost", "frpc", "rathole", "bore"),
        *("cloudflared", "ngrok", "tailscaled", "ncat", "rinetd", "teleport", "tsh", "boundary"),
    }
)


def tunnel_at(addresses: Sequence[IPAddress], port: int) -> str:
    """Return the name of the tunnel that listens there; empty if none is known.  Blocks."""
    import psutil  # noqa: PLC0415  20 ms, and only "local-only" and the doctor ask

    with contextlib.suppress(psutil.Error, OSError):
        for one in psutil.net_connections("tcp"):
            where = one.laddr
            if one.status != psutil.CONN_LISTEN or not one.pid:
                continue
            if not where or where.port != port:
                continue
            at = literal(where.ip)
            if at is not None and (at.is_unspecified or unmapped(at) in addresses):
                name = psutil.Process(one.pid).name().lower().removesuffix(".exe")
                if name in LEADS_ELSEWHERE:
                    return name
    return ""
