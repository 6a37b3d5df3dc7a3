"""Our own processes: one module starts them, and nothing of a workspace runs in them."""

import ast
import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import psutil
import pytest

import inhouse
from inhouse import processes
from inhouse.host.host import Host, HostCallbacks
from inhouse.tools.shell.environment import shell
from inhouse.verify.installation import installation
from support.hosts import disk
from support.mcp_session import User
from support.namespaces import namespaces
from support.terminal import Done, Terminal

ROOT = Path(__file__).parent.parent.parent
PACKAGE = Path(inhouse.__file__).parent
EXTENSION = ROOT / "client-vscode/src"

STARTERS = {
    "processes.py": "the one place",
    "tools/shell/launcher.py": "a program of its own, that becomes the command it was given",
}
MODULES = {"subprocess", "multiprocessing", "pty", "_posixsubprocess"}
CALLS = {
    *("system", "popen", "startfile", "fork", "forkpty", "posix_spawn", "posix_spawnp"),
    *(f"exec{end}" for end in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    *(f"spawn{end}" for end in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    *("create_subprocess_exec", "create_subprocess_shell", "subprocess_exec", "subprocess_shell"),
    *("open_process", "run_process", "ProcessPoolExecutor", "Popen", "getoutput", "check_output"),
}


def starts_processes(text: str) -> list[str]:
    """What in a module's text could start a process."""
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [each.name.partition(".")[0] for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "").partition(".")[0]]
            names += [each.name for each in node.names if each.name in CALLS]
            if node.module == "os" and any(each.name == "*" for each in node.names):
                found.append("from os import *")
        elif isinstance(node, ast.Attribute) and node.attr in CALLS - {"fork", "system"}:
            found.append(node.attr)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "os" and node.attr in CALLS:
                found.append(f"os.{node.attr}")
        elif isinstance(node, ast.Constant) and node.value in MODULES:
            found.append(f"{node.value!r}")  # importlib.import_module("subprocess")
        found += [name for name in names if name in MODULES | CALLS]
    return found


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess",
        "from subprocess import run",
        "import asyncio\nasyncio.create_subprocess_exec('git')",
        "from asyncio import create_subprocess_shell as c",
        "import os\nos.system('x')",
        "from os import popen",
        "import os\nos.posix_spawn('x', [], {})",
        "import importlib\nimportlib.import_module('subprocess')",
        "from concurrent.futures import ProcessPoolExecutor",
        "loop.subprocess_exec(lambda: p, 'git')",
    ],
)
def test_every_way_to_start_a_process_is_seen(text: str):
    assert starts_processes(text)


def test_one_module_starts_processes_and_no_other():
    found = {
        path.relative_to(PACKAGE).as_posix(): what
        for path in sorted(PACKAGE.rglob("*.py"))
        if (what := starts_processes(path.read_text("utf-8")))
    }

    assert set(found) == set(STARTERS), found


# One name for each module that one of our processes loads, early or late.
SHADOWS = (
    *("inhouse", "attrs", "attr", "filelock", "psutil", "json", "tempfile", "rich", "keyring"),
    *("sitecustomize", "usercustomize", "pip", "xllamacpp", "httpx2", "encodings", "runpy"),
)


@pytest.fixture
def evil_modules(terminal: Terminal) -> Path:
    """A workspace with a module of each of these names, that leaves a file when it is loaded."""
    made = terminal.home / "loaded"
    code = f"open({str(made)!r}, 'a').write(__name__ + chr(10))\nprint('{{\"proved\": true}}')\n"
    for name in SHADOWS:
        folder = terminal.workspace / name
        folder.mkdir()
        (folder / "__init__.py").write_text(code)
        (folder / "__main__.py").write_text(code)
    for part in ("cli", "verify", "providers", "providers/embedded", "tools", "tools/search"):
        (terminal.workspace / "inhouse" / part).mkdir(exist_ok=True)
        (terminal.workspace / "inhouse" / part / "__init__.py").write_text(code)
    for name in ("cli/verify_inside", "verify/inside", "verify/repeat_run"):
        (terminal.workspace / f"inhouse/{name}.py").write_text(code)
    (terminal.workspace / "setup.cfg").write_text("[easy_install]\n")
    return made


def installed(terminal: Terminal, *arguments: str) -> Done:
    """As the installed command starts: Python puts the script's own folder first, not this one."""
    code = "import sys; sys.argv[0] = 'inhouse'; from inhouse.__main__ import main; main()"
    return terminal.run([sys.executable, "-P", "-c", code, *arguments], timeout=230)


