"""In a network namespace, with every packet watched: what is claimed is so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inhouse.verify.capture import Packet
from inhouse.verify.inside import CONTROL, OUT, report
from inhouse.verify.probes import ProbeOutcome
from support.gguf import gguf  # noqa: F401  a fixture
from support.namespaces import HOW, namespaces
from support.terminal import Terminal

ROOT = Path(__file__).parent.parent.parent
CANARY = "canary-x"


@namespaces
@pytest.mark.timeout(240)
def test_the_claim_is_proved_by_a_capture_of_every_packet(terminal: Terminal):
    done = terminal("audit", "--verify", "--json", timeout=230)

    assert done.status == 0, done
    assert done.json["proved"]
    assert done.json["packets"]["out"] == []
    assert done.json["packets"]["loopback"] > 20
    assert done.json["captureSeesOutside"]
    assert done.json["captureSeesCanary"]
    assert not done.json["canaryLeft"]
    assert all(probe["passed"] for probe in done.json["probes"])


LEAKING = """
import json, sys, tempfile
from pathlib import Path
from inhouse.verify import inside as verify_inside, probes as verify_probes
from inhouse.verify.capture import Capture
verify_inside._build_network()
capture = Capture([verify_inside.CONTROL, b"canary-x"])
capture.start()
verify_inside._send_control_packet()
with tempfile.TemporaryDirectory() as folder:
    with verify_probes.open_bench(Path(folder), "canary-x") as bench:
        verify_probes.local_run(bench)
        bench.run(provider="http://192.0.2.7/v1", privacy="any")
capture.stop()
print(json.dumps(verify_inside.report([], capture.packets, "canary-x")))
"""


@namespaces
@pytest.mark.timeout(120)
def test_a_run_that_may_leave_is_seen_leaving():
    done = subprocess.run(
        [*(HOW or []), sys.executable, "-c", LEAKING],
        capture_output=True,
        text=True,
        timeout=110,
        check=True,
    )
    seen = json.loads(done.stdout)

    assert not seen["proved"]
    assert {one["to"] for one in seen["packets"]["out"]} == {"192.0.2.7"}
    assert "tried to leave" in seen["verdict"]


@namespaces
@pytest.mark.model
@pytest.mark.timeout(300)
def test_the_main_job_works_where_there_is_nothing_but_loopback_and_no_name_server(
    tmp_path: Path,
    gguf: Path,  # noqa: F811
):
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.53\noptions timeout:30\n")
    command = (
        f"ip link set lo up && mount --bind {resolver} $(readlink -f /etc/resolv.conf) && "
        f"exec {sys.executable} -m support.main_job_inside {ROOT / '.agents'} {gguf} {tmp_path}"
    )
    done = subprocess.run(
        [*(HOW or []), "--mount", "sh", "-c", command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=290,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout)

    assert seen["status"] == "completed", seen
    assert seen["text"] == seen["streamed"] != ""
    assert seen["arrivals"] > 1, "the answer came as it was made"
    (contact,) = seen["contacts"]
    assert (contact["address"], contact["local"]) == ("127.0.0.1", True)
    assert seen["off"] == []
    assert seen["servers"] == [contact["host"]], "the prompt went to the embedded server alone"
    assert seen["packets"] > 20
    assert seen["resolverWorks"], "the test's own look-up was heard, and hung"
    assert seen["questions"] == 0
    assert seen["names"] == []
    assert "local-only" in seen["refusal"]["reason"]
    assert seen["ready"] + seen["refused"] < 25, "nothing waited for the name server's 30 s"


GOOD = [ProbeOutcome("a", passed=True, outcome="x")]
SEEN = [
    Packet(OUT, "198.51.100.1", "192.0.2.1", 50, frozenset({CONTROL})),
    Packet("lo", "127.0.0.1", "127.0.0.1", 900, frozenset({CANARY.encode()})),
]


def test_nothing_is_proved_by_a_capture_that_saw_nothing():
    assert "Nothing is proved" in report(GOOD, [], CANARY)["verdict"]
    assert "Nothing is proved" in report(GOOD, SEEN[:1], CANARY)["verdict"]
    assert "Nothing is proved" in report(GOOD, SEEN[1:], CANARY)["verdict"]


def test_one_packet_that_left_is_no_proof():
    leak = Packet(OUT, "198.51.100.1", "203.0.113.9", 60, frozenset({CANARY.encode()}))

    told = report(GOOD, [*SEEN, leak], CANARY)

    assert not told["proved"]
    assert told["canaryLeft"]
    assert told["packets"]["out"] == [{"from": "198.51.100.1", "to": "203.0.113.9", "bytes": 60}]


def test_a_probe_that_went_otherwise_is_no_proof():
    told = report([ProbeOutcome("redirect", passed=False, outcome="followed")], SEEN, CANARY)

    assert "redirect" in told["verdict"]
    assert not told["proved"]


def test_all_together_is_a_proof():
    assert report(GOOD, SEEN, CANARY)["proved"]
