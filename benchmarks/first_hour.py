"""From an empty home folder to a first answer: seconds, commands and questions on the way.

    python benchmarks/first_hour.py [--server | --embedded]

Both ways begin in a clean clone and an empty home folder; the package cache is the one of whoever
runs this.  *server*: Inhouse is installed, a scripted model server of two models listens at a
usual port, and each question is answered as soon as it stands there.  *embedded*: the README's
first command.  Writes its section of docs/benchmarks.md when both ways were measured.
"""

import argparse
import os
import pty
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import sections

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.model_server import ModelServer  # noqa: E402  the path comes first

PORTS = (8080, 8000, 1234)
"""Where llama.cpp, vLLM and LM Studio listen; the first that is free is taken."""
QUESTION = re.compile(rb"(Which \w+ \([^)]*\)|Key for [^:]*): ?$")
STYLE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
ANSWER = "Two files are here."


def clean(folder: Path) -> tuple[Path, dict[str, str]]:
    """Give a clean clone and the environment of an empty home that knows how to install."""
    clone, home, real = folder / "clone", folder / "home", Path.home()
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    configured = [real / ".config" / "pip" / "pip.conf", real / ".pip" / "pip.conf"]
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("XDG_", "INHOUSE_", "CODEBUFF_", "VIRTUAL_ENV"))
    }
    found = next((str(path) for path in configured if path.is_file()), None)
    if found is not None:
        kept.setdefault("PIP_CONFIG_FILE", found)
    cache = os.environ.get("PIP_CACHE_DIR", str(real / ".cache" / "pip"))
    return clone, {**kept, "HOME": str(home), "PIP_CACHE_DIR": cache, "TERM": "xterm"}


def answered(
    command: list[str], folder: Path, environ: Mapping[str, str], until: bytes
) -> tuple[float, int]:
    """Run on a terminal, taking what is proposed; give the seconds to *until*, and questions."""
    ours, theirs = pty.openpty()
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    seen, questions = b"", 0
    try:
        while True:
            seen += STYLE.sub(b"", os.read(ours, 65_536))
            if until in seen:
                return time.perf_counter() - began, questions
            if QUESTION.search(seen):
                questions, seen = questions + 1, b""
                os.write(ours, b"\n")
    except OSError:
        sys.exit(f"{' '.join(command)} ended before it answered:\n{seen.decode(errors='replace')}")
    finally:
        process.terminate()
        process.wait()
        os.close(ours)


def with_server(folder: Path) -> sections.Rows:
    """Install, then ask; the first call finds the server and asks which model."""
    clone, environ = clean(folder)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    pip = [folder / "venv" / "bin" / "python", "-m", "pip", "install", "-qq", clone]
    subprocess.run(pip, env=environ, check=True)
    installed = time.perf_counter() - began
    project = folder / "project"
    project.mkdir()
    (project / "notes.txt").write_text("hello\n")
    inhouse = str(folder / "venv" / "bin" / "inhouse")
    with listening() as server:
        server.default = [f"{ANSWER}\n"]
        ask = [inhouse, "run", "ask", "What is in this folder?"]
        seconds, questions = answered(ask, project, environ, ANSWER.encode())
        again, none = answered(ask, project, environ, ANSWER.encode())
    return [
        ("install (`pip install .`, package cache warm)", f"{installed:.1f} s", ""),
        ("running local server: first answer after installation", f"{seconds:.1f} s", "< 20 s"),
        ("the same: commands after installation, questions", f"1, {questions}", "≤ 3 questions"),
        ("the same, asked again: seconds, questions", f"{again:.1f} s, {none}", ""),
    ]


def listening() -> ModelServer:
    for port in PORTS:
        try:
            return ModelServer(("qwen3:4b", "qwen3:1.7b"), port=port)
        except OSError:
            continue
    sys.exit("Something listens at each of the usual ports: stop it for this measurement.")


def embedded(folder: Path) -> sections.Rows:
    """Run the README's first command; what comes after the route is the model's."""
    clone, environ = clean(folder)
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "scripts/demo.py"],
        cwd=clone,
        env={**environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    seen = b""
    while piece := os.read(process.stdout.fileno(), 4_096):
        seen += piece
        _, told, text = STYLE.sub(b"", seen).partition(b"decided by ")
        if told and text.partition(b"\n")[2].strip():
            seconds = time.perf_counter() - began
            process.communicate()  # Its server ends with it.
            return [
                (
                    "embedded model: first token by the README's first command, from nothing",
                    f"{seconds:.1f} s",
                    "< 60 s",
                ),
                ("the same: commands, questions", "1, 0", "≤ 3 questions"),
            ]
    sys.exit(f"The demo ended before it answered:\n{seen.decode(errors='replace')}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", action="store_true")
    parser.add_argument("--embedded", action="store_true")
    options = parser.parse_args()
    both = options.server == options.embedded
    load = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    rows: sections.Rows = [("load of the machine when it began", load, "")]
    for wanted, way in ((options.server, with_server), (options.embedded, embedded)):
        if both or wanted:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                rows += way(Path(folder))
    if both:
        sections.write("The first hour", "python benchmarks/first_hour.py", rows)
    else:
        print("\n".join(" | ".join(row) for row in rows))


if __name__ == "__main__":
    main()
