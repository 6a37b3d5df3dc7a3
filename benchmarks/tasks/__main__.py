"""Small tasks, done by a real model: which tool gets them done, with how many tokens and seconds.

python benchmarks/tasks --base-url http://127.0.0.1:8080/v1 [--tool aider] [--set open|aside|all]

Any OpenAI-compatible endpoint will do.  It is not part of CI: it takes as long as the model does.
Each line of ``--out`` is one task; running it again goes on behind the last of them.
"""

import argparse
import itertools
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checking import problem
from metering import Meter
from tasks import TASKS, Task
from tools_under_test import TOOLS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
TITLE = "## Small tasks by small models"


def main() -> None:
    options = _options()
    out = Path(options.out)
    done = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    known = {(one["tool"], one["task"], one["round"]) for one in done}
    meter = Meter(options.base_url)
    end = time.monotonic() + options.minutes * 60
    for number in range(options.rounds):
        for task in _chosen(options):
            if (options.tool, task.id, number) in known:
                continue
            if time.monotonic() > end:
                break
            entry = measured(task, options.tool, meter, Path(options.logs))
            done.append({**entry, "round": number})
            with out.open("a") as stream:
                stream.write(json.dumps(done[-1]) + "\n")
            print(_line(done[-1]), flush=True)
    meter.close()
    print(table(done))
    if options.write:
        write(done, options.write)


def measured(task: Task, tool: str, meter: Meter, logs: Path) -> dict[str, Any]:
    """Do one task in a fresh folder.

    Its name is the same for each task: a tool that names it early in its prompt keeps the server's
    cache, as it would where a user asks several things in one project.
    """
    logs.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.gettempdir(), f"tasks-{os.getpid()}")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        folder = place / "project"
        for path, text in task.files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        meter.reset()
        begin = time.monotonic()
        answer = TOOLS[tool](task, folder, meter.base_url, logs / f"{tool}-{task.id}.log")
        seconds = time.monotonic() - begin
        wrong = problem(task, folder, answer)
        (logs / f"{tool}-{task.id}.requests.json").write_text(json.dumps(meter.bodies, indent=1))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return {
        "tool": tool,
        "task": task.id,
        "aside": task.aside,
        "solved": not wrong,
        "problem": wrong,
        "seconds": round(seconds, 1),
        "load": round(os.getloadavg()[0], 1),
        "model": meter.model,
        **asdict(meter.counted),
    }


def write(entries: list[dict[str, Any]], note: str) -> None:
    """Put the table into docs/benchmarks.md, with the model and the state of the machine."""
    head, title, rest = PAGE.read_text("utf-8").partition(TITLE)
    after = rest.partition("\n## ")
    section = (
        f"{TITLE}\n\n`python benchmarks/tasks`, {datetime.now(UTC):%Y-%m-%d}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores.  {note}\n\n"
        f"{table(entries)}\n"
    )
    tail = f"\n## {after[2]}" if title and after[1] else ""
    PAGE.write_text(f"{head.rstrip()}\n\n{section}{tail}", "utf-8")


def table(entries: list[dict[str, Any]]) -> str:
    """Give what was measured in one line for each model, tool and set."""
    head = "model|tool|set|solved|requests|prompt tokens (cached)|answer|seconds|load"
    lines = [f"| {head.replace('|', ' | ')} |", "|" + " --- |" * (head.count("|") + 1)]
    groups = sorted({(one["model"], one["tool"]) for one in entries})
    for (model, tool), aside in itertools.product(groups, (False, True)):
        part = [
            one
            for one in entries
            if (one["model"], one["tool"], one["aside"]) == (model, tool, aside)
        ]
        if not part:
            continue
        solved = sum(one["solved"] for one in part)

        def mean(key: str, part: list[dict[str, Any]] = part) -> float:
            return sum(one[key] for one in part) / len(part)

        lines.append(
            f"| {model} | {tool} | {'kept aside' if aside else 'open'} | {solved} of {len(part)} "
            f"| {mean('requests'):.1f} | {mean('prompt'):.0f} ({mean('cached'):.0f}) "
            f"| {mean('answer'):.0f} | {mean('seconds'):.0f} | {_load(part)} |"
        )
    return "\n".join(lines)


def _load(part: list[dict[str, Any]]) -> str:
    """Give the machine's load average meanwhile, as far as it was noted."""
    noted = [one["load"] for one in part if "load" in one]
    return f"{sum(noted) / len(noted):.0f}" if noted else "not noted"


def _line(entry: dict[str, Any]) -> str:
    result = "solved" if entry["solved"] else f"failed: {entry['problem']}"
    return (
        f"{entry['tool']:8} {entry['task']:16} {entry['seconds']:6.0f} s "
        f"{entry['requests']:2} requests {entry['prompt']:6} + {entry['answer']:5} tokens  {result}"
    )


def _chosen(options: argparse.Namespace) -> list[Task]:
    named = set(filter(None, options.tasks.split(",")))
    if unknown := named - {task.id for task in TASKS}:
        sys.exit(f"No task {', '.join(unknown)}.  Tasks: {', '.join(t.id for t in TASKS)}")
    wanted = {"open": (False,), "aside": (True,), "all": (False, True)}[options.set]
    return [task for task in TASKS if (task.id in named if named else task.aside in wanted)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/tasks", description=__doc__)
    parser.add_argument("--base-url", required=True, help="the endpoint, up to and with /v1")
    parser.add_argument("--tool", default="inhouse", choices=sorted(TOOLS))
    parser.add_argument("--set", default="open", choices=("open", "aside", "all"))
    parser.add_argument("--tasks", default="", help="ids, with commas; instead of a set")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600, help="begin no task after these")
    parser.add_argument("--out", default="tasks.jsonl")
    parser.add_argument("--logs", default="task-logs")
    parser.add_argument("--write", metavar="NOTE", help="into docs/benchmarks.md, with this note")
    return parser.parse_args()


if __name__ == "__main__":
    main()
