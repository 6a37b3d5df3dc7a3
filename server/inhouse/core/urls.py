"""Base URLs of endpoints: how they are written, and what their text alone shows.

Nothing here looks a name up: ``providers/network/`` does, and checks the address again.
"""

import ipaddress
import re
import socket
import unicodedata
from functools import lru_cache
from urllib.parse import SplitResult, unquote, urlsplit

from .endpoint_kinds import Kind
from .errors import UserError

_NUMERIC = re.compile(r"(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]+|[0-9]+)){0,3}")
_VERSION = re.compile(r"api-version=[\w.-]{1,40}")
"""What Azure wants with each request; it is not a key."""
_METHOD = re.compile(
    r"/chat/completions$|(?<=/)(v\d\w*)/(?:models|completions|responses|embeddings)$"
)
"""What documentation shows behind a base URL."""
_KEY = re.compile(
    r"""(?:sk|pk|rk|xai|nvapi|pplx|csk)-
            (?=[\w-]*\d)(?=[\w-]*[A-Z]|(?:\w*-)*(?=[a-z]*\d)[a-z0-9]{16})[\w-]{20,}
        | (?:gsk|hf|r8|fw)_(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{20,}
        | (?:AIza|tgp_v1_)[\w-]{20,}
        | [A-Za-z0-9]{32,}
        | (?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{40,}""",
    re.ASCII | re.VERBOSE,
)
"""What providers' keys look like, and hardly a host of one word: hosts are words with dashes."""
_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
_EXAMPLE = "Write it as http://localhost:11434 or https://llm.example.com/v1."


@lru_cache(maxsize=256)
def base_url(text: str, kind: Kind = Kind.OPENAI) -> str:
    """Return ``text`` as the base URL of an endpoint of this kind, or raise `UserError`.

    Without credentials, query, trailing slash and a method's name (``/chat/completions``, the
    ``/models`` behind ``/v1``); with the scheme and the ``/v1`` that people often leave out.
    Ollama's has no ``/v1``: its native API lives beside it.  A Unix socket is ``unix:/path``.  The
    message never repeats what may be a key.
    """
    text = text.strip()
    if kind.profile.is_child:
        return kind.profile.default_url or ""
    if re.search(r"[\s\x00-\x1f\x7f\\]", text):
        raise UserError(f"A URL has no spaces, line ends or backslashes in it.  {_EXAMPLE}")
    if text.startswith(("unix:", "http+unix:")):
        return _unix(text)
    if _KEY.fullmatch(_in_hosts_place(text)):
        raise UserError(f"That looks like a key, not a URL; a key goes into apiKey.  {_EXAMPLE}")
    parts = _split(text)
    host = _host(parts)
    port = f":{parts.port}" if parts.port is not None else ""
    shown = f"[{host}]" if ":" in host else host
    version = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme.lower()}://{shown}{port}{_path(parts.path, host, kind)}{version}"


@lru_cache(maxsize=256)
def host_of(url: str) -> str:
    """Return a base URL's host in lower case; empty for a Unix socket and the embedded model."""
    if url.startswith(("unix:", "embedded:")):
        return ""
    return (urlsplit(url).hostname or "").rstrip(".")


def port_of(url: str) -> int | None:
    """Return the port that a base URL names; None if it names none."""
    return None if url.startswith(("unix:", "embedded:")) else urlsplit(url).port


def is_local_name(url: str) -> bool:
    """Return whether the text alone says loopback, a Unix socket or the embedded model."""
    return url.startswith(("unix:", "embedded:")) or is_loopback(host_of(url))


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Return whether a host is loopback by its name or the address that it spells."""
    host = spelt(host)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = literal(host)
    return address is not None and address.is_loopback


def literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address a host spells, mapped IPv4 as plain IPv4; None for a name.

    Whatever a connection would read as an address is one: ``0x7f.1``, ``2130706433``, ``127.1``.
    """
    host = spelt(host)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _by_numbers(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def spelt(host: str) -> str:
    """Return a host as a connection reads it: lower case, full-width digits and dots made plain."""
    plain = unicodedata.normalize("NFKC", host).replace("\u3002", ".")
    return plain.strip().strip("[]").rstrip(".").lower().replace("%25", "%")


def _by_numbers(host: str) -> ipaddress.IPv4Address | None:
    """IPv4 in the system's other spellings: octal, hexadecimal, fewer parts."""
    if not _NUMERIC.fullmatch(host):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def is_azure(url: str) -> bool:
    """Return whether a URL is an Azure OpenAI resource, which wants its key in ``api-key``."""
    return bool(_VERSION.fullmatch(url.partition("?")[2])) or host_of(url).endswith(_AZURE)


def _unix(text: str) -> str:
    path = text.partition(":")[2]
    if path.startswith("//"):
        path = "/" + unquote(path[2:]).lstrip("/")
    path = path.rstrip("/")
    if not path.startswith("/"):
        raise UserError("A Unix socket is written with its whole path: unix:/run/llama.sock.")
    return f"unix:{path}"


def _split(text: str) -> SplitResult:
    if "://" not in text:
        text = f"{_guessed_scheme(text)}://{text}"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise UserError(f"That is not a URL: host or port cannot be read.  {_EXAMPLE}") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise UserError(f"A URL here begins with http:// or https://.  {_EXAMPLE}")
    if "@" in parts.netloc:
        raise UserError(
            "A URL must not have a user name, password or key.  Put the key into apiKey beside "
            "it, best as ${keyring:NAME} or ${env:NAME}."
        )
    version = _VERSION.fullmatch(parts.query) is not None
    if (parts.query and not version) or parts.fragment or text.endswith(("?", "#")):
        raise UserError(
            "A base URL has no fragment, and no query but ?api-version=… (Azure).  "
            "Leave out what follows ? or #; a key goes into apiKey, other values into headers."
        )
    return parts


def _guessed_scheme(text: str) -> str:
    host = re.split(r"[/?#]", text, maxsplit=1)[0].rpartition("@")[2]
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    plain = is_loopback(name) or literal(name) is not None or "." not in name
    return "http" if plain else "https"


def _host(parts: SplitResult) -> str:
    host = _ascii((parts.hostname or "").rstrip("."))
    if not host or not re.fullmatch(r"[^\s/\\<>\"'`{}|^\[\]]+", host):
        raise UserError(f"That URL names no host.  {_EXAMPLE}")
    return host


def _in_hosts_place(text: str) -> str:
    """Return what stands where a host would, as it is written: `urlsplit` has no capitals."""
    behind = text.partition("://")[2] or text
    return re.split(r"[/?#:]", behind.lstrip("/"), maxsplit=1)[0].rstrip("=.")


def _ascii(host: str) -> str:
    """Return a host as it is looked up, so that none resembles another: ``xn--…``, plain digits."""
    if host.isascii():
        return host
    try:
        return spelt(host).encode("idna").decode("ascii")
    except UnicodeError:
        raise UserError(f"That URL names no host.  {_EXAMPLE}") from None


def _path(path: str, host: str, kind: Kind) -> str:
    profile = kind.profile
    path = _METHOD.sub(r"\1", re.sub(r"/{2,}", "/", path).rstrip("/"))
    for end in profile.drops_path:
        path = path.removesuffix(end)
    if not path and host.endswith(_AZURE):
        return "/openai/v1"
    if path or profile.path is not None:
        return path or profile.path or ""
    return "/v1" if is_loopback(host) else ""
