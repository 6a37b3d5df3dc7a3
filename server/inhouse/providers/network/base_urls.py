"""Base URLs as users write them, and the addresses they mean."""

from functools import lru_cache
from urllib.parse import urlsplit

from attrs import frozen

from inhouse.core.errors import UserError


@frozen
class HttpAddress:
    """The address that a base URL means."""

    url: str
    """What request paths are appended to; for a Unix socket, with the host ``localhost``."""
    host: str
    port: int
    tls: bool
    unix_path: str | None = None
    query: str = ""
    """Query parameters of each request (Azure's ``api-version``)."""

    @property
    def root(self) -> str:
        """The URL without its ``/v1``: beside it servers keep what is not OpenAI's."""
        return self.url.rstrip("/").removesuffix("/v1")


@lru_cache(maxsize=256)
def http_address(base_url: str) -> HttpAddress:
    """Read ``http://host:port/path``, ``https://…`` or ``unix:/path[:/prefix]``."""
    if base_url.startswith("unix:"):
        path, _, prefix = base_url.removeprefix("unix:").removeprefix("//").partition(":")
        url = f"http://localhost{prefix or '/v1'}"
        return HttpAddress(url, "localhost", 80, tls=False, unix_path=path)
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _not_a_url(base_url) from error
    if parts.scheme not in ("http", "https") or not host:
        raise _not_a_url(base_url)
    tls = parts.scheme == "https"
    without_credentials = parts.netloc.rpartition("@")[2]
    url = parts._replace(netloc=without_credentials, query="", fragment="").geturl()
    return HttpAddress(url, host, port or (443 if tls else 80), tls, query=parts.query)


def _not_a_url(base_url: str) -> UserError:
    shown = base_url.rpartition("@")[2]
    return UserError(f"Not a base URL: {shown!r}.  Write http://HOST:PORT/v1, or unix:/PATH.")
