"""Run all checks and tests: `python3 scripts/test.py [pytest's arguments]`.

Sets up everything that is missing first: the environment, the embedded model, the editors.
"""

import subprocess
import sys

import setup


def main(arguments: list[str]) -> None:
    """Set up, then check and test."""
    setup.main(["--dev", "--model"])
    check = ["bash", setup.ROOT / "scripts" / "check", *arguments]
    sys.exit(subprocess.run(check, cwd=setup.ROOT, check=False).returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
