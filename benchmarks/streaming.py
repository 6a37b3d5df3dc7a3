"""What streaming into an editor costs, against a raw reader and the openai package, in one run.

    python benchmarks/streaming.py [--quick]

Prints a table, writes benchmarks/results/streaming.json and docs/benchmarks.md.
"""

import asyncio
import contextlib
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import sections
from editor import Collector, Editor

HERE = Path(__file__).resolve().parent
QUICK = "--quick" in sys.argv
FLOOD = 5_000 if QUICK else 20_000
MANY = 20_000 if QUICK else 100_000
SETTLED = 5
"""Seconds after which the server has read, watched and imported what it wants at first."""
PACED = 100 if QUICK else 600
PACE = 0.005


@contextlib.contextmanager
def replaying(count: int, delay: float = 0.0) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Start the server; give its base URL and its process."""
    command = [sys.executable, str(HERE / "replay.py"), str(count), str(delay)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1", process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def editing(base_url: str) -> Iterator[Editor]:
    with tempfile.TemporaryDirectory() as folder:
        editor = Editor(base_url, Path(folder).resolve())
        try:
            editor.initialize()
            yield editor
            editor.close()
        finally:
            editor.process.kill()


def main() -> None:
    results: dict[str, Any] = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{platform.system()} {platform.machine()}, {psutil.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        "pieces": FLOOD,
    }
    results["floor"] = asyncio.run(raw_socket())
    results["openai"] = asyncio.run(openai_package())
    results["inhouse"] = flood()
    results["memory"] = memory()
    results["paced"] = paced()
    results["start"] = start()
    results["cancel_ms"] = cancelling()
    results["busy"] = [busy(runs) for runs in (1, 10, 50)]
    results["stalled"] = stalled()
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "streaming.json").write_text(json.dumps(results, indent=2) + "\n")
    sections.write("Streaming", "python benchmarks/streaming.py", table(results))


async def raw_socket() -> dict[str, float]:
    """Read the same bytes with nothing in between."""
    with replaying(FLOOD) as (url, _):
        port = int(url.split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        begin, cpu = time.perf_counter(), time.process_time()
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}")
        pieces = 0
        while data := await reader.read(1 << 16):
            pieces += data.count(b"data: {")
        writer.close()
        return speed(FLOOD, time.perf_counter() - begin, time.process_time() - cpu)


async def openai_package() -> dict[str, float]:
    """Read them with the openai package as its documentation shows."""
    import openai

    with replaying(FLOOD) as (url, _):
        async with openai.AsyncOpenAI(base_url=url, api_key="unused") as client:
            begin, cpu = time.perf_counter(), time.process_time()
            stream = await client.chat.completions.create(
                model="bench", messages=[{"role": "user", "content": "go"}], stream=True
            )
            async for _ in stream:
                pass
            return speed(FLOOD, time.perf_counter() - begin, time.process_time() - cpu)


def flood() -> dict[str, float]:
    """Read them with Inhouse, as far as the editor's end of the pipe."""
    with replaying(FLOOD) as (url, _), editing(url) as editor:
        one_run(editor, "warm")
        server = psutil.Process(editor.process.pid)
        before, notifications = server.cpu_times(), editor.notifications
        begin = time.perf_counter()
        collector = one_run(editor, "flood")
        took = time.perf_counter() - begin
        after = server.cpu_times()
        cpu = (after.user + after.system) - (before.user + before.system)
        assert collector.deltas == FLOOD, collector.deltas
        return speed(FLOOD, took, cpu) | {"notifications": editor.notifications - notifications}


def memory() -> dict[str, float]:
    with replaying(MANY) as (url, _), editing(url) as editor:
        server = psutil.Process(editor.process.pid)
        idle = server.memory_info().rss
        collector = Collector()
        editor.on_events["big"] = collector
        editor.run("big")
        collector_first(collector)
        begun, peak = server.memory_info().rss, 0
        while not collector.finished.wait(0.02):
            peak = max(peak, server.memory_info().rss)
        return {"idle_mb": idle / 1e6, "added_mb": (max(peak, begun) - begun) / 1e6}


def collector_first(collector: Collector) -> None:
    while collector.first is None:
        time.sleep(0.001)


def paced() -> dict[str, float]:
    """Pieces 5 ms apart: from the moment a piece is sent to the editor's end of the pipe."""
    with replaying(PACED, PACE) as (url, _), editing(url) as editor:
        one_run(editor, "warm")
        delays = one_run(editor, "paced").delays_ms
    cuts = statistics.quantiles(delays, n=20)
    return {"median_ms": statistics.median(delays), "p95_ms": cuts[18]}


def start() -> dict[str, float]:
    """From the start of the process to the answer, and what it holds when all has settled."""
    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(3 if QUICK else 7):
            editor = Editor("http://127.0.0.1:9/v1", Path(folder).resolve())
            times.append(editor.initialize())
            time.sleep(SETTLED)
            idle = psutil.Process(editor.process.pid).memory_info().rss
            editor.close()
    return {"initialize_ms": statistics.median(times), "idle_mb": idle / 1e6}