@namespaces
@pytest.mark.timeout(240)
def test_a_workspace_cannot_forge_the_proof(terminal: Terminal, evil_modules: Path):
    done = installed(terminal, "audit", "--verify", "--json")

    assert not evil_modules.exists(), evil_modules.read_text()
    assert done.status == 0, done
    assert done.json["proved"]
    assert len(done.json["probes"]) > 5
    assert done.json["installation"]["sha256"] == installation().sha256


def test_fetching_the_model_runs_no_module_of_the_workspace(terminal: Terminal, evil_modules: Path):
    nowhere = "http://127.0.0.1:9/simple"
    terminal.environ |= {
        "PIP_INDEX_URL": nowhere,
        "PIP_RETRIES": "0",
        "PIP_TIMEOUT": "1",
        "UV_INDEX_URL": nowhere,
        "UV_DEFAULT_INDEX": nowhere,
        "UV_HTTP_TIMEOUT": "1",
    }

    done = installed(terminal, "model", "install")

    assert not evil_modules.exists(), evil_modules.read_text()
    assert done.status != 0
    assert "Could not fetch" in done.err


def test_a_process_of_ours_takes_nothing_from_the_folder_or_the_environment(
    terminal: Terminal, evil_modules: Path
):
    terminal.environ |= {
        "PYTHONPATH": str(terminal.workspace),
        "PYTHONSTARTUP": str(terminal.workspace / "json/__init__.py"),
        "PYTHONHOME": str(terminal.workspace),
    }
    command = processes.python("inhouse", "--version")

    done = terminal.run(command)

    assert not evil_modules.exists(), evil_modules.read_text()
    assert done.out == f"inhouse {inhouse.__version__}\n"


@pytest.mark.parametrize("how", [("-m", "inhouse"), ("-P", "-m", "inhouse")])
def test_a_module_beside_the_workspace_is_not_loaded_once_we_run(
    terminal: Terminal, how: tuple[str, ...]
):
    """Python itself finds ``inhouse`` first; whatever we load then is ours."""
    made = terminal.home / "loaded"
    for name in ("attr", "attrs", "rich", "filelock", "httpx2", "keyring", "psutil"):
        (terminal.workspace / f"{name}.py").write_text(f"open({str(made)!r}, 'w')")

    done = terminal.run([sys.executable, *how, "agents"])

    assert done.status == 0, done
    assert not made.exists()


def test_a_program_is_never_one_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for folder in ("here", "absolute", "workspace/bin"):
        (tmp_path / folder).mkdir(parents=True)
        program = tmp_path / folder / "git"
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.chdir(tmp_path / "here")
    paths = ["", ".", "../here", str(tmp_path / "workspace/bin"), str(tmp_path / "absolute")]
    monkeypatch.setenv("PATH", os.pathsep.join(paths))

    found = processes.find_program("git", outside=(tmp_path / "workspace",))

    assert found == str(tmp_path / "absolute/git")


def test_no_program_is_taken_by_its_name_from_a_folder_that_a_session_works_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bin_of_workspace = tmp_path / "work/.venv/bin"
    bin_of_workspace.mkdir(parents=True)
    (tmp_path / "link").symlink_to(bin_of_workspace)
    for name in ("bash", "rg", "uv", "only-here"):
        (bin_of_workspace / name).write_text("#!/bin/sh\n")
        (bin_of_workspace / name).chmod(0o755)
    before = os.environ["PATH"]
    monkeypatch.setenv(
        "PATH", os.pathsep.join([str(bin_of_workspace), str(tmp_path / "link"), before])
    )
    monkeypatch.setenv("INHOUSE_HOME", str(tmp_path / "state"))

    async def open_there() -> None:
        host = Host(
            roots=(tmp_path / "work",),
            environ=dict(os.environ),
            door=HostCallbacks(disk, User()),
        )
        await host.aclose()

    asyncio.run(open_there())

    assert processes.find_program("only-here") is None
    assert processes.find_program("bash") == shutil.which("bash", path=before)
    assert shell("x")[0] == shutil.which("bash", path=before)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def of_the_extension(folder: Path, code: str, path: str = "") -> str:
    """What Node prints for *code*, in which ``own`` is the extension's module of processes.

    It runs as VS Code would, but for its types, which are taken away.
    """
    esbuild = ROOT / "client-vscode/node_modules/.bin/esbuild"
    if not esbuild.exists():
        pytest.skip("the extension's packages are not installed")
    built = folder / "processes.cjs"
    words = [str(EXTENSION / "processes.ts"), "--format=cjs", "--platform=node", "--bundle"]
    processes.run_blocking([str(esbuild), *words, f"--outfile={built}"], seconds=60)
    done = processes.run_blocking(
        [shutil.which("node") or "", "-e", f"const own = require({str(built)!r}); {code}"],
        seconds=60,
        cwd=folder,
        environment={"PATH": path, "HOME": str(folder / "home")},
    )
    return done.out.decode().strip()


