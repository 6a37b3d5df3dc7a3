"""Sections of docs/benchmarks.md: each benchmark writes its own and leaves the others alone."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
Rows = list[tuple[str, str, str]]


def write(title: str, command: str, rows: Rows) -> None:
    """Put a table of (what, measured, target) under a title, in the place of the last one."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    section = [
        f"## {title}",
        "",
        (
            f"`{command}`, {datetime.now(UTC):%Y-%m-%d}, {machine}, "
            f"Python {platform.python_version()}."
        ),
        "",
        "| what | measured | target |",
        "| --- | --- | --- |",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]
    head, *others = re.split(r"(?m)^(?=## )", PAGE.read_text("utf-8"))
    titles = [one.partition("\n")[0] for one in others]
    place = titles.index(section[0]) if section[0] in titles else len(others)
    others[place : place + 1] = ["\n".join(section)]
    text = "\n\n".join(part.strip() for part in (head, *others)) + "\n"
    PAGE.write_text(text, "utf-8")
    for row in rows:
        print(" | ".join(row))
