"""In a network namespace, with every packet watched: what is claimed is so."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from inhouse.cli.verify_capture import Packet
from inhouse.cli.verify_inside import CONTROL, OUT, report
from inhouse.cli.verify_probes import Outcome
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
from inhouse.cli import verify_inside, verify_probes
from inhouse.cli.verify_capture import Capture
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
@pytest.mark.timeout(300)
def test_the_main_job_works_where_there_is_nothing_but_loopback():
    chosen = "text_goes_to_stdout or json_prints or a_tool_reads"
    command = (
        f"ip link set lo up && exec {sys.executable} -m pytest -q -p no:cacheprovider "
        f"tests/cli/test_run.py -k '{chosen}'"
    )
    done = subprocess.run(
        [*(HOW or []), "sh", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=290,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:]
    assert "3 passed" in done.stdout


GOOD = [Outcome("a", passed=True, outcome="x")]
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
    told = report([Outcome("redirect", passed=False, outcome="followed")], SEEN, CANARY)

    assert "redirect" in told["verdict"]
    assert not told["proved"]


def test_all_together_is_a_proof():
    assert report(GOOD, SEEN, CANARY)["proved"]
