"""VS Code's workbench: activation, first text, long tasks and typing while 20 runs stream.

Runs tests/editors/vscode/perf.test.mjs, which needs `scripts/setup-editors vscode`.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import sections

ROOT = Path(__file__).resolve().parent.parent
CLIENT = ROOT / "client-vscode"


def measured() -> dict[str, Any]:
    subprocess.run(["bash", str(ROOT / "scripts" / "setup-editors"), "vscode"], check=True)
    if not (CLIENT / "node_modules").is_dir():
        subprocess.run(["npm", "ci"], cwd=CLIENT, check=True)
    subprocess.run(["npm", "run", "--silent", "bundle"], cwd=CLIENT, check=True)
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder, "figures.json")
        environ = os.environ | {"INHOUSE_PYTHON": sys.executable, "INHOUSE_FIGURES": str(figures)}
        test = ROOT / "tests" / "editors" / "vscode" / "perf.test.mjs"
        subprocess.run(["node", "--test", str(test)], env=environ, check=True)
        return json.loads(figures.read_text())


def typing(name: str, figures: dict[str, Any], target: str) -> sections.Rows:
    long = ", ".join(f"{each} ms" for each in figures["cpuOver50"]) or "none"
    return [
        (
            f"tasks of over 50 ms of processor time, in five times 6 s of typing: {name}",
            f"{long} (the longest: {figures['cpuLongest']} ms)",
            target,
        ),
        (f"tasks over 50 ms by the clock: {name}", str(len(figures["over50"])), ""),
        (
            f"a key until the next frame, the middle one of five: {name}",
            f"{figures['p50']} ms (p95 {figures['p95']})",
            target and "as the floor",
        ),
    ]


def main() -> None:
    figures = measured()
    first, activation = figures["firstText"], figures["activation"]
    rows = [
        (
            f"activation of the extension, by VS Code's own clock, median of {len(activation)}",
            f"{statistics.median(activation)} ms ({min(activation)} to {max(activation)})",
            "< 50 ms",
        ),
        (
            "the model's first token to the text on the screen, median of 5",
            f"{statistics.median(first)} ms ({min(first)} to {max(first)})",
            "< 150 ms",
        ),
        *typing("nothing runs", figures["quiet"], ""),
        *typing("20 runs stream outside, on the same screen (floor)", figures["floor"], ""),
        *typing("20 runs stream in the editor", figures["busy"], "none that the floor lacks"),
        (
            "the extension's longest task in its host while 20 runs stream, in 6 s of samples",
            f"{figures['host']['cpuLongest']} ms ({figures['host']['clockLongest']} by the clock)",
            "< 50 ms",
        ),
    ]
    sections.write("VS Code's workbench", "python benchmarks/workbench.py", rows)


if __name__ == "__main__":
    main()
