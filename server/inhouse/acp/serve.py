"""``inhouse acp``: serve one client of the Agent Client Protocol on standard input and output.

``initialize`` is answered before the SDK, which takes a third of a second to import, is loaded.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from inhouse.core.logs import log_to_stderr
from inhouse.core.own_environment import environment
from inhouse.pipes.event_loop import PipeOutbox, read_chunks
from inhouse.pipes.process_end import LAST_WORDS_S, leave_at_last, on_ending_signal
from inhouse.pipes.standard_streams import take_over_stdio

from .transport import StdioTransport


def serve(arguments: Sequence[str]) -> int:
    """Serve the client that started this process; return the exit status."""
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
    over = asyncio.Event()
    queue = PipeOutbox(target, on_lost=over.set)
    on_ending_signal(over.set)
    transport = StdioTransport(read_chunks(source), queue)
    serving = asyncio.create_task(_converse(transport), name="serving")
    leaving = asyncio.create_task(over.wait(), name="leaving")
    await asyncio.wait((serving, leaving), return_when=asyncio.FIRST_COMPLETED)
    leave_at_last(1)
    for task in (serving, leaving):
        task.cancel()
    await asyncio.gather(serving, leaving, return_exceptions=True)
    await queue.aclose(LAST_WORDS_S)
    return 0


async def _converse(transport: StdioTransport) -> None:
    """Serve the client until it has gone or this is cancelled; then end its turns."""
    await transport.answer_initialize()
    from .door import AcpDoor  # noqa: PLC0415  the SDK: a third of a second of imports

    door = AcpDoor(transport, dict(environment()))
    try:
        await door.listen()
    finally:
        await door.aclose()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="inhouse acp",
        description="Run agents in a client of the Agent Client Protocol, on standard input "
        "and output.",
    )
    parser.add_argument("--log-level", default="warning", choices=["debug", "info", "warning"])
    return parser
