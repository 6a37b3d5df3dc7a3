"""``audit --verify`` repeats a recorded run where every packet is seen, and compares."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from inhouse.core.events import Contact, EndpointUsage, RunResult, RunStatus, Usage
from inhouse.core.request import RunRequest
from inhouse.core.route import DecidedBy, Route
from inhouse.host.record_writer import replay_of
from inhouse.host.workspace_snapshot import ClientSettings
from inhouse.settings import editor_layers
from inhouse.store.database import Database
from inhouse.store.replays import KEPT, Replay, ReplayStore
from inhouse.store.run_records import Record, RecordStore
from inhouse.verify.compare import judge
from support.gguf import NAME, gguf  # noqa: F401  a fixture
from support.model_server import ModelServer, call
from support.namespaces import namespaces, user_namespaces
from support.terminal import Done, Terminal

AS_A_USER = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]


def verified(terminal: Terminal, *more: str, before: tuple[str, ...] = ()) -> Done:
    command = [*before, *terminal.command("audit", "--verify", "--json", *more)]
    return terminal.run(command, timeout=170)


def recorded(terminal: Terminal, server: ModelServer, *more: str) -> None:
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    done = terminal("run", "helper", "the prompt as it was", "--trust", *more)
    assert done.status == 0, done


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "before",
    [
        pytest.param((), marks=namespaces, id="as-it-is"),
        pytest.param(tuple(AS_A_USER), marks=user_namespaces, id="without-any-right"),
    ],
)
def test_the_last_run_is_repeated_and_its_bytes_are_those_of_the_record(
    terminal: Terminal, server: ModelServer, before: tuple[str, ...]
):
    terminal.agent()
    terminal.user_settings('privacy = "local-only"')
    recorded(terminal, server)

    done = verified(terminal, before=before)

    assert done.status == 0, done
    replay = done.json["replay"]
    (row,) = replay["hosts"]
    assert row["host"] == f"127.0.0.1:{server.port}"
    assert row["recorded"]["sent"] > 300
    assert row["recorded"] == row["repeated"] == row["captured"]
    assert replay["packets"]["out"] == []
    assert replay["packets"]["loopback"] > 10
    assert "outside the namespace" in " ".join(replay["notes"])
    assert [one.body["messages"][0] for one in server.chats] == [
        server.chats[0].body["messages"][0]
    ] * 2
    assert len(terminal("audit", "--json").json) == 1  # repeating leaves no record of its own


@namespaces
@pytest.mark.timeout(180)
def test_a_run_that_would_leave_when_repeated_is_no_proof(terminal: Terminal, server: ModelServer):
    terminal.agent()
    recorded(terminal, server)
    terminal.agent(more="localProvider: { baseUrl: 'http://192.0.2.7/v1' },")

    done = verified(terminal)

    assert done.status == 1
    replay = done.json["replay"]
    assert not replay["proved"]
    assert "tried to leave" in replay["verdict"]
    assert {one["to"] for one in replay["packets"]["out"]} == {"192.0.2.7"}
    assert done.json["verdict"].startswith("Proved")  # the probes are another matter


@namespaces
@pytest.mark.timeout(180)
def test_repeating_changes_nothing(terminal: Terminal, server: ModelServer):
    terminal.agent(more="toolNames: ['write_file', 'run_terminal_command'],")
    terminal.user_settings(
        'edits = "apply"\ncommands = "allow-listed"\nallowedCommands = ["touch made"]'
    )
    recorded(terminal, server)
    server.play(
        call("write_file", path="new.txt", content="x", instructions="write"),
        call("run_terminal_command", command="touch made"),
    )

    done = verified(terminal)

    assert len(server.chats) >= 3, done
    assert not (terminal.workspace / "new.txt").exists()
    assert not (terminal.workspace / "made").exists()


@namespaces
@pytest.mark.timeout(180)
def test_the_embedded_model_starts_inside(terminal: Terminal, gguf: Path):  # noqa: F811
    models = terminal.home / "inhouse/data/models"
    models.mkdir(parents=True)
    (models / NAME).symlink_to(gguf)
    terminal.agent()
    terminal.user_settings('privacy = "local-only"')
    assert terminal("run", "helper", "Say hi.", "--trust", "--embedded").status == 0

    (record,) = terminal("audit", "--json").json

    done = verified(terminal, "--run", record["runId"])

    assert done.status == 0, done
    replay = done.json["replay"]
    (row,) = replay["hosts"]
    assert row["recorded"]["sent"] > 0
    assert row["repeated"] == row["captured"]
    assert "started inside" in " ".join(replay["notes"])


@namespaces
@pytest.mark.timeout(180)
def test_a_record_that_names_a_remote_host_is_no_proof(terminal: Terminal):
    database = Database(terminal.home / "inhouse/state")
    number = RecordStore(database).add(
        result(Contact("llm.example.com:443", "192.0.2.9", False, 1, 1, "m", "team")),
        workspace=terminal.workspace,
        privacy="any",
    )
    ReplayStore(database).keep(number, Replay("helper", "x", (str(terminal.workspace),)))
    database.close()

    done = verified(terminal)

    assert done.status == 1
    assert "llm.example.com:443" in done.json["replay"]["verdict"]


@namespaces
@pytest.mark.timeout(180)
def test_without_any_run_the_probes_are_tried_and_it_says_so(terminal: Terminal):
    done = terminal("audit", "--verify", timeout=170)

    assert done.status == 0, done
    assert "No recorded run" in done.out


def test_a_run_that_nobody_knows_is_told(terminal: Terminal):
    done = terminal("audit", "--verify", "--run", "run-77")

    assert done.status == 2
    assert "run-77" in done.err


def test_a_system_that_makes_no_namespaces_is_told_loudly(terminal: Terminal, tmp_path: Path):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "unshare").write_text(
        "#!/bin/sh\necho 'unshare: Operation not permitted' >&2\nexit 1\n"
    )
    (tools / "unshare").chmod(0o755)
    if (ip := shutil.which("ip")) is None or sys.platform != "linux":
        pytest.skip("NOT TESTED HERE: there is no command ip")
    (tools / "ip").symlink_to(ip)
    terminal.environ["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"

    done = terminal("audit", "--verify")

    assert done.status == 2
    assert "Operation not permitted" in done.err
    assert "unprivileged user namespaces" in done.err


# What is kept for it


def test_only_the_last_runs_prompts_are_kept_and_forgetting_deletes_them(tmp_path: Path):
    database = Database(tmp_path / "state")
    records, replays = RecordStore(database), ReplayStore(database)
    numbers = []
    for count in range(KEPT + 3):
        numbers.append(records.add(result(), workspace=tmp_path, privacy="any"))
        replays.keep(numbers[-1], Replay("helper", f"canary-prompt-{count}", ("/x",)))

    assert [replays.of(one) is not None for one in numbers] == [False] * 3 + [True] * KEPT
    assert replays.of(numbers[-1]) == Replay("helper", f"canary-prompt-{KEPT + 2}", ("/x",))
    records.forget()
    assert not any(replays.of(one) for one in numbers)


def test_who_keeps_no_transcripts_keeps_no_prompts(terminal: Terminal, server: ModelServer):
    terminal.agent()
    terminal.user_settings("keptTranscripts = 0")
    recorded(terminal, server)

    for one in (terminal.home / "inhouse/state").iterdir():
        assert b"the prompt as it was" not in one.read_bytes()


def test_no_key_is_kept_of_an_editors_settings():
    values = {
        "privacy": "local-only",
        "workspace": {"endpoints": {"c": {"apiKey": "sk-canary"}}, "maxSteps": 3},
        "endpoints": {
            "a": {
                "baseUrl": "http://localhost:1/v1",
                "apiKey": "sk-canary",
                "headers": {"X": "sk-canary"},
            },
            "b": {"apiKey": "${keyring:team}"},
        },
    }

    kept = replay_of(RunRequest("helper"), (), ClientSettings(editor_layers(values), None))

    assert "sk-canary" not in repr(kept)
    assert kept.editor["privacy"] == "local-only"
    assert kept.editor["workspace"] == {"endpoints": {"c": {}}, "maxSteps": 3}
    assert kept.editor["endpoints"]["a"] == {"baseUrl": "http://localhost:1/v1", "headers": {}}
    assert kept.editor["endpoints"]["b"] == {"apiKey": "${keyring:team}"}


# What is no proof


def result(*contacts: Contact) -> RunResult:
    return RunResult(
        run_id="run-1",
        agent="helper",
        route=Route("box", "http://127.0.0.1:8080/v1", "m", True, DecidedBy.DEFAULT, "x"),
        status=RunStatus.COMPLETED,
        text="",
        usage=Usage(1, 1, 0.0, {}, {"helper": EndpointUsage(1, 1, 0.0, 1)}),
        started_at="2026-11-22T18:00:00Z",
        duration_ms=1,
        first_token_ms=1,
        contacts=contacts,
    )


BOX = Contact("127.0.0.1:8080", "127.0.0.1", True, 100, 50, "m", "box")
TOLD = {
    "host": "127.0.0.1:8080",
    "address": "127.0.0.1",
    "bytesSent": 100,
    "bytesReceived": 50,
    "endpoint": "box",
}
GOOD = [
    ["lo", "127.0.0.1", 4000, "127.0.0.1", 8080, 100, 152],
    ["lo", "127.0.0.1", 8080, "127.0.0.1", 4000, 50, 102],
]


def judged(tmp_path: Path, packets: list[list[Any]], *contacts: Any, **more: Any) -> dict[str, Any]:
    records = RecordStore(Database(tmp_path / "state"))
    records.add(result(BOX), workspace=tmp_path, privacy="local-only")
    record: Record = records.recent()[0]
    told = {"result": {"contacts": list(contacts or (TOLD,)), "status": "completed"}}
    return judge(record, {"told": told, "packets": packets, "seesOutside": True} | more, notes=())


def test_the_same_hosts_and_the_same_bytes_are_a_proof(tmp_path: Path):
    told = judged(tmp_path, GOOD)

    assert told["proved"]
    assert told["hosts"][0]["captured"] == {"sent": 100, "received": 50}


@pytest.mark.parametrize(
    ("packets", "says"),
    [
        ([*GOOD, ["inhouse-out", "198.51.100.1", 9, "192.0.2.7", 80, 0, 60]], "tried to leave"),
        ([*GOOD, ["lo", "127.0.0.1", 4000, "127.0.0.1", 8080, 7, 59]], "7 bytes more went"),
        ([*GOOD, ["lo", "127.0.0.1", 4001, "127.0.0.53", 53, 30, 58]], "127.0.0.53 53"),
        ([*GOOD, ["lo", "::1", 4001, "::1", 8080, 30, 58]], "::1 8080"),
    ],
)
def test_what_the_capture_saw_and_no_record_knows_is_no_proof(
    tmp_path: Path, packets: list[list[Any]], says: str
):
    told = judged(tmp_path, packets)

    assert not told["proved"]
    assert says in told["verdict"]


def test_a_host_that_the_record_does_not_name_is_no_proof(tmp_path: Path):
    other = TOLD | {"host": "127.0.0.1:9999"}

    assert "127.0.0.1:9999" in judged(tmp_path, GOOD, TOLD, other)["verdict"]


def test_a_blind_capture_and_a_run_that_failed_prove_nothing(tmp_path: Path):
    assert "did not see" in judged(tmp_path, GOOD, seesOutside=False)["verdict"]
    failed = {"failure": "No agent 'helper'.  Agents: none"}
    assert "No agent 'helper'" in judged(tmp_path, GOOD, told=failed)["verdict"]
    broke = {"result": {"contacts": [TOLD], "status": "failed", "error": {"message": "Broke."}}}
    assert "did not now: Broke" in judged(tmp_path, GOOD, told=broke)["verdict"]
