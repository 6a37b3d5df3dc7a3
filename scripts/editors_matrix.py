"""Write the table of docs/how-to/editors.md from what the tests in real editors declare.

`--check` writes nothing and fails where the page is out of date.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from written_pages import filled, write_or_check

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "how-to" / "editors.md"
SCRIPT = Path(__file__).name


def declared() -> str:
    """The table, from the tests as pytest collects them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "matrix.md")
        subprocess.run(
            [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/editors"],
            cwd=ROOT,
            env=os.environ | {"INHOUSE_MATRIX": str(file)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return file.read_text("utf-8")


def main() -> int:
    text = filled(PAGE.read_text("utf-8"), {"matrix": declared()}, SCRIPT)
    return write_or_check({PAGE: text}, SCRIPT)


if __name__ == "__main__":
    sys.exit(main())
