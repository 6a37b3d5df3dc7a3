"""What is kept of a finished run, and what never is."""

import contextlib
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from attrs import evolve

from inhouse.core.errors import UserError
from inhouse.core.events import Contact, EndpointUsage, RunError, RunResult, RunStatus, Usage
from inhouse.core.route import DecidedBy, Route
from inhouse.core.secret import Secret
from inhouse.store.approvals import ApprovalStore, Subject
from inhouse.store.database import Database
from inhouse.store.model_profiles import ProfileStore
from inhouse.store.run_records import RecordStore
from inhouse.store.state_folders import private, user_folders
from inhouse.store.transcripts import TranscriptStore

RESULT = RunResult(
    run_id="7",
    agent="picker",
    route=Route("ollama", "http://localhost:11434", "qwen3:4b", True, DecidedBy.ROUTE, "x"),
    status=RunStatus.COMPLETED,
    text="the model's canary text",
    usage=Usage(
        120,
        30,
        0.25,
        {"ollama": EndpointUsage(100, 20, 0.0, 2), "team": EndpointUsage(20, 10, 0.25, 1)},
        {"picker": EndpointUsage(100, 20, 0.0, 2), "helper": EndpointUsage(20, 10, 0.25, 1)},
    ),
    started_at="2026-11-22T18:00:00Z",
    duration_ms=1200,
    first_token_ms=90,
    contacts=(Contact("localhost:11434", "127.0.0.1", True, 900, 4000, "qwen3:4b", "ollama"),),
    prompt="a canary prompt",
    error=RunError("x", "a canary message"),
)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "state")


def test_a_run_is_kept_with_its_contacts_and_usage(database: Database, tmp_path: Path):
    records = RecordStore(database)
    records.add(RESULT, workspace=tmp_path, privacy="local-only", remote_cost_usd=1.0)

    (one,) = records.recent()

    assert (one.run_id, one.agent, one.status, one.local) == ("7", "picker", "completed", True)
    assert one.contacts == RESULT.contacts
    assert one.by_endpoint == RESULT.usage.by_endpoint
    assert one.by_agent == RESULT.usage.by_agent
    assert (one.privacy, one.error) == ("local-only", "x")


def test_no_prompt_and_no_text_is_written(database: Database, tmp_path: Path):
    RecordStore(database).add(RESULT, workspace=tmp_path, privacy="any")
    database.close()

    for one in (tmp_path / "state").iterdir():
        assert b"canary" not in one.read_bytes()


def test_a_key_in_a_source_is_not_written(database: Database, tmp_path: Path):
    key = Secret("sk-record-canary")
    route = evolve(RESULT.route, source=f"x {key.reveal()}")
    RecordStore(database).add(evolve(RESULT, route=route), workspace=tmp_path, privacy="any")

    assert "sk-record-canary" not in RecordStore(database).recent()[0].source


def test_the_newest_come_first_of_the_workspace_asked_for(database: Database, tmp_path: Path):
    records = RecordStore(database)
    for number in range(5):
        workspace = tmp_path / ("a" if number % 2 else "b")
        records.add(evolve(RESULT, run_id=str(number)), workspace=workspace, privacy="any")

    assert [one.run_id for one in records.recent(2)] == ["4", "3"]
    assert [one.run_id for one in records.recent(workspace=tmp_path / "a")] == ["3", "1"]
    assert [one.run_id for one in records.recent(run_id="2")] == ["2"]


def test_costs_are_split_and_say_what_local_runs_saved_and_what_is_unknown(
    database: Database, tmp_path: Path
):
    records = RecordStore(database)
    records.add(RESULT, workspace=tmp_path, privacy="any", remote_cost_usd=1.25)
    unknown = Usage(1, 1, None, {"far": EndpointUsage(1, 1, None, 1)})
    records.add(evolve(RESULT, usage=unknown), workspace=tmp_path, privacy="any")

    report = records.costs()

    assert (report.runs, report.cost_usd, report.unknown, report.saved_usd) == (2, 0.25, 1, 1.0)
    assert [(one.name, one.cost_usd) for one in report.by_endpoint] == [
        ("team", 0.25),
        ("ollama", 0.0),
        ("far", None),
    ]
    assert {one.name for one in report.by_agent} == {"picker", "helper"}
    assert records.costs(since=date.today() + timedelta(days=2)).runs == 0  # noqa: DTZ011
    assert records.costs(workspace=tmp_path / "elsewhere").runs == 0


