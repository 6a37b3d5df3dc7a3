"""Errors of endpoints, in one clear message: endpoint, model and remedy."""

import difflib
import re
import ssl
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
from inhouse.core.json_values import fields
from inhouse.core.limits import LONGEST_ARGUMENTS
from inhouse.core.redaction import redact
from inhouse.core.route import BEING_ADDED, NOT_IN_SETTINGS, Endpoint
from inhouse.core.unicode import visible
from inhouse.providers.endpoints.error_text import Told, message_in, told, written_in

LONGEST_QUOTE = 320
AS_TYPED = {"baseUrl": "the address", "kind": "the kind of server"}
"""Words for what is in no settings yet, because somebody is just adding it."""
GIVE_KEY = "Give the key that the server expects."
LONGEST_WAIT = 60.0
"""A server that wants a longer pause than this is reported, not waited for."""
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
        """Say where to correct a setting of this endpoint."""
        if self.endpoint.source == BEING_ADDED:
            return AS_TYPED.get(key, key)
        if self.endpoint.name in NOT_IN_SETTINGS:
            return f"{key} ({self.endpoint.source})"
        return f"`inhouse.endpoints.{self.endpoint.name}.{key}`"

    def quote(self, text: str) -> str:
        """Shorten a server's message to one line; some servers repeat the key in it."""
        key = self.endpoint.api_key
        secrets = [key.reveal()] if key is not None else []
        for value in self.endpoint.headers.values():
            secrets += [one for one in (value, value.rpartition(" ")[2]) if len(one) >= A_SECRET]
        for secret in filter(None, secrets):
            text = text.replace(secret, "•••")
        line = visible(" ".join(redact(text).split()))
        return line if len(line) <= LONGEST_QUOTE else f"{line[:LONGEST_QUOTE]}…"


def of_status(place: ModelRef, status: int, body: str, headers: Mapping[str, str]) -> ProviderError:
    """Translate an HTTP status that is not a success."""
    from inhouse.providers.endpoints.error_kinds import kind_of  # noqa: PLC0415  compiling its table takes 20 ms

    answer = told(status, body, headers)
    return _marked(_of(place, answer, kind_of(answer), headers), answer)


def of_piece(place: ModelRef, error: Any, *, code: Any = None) -> ProviderError:
    """Translate an error in a stream, or in the body of a success."""
    from inhouse.providers.endpoints.error_kinds import kind_of  # noqa: PLC0415  as above

    known = fields(error)
    status = known.get("code") or known.get("status_code") or known.get("status")
    number = _status_in(status or error) or _status_in(code)
    answer = told(number, {"error": error}, {})
    kind = kind_of(answer)
    if kind in ("", "not_found", "forbidden") and number is None:
        said = place.quote(answer.words) or "it gave no reason"
        return _marked(ProviderError(f"{place}: the server stopped: {said}"), answer)
    return _marked(_of(place, answer, kind, {}), answer)


def _status_in(value: Any) -> int | None:
    """Return the status of HTTP that a number or its digits are, if it is one of an error."""
    number = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value
    return number if isinstance(number, int) and 400 <= number < 600 else None  # noqa: PLR2004


_DIGITS = re.compile(r"[0-9]{3}")


def unreachable(place: ModelRef, reason: str, cause: BaseException | None = None) -> ProviderError:
    """Nobody listens, or the connection broke before any answer."""
    if (said := _tls_trouble(place, reason, cause)) is not None:
        return said
    address = place.endpoint.base_url
    name = place.endpoint.name
    hint = f"Is '{name}' running?  " if name not in ("", "environment", "definition") else ""
    return ProviderUnavailableError(
        f"Cannot reach {place}: {_in_words(place, reason)}.  {hint}"
        f"Start the server at {address}, or correct {place.setting('baseUrl')}.",
        code="unreachable",
    )


def _in_words(place: ModelRef, reason: str) -> str:
    """Explain a system's connection error."""
    where = urlsplit(place.endpoint.base_url).netloc.rpartition("@")[2]
    for sign, words in _CONNECTION.items():
        if sign in reason.lower():
            return words.format(where=where)
    return place.quote(reason) or "no connection"