def test_the_extension_takes_no_python_of_a_workspace_from_the_path(tmp_path: Path):
    for folder in ("work/.venv/bin", "own"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "python3").write_text("#!/bin/sh\n")
        (tmp_path / folder / "python3").chmod(0o755)
    (tmp_path / "link").symlink_to(tmp_path / "work/.venv/bin")
    folders = ["", ".", "work/.venv/bin", *(f"{tmp_path}/{each}" for each in FOUND)]

    found = of_the_extension(
        tmp_path,
        f"own.findProgram('python3', [{str(tmp_path / 'work')!r}]).then(console.log)",
        os.pathsep.join(folders),
    )

    assert found == str(tmp_path / "own/python3")


@pytest.mark.parametrize(
    ("is_trusted", "open_folders", "where"),
    [
        ("false", ["work"], "home"),
        ("false", ["work", "other"], "home"),
        ("true", ["work", "other"], "work"),
        ("true", [], "home"),
        ("false", [], "home"),
    ],
)
def test_the_servers_own_command_starts_in_no_folder_that_is_not_trusted(
    tmp_path: Path, is_trusted: str, open_folders: list[str], where: str
):
    for folder in ("work", "other", "home"):
        (tmp_path / folder).mkdir()
    folders = [str(tmp_path / each) for each in open_folders]

    started = of_the_extension(
        tmp_path,
        f"own.startCommand('/bin/sh', ['-c', 'pwd'], {folders}, {is_trusted})"
        ".stdout.on('data', (said) => process.stdout.write(said))",
    )

    assert started == str(tmp_path / where)
    (use,) = re.findall(r"startCommand\((.*)\);", (EXTENSION / "server.ts").read_text("utf-8"))
    assert use == "program, parts, workspacePaths(), vscode.workspace.isTrusted"


FOUND = ("link", "work/.venv/bin", "work/../work/.venv/bin", "own")


async def test_a_program_without_its_path_is_not_started(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="whole path"):
        await processes.start(["git", "--version"], cwd=tmp_path)


LEAVES_CHILDREN = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(60)
    os._exit(0)
time.sleep({seconds})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="it forks")
@pytest.mark.parametrize("seconds", [60, 0])
@pytest.mark.parametrize("blocking", [False, True])
async def test_at_its_time_limit_everything_that_it_started_is_gone(
    tmp_path: Path, seconds: int, *, blocking: bool
):
    """Also what left its session, and what it left behind when it ended itself."""
    command = [sys.executable, "-c", LEAVES_CHILDREN.format(seconds=seconds)]

    running = (
        asyncio.to_thread(processes.run_blocking, command, seconds=2, cwd=tmp_path)
        if blocking
        else processes.run(command, seconds=2, cwd=tmp_path)
    )

    with pytest.raises(TimeoutError):
        await running

    for _ in range(50):
        left = [each for each in psutil.process_iter() if _works_in(each, tmp_path)]
        if not left:
            break
        await asyncio.sleep(0.1)  # a killed process is reaped by whoever adopted it
    assert left == []


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(folder)
    except psutil.Error:
        return False


def test_what_a_process_says_beyond_the_limit_is_thrown_away():
    words = [sys.executable, "-c", "print('x' * 3_000_000)"]

    done = asyncio.run(processes.run(words, seconds=30, most=1_000))

    assert done.out == b"x" * 1_000


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="gives files to somebody else")
@pytest.mark.parametrize("how", ["owner", "mode", "above"])
def test_a_proof_from_somebody_elses_files_is_refused(tmp_path: Path, how: str):
    folder = tmp_path / "site/inhouse"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("x = 1\n")
    assert installation(folder).files == 1
    match how:
        case "owner":
            os.chown(folder / "a.py", 12_345, 12_345)
        case "mode":
            folder.chmod(0o777)
        case _:
            os.chown(tmp_path / "site", 12_345, 12_345)

    with pytest.raises(Exception, match="Nothing is proved"):
        installation(folder)


def test_the_extension_starts_processes_in_one_module_too():
    starting = {
        path.name
        for path in EXTENSION.glob("*.ts")
        for line in path.read_text("utf-8").splitlines()
        if "child_process" in line and not line.startswith("import type ")
    }

    assert starting == {"processes.ts"}


async def test_a_process_that_nobody_reads_any_more_is_ended():
    endless = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    process = await processes.start(
        [sys.executable, "-c", endless], cwd=Path.home(), stderr=processes.PIPE
    )
    assert process.stdout is not None
    await process.stdout.read(1)
    await asyncio.sleep(0.3)  # Its pipe and our buffer are full by now, so reading is paused.

    await asyncio.wait_for(processes.end(process), 60)

    assert process.returncode is not None
