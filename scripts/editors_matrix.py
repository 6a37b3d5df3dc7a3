"""Write the table of docs/how-to/editors.md from what the tests in real editors declare.

`--check` writes nothing and fails where the page is out of date.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "how-to" / "editors.md"
BEGIN = "<!-- matrix: written by scripts/editors_matrix.py -->\n"
END = "<!-- end -->"


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
    text = PAGE.read_text("utf-8")
    head, _, rest = text.partition(BEGIN)
    wanted = head + BEGIN + declared() + END + rest.partition(END)[2]
    if wanted == text:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"{PAGE.name} is out of date: run python scripts/editors_matrix.py")
        return 1
    PAGE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
