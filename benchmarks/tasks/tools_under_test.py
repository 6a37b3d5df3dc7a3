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


def opencode(task: Task, folder: Path, base_url: str, log: Path) -> str:
    """Run opencode with everything allowed; nothing but the prompt is given to it.

    It asks for a title of its session beside the answer: a fixed one spares it that request.
    """
    program = os.environ.get("OPENCODE") or shutil.which("opencode")
    if program is None:
        raise SystemExit("opencode is not installed: name its program in the variable OPENCODE.")
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": base_url, "apiKey": "unused"},
        "models": {"any": {"tool_call": True, "limit": {"context": 16_384, "output": 2_048}}},
    }
    settings = {
        "provider": {"local": provider},
        "model": "local/any",
        "small_model": "local/any",
        "share": "disabled",
        "autoupdate": False,
    }
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "OPENCODE_CONFIG_CONTENT": json.dumps(settings),
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    }
    command = [program, "run", "--auto", "--title", "task", "--dir", str(folder), task.prompt]
    return _run(command, folder, environ, log)


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


TOOLS = {"inhouse": inhouse, "aider": aider, "opencode": opencode}
