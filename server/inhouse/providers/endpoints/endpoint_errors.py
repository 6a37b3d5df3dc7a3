"""What went wrong at an endpoint, said once and clearly: endpoint, model and remedy."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from inhouse.core.errors import (
    ContextOverflowError,
    ProviderError,
    ProviderUnavailableError,
    ToolsUnsupportedError,
)
from inhouse.core.json_values import fields, whole
from inhouse.core.limits import LONGEST_ARGUMENTS
from inhouse.core.route import Endpoint
from inhouse.providers.endpoints.error_text import (
    error_fields,
    message_in,
    parsed,
    refuses_tools,
    retry_after,
)

LONGEST_QUOTE = 300
A_SECRET = 8
"""A header's value of this length may be a key."""


@frozen
class ModelRef:
    """The endpoint and model that messages name."""

    endpoint: Endpoint
    model: str

    def __str__(self) -> str:
        model = f", model {self.model!r}" if self.model else ""
        return f"endpoint {self.endpoint.name!r} ({self.endpoint.base_url}){model}"

    def setting(self, key: str) -> str:
        """Say where to correct a setting of this endpoint: where it was named."""
        if self.endpoint.name in ("definition", "environment"):
            return f"{key} ({self.endpoint.source})"
        return f"`inhouse.endpoints.{self.endpoint.name}.{key}`"

    def quote(self, text: str) -> str:
        """Shorten a server's words to one line; some servers repeat the key in them."""
        key = self.endpoint.api_key
        secrets = [key.reveal()] if key is not None else []
        secrets += [value for value in self.endpoint.headers.values() if len(value) >= A_SECRET]
        for secret in filter(None, secrets):
            text = text.replace(secret, "•••")
        line = " ".join(text.split())
        return line if len(line) <= LONGEST_QUOTE else f"{line[:LONGEST_QUOTE]}…"


def of_status(place: ModelRef, status: int, body: str, headers: Mapping[str, str]) -> ProviderError:
    """Translate an HTTP status that is no success."""
    said = place.quote(message_in(body))
    match status:
        case _ if is_redirect(status):
            return _redirected(place, status, headers.get("location", ""))
        case _ if (known := _by_words(place, body, said)) is not None:
            return known
        case 401 | 403:
            return ProviderError(_wrong_key(place, status, said), code="unauthorized")
        case 404:
            return not_found(place, said)
        case 408 | 409 | 425 | 429 | 500 | 502 | 503 | 504 | 529:
            return ProviderUnavailableError(
                f"{place}: {_busy(status)} ({status}).  {said}".rstrip(),
                code="rate_limited" if status == 429 else "unavailable",  # noqa: PLR2004
                retry_after=retry_after(headers),
            )
        case _:
            what, code = _REFUSALS.get(status, ("the server refused the request", "bad_request"))
            return ProviderError(f"{place}: {what} ({status}).  {said}".rstrip(), code=code)


def of_piece(place: ModelRef, error: Any, *, code: Any = None) -> ProviderError:
    """Translate an error that a server put into the stream."""
    body = {"error": error}
    known = fields(error)
    status = known.get("code") or known.get("status_code") or code
    if (known_words := _by_words(place, body, place.quote(message_in(body)))) is not None:
        return known_words
    if isinstance(status, str) and status.isdigit():
        status = int(status)
    if isinstance(status, int) and 400 <= status < 600:  # noqa: PLR2004
        return of_status(place, status, json.dumps(body), {})
    return ProviderError(f"{place}: the server broke off: {place.quote(message_in(body))}")


def unreachable(place: ModelRef, reason: str) -> ProviderUnavailableError:
    """Nobody listens, or the line broke before anything was said."""
    address = place.endpoint.base_url
    name = place.endpoint.name
    hint = f"Is {name} running?  " if name not in ("", "environment", "definition") else ""
    return ProviderUnavailableError(
        f"Cannot reach {place}: {place.quote(reason) or 'no connection'}.  {hint}"
        f"Start the server at {address}, or correct {place.setting('baseUrl')}.",
        code="unreachable",
    )


def hung_up(place: ModelRef, reason: str) -> ProviderUnavailableError:
    """The server took the connection, and closed it before it said anything."""
    return ProviderUnavailableError(
        f"{place}: the server closed the connection before it answered ({place.quote(reason)}).  "
        "Look at its log; it may have crashed or run out of memory.",
        code="hung_up",
    )


def silent(place: ModelRef, seconds: float, *, first: bool) -> ProviderError:
    key = "firstTokenTimeout" if first else "idleTimeout"
    what = "said nothing" if first else "fell silent in the middle of its answer"
    return ProviderError(
        f"{place} {what} for {seconds:g} s.  Raise {place.setting(key)} if it needs longer.",
        code="timeout",
    )


def broken_off(place: ModelRef, reason: str) -> ProviderError:
    return ProviderError(
        f"{place}: the connection broke in the middle of the answer ({place.quote(reason)}).  "
        "Look at the server's log; it may have crashed or run out of memory.",
        code="broken_stream",
    )


def unfinished(place: ModelRef) -> ProviderError:
    return ProviderError(
        f"{place}: the answer ended without a finish reason, so it is not complete.  "
        "The server's log says why.",
        code="broken_stream",
    )


