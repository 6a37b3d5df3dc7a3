"""Write the code map of docs/architecture.md from the docstrings of the rooms.

`--check` writes nothing and fails where the page is out of date.
"""

import ast
import sys
from pathlib import Path

from written_pages import filled, write_or_check

ROOT = Path(__file__).parent.parent
SERVER = ROOT / "server" / "inhouse"
PAGE = ROOT / "docs" / "architecture.md"
SCRIPT = Path(__file__).name


def code_map() -> str:
    rows = ["| room | what it is for |", "| --- | --- |"]
    for path in sorted(SERVER.rglob("__init__.py")):
        if path.parent != SERVER:
            room = path.parent.relative_to(SERVER).as_posix()
            sentence = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split("\n\n")[
                0
            ]
            rows.append(f"| `{room}/` | {' '.join(sentence.split())} |")
    return "\n".join(rows)


def main() -> int:
    return write_or_check(
        {PAGE: filled(PAGE.read_text("utf-8"), {"code map": code_map()}, SCRIPT)}, SCRIPT
    )


if __name__ == "__main__":
    sys.exit(main())
