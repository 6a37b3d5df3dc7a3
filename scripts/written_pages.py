"""Pages of which parts are written by a script, between two comments."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path


def filled(text: str, tables: Mapping[str, str], script: str) -> str:
    """Put each table between ``<!-- NAME: written by scripts/SCRIPT -->`` and ``<!-- end -->``."""
    for name, wanted in tables.items():
        mark = rf"(<!-- {name}: written by scripts/{re.escape(script)} -->\n).*?(<!-- end -->)"
        text, count = re.subn(
            mark,
            lambda found, wanted=wanted: f"{found[1]}{wanted.rstrip()}\n{found[2]}",
            text,
            flags=re.DOTALL,
        )
        if count != 1:
            raise SystemExit(f"The page has {count} places for {name!r} of {script}, not one.")
    return text


def write_or_check(wanted: Mapping[Path, str], script: str) -> int:
    """Write what is out of date, or, with ``--check``, name it and give 1."""
    stale = [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.name} is out of date: run python scripts/{script}")
        return int(bool(stale))
    for path in stale:
        path.write_text(wanted[path], "utf-8")
    return 0
