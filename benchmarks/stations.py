"""Where the time of one piece of text goes, from the socket to the editor's pipe.

    python benchmarks/stations.py

A profile to read beside benchmarks/streaming.py: pieces come 5 ms apart, and each station that a
piece passes is stamped.  The stamps themselves take time, so the sum is larger than the delay.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from asyncio import selector_events
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
OUT = "INHOUSE_STAMPS"
PIECES = 400
FIRST = "the loop finds data"
LAST = "the system has written it"

Stamp = tuple[str, int]


def serve() -> None:
    """Run ``inhouse lsp`` with stamps, and write them down at its end."""
    from inhouse.__main__ import main as run
    from inhouse.host import run_recorder
    from inhouse.lsp.runs import event_stream
    from inhouse.pipes import event_loop
    from inhouse.providers.chat import sse
    from inhouse.providers.network import chunked_body, connection

    stamps: list[Stamp] = []
    transport: Any = getattr(selector_events, "_SelectorSocketTransport")  # noqa: B009  private
    for owner, name, station, at_end in (
        (transport, "_read_ready", FIRST, False),
        (asyncio.StreamReader, "feed_data", "asyncio has read it", False),
        (
            connection.EgressConnection,
            "read",
            "the reading task has it (one turn of the loop)",
            True,
        ),
        (chunked_body.ChunkedReader, "__call__", "httpcore2 and h11 parse the body", False),
        (sse.EventDecoder, "feed", "it has climbed httpcore2's and httpx2's generators", False),
        (sse, "_parsed", "the event is found", False),
        (run_recorder.RunRecorder, "observe", "it is text of a model, checked and counted", False),
        (event_stream.EventStream, "add", "records have it", False),
        (event_loop.PipeOutbox, "write", "it is a notification", False),
        (event_loop.PipeOutbox, "write", LAST, True),
    ):
        setattr(owner, name, _stamped(getattr(owner, name), station, stamps, at_end=at_end))
    sys.argv = ["inhouse", "lsp"]
    try:
        run()
    finally:
        Path(os.environ[OUT]).write_text(json.dumps(stamps))


def _stamped(
    function: Callable[..., Any], station: str, stamps: list[Stamp], *, at_end: bool
) -> Callable[..., Any]:
    if asyncio.iscoroutinefunction(function):

        @wraps(function)
        async def waits(*values: Any, **named: Any) -> Any:
            result = await function(*values, **named)
            stamps.append((station, time.perf_counter_ns()))
            return result

        return waits

    @wraps(function)
    def called(*values: Any, **named: Any) -> Any:
        if not at_end:
            stamps.append((station, time.perf_counter_ns()))
        result = function(*values, **named)
        if at_end:
            stamps.append((station, time.perf_counter_ns()))
        return result

    return called


def main() -> None:
    import sections
    import streaming
    from editor import Editor

    with tempfile.TemporaryDirectory() as folder, streaming.replaying(PIECES, 0.005) as (url, _):
        out = Path(folder, "stamps.json")
        command = (str(Path(__file__).resolve()), "serve")
        editor = Editor(url, Path(folder).resolve(), command=command, more={OUT: str(out)})
        editor.initialize()
        for token in ("warm", "paced"):
            streaming.one_run(editor, token)
        editor.close()
        stamps = [(str(station), int(when)) for station, when in json.loads(out.read_text())]
    sections.write(
        "Where the time of a piece goes", "python benchmarks/stations.py", _table(stamps)
    )


def _table(stamps: list[Stamp]) -> list[tuple[str, str, str]]:
    """Give the median of each way between two stations, for the pieces that took the usual way."""
    ways: list[list[Stamp]] = []
    for stamp in stamps:
        if stamp[0] == FIRST:
            ways.append([])
        if ways and (not ways[-1] or ways[-1][-1][0] != LAST):
            ways[-1].append(stamp)
    usual, _ = Counter(tuple(station for station, _ in way) for way in ways).most_common(1)[0]
    times = [
        [when for _, when in way] for way in ways if tuple(station for station, _ in way) == usual
    ]
    rows = [
        (
            f"until {station}",
            f"{statistics.median(one[at] - one[at - 1] for one in times) / 1e6:.3f} ms",
            "",
        )
        for at, station in enumerate(usual)
        if at
    ]
    whole = statistics.median(one[-1] - one[0] for one in times) / 1e6
    return [*rows, (f"all of it, median of {len(times)} pieces", f"{whole:.3f} ms", "")]


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    serve() if sys.argv[1:2] == ["serve"] else main()
