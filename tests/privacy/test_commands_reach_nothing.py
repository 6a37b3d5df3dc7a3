"""Commands without a network reach nothing, and no command reads the server's environment."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from inhouse.core.route import Privacy
from inhouse.tools.shell import processes
from inhouse.tools.shell.offline import OfflineWay, candidates, installed, works
from support.workspaces import bench

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's own means")

WAYS = {(way.prefix or (way.spec["way"],))[0]: way for way in candidates(may_hide_run=True)}

ATTACK = textwrap.dedent(
    """
    import ctypes, json, os, socket, subprocess, sys

    given = json.loads(sys.argv[1])
    reached = {}

    def attempt(name, act):
        try:
            reached[name] = act()
        except Exception as error:
            reached[name] = None

    def unix(address, kind=socket.SOCK_STREAM):
        door = socket.socket(socket.AF_UNIX, kind)
        if kind == socket.SOCK_DGRAM:
            door.sendto(b"hello", address)
        else:
            door.connect(address)
        return "connected"

    def said(*command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
        return done.stdout.strip() or None if done.returncode == 0 else None

    libc = ctypes.CDLL(None, use_errno=True)

    def call(number, *values):
        result = libc.syscall(ctypes.c_long(number), *values)
        if result < 0:
            raise OSError(ctypes.get_errno())
        return result

    def raw_socket():
        door = socket.socket(fileno=call(41 if os.uname().machine == "x86_64" else 198, 1, 1, 0))
        door.connect(given["path"])
        return "connected"

    attempt("a path", lambda: unix(given["path"]))
    attempt("a datagram", lambda: unix(given["datagram"], socket.SOCK_DGRAM))
    attempt("an abstract name", lambda: unix("\\0" + given["abstract"]))
    attempt("a bare system call", raw_socket)
    attempt("32-bit numbers", lambda: call(0x40000000 + 41, 1, 1, 0))
    here = ("127.0.0.1", given["port"])
    attempt("tcp", lambda: socket.create_connection(here, 3) and "connected")
    attempt("vsock", lambda: socket.socket(40, socket.SOCK_STREAM) and "opened")
    attempt("packets", lambda: socket.socket(17, socket.SOCK_RAW) and "opened")
    attempt("io_uring", lambda: call(425, 8, ctypes.create_string_buffer(120)))
    attempt("the kernel's resolver", lambda: call(
        249 if os.uname().machine == "x86_64" else 218, b"dns_resolver", b"a.invalid", b"", 0))
    attempt("tmux", lambda: said("tmux", "-S", given["tmux"], "display-message", "-p", "reached"))
    attempt("ssh-agent", lambda: said("ssh-add", "-L") or os.environ["NOTHING"])
    attempt("unmounting", lambda: said("sh", "-c", "umount /run && echo undone"))
    attempt("unmounting lazily", lambda: said("sh", "-c", "umount -l /run && echo undone"))
    attempt("mounting over", lambda: said("sh", "-c", "mount -t tmpfs x /mnt && echo mounted"))
    attempt("a namespace inside", lambda: said(
        "unshare", "-rm", sys.executable, "-c",
        "import os, socket, sys; os.system('umount -l /run'); d = socket.socket(socket.AF_UNIX);"
        " d.connect(sys.argv[1]); print('connected')", given["path"]))
    attempt("another's namespace", lambda: said(
        "nsenter", "-t", str(given["pid"]), "-n", "-m", "echo", "entered"))
    for name in ("environ", "root/etc/passwd", "cwd/etc/passwd", "fd/0"):
        path = "/proc/%d/%s" % (given["pid"], name)
        attempt(name, lambda: open(path, "rb").read(1) and "read")
    attempt("another's memory", lambda: open("/proc/%d/mem" % given["pid"], "r+b") and "opened")
    attempt("tracing", lambda: libc.ptrace(16, given["pid"], 0, 0) == 0 and "attached" or None)
    one, other = socket.socketpair()
    one.send(b"pair")
    pair = other.recv(9).decode()
    print(json.dumps({"reached": {k: v for k, v in reached.items() if v}, "pair": pair}))
    """
)


@contextmanager
def outside(folder: Path) -> Iterator[dict[str, object]]:
    """Have what a developer's machine has: servers on Unix sockets, tmux, an ssh-agent."""
    with ExitStack() as stack:
        path, datagram = folder / "docker.sock", folder / "syslog.sock"
        for address, kind in (
            (str(path), socket.SOCK_STREAM),
            (f"\0inhouse-test-{os.getpid()}", socket.SOCK_STREAM),
            (str(datagram), socket.SOCK_DGRAM),
        ):
            server = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
            server.bind(address)
            if kind == socket.SOCK_STREAM:
                server.listen(20)
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        kept = stack.enter_context((folder / "attack.py").open())
        bystander = stack.enter_context(subprocess.Popen(["sleep", "600"], cwd="/", stdin=kept))
        stack.callback(bystander.kill)
        tmux = folder / "tmux.sock"
        if shutil.which("tmux"):
            subprocess.run(["tmux", "-S", tmux, "-f", "/dev/null", "new-session", "-d"], check=True)
            stack.callback(subprocess.run, ["tmux", "-S", tmux, "kill-server"], check=False)
        if shutil.which("ssh-agent"):
            agent = stack.enter_context(
                subprocess.Popen(
                    ["ssh-agent", "-D", "-a", folder / "agent"], stdout=subprocess.DEVNULL
                )
            )
            stack.callback(agent.kill)
        yield {
            "path": str(path),
            "datagram": str(datagram),
            "abstract": f"inhouse-test-{os.getpid()}",
            "port": tcp.getsockname()[1],
            "tmux": str(tmux),
            "pid": bystander.pid,
        }


async def attack(folder: Path, way: OfflineWay | None) -> dict[str, object]:
    """Run the attack in a way; give what it reached."""
    (folder / "attack.py").write_text(ATTACK)
    with outside(folder) as given:
        command = (sys.executable, str(folder / "attack.py"), json.dumps(given))
        started = await processes.start(
            (*(way.prefix if way else ()), *command),
            cwd=folder,
            environment={"PATH": os.environ["PATH"], "SSH_AUTH_SOCK": str(folder / "agent")},
            spec=way.spec if way else None,
        )
        try:
            async with asyncio.timeout(60):
                output, errors = await started.process.communicate()
        finally:
            await processes.end(started)
    assert output, errors.decode()
    return json.loads(output)


async def test_an_ordinary_command_reaches_what_the_attack_is_after(tmp_path: Path):
    reached = (await attack(tmp_path, None))["reached"]

    assert {"a path", "a datagram", "an abstract name", "a bare system call", "tcp"} <= set(reached)
    assert shutil.which("tmux") is None or "tmux" in reached


@pytest.mark.parametrize("name", WAYS)
async def test_a_command_without_a_network_reaches_nothing(tmp_path: Path, name: str):
    way = installed(WAYS[name])
    if way is None or not await works(way):
        pytest.skip(f"{name} does not work on this system")

    assert await attack(tmp_path, way) == {"reached": {}, "pair": "pair"}


async def test_a_way_that_fails_runs_nothing(tmp_path: Path):
    spec = {"way": "namespaces", "overlays": [{"root": str(tmp_path), "scratch": "/nowhere"}]}
    started = await processes.start(
        ("/usr/bin/touch", "made"),
        cwd=tmp_path,
        environment={"PATH": os.environ["PATH"]},
        spec=spec,
    )

    await started.process.communicate()

    assert "nowhere" in (started.report().failed or "")
    assert not (tmp_path / "made").exists()


async def test_a_file_that_is_made_is_the_users_own(tmp_path: Path):
    here = bench(tmp_path, answers=(("Run once",),), privacy=Privacy.LOCAL_ONLY)

    result = await here.call("run_terminal_command", command="id -u; touch made; pwd")

    assert result["stdout"] == f"{os.getuid()}\n{tmp_path}\n"
    assert (tmp_path / "made").stat().st_uid == os.getuid()


GUARDED = """
import os, sys, threading
from inhouse.core.own_environment import environment, forget, guard
guard()
assert environment()["OPENROUTER_API_KEY"] == "canary-one", environment()
assert environment()["DATABASE"] == "postgres://me:canary-two@host/db"
assert environment()["PLAIN"] == "canary-three" and environment()["EDITOR"] == "vi"
forget(["PLAIN"])
assert "PLAIN" not in os.environ and os.environ["EDITOR"] == "vi"
print(os.getpid(), flush=True)
sys.stdin.read()
"""


def test_no_process_finds_a_key_in_the_servers_environment(tmp_path: Path):
    given = {
        "PATH": os.environ["PATH"],
        "OPENROUTER_API_KEY": "canary-one",
        "DATABASE": "postgres://me:canary-two@host/db",
        "PLAIN": "canary-three",
        "EDITOR": "vi",
    }
    with subprocess.Popen(
        [sys.executable, "-c", GUARDED],
        env=given,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        environ = Path(f"/proc/{pid}/environ")
        try:
            seen = environ.read_bytes()
        except PermissionError:
            seen = b"EDITOR=vi"
        owner = environ.stat().st_uid
        server.communicate("")

    assert b"canary" not in seen
    assert b"EDITOR=vi" in seen
    assert owner == 0, "the kernel lets others of the same user look into this process"


def test_the_program_itself_is_guarded():
    code = "import sys; sys.argv = ['inhouse', '--version']\nimport inhouse.__main__ as m, os\n"
    code += "try: m.main()\nexcept SystemExit: pass\nprint('A_TOKEN' in os.environ)"

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "A_TOKEN": "x" * 20},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == "False"
