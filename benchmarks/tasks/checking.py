"""Whether a task is done: its check, run on what is in the folder now."""

import asyncio
import posixpath
import subprocess
import sys
from pathlib import Path

from tasks import Task

SECONDS = 20


def problem(task: Task, folder: Path, answer: str) -> str:
    """Say what is wrong; empty where the task is done."""
    if task.explains and (changed := _changed(task, folder)):
        return f"it changed {changed}"
    if task.script:
        return asyncio.run(_typescript(task, folder))
    code = f"answer = {answer!r}\n{task.check}\n"
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-c", code],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "the check did not end"
    lines = done.stderr.strip().splitlines() or ["the check failed"]
    return "" if done.returncode == 0 else lines[-1][:160]


def _changed(task: Task, folder: Path) -> str:
    for path, text in task.files.items():
        file = folder / path
        if not file.is_file() or file.read_text("utf-8") != text:
            return path
    return ""


async def _typescript(task: Task, folder: Path) -> str:
    """Run the script in QuickJS: it strips the types, and reaches nothing else."""
    import quickjs_rs

    def normalize(base: str, name: str) -> str:
        path = name
        if name.startswith("."):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(base), name))
        tried = (path, f"{path}.ts", path.removesuffix(".js") + ".ts", f"{path}/index.ts")
        return next((one for one in tried if (folder / one).is_file()), path)

    def load(name: str) -> str | None:
        file = folder / name
        return file.read_text("utf-8") if file.is_file() else None

    runtime = quickjs_rs.Runtime()
    runtime.set_module_loader(normalize=normalize, load=load)
    context = runtime.new_context(timeout=5.0)
    script = f"const project = (path) => import('./' + path);\n{task.script}\n'ok'"
    try:
        await context.eval_async(script, module=False)
    except Exception as error:  # noqa: BLE001  whatever the project does is a failed check
        return str(error).strip().splitlines()[0][:160]
    return ""
