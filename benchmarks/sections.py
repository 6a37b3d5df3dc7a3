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
    head, *others = split()
    kept = [one for one in others if not one.startswith(f"## {title}\n")]
    PAGE.write_text(join(head, [*kept, "\n".join(section)]))
    for row in rows:
        print(" | ".join(row))


def split() -> list[str]:
    """Give the page's head, and each section."""
    text = PAGE.read_text() if PAGE.is_file() else ""
    return re.split(r"(?m)^(?=## )", text)


def join(head: str, sections: list[str]) -> str:
    return "\n\n".join(part.strip() for part in (head, *sections)) + "\n"
