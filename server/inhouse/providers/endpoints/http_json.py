"""Small requests to a server besides the chat: its models, its window, its health."""

import asyncio
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jiter
from attrs import frozen

from inhouse.core.errors import InhouseError, ProviderError
from inhouse.core.route import Endpoint
from inhouse.core.urls import is_azure
from inhouse.providers.endpoints import endpoint_errors
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.network.addresses import http_address

if TYPE_CHECKING:
    import httpx2

    from inhouse.providers.network.egress import Egress

KEY_HEADERS = ("authorization", "api-key", "x-api-key", "ocp-apim-subscription-key")
SECONDS = 10.0
LARGEST_ANSWER = 32 * 1024 * 1024


@frozen
class Reply:
    value: Any
    headers: Mapping[str, str]


async def get_json(endpoint: Endpoint, path: str, egress: "Egress") -> Any:
    """GET a path below the base URL (``models``), or from the server's root (``/props``)."""
    return (await request(endpoint, path, egress)).value


async def post_json(
    endpoint: Endpoint,
    path: str,
    body: Mapping[str, Any],
    egress: "Egress",
    *,
    seconds: float = SECONDS,
) -> Any:
    return (await request(endpoint, path, egress, body=body, seconds=seconds)).value


async def request(
    endpoint: Endpoint,
    path: str,
    egress: "Egress",
    *,
    body: Mapping[str, Any] | None = None,
    seconds: float = SECONDS,
) -> Reply:
    """POST *body*, or GET without one.  Raises `ProviderError` unless the answer is JSON."""
    import httpx2  # noqa: PLC0415  # 0.25 s: not before the first request

    place = ModelRef(endpoint, "")
    headers = await headers_of(endpoint)
    try:
        async with (
            asyncio.timeout(seconds),
            egress.client(endpoint).stream(
                "GET" if body is None else "POST",
                url_of(endpoint, path),
                json=body,
                headers=headers,
                timeout=httpx2.Timeout(seconds),
            ) as response,
        ):
            data = await _limited(response, place)
    except InhouseError:
        raise
    except httpx2.ProxyError as error:
        raise endpoint_errors.through_proxy(place, str(error)) from error
    except httpx2.ConnectError as error:
        raise endpoint_errors.unreachable(place, str(error), error) from error
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise endpoint_errors.hung_up(place, f"no answer within {seconds:g} s") from error
    except httpx2.HTTPError as error:
        raise endpoint_errors.hung_up(place, str(error) or type(error).__name__, error) from error
    if response.status_code >= 300:  # noqa: PLR2004
        text = data.decode("utf-8", "replace")
        raise endpoint_errors.of_status(place, response.status_code, text, response.headers)
    try:
        return Reply(jiter.from_json(data), dict(response.headers))
    except ValueError as error:
        raise endpoint_errors.not_an_answer(
            place, data[:4096].decode("utf-8", "replace")
        ) from error


def url_of(endpoint: Endpoint, path: str) -> str:
    address = http_address(endpoint.base_url)
    if path.startswith("/"):
        return address.root + path
    query = f"?{address.query}" if address.query else ""
    return f"{address.url.rstrip('/')}/{path}{query}"


async def headers_of(endpoint: Endpoint) -> dict[str, str]:
    """Return the key and headers of the endpoint's one source; its own authorization wins."""
    own = {name.lower(): value for name, value in endpoint.headers.items()}
    if endpoint.api_key is None and any(name in own for name in KEY_HEADERS):
        return own  # a second, invalid key would be refused
    key = await key_of(endpoint)
    if is_azure(endpoint.base_url):
        return {"api-key": key, **own}
    return {"authorization": f"Bearer {key}", **own}


async def key_of(endpoint: Endpoint) -> str:
    """Return the key, or the word that is sent instead.  Raises `UserError`.

    A keyring may wait for somebody to unlock it: nothing else waits meanwhile.  Raises
    `ProviderError` if no header can carry the key.
    """
    key = endpoint.api_key
    if key is None:
        return "unused"
    text = key.reveal() if key.is_at_hand else await asyncio.to_thread(key.reveal)
    text = text.strip()
    if (strange := _STRANGE.search(text)) is not None:
        character = strange[0]
        why = "a line end" if character in "\r\n" else f"the character U+{ord(character):04X}"
        raise endpoint_errors.unsendable_key(endpoint, why)
    return text or "unused"


_STRANGE = re.compile(r"[^\t\x20-\x7e]")
"""What a header cannot carry: a request would fail with words about something else."""


async def _limited(response: "httpx2.Response", place: ModelRef) -> bytes:
    data = bytearray()
    async for part in response.aiter_bytes():
        data += part
        if len(data) > LARGEST_ANSWER:
            raise ProviderError(f"{place} sent more than {LARGEST_ANSWER:,} bytes.")
    return bytes(data)
