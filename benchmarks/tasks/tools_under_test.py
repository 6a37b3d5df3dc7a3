"""How each tool is asked to do a task, in a folder of its own, without a person."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tasks import Task

SECONDS = 1_200

AGENT = {
    "id": "coder",
    "displayName": "Coder",
    "model": "local/any",
    "toolNames": [
        *("read_files", "write_file", "str_replace"),
        *("code_search", "list_directory", "end_turn"),
    ],
    "systemPrompt": "You are a careful programmer in a small project.",
    "instructionsPrompt": "Do what the user asks, and nothing else.",
}


def inhouse(task: Task, folder: Path, base_url: str, log: Path) -> str:
    """Run an agent with six tools; nothing but the prompt is given to it."""
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    (folder / ".agents").mkdir()
    (folder / ".agents" / "coder.json").write_text(json.dumps(AGENT))
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "CODEBUFF_LOCAL_BASE_URL": base_url,
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }
    command = [sys.executable, "-m", "inhouse", "run", "coder", task.prompt]
    command += ["--yes-edits", "--trust", "--json", "--workspace", str(folder)]
    done = _run(command, folder, environ, log)
    shutil.rmtree(folder / ".agents")
    texts = [json.loads(line) for line in done.splitlines() if line.startswith("{")]
    return "".join(str(one["delta"]) for one in texts if one.get("kind") == "text")


def aider(task: Task, folder: Path, base_url: str, log: Path) -> str:
    """Run aider with the files named on its command line, as its users do."""
    program = os.environ.get("AIDER") or shutil.which("aider")
    if program is None:
        raise SystemExit("aider is not installed: name its program in the variable AIDER.")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder.parent / "home"),
        "OPENAI_API_BASE": base_url,
        "OPENAI_API_KEY": "unused",
        "AIDER_ANALYTICS": "false",
    }
    Path(environ["HOME"]).mkdir(exist_ok=True)
    command = [program, "--model", "openai/local", "--message", task.prompt]
    command += [
        "--yes-always",
        "--no-git",
        "--no-stream",
        "--no-pretty",
        "--no-show-model-warnings",
    ]
    command += ["--no-check-update", "--no-suggest-shell-commands", "--edit-format", "whole"]
    command += ["--no-auto-lint", "--no-gitignore", "--map-tokens", "0", *task.named]
    answer = _run(command, folder, environ, log)
    for left in folder.glob(".aider*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    return answer


def _run(command: list[str], folder: Path, environ: dict[str, str], log: Path) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        out = error.stdout or b""
        log.write_text(f"TIMED OUT\n{out!r}")
        return ""
    log.write_text(f"exit {done.returncode}\n{done.stdout}\n--- stderr\n{done.stderr}")
    return done.stdout


TOOLS = {"inhouse": inhouse, "aider": aider}
