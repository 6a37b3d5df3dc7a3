"""Run an example agent on the embedded model, through the language server.

    python3 scripts/demo.py

Sets up everything that is missing first.  No key, no other server, no network after the set-up.
"""

import subprocess
import sys

import setup


def main() -> None:
    """Set up, then be an editor for one run."""
    setup.main(["--model"])
    client = setup.ROOT / "scripts" / "demo_client.py"
    sys.exit(subprocess.run([setup.PYTHON, client, *sys.argv[1:]], check=False).returncode)


if __name__ == "__main__":
    main()
