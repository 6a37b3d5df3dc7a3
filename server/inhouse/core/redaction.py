"""No key leaves by accident: the text of every `Secret` is known here and removed from output.

A last line of defence behind `Secret` itself: logs, traces, transcripts and error messages
pass through `redact`.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast, overload

DOTS = "•••"

_SHORTEST = 6
_SHORTEST_PART = 4
_DUMMIES = frozenset(
    {
        "unused",
        "ollama",
        "lm-studio",
        "lmstudio",
        "llama.cpp",
        "openai",
        "no-key",
        "not-needed",
        "sk-no-key-required",
        "no-key-required",
        "api-key",
        "apikey",
        "secret",
        "string",
    }
)
"""What people write for a server that needs no key: ordinary words that must stay readable."""

_lock = threading.Lock()
_known: tuple[str, ...] = ()


def remember(text: str) -> None:
    """Remove ``text`` from everything that leaves from now on.

    Very short texts and well-known dummies are left alone: they would black out ordinary words.
    """
    global _known  # noqa: PLW0603  the one list of what must not leave
    text = text.strip()
    if len(text) < _SHORTEST or text.lower() in _DUMMIES or text in _known:
        return
    with _lock:
        if text not in _known:
            _known = tuple(sorted({*_known, text}, key=lambda known: (-len(known), known)))


def redact(text: str) -> str:
    """Return ``text`` without any known key."""
    for known in _known:
        if known in text:
            text = text.replace(known, DOTS)
    return text


def knows_keys() -> bool:
    """Return whether any key is known."""
    return bool(_known)


@overload
def redact_value(value: str) -> str: ...
@overload
def redact_value(value: object) -> object: ...
def redact_value(value: object) -> object:
    """Return a JSON value without any known key, in its strings and member names.

    Strings may have been cut short, so the beginning of a key at an end is removed too.
    """
    if not _known:
        return value
    match value:
        case str():
            return _without_beginning(redact(value))
        case Mapping():
            members = cast("Mapping[Any, Any]", value).items()
            return {redact_value(name): redact_value(one) for name, one in members}
        case list() | tuple():
            items = cast("Sequence[Any]", value)
            return type(items)(map(redact_value, items))  # pyright: ignore[reportCallIssue]
        case _:
            return value


class StreamRedactor:
    """Removes keys from a text that comes in pieces, even if a key is split over several.

    Text that may be the beginning of a key waits for the next piece.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return what can now be shown of the text and was not returned before."""
        if not _known:
            return piece
        text, given = self._held + piece, ""
        while True:
            at = _beginning(text)
            end = _end_of_key_over(text, at)
            if end is None:
                self._held = text[at:]
                return given + redact(text[:at])
            given, text = given + redact(text[:end]), text[end:]

    def end(self) -> str:
        """Return the rest, since nothing follows."""
        held, self._held = self._held, ""
        return _without_beginning(redact(held))


def _beginning(text: str) -> int:
    """Return where a key may begin at the text's end; the text's length if none does."""
    found = len(text)
    for known in _known:
        at = text.find(known[0], max(0, len(text) - len(known) + 1), found)
        while at >= 0:
            if known.startswith(text[at:]):
                found = at
                break
            at = text.find(known[0], at + 1, found)
    return found


def _end_of_key_over(text: str, at: int) -> int | None:
    """Return where a whole key ends that begins before *at* and reaches beyond it."""
    if at == len(text):
        return None
    for known in _known:
        begin = text.find(known, max(0, at - len(known) + 1), at + len(known) - 1)
        if begin >= 0 and begin < at:
            return begin + len(known)
    return None


def _without_beginning(text: str) -> str:
    """Cut off the beginning of a key that is too long to be chance, also before an ellipsis."""
    plain = text.rstrip("….")
    at = _beginning(plain)
    return text if len(plain) - at < _SHORTEST_PART else plain[:at] + DOTS + text[len(plain) :]


class RedactingFilter(logging.Filter):
    """Removes keys from a log record: its message, arguments and traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not _known:
            return True
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  the handler reports a broken record better
            return True
        clean = redact(message)
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True
