"""Run every benchmark, one after the other; each writes its section of docs/benchmarks.md.

A quiet machine, please: what else it does is measured as well.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ALL = (
    "first_hour",
    "streaming",
    "guard",
    "loop",
    "search",
    "definitions",
    "sandbox",
    "language",
    "sessions",
    "workbench",
)


def main() -> int:
    failed = [name for name in ALL if subprocess.call([sys.executable, HERE / f"{name}.py"])]
    print(f"failed: {', '.join(failed)}" if failed else "All have written their sections.")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
