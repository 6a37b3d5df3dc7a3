"""Company proxies: which one the environment names for a remote host, as curl reads it.

``HTTP_PROXY``, ``HTTPS_PROXY`` and ``ALL_PROXY``, also in lower case (which wins), and
``NO_PROXY``: names with their subdomains, addresses, ranges (CIDR), a port, ``*``.
`inhouse.providers.network.egress` decides whether one is used: never for local servers.
"""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from attrs import field, frozen

from inhouse.core.errors import UserError
from inhouse.core.secret import Secret
from inhouse.core.urls import literal, spelt
from inhouse.providers.network.addresses import HttpAddress


@frozen
class ProxyServer:
    """A proxy, and the variable that names it."""

    host: str
    port: int
    tls: bool
    variable: str
    auth: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.url} ({self.variable})"


def named_proxy(address: HttpAddress, environment: Mapping[str, str]) -> ProxyServer | None:
    """Return the proxy for an address.  Raises `UserError`: one is named that cannot be used."""
    names = ("https_proxy", "HTTPS_PROXY") if address.tls else ("http_proxy", "HTTP_PROXY")
    for name in (*names, "all_proxy", "ALL_PROXY"):
        if name == "HTTP_PROXY" and "REQUEST_METHOD" in environment:
            continue  # a CGI program gets it from its client (CVE-2016-5385)
        if text := environment.get(name, "").strip():
            if is_excepted(address, environment):
                return None
            return _read(text, name, address.host)
    return None


def is_excepted(address: HttpAddress, environment: Mapping[str, str]) -> bool:
    """Return whether ``NO_PROXY`` names the host."""
    text = environment.get("no_proxy", "") or environment.get("NO_PROXY", "")
    host = spelt(address.host)
    return any(_matches(one, host, address.port) for one in re.split(r"[,\s]+", text) if one)


def _matches(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    if (network := _network(entry)) is not None:
        known = literal(host)
        return known is not None and known.version == network.version and known in network
    name, _, only = entry.rpartition(":") if re.search(r"[^:]:\d+$", entry) else (entry, "", "")
    if only and int(only) != port:
        return False
    name = spelt(name).lstrip("*").lstrip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None


def _read(text: str, variable: str, wanted: str) -> ProxyServer:
    parts = urlsplit(text if "://" in text else f"http://{text}")
    remedy = f"Correct {variable}, or add {wanted} to NO_PROXY to connect without a proxy."
    if parts.scheme.lower().startswith("socks"):
        raise UserError(
            f"{variable} names a SOCKS proxy, and only HTTP proxies are used.  Name one in "
            f"HTTPS_PROXY, or add {wanted} to NO_PROXY to connect without a proxy.",
            code="proxy",
        )
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme.lower() not in ("http", "https"):
        raise UserError(
            f"{variable} names no proxy: write http://HOST:PORT.  {remedy}", code="proxy"
        )
    tls = parts.scheme.lower() == "https"
    auth: tuple[str, str] | None = None
    if parts.username is not None:
        auth = unquote(parts.username), unquote(parts.password or "")
        Secret(auth[1])  # from now on it is known and removed from output
    return ProxyServer(host, port or (443 if tls else 80), tls, variable, auth)
