"""Reads servers' errors: their words, their codes, the pause they ask for."""

import email.utils
import html
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import jiter
from attrs import frozen

from inhouse.core.json_values import fields, is_number, items, text

LONGEST = 8_000
"""How many characters of a server's message are read."""
_DEEPEST = 8
_SENTENCES = (
    *("message", "error", "detail", "details", "msg", "error_message", "error_description"),
    *("error_msg", "status_msg", "errorMessage", "base_resp"),
)
_LESSER = ("title", "reason", "description", "errors", "cause")
_CODES = ("code", "type", "status", "error_code", "status_code", "reason", "param")


@frozen
class Told:
    """The parts of an error answer."""

    status: int | None
    """None if it came within a stream without one."""
    words: str
    """The message for people, however deeply it was nested."""
    codes: str
    """Every code, type and status in the body, in lower case."""
    params: tuple[str, ...] = ()
    """What the body says it is about: ``param``, or the path of each mistake."""
    numbers: Mapping[str, Any] = {}
    """The members of the error, which may contain numbers."""
    wait: float | None = None
    """Seconds to wait."""
    page: str | None = None
    """The title of a web page that came instead of an answer."""
    markup: str = ""
    """That page, unless it is a service's error in XML."""

    @property
    def all(self) -> str:
        """Words and codes, to be searched."""
        return f"{self.words}\n{self.codes}"


def told(status: int | None, body: Any, headers: Mapping[str, str]) -> Told:
    """Parse an error answer: any nesting, JSON in a string, a web page."""
    page = page_title(body) if isinstance(body, str) else None
    value = None if page is not None else parsed(body)
    inner = error_fields(value)
    words = (page or "") if page is not None else message_in(value)
    words = words[:LONGEST]
    wait = retry_after(headers)
    return Told(
        status=status,
        words=words,
        codes=" ".join(dict.fromkeys(_codes(value)))[:LONGEST].lower(),
        params=tuple(_params(value)),
        numbers=inner,
        wait=wait if wait is not None else _wait_in(value, words),
        page=page,
        markup=body[:_LONGEST_PAGE] if page is not None and _HTML.search(body[:2_000]) else "",
    )


def message_in(body: Any) -> str:
    """Find the message for people in any server's error body, however deeply nested."""
    return " ".join(_said(parsed(body), 0).split())


def page_title(body: str) -> str | None:
    """Return the title of a web page; empty if it has none; None if it is not a page."""
    if _PAGE.match(body[:2_000]) is None:
        return None
    for tag in ("title", "h1", "message"):
        found = re.search(
            rf"<{tag}\b[^>]{{0,200}}>([^<]{{0,300}})</{tag}>", body[:_LONGEST_PAGE], re.IGNORECASE
        )
        if found and (title := " ".join(html.unescape(found[1]).split())):
            return _ADDRESS.sub("…", title)
    return ""


