"""The terminal door.  Only this package prints."""

import os
import sys

from inhouse.core.errors import InhouseError
from inhouse.core.logs import log_to_stderr

COMPLETED, FAILED, BAD_USAGE, PROPOSED, CANCELLED = 0, 1, 2, 3, 130
"""Exit statuses.  `PROPOSED`: a run completed, and its edits are a patch that was not applied."""


def main(arguments: list[str]) -> int:
    """Run one command; its exit status is docs/protocol.md's."""
    from . import streams  # noqa: PLC0415  loaded when the door is opened

    streams.prepare()
    from .parser import parse  # noqa: PLC0415

    options = parse(arguments)
    log_to_stderr("WARNING")
    from . import dispatch, output  # noqa: PLC0415

    try:
        status = dispatch.run_command(options)
        sys.stdout.flush()
    except InhouseError as error:
        output.error(str(error))
        return BAD_USAGE
    except KeyboardInterrupt:
        return CANCELLED
    except BrokenPipeError:
        output.nobody_reads()
        return FAILED
    except Exception as error:  # noqa: BLE001  a person reads this, not a traceback
        return _broke(error)
    return status


def _broke(error: Exception) -> int:
    """Say in words what broke; the traceback goes into a file."""
    from . import output  # noqa: PLC0415

    if isinstance(error, OSError) and error.filename is None and error.strerror:
        output.nobody_reads()
        output.error(f"The output cannot be written: {error.strerror}.")
        return FAILED
    kept = _keep(error)
    where = f"The details are in {kept}." if kept else "The details could not be kept."
    output.error(f"Inhouse had an internal error ({type(error).__name__}: {error}).  {where}")
    return FAILED


def _keep(error: Exception) -> str | None:
    """Write the traceback where only the user can read it; None if that fails."""
    import traceback  # noqa: PLC0415

    from inhouse.core.redaction import redact  # noqa: PLC0415
    from inhouse.store.state_folders import private, user_folders  # noqa: PLC0415

    try:
        path = private(user_folders().state) / "last-error.txt"
        text = redact("".join(traceback.format_exception(error)))
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(text.encode("utf-8", "replace"))
    except OSError:
        return None
    return str(path)