_CONNECTION = {
    "connect call failed": "nothing listens at {where}",
    "connection refused": "nothing listens at {where}",
    "actively refused": "nothing listens at {where}",
    "name or service not known": "the host name in {where} is unknown",
    "nodename nor servname": "the host name in {where} is unknown",
    "getaddrinfo failed": "the host name in {where} is unknown",
    "network is unreachable": "there is no network to {where}",
    "no route to host": "there is no way to {where}",
}
"""Error messages of Linux, macOS and Windows, and what they mean."""


def hung_up(place: ModelRef, reason: str, cause: BaseException | None = None) -> ProviderError:
    """The server accepted the connection and closed it without an answer."""
    if (said := _tls_trouble(place, reason, cause)) is not None:
        return said
    return ProviderUnavailableError(
        f"{place}: the server closed the connection before it answered ({place.quote(reason)}).  "
        "Look at its log; it may have crashed or run out of memory.",
        code="hung_up",
    )


def through_proxy(place: ModelRef, told_by_transport: str) -> ProviderError:
    """The proxy refused the connection or was unreachable."""
    reason, _, proxy = told_by_transport.rpartition("|")
    host = urlsplit(place.endpoint.base_url).hostname or ""
    if reason.startswith("407"):
        return ProviderError(f"{place}: {proxy}: {_WHAT['proxy_auth']} (407).", code="proxy_auth")
    message = (
        f"{place}: the connection through the proxy {proxy} failed: {place.quote(reason)}.  "
        f"Correct that variable, or add {host} to NO_PROXY to connect without a proxy."
    )
    if reason.startswith(("502", "503", "504")):
        return ProviderUnavailableError(message, code="proxy")
    return ProviderError(message, code="proxy")


def wrong_scheme(place: ModelRef, right: str, said: str = "") -> ProviderError:
    """``http://`` to a server that speaks TLS, or ``https://`` to one that does not."""
    wrong = "http" if right == "https" else "https"
    rest = place.endpoint.base_url.partition("://")[2]
    speaks = "speaks TLS" if right == "https" else "does not speak TLS"
    quoted = f"  It said: {said}" if said else ""
    return ProviderError(
        f"{place}: the server {speaks}, and the URL begins with {wrong}://.{quoted}  "
        f"Write {right}://{rest} in {place.setting('baseUrl')}.",
        code="wrong_scheme",
    )


def silent(place: ModelRef, seconds: float, *, first: bool) -> ProviderError:
    key = "firstTokenTimeout" if first else "idleTimeout"
    what = "said nothing" if first else "sent nothing more in the middle of its answer"
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


def unfinished(place: ModelRef, odd: str = "") -> ProviderError:
    said = f"  It said: {place.quote(message_in(odd))}" if odd else ""
    return ProviderError(
        f"{place}: the answer ended without a finish reason, so it is not complete.{said}  Look at "
        "the server's log.",
        code="broken_stream",
    )


def too_much(place: ModelRef) -> ProviderError:
    """The tool calls of one answer are longer than any model writes."""
    return ProviderError(
        f"{place}: the answer was stopped, because its tool calls have more than "
        f"{LONGEST_ARGUMENTS:,} characters.  None of them was run.  Run the agent "
        "again, or choose another model.",
        code="too_long",
    )


