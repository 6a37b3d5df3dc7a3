"""What streaming into an editor costs, against a raw reader and the openai package, in one run.

    python benchmarks/streaming.py [--quick]

Prints a table, writes benchmarks/results/streaming.json and docs/benchmarks.md.
"""

import asyncio
import contextlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
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
COMMANDS = 100
RUNS = 24 if QUICK else 240
MEGABYTE = 1_000_000
STAMP = re.compile(rb'"content": "(\d+) ')
PAGE_BYTES = 4096 if sys.platform == "win32" else os.sysconf("SC_PAGE_SIZE")


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
    results["raw_paced"] = asyncio.run(raw_paced())
    results["relayed"] = relayed()
    results["paced"] = paced()
    results["after_floods"] = after_floods()
    results["during_floods"] = during_floods()
    results["over_runs"] = over_runs()
    results["first_prompt"] = first_prompt()
    results["idle_parts"] = idle_parts()
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


async def raw_paced() -> dict[str, float]:
    """Pieces 5 ms apart, read with nothing in between: what the machine itself adds."""
    delays: list[float] = []
    with replaying(PACED, PACE) as (url, _):
        port = int(url.split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}")
        while data := await reader.read(1 << 16):
            now = time.monotonic_ns()
            delays += [(now - int(stamp)) / 1e6 for stamp in STAMP.findall(data)]
        writer.close()
    return quantiles(delays)


RELAY = """
import asyncio, os, sys

async def main(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\\r\\ncontent-length: 2\\r\\n\\r\\n{}")
    while data := await reader.read(1 << 16):
        os.write(1, data)

asyncio.run(main(int(sys.argv[1])))
"""


def relayed() -> dict[str, float]:
    """Pieces 5 ms apart, passed on by a process that does nothing else, to the end of its pipe."""
    delays: list[float] = []
    with replaying(PACED, PACE) as (url, _):
        port = url.split(":")[2].split("/")[0]
        command = [sys.executable, "-c", RELAY, port]
        with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as relay:
            assert relay.stdout is not None
            while data := relay.stdout.read(1 << 16):
                now = time.monotonic_ns()
                delays += [(now - int(stamp)) / 1e6 for stamp in STAMP.findall(data)]
    return quantiles(delays)


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
    """Read them with Inhouse, as far as the editor's end of the pipe; the middle one of five.

    One takes a fifth of a second, so that whatever else the machine does then would count.
    """
    found: list[dict[str, float]] = []
    with replaying(FLOOD) as (url, _), editing(url) as editor:
        one_run(editor, "warm")
        server = psutil.Process(editor.process.pid)
        for number in range(5):
            before, notifications = server.cpu_times(), editor.notifications
            begin = time.perf_counter()
            collector = one_run(editor, f"flood-{number}")
            took = time.perf_counter() - begin
            after = server.cpu_times()
            cpu = (after.user + after.system) - (before.user + before.system)
            assert "".join(collector.text) == "".join(f"word{each} " for each in range(FLOOD))
            counted = {"notifications": editor.notifications - notifications}
            found.append(speed(FLOOD, took, cpu) | counted)
    return sorted(found, key=lambda one: one["per_second"])[2]


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
    return quantiles(delays)


