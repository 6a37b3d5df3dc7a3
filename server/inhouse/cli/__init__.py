"""The terminal door.  Only this package prints."""

import sys

from inhouse.core.errors import InhouseError
from inhouse.core.logs import log_to_stderr

COMPLETED, FAILED, BAD_USAGE, CANCELLED = 0, 1, 2, 130


def main(arguments: list[str]) -> int:
    """Run one command; its exit status is docs/protocol.md's."""
    from .parser import parse  # noqa: PLC0415  loaded when the door is opened

    options = parse(arguments)
    log_to_stderr("WARNING")
    from . import dispatch, output  # noqa: PLC0415

    try:
        return dispatch.run_command(options)
    except InhouseError as error:
        output.error(str(error))
        return BAD_USAGE
    except KeyboardInterrupt:
        return CANCELLED
    except BrokenPipeError:
        sys.stderr.close()
        return FAILED