_LONGEST_PAGE = 64_000
_TAGS = "!doctype html|html|head|body|title|meta|h1|center|form|script|style|div"
_PAGE = re.compile(
    rf"[\ufeff\s]*(?:<!--(?:[^-]|-(?!->))*-->\s*){{0,9}}<(?:(?:{_TAGS})\b|\?xml)", re.IGNORECASE
)
_HTML = re.compile(rf"<(?:{_TAGS})\b", re.IGNORECASE)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait that headers, with names in lower case, ask for.

    That is ``Retry-After`` in each of its forms, or when a limit that is used up is reset.
    """
    since = _time(headers.get("date", "")) or time.time()
    for name, unit in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001)):
        if (number := _FIRST_NUMBER.match(headers.get(name, "").strip())) is not None:
            return float(number[1]) * unit
    wait = _until(headers.get("retry-after", ""), since)
    return wait if wait is not None else _used_up(headers, since)


def written_in(error: Mapping[str, Any]) -> str | None:
    """Return what the model wrote, to the letter, if the server says it could not read a call."""
    if error.get("code") == "json_validate_failed":  # an answer that is not of its schema (Groq)
        return None
    if isinstance(written := error.get("failed_generation"), str):
        return written
    for key in ("message", "error"):
        if found := _WRITTEN.search(text(error.get(key))):
            return found["rest"] or found["raw"] or ""
    return None


_WRITTEN = re.compile(
    r"failed to parse input at pos \d{1,9}: ?(?P<rest>.*)"  # llama.cpp
    r"|error parsing tool call: raw='(?P<raw>.*)', err=",  # Ollama
    re.IGNORECASE | re.DOTALL,
)


def parsed(body: Any) -> Any:
    """Parse JSON if the text is JSON, or its beginning."""
    if not isinstance(body, str):
        return body
    data = body.encode("utf-8", "replace")
    cut_off = "trailing-strings" if data.lstrip()[:1] in (b"{", b"[") else False
    try:
        return jiter.from_json(data, partial_mode=cut_off)
    except ValueError:
        return body


def error_fields(value: Any) -> dict[str, Any]:
    """Return the members of the error itself."""
    if isinstance(value, list) and value:
        value = cast("list[Any]", value)[0]
    known = fields(value)
    inner = known.get("error")
    return cast("dict[str, Any]", inner) if isinstance(inner, dict) else known


def _said(value: Any, depth: int) -> str:  # noqa: PLR0911  a return for each shape
    if depth > _DEEPEST:
        return ""
    if isinstance(value, str):
        plain = value.strip()
        if plain[:1] in ("{", "[") and isinstance(inner := parsed(plain), dict | list):
            return _said(inner, depth + 1) or plain
        title = page_title(plain)
        return plain if title is None else title
    if isinstance(value, list):
        many = [_said(one, depth + 1) for one in cast("list[Any]", value)[:5]]
        return "; ".join(dict.fromkeys(filter(None, many)))
    if not isinstance(value, dict):
        return ""
    known = cast("dict[str, Any]", value)
    if isinstance(place := known.get("loc"), list) and text(known.get("msg")):
        return f"{'.'.join(str(one) for one in place)}: {known['msg']}"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    found = [_said(known[key], depth + 1) for key in _SENTENCES if key in known]
    found = [one for one in found if one] or [
        _said(known[key], depth + 1) for key in _LESSER if key in known
    ]
    if not found:  # Bedrock's events
        found = [_said(known[key], depth + 1) for key in known if key.endswith("Exception")]
    more = fields(known.get("metadata"))
    found += [_said(more.get(key), depth + 1) for key in ("raw", "reasons") if more.get(key)]
    kept: list[str] = []
    for one in filter(None, found):
        if not any(one in other for other in kept):
            kept = [*(other for other in kept if other not in one), one]
    return ": ".join(kept)


def _codes(value: Any, depth: int = 0) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        value = parsed(value)
    for one in items(value)[:8]:
        yield from _codes(one, depth + 1)
    known = fields(value)
    for key in _CODES:
        if isinstance(known.get(key), str | int) and not isinstance(known.get(key), bool):
            yield str(known[key])[:200]
    for key in (*_SENTENCES, "errors", "innererror", "metadata", "violations"):
        if key in known:
            yield from _codes(known[key], depth + 1)
    for key in ("quotaId", "error_type", "provider_name"):
        if isinstance(known.get(key), str):
            yield str(known[key])[:200]


def _params(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield what mistakes are about: OpenAI's ``param``, pydantic's ``loc``."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        value = parsed(value)
    for one in items(value)[:8]:
        yield from _params(one, depth + 1)
    known = fields(value)
    if isinstance(param := known.get("param"), str) and param:
        yield param[:200]
    if isinstance(place := known.get("loc"), list):
        yield ".".join(str(one) for one in cast("list[Any]", place))[:200]
    for key in (*_SENTENCES, "errors"):
        if isinstance(known.get(key), dict | list | str):
            yield from _params(known[key], depth + 1)


_NUMBER = r"[0-9]{1,13}(?:\.[0-9]{1,9})?"
_FIRST_NUMBER = re.compile(rf"({_NUMBER})\s*(?:[,;]|$)")
"""A number, also if its header came twice."""
_ADDRESS = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}\b", re.IGNORECASE
)
_SPAN = re.compile(
    rf"({_NUMBER})\s*(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)"
    r"(?![a-zA-Z])",
    re.IGNORECASE,
)
_UNITS = {"ms": 0.001, "mi": 60.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_UNIT = r"(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)"
_AGAIN = re.compile(
    r"(?:(?:re)?try(?: again)?|wait|retry|available again|resets?)\s*"
    r"(?:for|in|after|at least)?:?\s*(?:about |approximately )?"
    rf"((?:{_NUMBER}\s*{_UNIT}(?![a-zA-Z])[\s,]*(?:and )?)+)",
    re.IGNORECASE,
)
_AGAIN_AT = re.compile(
    r"(?:try again|resets?|available) at:?\s*"
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z| UTC|[+-]\d\d:\d\d)?)",
    re.IGNORECASE,
)


def _seconds(value: str) -> float | None:
    """Read ``3.8s``, ``1m12.5s``, ``850ms``."""
    spans = _SPAN.findall(value)
    if not spans or _SPAN.sub("", value).replace("and", "").strip(" ,"):
        return None
    return sum(float(number) * _unit(unit) for number, unit in spans)


def _unit(word: str) -> float:
    word = word.lower()
    if word == "ms" or word.startswith("milli"):
        return _UNITS["ms"]
    return _UNITS[word[:1]]


def _wait_in(value: Any, words: str) -> float | None:
    """Read the pause that a body asks for: RetryInfo, ``estimated_time``, "retry in 3.8s"."""
    for key, found in _members(value, 0):
        unit = 0.001 if key in ("retry_after_ms", "retryAfterMs") else 1.0
        if key == "headers":  # OpenRouter repeats those of its provider
            known = {name.lower(): str(one) for name, one in fields(found).items()}
            wait = retry_after(known)
        elif unit < 1 or key in _WAITS:
            said = fields(found).get("seconds", found)  # RetryInfo, written out
            is_said = is_number(said) or isinstance(said, str)
            wait = _until(str(said), time.time()) if is_said else None
        else:
            continue
        if wait is not None:
            return wait * unit
    if match := _AGAIN.search(words):
        return _seconds(match[1])
    if match := _AGAIN_AT.search(words):
        return _until(match[1], time.time())
    return None


_WAITS = frozenset(
    {"retryDelay", "retry_after", "retry_after_seconds", "retryAfter", "retryAfterSeconds"}
    | {"estimated_time", "resets_in_seconds", "resets_at", "reset_at"}
)


def _members(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _DEEPEST + 2:
        return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        value = parsed(value)
    for one in items(value)[:16]:
        yield from _members(one, depth + 1)
    for key, one in fields(value).items():
        yield key, one
        if isinstance(one, dict | list | str):
            yield from _members(one, depth + 1)


def _used_up(headers: Mapping[str, str], since: float) -> float | None:
    """Read when an exhausted limit is reset (OpenAI's and Anthropic's headers, and the IETF's)."""
    longest: float | None = None
    for name, left in headers.items():
        low = name.lower()
        if "ratelimit" not in low:
            continue
        anew = ""
        if "remaining" in low and _NOTHING_LEFT.fullmatch(left.strip()):
            anew = headers.get(low.replace("remaining", "reset"), "")
        elif found := _RATE_LIMIT.search(left):
            anew = found[1]
        seconds = _until(anew, since)
        if seconds is not None and (longest is None or seconds > longest):
            longest = seconds
    return longest


_NOTHING_LEFT = re.compile(r"-[0-9.]+|0+(?:\.0*)?")
_RATE_LIMIT = re.compile(r"\b(?:r|remaining)=0\b.{0,80}\b(?:t|reset)=([0-9]{1,9})\b")
"""The one header of a newer draft: ``"default";r=0;t=50``."""


def _until(value: str, since: float) -> float | None:
    """Read a pause: seconds, a duration, or the time of its end, for a clock that shows *since*."""
    value = value.strip()
    if (found := _FIRST_NUMBER.match(value)) is not None:
        number = float(found[1])
        if number < _SINCE_1970:
            return number
        return max(0.0, (number / 1000 if number > _IN_MILLISECONDS else number) - since)
    if (seconds := _seconds(value)) is not None:
        return seconds
    when = _time(value)
    return None if when is None else max(0.0, when - since)


_SINCE_1970 = 1e9
_IN_MILLISECONDS = 1e11


def _time(value: str) -> float | None:
    """Read a date of HTTP in each of its three forms, or RFC 3339's; one without a zone is UTC."""
    for read in (email.utils.parsedate_to_datetime, datetime.fromisoformat):
        try:
            when = read(value.removesuffix(" UTC"))
            return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
    return None