def too_much(place: ModelRef) -> ProviderError:
    """The tool calls of one answer are longer than any model writes."""
    return ProviderError(
        f"{place}: the answer was stopped, because its tool calls have more than "
        f"{LONGEST_ARGUMENTS:,} characters.  Nothing of them was carried out.  Run the agent "
        "again, or choose another model.",
        code="too_long",
    )


def not_an_answer(place: ModelRef, body: str) -> ProviderError:
    """A success that is no chat completion."""
    if "<" in body[:64]:
        remedy = f"The base URL probably lacks /v1: correct {place.setting('baseUrl')}."
        return ProviderError(f"{place} answered with a web page.  {remedy}", code="bad_answer")
    return ProviderError(
        f"{place} answered with something that is no chat completion.  "
        f"Check {place.setting('baseUrl')} and {place.setting('kind')}.",
        code="bad_answer",
    )


def not_found(place: ModelRef, said: str, models: tuple[str, ...] = ()) -> ProviderError:
    """No such model, or no such path; ``models`` is what the server has."""
    if not place.model:
        remedy = f"Check {place.setting('baseUrl')} and {place.setting('kind')}."
        return ProviderError(f"{place}: not found (404).  {said}  {remedy}", code="not_found")
    known = f"It has: {', '.join(models[:20])}.  " if models else ""
    return ProviderError(
        f"{place}: not found (404).  {said}  {known}"
        f"Map the name with {place.setting('models')}, e.g. "
        f'{{"{place.model}": "{models[0] if models else "NAME-ON-THE-SERVER"}"}}, '
        f"or correct {place.setting('baseUrl')}.",
        code="model_not_found",
    )


def is_redirect(status: int) -> bool:
    return 300 <= status < 400  # noqa: PLR2004


def overflow_in(place: ModelRef, body: Any) -> ContextOverflowError | None:
    """Recognise "the prompt is too long" in the words of every server, with its numbers."""
    fields = error_fields(parsed(body))
    text = message_in(body)
    kind = f"{fields.get('type', '')} {fields.get('code', '')}"
    if not re.search(r"exceed_context_size|context_length_exceeded", kind) and not _TOO_LONG.search(
        text
    ):
        return None
    needed, window = whole(fields.get("n_prompt_tokens")), whole(fields.get("n_ctx"))
    if window is None and (found := _WINDOW.search(text)):
        window = int(next(group for group in found.groups() if group))
    if needed is None and (found := _NEEDED.search(text)):
        needed = int(next(group for group in found.groups() if group))
    return overflow(place, needed, window)


def overflow(place: ModelRef, needed: int | None, window: int | None) -> ContextOverflowError:
    need = f"needs {needed:,} tokens" if needed else "is too long"
    has = f"; the window holds {window:,}" if window else " for the model's window"
    return ContextOverflowError(
        f"The prompt {need}{has}: {place}.  Start the server with a larger context window, choose "
        "a model with one, or give the agent less to read.",
        needed=needed,
        window=window,
    )


def _by_words(place: ModelRef, body: Any, said: str) -> ProviderError | None:
    """Recognise what servers say under various statuses."""
    if (overflow := overflow_in(place, body)) is not None:
        return overflow
    if refuses_tools(said):
        return ToolsUnsupportedError(f"{place} takes no tool calls: {said}")
    return None


def _wrong_key(place: ModelRef, status: int, said: str) -> str:
    endpoint = place.endpoint
    have = "the key was refused" if endpoint.api_key is not None else "no key is set"
    return (
        f"{place}: {have} ({status}).  {said}  The key belongs to {endpoint.source}; set it with "
        f"`inhouse key set {endpoint.name}` or {place.setting('apiKey')}."
    )


def _redirected(place: ModelRef, status: int, location: str) -> ProviderError:
    target = urlsplit(location)
    where = f"{target.scheme}://{target.hostname}" if target.hostname else location
    return ProviderError(
        f"{place}: the server redirects ({status}) to {place.quote(where)}.  Redirects are not "
        "followed, because a key must not travel.  If that is the right server, set "
        f"{place.setting('baseUrl')}.",
        code="redirect",
    )


def _busy(status: int) -> str:
    words = {429: "too many requests", 408: "the server gave up waiting", 409: "a conflict"}
    return words.get(status, "the server is not available")


_REFUSALS = {
    402: ("out of credits: top up the account, or choose another endpoint", "payment_required"),
    413: ("the request is too large: send less, or raise the server's limit", "too_large"),
}
_TOO_LONG = re.compile(
    r"maximum context length|context (length|size|window) .{0,40}exceed|exceeds? .{0,60}context"
    r"|prompt is too long|input is too long|input length .{0,40}exceeds"
    r"|too many tokens|longer than the (maximum )?model'?s? "
    r"(context|maximum|length)|context overflow|not enough context|greater than the context length",
    re.IGNORECASE,
)
_WINDOW = re.compile(
    r"maximum context length (?:is|of) (\d+)|context (?:size|length|window)\D{0,20}\(?(\d+)"
    r"|max(?:imum)?\D{0,30}(\d{3,})",
    re.IGNORECASE,
)
_NEEDED = re.compile(
    r"requested (?:about )?(\d+) tokens|resulted in (\d+) tokens|prompt contains .{0,20}?(\d+)"
    r"|request \((\d+) tokens\)|(?:your )?prompt\D{0,30}(\d+) tokens|input\D{0,20}(\d+) tokens",
    re.IGNORECASE,
)
