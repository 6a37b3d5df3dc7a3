"""No key leaves by accident: every text of a `Secret` is known here and taken out of what leaves.

A last line of defence behind `Secret` itself: logs, traces, transcripts and error messages
pass through `redact`.
"""

import logging
import threading

DOTS = "•••"

_SHORTEST = 6
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
"""What people write where a server wants no key: ordinary words that must stay readable."""

_lock = threading.Lock()
_known: tuple[str, ...] = ()


def remember(text: str) -> None:
    """Take ``text`` out of everything that leaves from now on.

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
    """Give ``text`` without any key that is known."""
    for known in _known:
        if known in text:
            text = text.replace(known, DOTS)
    return text


class RedactingFilter(logging.Filter):
    """Takes keys out of a log record: its message, its arguments and its traceback."""

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
