"""Turns one page of HTML into text, in a separate process with its own limits.

Started by `inhouse.tools.read_url`: a line of JSON, then the page, on standard input.
"""

import contextlib
import json
import sys
import threading
from typing import Any

from inhouse.tools.context import Fetched
from inhouse.tools.read_url import readable

_MOST_MEMORY = 1 << 30
_MOST_SECONDS = 20
_STACK = 256 << 20
_DEEPEST = 100_000
"""How deep elements may be nested; the stack above has room for walking through them."""


def main() -> None:
    """Read the page and print what `readable` returns."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415  not available on Windows

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_MOST_SECONDS, _MOST_SECONDS))
    head: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    most = int(head.pop("most"))
    page = Fetched(body=sys.stdin.buffer.read(), **head)
    sys.setrecursionlimit(_DEEPEST)
    threading.stack_size(_STACK)
    thread = threading.Thread(target=lambda: print(json.dumps(readable(page, most))))  # noqa: T201
    thread.start()
    thread.join()


if __name__ == "__main__":
    main()
