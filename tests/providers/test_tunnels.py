"""A tunnel that listens in a local server's place is not local."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inhouse.core.errors import RefusedError
from inhouse.core.route import Privacy
from inhouse.providers.doctor import check
from inhouse.providers.model_factory import connect
from inhouse.providers.network.egress import Egress, EgressPolicy
from support.asking import ask, endpoint, prompt
from support.fake_servers import llama_cpp
from support.replay import Replay, text_answer

LOCAL_ONLY = EgressPolicy(Privacy.LOCAL_ONLY, "config.toml: privacy")
RELAY = """
import socket, sys, threading
def pump(a, b):
    while data := a.recv(65536): b.sendall(data)
    b.shutdown(socket.SHUT_WR)
listener = socket.create_server((sys.argv[2], 0))
print(listener.getsockname()[1], flush=True)
while True:
    client, _ = listener.accept()
    there = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    for pair in ((client, there), (there, client)):
        threading.Thread(target=pump, args=pair, daemon=True).start()
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="NOT TESTED HERE: programs are named otherwise"
)


@contextmanager
def relay(folder: Path, name: str, port: int, listens: str) -> Iterator[int]:
    """Run a program of that name which leads to a port."""
    program = folder / name
    program.symlink_to(Path(sys.executable).resolve())
    command = [str(program), "-I", "-c", RELAY, str(port), listens]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.parametrize("listens", ["127.0.0.1", "0.0.0.0"])
async def test_a_tunnel_is_refused_before_a_byte_of_the_prompt(tmp_path: Path, listens: str):
    with (
        Replay(llama_cpp(chat=text_answer("x"))) as far,
        relay(tmp_path, "ssh", far.port, listens) as port,
    ):
        async with Egress(LOCAL_ONLY) as egress:
            at = endpoint(f"http://localhost:{port}/v1")
            said = await ask(connect(at, "m", egress=egress), prompt("canary"))
            told = await check(at, egress=egress)

    assert isinstance(said.error, RefusedError)
    assert "'ssh' listens there" in said.error.reason
    assert "config.toml: privacy" in said.error.reason
    assert "vouchedLocal" in said.error.remedy
    assert not any(b"canary" in one for one in far.requests)
    assert not told.local
    assert "'ssh' listens there" in str(told.findings)


@pytest.mark.parametrize(("name", "vouched"), [("ssh", True), ("llama-server", False)])
async def test_what_the_user_vouches_for_and_any_other_program_serves(
    tmp_path: Path, name: str, *, vouched: bool
):
    with (
        Replay(llama_cpp(chat=text_answer("hi"))) as near,
        relay(tmp_path, name, near.port, "127.0.0.1") as port,
    ):
        async with Egress(LOCAL_ONLY) as egress:
            at = endpoint(f"http://127.0.0.1:{port}/v1", vouched_local=vouched)
            said = await ask(connect(at, "m", egress=egress))

    assert said.text == "hi"
