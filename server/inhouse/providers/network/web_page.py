"""Reads a public web page for ``read_url``, refusing private addresses."""

import asyncio
from urllib.parse import urljoin, urlsplit

from attrs import frozen

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import ProviderError, RefusedError
from inhouse.core.route import Endpoint
from inhouse.providers.network.egress import Egress

SECONDS = 20.0
LARGEST = 2_000_000
MOST_REDIRECTS = 5


@frozen
class Page:
    status: int
    final_url: str
    content_type: str
    body: bytes
    truncated: bool


async def read_page(url: str, egress: Egress) -> Page:
    """Get a page.  *egress* must be ``public_only``; each redirect is checked again.

    Raises `RefusedError` for an address that is not public, and `ProviderError`.
    """
    try:
        async with asyncio.timeout(SECONDS):
            for _ in range(MOST_REDIRECTS + 1):
                page, onwards = await _get(url, egress)
                if onwards is None:
                    return page
                url = urljoin(url, onwards)
    except TimeoutError:
        raise ProviderError(f"{url} did not answer within {SECONDS:.0f} s.") from None
    raise ProviderError(f"{url} redirects more than {MOST_REDIRECTS} times.")


async def _get(url: str, egress: Egress) -> tuple[Page, str | None]:
    import httpx2  # noqa: PLC0415  # 0.25 s: not before the first request

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise RefusedError(
            f"{url!r} is not a public page.", "Give an http(s) URL without a name and password."
        )
    origin = f"{parts.scheme}://{parts.netloc}"
    endpoint = Endpoint("read_url", Kind.OPENAI, origin, "the tool read_url")
    try:
        async with egress.client(endpoint).stream("GET", url) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > LARGEST:
                    break
    except httpx2.HTTPError as error:
        raise ProviderError(f"{url} could not be read: {error or type(error).__name__}.") from error
    onwards = response.headers.get("location") if response.is_redirect else None
    kind = response.headers.get("content-type", "")
    page = Page(response.status_code, url, kind, bytes(body[:LARGEST]), len(body) > LARGEST)
    return page, onwards