def quantiles(delays: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(delays, n=20)
    return {"median_ms": statistics.median(delays), "p95_ms": cuts[18], "max_ms": max(delays)}


def after_floods() -> dict[str, float]:
    """Pieces 5 ms apart, from the moment that ten floods have ended."""
    with replaying(FLOOD) as (url, _), editing(url) as editor:
        one_run(editor, "warm")
        several(editor, 10, "flood")
        return quantiles(one_run(editor, "after", "paced").delays_ms)


def during_floods() -> dict[str, float]:
    """How long a trivial command takes while ten floods run."""
    with replaying(MANY) as (url, _), editing(url) as editor:
        one_run(editor, "warm", "arrival")
        collectors = begun(editor, 10, "flood")
        times = latencies(editor, lambda: not any(one.finished.is_set() for one in collectors))
        for one in collectors:
            one.finished.wait(120)
    return {"median_ms": statistics.median(times), "max_ms": max(times), "commands": len(times)}


def over_runs() -> list[tuple[int, float]]:
    """What the server holds after so many runs, each with an answer of 1 MB."""
    kept: list[tuple[int, float]] = []
    pieces = MEGABYTE // len("word12345 ")
    with replaying(pieces) as (url, _), editing(url) as editor:
        server = psutil.Process(editor.process.pid)
        for number in range(1, RUNS + 1):
            one_run(editor, f"run-{number}")
            if number % (RUNS // 6) == 0:
                time.sleep(1)
                kept.append((number, server.memory_info().rss / 1e6))
    return kept


def first_prompt() -> dict[str, float]:
    """From the first command of a process to the model's server, once a file has been opened."""
    times: list[float] = []
    for _ in range(3 if QUICK else 7):
        with replaying(1) as (url, _), editing(url) as editor:
            document = {"uri": (editor.folder / "a.py").as_uri(), "languageId": "python"}
            editor.notify(
                "textDocument/didOpen", {"textDocument": {**document, "version": 1, "text": ""}}
            )
            time.sleep(SETTLED)
            begin = time.monotonic_ns()
            collector = one_run(editor, "first", "arrival")
            times.append((collector.stamps[0] - begin) / 1e6)
    return {"median_ms": statistics.median(times)}


def idle_parts() -> list[tuple[str, float]]:
    """What is in memory once a part of the server has been imported, from the outside in."""
    parts = [
        ("Python", ""),
        ("asyncio and attrs", "import asyncio, attrs, logging, json, pathlib"),
        ("what answers initialize", "import inhouse.lsp.door"),
        (
            "pygls and lsprotocol",
            "from inhouse.lsp.transport.light_imports import load_pygls; load_pygls()",
        ),
        ("the server and its host", "import inhouse.lsp.bootstrap"),
    ]
    code = ["import ctypes, gc"]
    for _, imported in parts:
        code += [imported, "gc.collect(); ctypes.CDLL(None).malloc_trim(0)"]
        code += ["print(open('/proc/self/statm').read().split()[1])"]
    if not Path("/proc/self/statm").exists():
        return []
    shown = subprocess.run(
        [sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, check=True
    )
    held = [int(line) * PAGE_BYTES / 1e6 for line in shown.stdout.split()]
    return [(name, after) for (name, _), after in zip(parts, held, strict=True)]


def start() -> dict[str, float]:
    """From the start of the process to the answer, and what it holds when all has settled.

    A client that registers commands later, and one that must know the agents at once.
    """
    times: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as home:
        for number in range(2 * (3 if QUICK else 7) + 1):
            at = {"INHOUSE_HOME": home, "HOME": home}  # In another home there are other agents.
            editor = Editor("http://127.0.0.1:9/v1", Path(folder).resolve(), more=at)
            took = editor.initialize(registers=bool(number % 2))
            if number:  # The first writes down what the others find: its agents.
                times[bool(number % 2)].append(took)
            time.sleep(SETTLED)
            held = psutil.Process(editor.process.pid).memory_full_info()
            editor.close()
    return {
        "initialize_ms": statistics.median(times[True]),
        "initialize_all_ms": statistics.median(times[False]),
        "idle_mb": held.rss / 1e6,
        "idle_own_mb": held.uss / 1e6,
    }


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
        collectors = begun(editor, runs, "r")
        times = latencies(editor, lambda: not all(one.finished.is_set() for one in collectors))
        for collector in collectors:
            collector.finished.wait(60)
    return {"runs": runs, "median_ms": statistics.median(times), "max_ms": max(times)}


def stalled() -> dict[str, float]:
    """An editor that stops reading for a while: what the server keeps meanwhile."""
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
        return {"held_mb": held / 1e6, "pieces": collector.pieces}


def latencies(editor: Editor, streaming: Callable[[], bool]) -> list[float]:
    """Give how many milliseconds each of up to `COMMANDS` trivial commands takes meanwhile."""
    times: list[float] = []
    while len(times) < COMMANDS and streaming():
        begin = time.perf_counter()
        editor.command("inhouse.runs", {"limit": 5})
        times.append((time.perf_counter() - begin) * 1000)
        time.sleep(0.02)
    return times


def begun(editor: Editor, runs: int, token: str) -> list[Collector]:
    collectors = [Collector() for _ in range(runs)]
    for number, collector in enumerate(collectors):
        editor.on_events[f"{token}{number}"] = collector
        editor.run(f"{token}{number}")
    return collectors


def several(editor: Editor, runs: int, token: str) -> None:
    for collector in begun(editor, runs, token):
        if not collector.finished.wait(120):
            raise TimeoutError(token)


def one_run(editor: Editor, token: str, prompt: str = "go") -> Collector:
    collector = Collector()
    editor.on_events[token] = collector
    editor.run(token, prompt)
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
            ("Inhouse, to the editor's pipe, the middle of five floods", own, "≥ 100,000"),
        )
    ]
    rows += [
        (
            f"{name}: CPU seconds for 1,000 pieces",
            f"{one['cpu_per_1000']:.4f}, {one['cpu_per_1000'] / floor['cpu_per_1000']:.0f} floors",
            target,
        )
        for name, one, target in (("openai package", package, ""), ("Inhouse", own, "≤ 0.011"))
    ]
    start, raw, first = results["start"], results["raw_paced"], results["first_prompt"]
    after, during, runs = results["after_floods"], results["during_floods"], results["over_runs"]
    paced = results["paced"]
    rows += [
        ("notifications for the flood", f"{own['notifications']:,.0f} of {FLOOD:,} pieces", ""),
        (f"memory added by {MANY:,} pieces", f"{results['memory']['added_mb']:.1f} MB", "< 20 MB"),
        (
            "memory after runs of 1 MB",
            ", ".join(f"{number}: {held:.0f} MB" for number, held in runs),
            "flat from the 200th",
        ),
        ("5 ms apart, a raw reader: median, p95", f"{_two(raw)} ms", ""),
        (
            "5 ms apart, a raw reader that writes it to a pipe, to the pipe's end: median, p95",
            f"{_two(results['relayed'])} ms",
            "",
        ),
        (
            "5 ms apart, added to it: median, p95",
            f"{_two({name: paced[name] - raw[name] for name in paced})} ms",
            "≤ 0.25, 0.40 ms",
        ),
        (
            "5 ms apart, right after ten floods, late: median, p95",
            f"{_two(after)} ms (max {after['max_ms']:.1f})",
            "≤ 0.40, 0.85 ms",
        ),
        (
            "inhouse.runs while ten floods run, median",
            f"{during['median_ms']:.1f} ms (max {during['max_ms']:.0f})",
            "< 50 ms (max 100)",
        ),
        ("start to initialize's answer", f"{start['initialize_ms']:.0f} ms", "≤ 80 ms"),
        (
            "the same for a client without dynamic registration",
            f"{start['initialize_all_ms']:.0f} ms",
            "≤ 80 ms",
        ),
        ("first prompt of a process to the model", f"{first['median_ms']:.0f} ms", "≤ 100 ms"),
        (
            "idle memory (of it not shared with other programs)",
            f"{start['idle_mb']:.0f} MB ({start['idle_own_mb']:.0f})",
            "< 50 MB",
        ),
        *(
            (f"idle memory up to: {name}", f"{held:.1f} MB", "")
            for name, held in results["idle_parts"]
        ),
        ("cancel to closed connection, median", f"{results['cancel_ms']:.1f} ms", "< 50 ms"),
        ("held for an editor that stops reading", f"{results['stalled']['held_mb']:.1f} MB", ""),
    ]
    for one in results["busy"]:
        name = f"inhouse.runs while {one['runs']} runs stream, median"
        rows.append((name, f"{one['median_ms']:.1f} ms (max {one['max_ms']:.0f})", "< 50 ms"))
    return rows


def _two(one: dict[str, float]) -> str:
    return f"{one['median_ms']:.2f}, {one['p95_ms']:.2f}"


if __name__ == "__main__":
    main()
