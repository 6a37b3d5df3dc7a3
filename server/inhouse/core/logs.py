"""Where logs go: to standard error, without any key."""

import logging
import sys
from typing import TYPE_CHECKING

from .redaction import RedactingFilter
from .unicode import without_controls

if TYPE_CHECKING:  # A door logs before it needs settings.
    from .settings import Trace

TRACE = logging.getLogger("inhouse.trace")
"""Logs requests to models: the fact at INFO, their content at DEBUG."""


def log_to_stderr(level: str) -> None:
    """Send every log of this process to standard error, through the filter."""
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_CleanFormatter("%(levelname)s %(name)s: %(message)s"))
        if not any(isinstance(one, RedactingFilter) for one in handler.filters):
            handler.addFilter(RedactingFilter())


class _CleanFormatter(logging.Formatter):
    """Escapes what a terminal would obey: logs quote files that others wrote."""

    def format(self, record: logging.LogRecord) -> str:
        return without_controls(super().format(record))


def trace(wanted: "Trace") -> None:
    """Let `TRACE` log as much as the setting ``trace`` asks for."""
    levels = {"off": logging.WARNING, "messages": logging.INFO, "verbose": logging.DEBUG}
    TRACE.setLevel(levels[wanted.value])
