"""Reads servers' errors: their words, their codes, the pause they ask for."""

import email.utils
import html
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
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
    return Told(
        status=status,
        words=words,
        codes=" ".join(dict.fromkeys(_codes(value)))[:LONGEST].lower(),
        params=tuple(_params(value)),
        numbers=inner,
        wait=retry_after(headers) if retry_after(headers) is not None else _wait_in(value, words),
        page=page,
    )


def message_in(body: Any) -> str:
    """Find the message for people in any server's error body, however deeply nested."""
    return " ".join(_said(parsed(body), 0).split())


def page_title(body: str) -> str | None:
    """Return the title of a web page; empty if it has none; None if it is not a page."""
    start = body[:2_000].lstrip("\ufeff \r\n\t").lower()
    if not start.startswith(
        ("<!doctype html", "<html", "<head", "<body", "<?xml", "<h1", "<center")
    ):
        return None
    for tag in ("title", "h1", "message"):
        found = re.search(
            rf"<{tag}\b[^>]{{0,200}}>([^<]{{0,300}})</{tag}>", body[:64_000], re.IGNORECASE
        )
        if found and (title := " ".join(html.unescape(found[1]).split())):
            return _ADDRESS.sub("…", title)
    return ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read the pause that headers ask for: ``Retry-After`` in seconds or as a date, and others."""
    for name, unit in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001)):
        if re.fullmatch(_NUMBER, value := headers.get(name, "").strip()):
            return float(value) * unit
    value = headers.get("retry-after", "").strip()
    if (seconds := _seconds(value)) is not None:
        return seconds
    if value and (date := email.utils.parsedate_tz(value)) is not None:
        now = email.utils.parsedate_tz(headers.get("date", ""))
        since = email.utils.mktime_tz(now) if now is not None else time.time()
        return max(0.0, email.utils.mktime_tz(date) - since)
    return _used_up(headers)


def parsed(body: Any) -> Any:
    """Parse JSON if the text is JSON."""
    if not isinstance(body, str):
        return body
    try:
        return jiter.from_json(body.encode("utf-8", "replace"))
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


_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
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


def _seconds(value: str) -> float | None:
    """Read ``3``, ``3.8s``, ``1m12.5s``, ``850ms``."""
    value = value.strip()
    if re.fullmatch(_NUMBER, value):
        return float(value)
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
        if key in (
            "retryDelay",
            "retry_after",
            "retry_after_seconds",
            "estimated_time",
            "retryAfter",
        ):
            if is_number(found) and found >= 0:
                return float(found)
            if isinstance(found, str) and (seconds := _seconds(found)) is not None:
                return seconds
    if match := _AGAIN.search(words):
        return _seconds(match[1])
    return None


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


def _used_up(headers: Mapping[str, str]) -> float | None:
    """Read when an exhausted limit is reset (OpenAI's and Anthropic's headers)."""
    longest: float | None = None
    for name, left in headers.items():
        low = name.lower()
        if "ratelimit" not in low or "remaining" not in low or left.strip() not in ("0", "0.0"):
            continue
        anew = headers.get(low.replace("remaining", "reset"), "").strip()
        seconds = _until(anew)
        if seconds is not None and (longest is None or seconds > longest):
            longest = seconds
    return longest


def _until(value: str) -> float | None:
    """Read the time of a reset: a duration, seconds or milliseconds since 1970, or RFC 3339."""
    if re.fullmatch(_NUMBER + r"|[0-9]{10,13}", value):
        number = float(value)
        if number > 1e11:  # noqa: PLR2004  milliseconds since 1970
            number /= 1000
        return max(0.0, number - time.time()) if number > 1e9 else number  # noqa: PLR2004
    if (seconds := _seconds(value)) is not None:
        return seconds
    try:
        return max(0.0, datetime.fromisoformat(value).timestamp() - time.time())
    except ValueError:
        return None