def cancelling() -> float:
    """From the cancel command to the closed connection, as the model's server sees it."""
    times: list[float] = []
    with replaying(1) as (url, server), editing(url) as editor:
        assert server.stdout is not None
        for number in range(5 if QUICK else 15):
            collector = Collector()
            editor.on_events[f"c{number}"] = collector
            run_id = editor.run(f"c{number}", "silence")
            collector_first(collector)
            begin = time.monotonic_ns()
            editor.command("inhouse.cancel", {"runId": run_id})
            closed = int(server.stdout.readline().split()[1])
            times.append((closed - begin) / 1e6)
            collector.finished.wait(10)
    return statistics.median(times)


def busy(runs: int) -> dict[str, float]:
    """How long a trivial request takes while runs stream."""
    with replaying(400 if QUICK else 1000, PACE) as (url, _), editing(url) as editor:
        one_run(editor, "warm")
        collectors = [Collector() for _ in range(runs)]
        for number, collector in enumerate(collectors):
            editor.on_events[f"r{number}"] = collector
            editor.run(f"r{number}")
        times: list[float] = []
        while len(times) < 100 and not all(one.finished.is_set() for one in collectors):
            begin = time.perf_counter()
            editor.command("inhouse.runs", {"limit": 5})
            times.append((time.perf_counter() - begin) * 1000)
            time.sleep(0.02)
        for collector in collectors:
            collector.finished.wait(60)
    return {"runs": runs, "median_ms": statistics.median(times), "max_ms": max(times)}


def stalled() -> dict[str, float]:
    """An editor that stops reading for a while: what the server keeps meanwhile."""
    import os
    import signal

    with replaying(FLOOD) as (url, _), editing(url) as editor:
        one_run(editor, "warm")
        server = psutil.Process(editor.process.pid)
        before = server.memory_info().rss
        script = f"import os,signal,time;time.sleep(2);os.kill({os.getpid()},signal.SIGCONT)"
        waker = subprocess.Popen([sys.executable, "-c", script])
        collector = Collector()
        editor.on_events["stalled"] = collector
        editor.run("stalled")
        os.kill(os.getpid(), signal.SIGSTOP)
        waker.wait()
        held = server.memory_info().rss - before
        collector.finished.wait(60)
        return {"held_mb": held / 1e6, "deltas": collector.deltas}


def one_run(editor: Editor, token: str) -> Collector:
    collector = Collector()
    editor.on_events[token] = collector
    editor.run(token)
    if not collector.finished.wait(120):
        raise TimeoutError(token)
    return collector


def speed(pieces: int, seconds: float, cpu: float) -> dict[str, float]:
    return {"per_second": pieces / seconds, "cpu_per_1000": cpu / pieces * 1000}


def table(results: dict[str, Any]) -> list[tuple[str, str, str]]:
    floor, package, own = results["floor"], results["openai"], results["inhouse"]
    rows = [
        (f"{name}: pieces a second", f"{one['per_second']:,.0f}", target)
        for name, one, target in (
            ("raw socket (the floor)", floor, ""),
            ("openai package", package, ""),
            ("Inhouse, to the editor's pipe", own, "≥ 50,000"),
        )
    ]
    rows += [
        (
            f"{name}: CPU seconds for 1,000 pieces",
            f"{one['cpu_per_1000']:.4f}, {one['cpu_per_1000'] / floor['cpu_per_1000']:.0f} floors",
            target,
        )
        for name, one, target in (("openai package", package, ""), ("Inhouse", own, "< 0.02"))
    ]
    rows += [
        ("notifications for the flood", f"{own['notifications']:,.0f} of {FLOOD:,} pieces", ""),
        (f"memory added by {MANY:,} pieces", f"{results['memory']['added_mb']:.1f} MB", "< 20 MB"),
        ("5 ms apart: added, median", f"{results['paced']['median_ms']:.2f} ms", "≤ 1.0 ms"),
        ("5 ms apart: added, p95", f"{results['paced']['p95_ms']:.2f} ms", "≤ 1.5 ms"),
        ("start to initialize's answer", f"{results['start']['initialize_ms']:.0f} ms", "< 600 ms"),
        ("idle memory", f"{results['start']['idle_mb']:.0f} MB", "< 60 MB"),
        ("cancel to closed connection, median", f"{results['cancel_ms']:.1f} ms", "< 50 ms"),
        ("held for an editor that stops reading", f"{results['stalled']['held_mb']:.1f} MB", ""),
    ]
    for one in results["busy"]:
        name = f"inhouse.runs while {one['runs']} runs stream, median"
        rows.append((name, f"{one['median_ms']:.1f} ms (max {one['max_ms']:.0f})", "< 50 ms"))
    return rows


if __name__ == "__main__":
    main()