def not_an_answer(place: ModelRef, body: str) -> ProviderError:
    """A success that is not a chat completion."""
    answer = told(200, body, {})
    from inhouse.providers.endpoints.error_kinds import in_place_of_answer  # noqa: PLC0415  as above

    if kind := in_place_of_answer(answer):
        return _marked(_of(place, answer, kind, {}), answer)
    if answer.page is not None or "<" in body[:64]:
        title = f" ({place.quote(answer.page)})" if answer.page else ""
        remedy = (
            f"Correct {place.setting('baseUrl')} if that address leads to a website; the network "
            "may also show a page of its own: look with a browser."
        )
        if urlsplit(place.endpoint.base_url).path.strip("/") == "":
            remedy = f"The base URL probably lacks /v1: correct {place.setting('baseUrl')}."
        return ProviderError(
            f"{place} answered with a web page{title}.  {remedy}", code="bad_answer"
        )
    said = f"  It said: {place.quote(answer.words)}" if answer.words else ""
    return ProviderError(
        f"{place} answered with something that is not a chat completion.{said}  "
        f"Check {place.setting('baseUrl')} and {place.setting('kind')}.",
        code="bad_answer",
    )


def not_found(
    place: ModelRef, said: str, models: tuple[str, ...] = (), *, status: int = 404
) -> ProviderError:
    """No such model, or no such path; ``models`` is what the server has."""
    if not place.model:
        remedy = f"Check {place.setting('baseUrl')} and {place.setting('kind')}."
        told = f"{_sentence(said)}  {remedy}" if said else remedy
        return ProviderError(f"{place}: not found ({status}).  {told}", code="not_found")
    likely = _likeliest(place.model, models)
    more = f", and {len(models) - len(likely):,} more" if len(models) > len(likely) else ""
    known = f"It has: {', '.join(likely)}{more}.  " if models else ""
    models = likely
    return ProviderError(
        f"{place}: not found ({status}).  {said}  {known}"
        f"Map the name with {place.setting('models')}, e.g. "
        f'{{"{place.model}": "{models[0] if models else "NAME-ON-THE-SERVER"}"}}, '
        f"or correct {place.setting('baseUrl')}.",
        code="model_not_found",
    )


MOST_MODELS = 20


def _likeliest(wanted: str, models: tuple[str, ...]) -> tuple[str, ...]:
    """Return the models to choose from, those with a name like the wanted one first."""
    low = {one.lower(): one for one in reversed(models)}
    alike = difflib.get_close_matches(wanted.lower(), list(low)[:5_000], n=5, cutoff=0.5)
    part = wanted.lower().rpartition("/")[2].partition(":")[0]
    alike += [one for one in low if part and part in one and one not in alike]
    first = [low[one] for one in alike]
    return tuple(dict.fromkeys([*first, *models]))[:MOST_MODELS]


def overflow(
    place: ModelRef, needed: int | None, window: int | None, said: str = ""
) -> ContextOverflowError:
    need = f"needs {needed:,} tokens" if needed else "is too long"
    has = f"; the window holds {window:,}" if window else " for the model's window"
    quoted = f"  The server said: {said}" if said else ""
    return ContextOverflowError(
        f"The prompt {need}{has}: {place}.{quoted}  Start the server with a larger context window, "
        "choose a model with one, or give the agent less to read.",
        needed=needed,
        window=window,
    )


def pause(seconds: float) -> str:
    """Format a duration for people."""
    if seconds < 1:
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    if seconds < 120:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    if seconds < 7200:  # noqa: PLR2004
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"  # noqa: PLR2004


def _marked(error: ProviderError, answer: Told) -> ProviderError:
    """Keep the server's message, for callers that can ask in another way."""
    error.status, error.said, error.about = answer.status, answer.all, answer.params
    error.written = written_in(answer.numbers)
    return error