def test_records_can_be_forgotten(database: Database, tmp_path: Path):
    records = RecordStore(database)
    records.add(RESULT, workspace=tmp_path, privacy="any")

    assert records.forget(tmp_path / "other") == 0
    assert records.forget(tmp_path) == 1
    assert records.recent() == ()
    assert database.rows("SELECT count(*) n FROM contact")[0]["n"] == 0


def test_an_answer_is_for_exactly_this_text_in_this_workspace(database: Database, tmp_path: Path):
    approvals = ApprovalStore(database)
    approvals.remember(Subject.COMMAND, tmp_path, "pytest -q")
    approvals.remember(Subject.HOST, tmp_path, "far.example:443", allowed=False)

    assert approvals.answer(Subject.COMMAND, tmp_path, "pytest -q") is True
    assert approvals.answer(Subject.COMMAND, tmp_path, "pytest -q; rm -rf /") is None
    assert approvals.answer(Subject.COMMAND, tmp_path / "x", "pytest -q") is None
    assert approvals.answer(Subject.HOST, tmp_path, "pytest -q") is None
    assert approvals.answer(Subject.HOST, tmp_path, "far.example:443") is False
    assert len(approvals.answers(tmp_path)) == 2
    assert approvals.forget(Subject.COMMAND, tmp_path) == 1
    assert approvals.answer(Subject.COMMAND, tmp_path, "pytest -q") is None


def test_a_profile_is_remembered_per_endpoint_and_model(database: Database):
    profiles = ProfileStore(database)
    profiles.put("ollama http://localhost:11434", "m", {"tools": "text"})

    assert profiles.get("ollama http://localhost:11434", "m") == {"tools": "text"}
    assert profiles.get("ollama http://localhost:11434", "n") == {}
    assert profiles.get("ollama http://other:11434", "m") == {}
    assert profiles.forget() == 1


def test_a_file_with_broken_pages_is_set_aside_with_a_message(database: Database, tmp_path: Path):
    RecordStore(database).add(RESULT, workspace=tmp_path, privacy="any")
    database.close()
    raw = database.path.read_bytes()
    database.path.write_bytes(raw[:100] + b"\xff" * (len(raw) - 100))

    with contextlib.suppress(UserError):
        RecordStore(database).costs()

    assert RecordStore(database).recent() == ()
    assert "was damaged" in database.messages[0]
    assert any("broken" in one.name for one in (tmp_path / "state").iterdir())


def test_what_is_left_of_transcripts_keeps_the_order_in_which_they_came(
    database: Database, tmp_path: Path
):
    store = TranscriptStore(database)
    for number in range(300):
        run_id = f"run-{number}-{sha256(str(number).encode()).hexdigest()[:8]}"
        text = f"{number} " + "x" * 500
        store.keep(evolve(RESULT, run_id=run_id), text, workspace=tmp_path, most=1000)
    database.close()
    raw = bytearray(database.path.read_bytes())
    page = 4096 * (raw.index(b"150 xxx") // 4096)
    raw[page : page + 4096] = b"\xff" * 4096
    database.path.write_bytes(raw)
    with contextlib.suppress(UserError):
        store.text("run-150")

    numbers = [int(kept.run_id.split("-")[1]) for kept in store.runs([tmp_path])]

    assert 250 < len(numbers) < 300
    assert numbers == sorted(numbers, reverse=True)


def test_one_variable_moves_every_folder(tmp_path: Path):
    folders = user_folders({"INHOUSE_HOME": str(tmp_path)})

    assert folders.config == tmp_path / "config"
    assert folders.state == tmp_path / "state"
    assert folders.data == tmp_path / "data"
    assert private(folders.data).stat().st_mode & 0o777 == 0o700
    assert user_folders({}).config != folders.config
