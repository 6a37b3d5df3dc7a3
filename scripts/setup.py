"""Make .venv beside this folder and put Inhouse into it.

    python3 scripts/setup.py [--dev] [--model]

Needs Python 3.11 or newer with venv and pip, and nothing else.  Does nothing twice.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def main(arguments: list[str]) -> None:
    """Set up what *arguments* ask for."""
    install("requirements-dev.lock" if "--dev" in arguments else "requirements.lock")
    if "--model" in arguments:
        run(PYTHON, "-m", "inhouse", "model", "install")


def install(lock: str) -> None:
    """Install what *lock* pins, by hash, and this checkout on top."""
    if sys.version_info < (3, 11):  # noqa: UP036  whoever runs this may have an older one
        sys.exit(f"Inhouse needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    if not PYTHON.exists():
        say("making .venv")
        make_venv()
    stamp = VENV / f".{lock}.{fingerprint(lock)}"
    if stamp.exists():
        return
    say(f"installing what {lock} pins")
    pip("--require-hashes", "--requirement", ROOT / lock)
    pip("--no-deps", "--editable", ROOT)
    stamp.touch()


def make_venv() -> None:
    """Make .venv, or say which package of the system is missing."""
    made = subprocess.run([sys.executable, "-m", "venv", VENV], check=False)
    if made.returncode != 0:
        sys.exit(
            "This Python cannot make virtual environments: install its venv and pip packages "
            "(Debian and Ubuntu: python3-venv) and try again."
        )


def fingerprint(lock: str) -> str:
    """Change whenever the lock or the project's metadata change."""
    content = (ROOT / lock).read_bytes() + (ROOT / "pyproject.toml").read_bytes()
    return hashlib.sha256(content).hexdigest()[:16]


def pip(*arguments: object) -> None:
    """Run pip in .venv."""
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments)


def run(*command: object) -> None:
    """Run a command, or leave with its exit status."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


def say(text: str) -> None:
    """Tell what is going on, without mixing into the output of the job itself."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