def _of(  # noqa: PLR0911  one for each kind
    place: ModelRef, answer: Told, kind: str, headers: Mapping[str, str]
) -> ProviderError:
    """Explain a kind of failure to the user, always with the server's own words."""
    said = place.quote(answer.words)
    status = f" ({answer.status})" if answer.status else ""
    match kind:
        case "redirect":
            return _redirected(place, answer.status or 0, headers.get("location", ""))
        case "context_overflow":
            from inhouse.providers.endpoints.error_kinds import overflow_numbers  # noqa: PLC0415  as above

            numbers = overflow_numbers(answer)
            return overflow(place, numbers.needed, numbers.window, said)
        case "tools_unsupported":
            return ToolsUnsupportedError(f"{place} does not accept tool calls: {said}")
        case "wrong_scheme":
            return wrong_scheme(place, "https", said)
        case "forbidden" if place.endpoint.api_key is not None:
            return ProviderError(_forbidden(place, status, said), code=kind)
        case "unauthorized" | "forbidden":  # Without a key, a key is what is missing.
            return ProviderError(_wrong_key(place, status, said), code="unauthorized")
        case "not_found" | "model_not_found":
            return not_found(place, said, status=answer.status or 404)
        case "rate_limited" | "loading" | "unavailable":
            too_long = answer.wait if (answer.wait or 0) > LONGEST_WAIT else None
            return ProviderUnavailableError(
                _explained(place, _BUSY.get(kind) or _busy(answer), status, said, too_long),
                code=kind,
                retry_after=answer.wait,
            )
        case _:
            code = kind or "bad_request"
            message = _explained(place, _WHAT[code], status, said, answer.wait)
            return ProviderError(message, code=code)


def _explained(place: ModelRef, what: str, status: str, said: str, wait: float | None) -> str:
    """Write a message: what is wrong with the server's words, in one part, then its pause."""
    asks = f"  It asks to wait {pause(wait)}." if wait else ""
    return f"{place}: {what}{status}. {_sentence(said)}".rstrip() + asks


def _wrong_key(place: ModelRef, status: str, said: str) -> str:
    endpoint = place.endpoint
    have = "the key was refused" if endpoint.api_key is not None else "no key is set"
    return (
        f"{place}: {have}{status}.  {_sentence(said)}  The key belongs to {endpoint.source}.  "
        f"{how_to_set_the_key(endpoint)}"
    )


def unsendable_key(endpoint: Endpoint, why: str) -> ProviderError:
    """No header can carry the key; the message never repeats it."""
    return ProviderError(
        f"{ModelRef(endpoint, '')}: the key has {why} in it, which no key has.  "
        f"Something else was pasted with it, or instead of it.  {how_to_set_the_key(endpoint)}",
        code="unauthorized",
    )


def _sentence(said: str) -> str:
    return f"{said}." if said[-1:].isalnum() else said


def how_to_set_the_key(endpoint: Endpoint) -> str:
    """Say how to set another key for an endpoint, where its key is kept."""
    setting = ModelRef(endpoint, "").setting("apiKey")
    if endpoint.source == BEING_ADDED:
        return GIVE_KEY
    place, _, name = (endpoint.api_key.named if endpoint.api_key else "").partition(":")
    if place == "keyring":
        return (
            f"Store the right one: inhouse key set {name} "
            "(in VS Code: the command Inhouse: Set API Key)"
        )
    if place == "env":
        return f"Set the variable {name} to the right one where you start Inhouse."
    if endpoint.source.startswith("CODEBUFF_"):  # Its URL is a variable's; so is its key.
        return "Set the variable CODEBUFF_PROVIDER_API_KEY where you start Inhouse."
    if endpoint.name == "definition":
        return f"Correct {setting}."
    return (
        f"Run `inhouse key set {endpoint.name}`, then set {setting} to "
        f'"${{keyring:{endpoint.name}}}" (in VS Code: the command Inhouse: Set API Key).'
    )


def _forbidden(place: ModelRef, status: str, said: str) -> str:
    return (
        f"{place}: the server does not allow this{status}.  {_sentence(said)}  The key may lack "
        f"the right to this model, or the service may not be available in your country.  "
        f"The key belongs to {place.endpoint.source}.  {how_to_set_the_key(place.endpoint)}"
    )


