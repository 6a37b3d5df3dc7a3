"""``inhouse acp``: serve one client of the Agent Client Protocol on standard input and output.

``initialize`` is answered before the SDK, which takes a third of a second to import, is loaded.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence

from inhouse.core.logs import log_to_stderr
from inhouse.core.own_environment import environment
from inhouse.pipes.stdio_pipes import read_chunks, take_over_stdio
from inhouse.pipes.write_queue import PipeOutbox

from .transport import StdioTransport

_LAST_WORDS_S = 2.0
"""Seconds that a client has to read what was said before the end."""
_AT_LATEST_S = 20.0
"""Seconds after which the process leaves, whatever still hangs."""


def serve(arguments: Sequence[str]) -> int:
    """Serve the client that started this process; give the exit status."""
    options = _parser().parse_args(arguments)
    log_to_stderr(options.log_level.upper())
    if sys.stdin.isatty():
        sys.stderr.write(
            "inhouse acp speaks the Agent Client Protocol on standard input and output: "
            "a client such as Zed or a JetBrains IDE starts it.  "
            "In a terminal, use `inhouse run AGENT` or `inhouse chat`.\n"
        )
        return 2
    source, target = take_over_stdio()
    return asyncio.run(_serve(source, target))


async def _serve(source: int, target: int) -> int:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    queue = PipeOutbox(target, on_lost=over.set)
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, over.set)
    transport = StdioTransport(read_chunks(source), queue)
    await transport.answer_initialize()
    from .door import AcpDoor  # noqa: PLC0415  the SDK: a third of a second of imports

    door = AcpDoor(transport, dict(environment()))
    listening = asyncio.create_task(door.listen(), name="listening")
    leaving = asyncio.create_task(over.wait(), name="leaving")
    await asyncio.wait((listening, leaving), return_when=asyncio.FIRST_COMPLETED)
    timer = threading.Timer(_AT_LATEST_S, os._exit, (1,))
    timer.daemon = True
    timer.start()
    await door.aclose()
    for task in (listening, leaving):
        task.cancel()
    await asyncio.gather(listening, leaving, return_exceptions=True)
    await queue.aclose(_LAST_WORDS_S)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="inhouse acp",
        description="Run agents in a client of the Agent Client Protocol, on standard input "
        "and output.",
    )
    parser.add_argument("--log-level", default="warning", choices=["debug", "info", "warning"])
    return parser