def _tls_trouble(place: ModelRef, reason: str, cause: BaseException | None) -> ProviderError | None:
    """Say what is wrong with a certificate, or with ``http`` and ``https``."""
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    endpoint = place.endpoint
    text = f"{reason} {cause or ''}"
    if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in text:
        why = getattr(cause, "verify_message", "") or reason
        if "mismatch" in why.lower() or "not valid for" in why.lower():
            remedy = (
                f"Use the name that the certificate is made for in {place.setting('baseUrl')}, or "
                "have one made for this name."
            )
        elif "expired" in why.lower() or "not yet valid" in why.lower():
            remedy = "Have it renewed, or set this machine's clock."
        else:
            remedy = (
                f"If it is a private authority's or the server's own, name its file (PEM) in "
                f"{place.setting('caFile')}, or in SSL_CERT_FILE."
            )
            if endpoint.ca_file:
                remedy = f"{endpoint.ca_file} does not cover it.  {remedy}"
        return ProviderError(
            f"{place}: the server's certificate was not accepted: {place.quote(why)}.  {remedy}",
            code="certificate",
        )
    if endpoint.base_url.startswith("https:") and any(one in text for one in _NO_TLS):
        return wrong_scheme(place, "http")
    if endpoint.base_url.startswith("http:") and any(one in text for one in _IS_TLS):
        return wrong_scheme(place, "https")
    if cause is not None:
        return ProviderError(
            f"{place}: the secure connection failed: {place.quote(reason)}.  Check whether it "
            f"speaks TLS: {place.setting('baseUrl')} begins with https://.",
            code="tls",
        )
    return None


_NO_TLS = ("WRONG_VERSION_NUMBER", "wrong version number", "record layer failure", "HTTP_REQUEST")
_IS_TLS = ("\x15\x03", "\\x15\\x03", "illegal status line")


def _redirected(place: ModelRef, status: int, location: str) -> ProviderError:
    target = urlsplit(location)
    own = urlsplit(place.endpoint.base_url)
    same = target.hostname in (None, own.hostname) and target.scheme in ("", own.scheme)
    where = location if same else f"{target.scheme}://{target.hostname}"
    login = _LOGIN_ADDRESS.search(location)
    hint = "It may be a login page: sign in with a browser, then run again.  " if login else ""
    return ProviderError(
        f"{place}: the server redirects ({status}) to {place.quote(where)}.  {hint}Redirects are "
        "not followed, because a key must not travel.  If that is the right server, set "
        f"{place.setting('baseUrl')}.",
        code="redirect",
    )


_LOGIN_ADDRESS = re.compile(
    r"log-?[io]n|sign-?in|oauth|authori[sz]e|\bauth\b|\bsso\b|saml|adfs|captive|hotspot|portal",
    re.IGNORECASE,
)


def _busy(answer: Told) -> str:
    if answer.status in (408, 524, 522, 598, 599):
        return "the server gave up waiting"
    if answer.status == 409:  # noqa: PLR2004
        return "a conflict"
    if answer.status == 529 and answer.page is None:  # noqa: PLR2004
        return "the server is overloaded"
    if answer.page is not None or (answer.status or 0) >= 520:  # noqa: PLR2004
        return "a gateway in front of the server got no answer from it"
    return "the server is not available"


_BUSY = {"rate_limited": "too many requests", "loading": "the model is being loaded"}
_WHAT = {
    "quota": (
        "the quota is used up, so trying again does not help.  Top up or wait, or choose another "
        "endpoint"
    ),
    "payment_required": "out of credits: top up the account, or choose another endpoint",
    "too_large": "the request is too large: send less, or raise the server's limit",
    "moderation": (
        "the service's content filter refused this.  Change what is asked, or choose another model"
    ),
    "challenge": (
        "a protection page for browsers is in front of the server, and a program cannot pass it. "
        " Your key may be fine: ask whoever runs the gateway to let programs through, or check "
        "the URL"
    ),
    "login": (
        "a login page came instead of an answer, from the network (a hotspot, a company's gateway) "
        "or the server itself.  Sign in with a browser, then run again, or check the URL"
    ),
    "proxy_auth": (
        "the proxy needs a user name and a password, or refuses those that it got.  Write them in "
        "the proxy's URL (HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT).  Only Basic authentication "
        "is used: for NTLM or Kerberos, name a local proxy that does it for you"
    ),
    "bad_request": "the server refused the request",
}
