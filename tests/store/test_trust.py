"""Trust is given to contents: what is new or changed asks again and shows itself."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inhouse.core.errors import UserError
from inhouse.core.unicode import visible
from inhouse.store.database import Database
from inhouse.store.trust import Trusted, TrustStore, Untrusted, workspace_items

AGENT = b"export default { id: 'a', displayName: 'A', model: 'm' }\n"


@pytest.fixture
def store(tmp_path: Path) -> TrustStore:
    return TrustStore(Database(tmp_path / "state"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".agents").mkdir(parents=True)
    (folder / ".agents/a.ts").write_bytes(AGENT)
    return folder


def items(project: Path) -> dict[str, bytes]:
    return workspace_items(project, [project / ".agents"])


def test_a_workspace_is_not_trusted_before_the_user_says_so(store: TrustStore, project: Path):
    state = store.state(project, items(project))

    assert isinstance(state, Untrusted)
    assert [(one.name, one.kind) for one in state.changes] == [(".agents/a.ts", "new")]
    assert state.message.startswith("This workspace is not trusted")
    assert "+export default" in state.changes[0].diff


def test_what_was_trusted_stays_trusted(store: TrustStore, project: Path, tmp_path: Path):
    store.grant(project, items(project))

    assert isinstance(store.state(project, items(project)), Trusted)
    assert isinstance(
        TrustStore(Database(tmp_path / "state")).state(project, items(project)), Trusted
    )


def test_a_changed_file_asks_again_and_shows_what_changed(store: TrustStore, project: Path):
    store.grant(project, items(project))
    (project / ".agents/a.ts").write_bytes(AGENT.replace(b"'m'", b"'evil'"))

    state = store.state(project, items(project))

    assert isinstance(state, Untrusted)
    assert (state.changes[0].name, state.changes[0].kind) == (".agents/a.ts", "changed")
    assert "-export default { id: 'a', displayName: 'A', model: 'm' }" in state.changes[0].diff
    assert "+export default { id: 'a', displayName: 'A', model: 'evil' }" in state.changes[0].diff
    assert ".agents/a.ts (changed)" in state.message


@pytest.mark.parametrize(
    "name", ["inhouse.toml", ".agents/b.ts", ".agents/lib/helper.ts", ".agents/.hidden/x.js"]
)
def test_a_new_file_asks_again(store: TrustStore, project: Path, name: str):
    store.grant(project, items(project))
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text("x = 1")

    state = store.state(project, items(project))

    assert isinstance(state, Untrusted)
    assert [(one.name, one.kind) for one in state.changes] == [(name, "new")]


def test_an_agent_that_went_away_asks_nothing(store: TrustStore, project: Path):
    (project / ".agents/b.ts").write_bytes(AGENT)
    store.grant(project, items(project))
    (project / ".agents/b.ts").unlink()

    assert isinstance(store.state(project, items(project)), Trusted)


def test_settings_that_went_away_ask_since_they_may_have_narrowed_something(
    store: TrustStore, project: Path
):
    (project / "inhouse.toml").write_text("maxSteps = 3")
    store.grant(project, items(project))
    (project / "inhouse.toml").unlink()

    state = store.state(project, items(project))

    assert isinstance(state, Untrusted)
    assert [(one.name, one.kind) for one in state.changes] == [("inhouse.toml", "removed")]
    assert "-maxSteps = 3" in state.changes[0].diff


def test_a_large_file_is_told_from_a_small_one_that_says_its_digest(
    store: TrustStore, project: Path
):
    (project / ".agents/a.ts").write_bytes(b"x" * 5_000_000)
    granted = items(project)
    store.grant(project, granted)
    assert isinstance(store.state(project, items(project)), Trusted)

    for text in (granted[".agents/a.ts"], b"sha256 " + granted[".agents/a.ts"][8:]):
        (project / ".agents/a.ts").write_bytes(bytes(text))
        assert isinstance(store.state(project, items(project)), Untrusted)


def test_changing_back_is_trusted_again(store: TrustStore, project: Path):
    store.grant(project, items(project))
    (project / ".agents/a.ts").write_bytes(b"evil")
    assert isinstance(store.state(project, items(project)), Untrusted)
    (project / ".agents/a.ts").write_bytes(AGENT)

    assert isinstance(store.state(project, items(project)), Trusted)


def test_trust_in_one_workspace_says_nothing_of_another(
    store: TrustStore, project: Path, tmp_path: Path
):
    store.grant(project, items(project))
    other = tmp_path / "other"
    (other / ".agents").mkdir(parents=True)
    (other / ".agents/a.ts").write_bytes(AGENT)

    assert isinstance(store.state(other, items(other)), Untrusted)


def test_revoked_trust_is_gone(store: TrustStore, project: Path):
    store.grant(project, items(project))

    assert store.workspaces() == (str(project),)
    assert store.revoke(project)
    assert not store.revoke(project)
    assert isinstance(store.state(project, items(project)), Untrusted)


def test_the_clients_own_word_counts_either_way(store: TrustStore, project: Path):
    assert isinstance(store.state(project, items(project), client=True), Trusted)
    store.grant(project, items(project))
    assert isinstance(store.state(project, items(project), client=False), Untrusted)


def test_a_workspace_with_nothing_to_run_needs_no_trust(store: TrustStore, tmp_path: Path):
    assert isinstance(store.state(tmp_path, {}), Trusted)


def test_the_same_workspace_through_a_link_is_the_same(
    store: TrustStore, project: Path, tmp_path: Path
):
    store.grant(project, items(project))
    (tmp_path / "link").symlink_to(project)

    assert isinstance(store.state(tmp_path / "link", items(tmp_path / "link")), Trusted)


def test_agents_in_a_linked_folder_count(store: TrustStore, project: Path, tmp_path: Path):
    store.grant(project, items(project))
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/evil.ts").write_text("evil")
    (project / ".agents/linked").symlink_to(tmp_path / "outside")
    (project / ".agents/loop").symlink_to(project / ".agents")

    state = store.state(project, items(project))

    assert isinstance(state, Untrusted)
    assert ".agents/linked/evil.ts" in [one.name for one in state.changes]


def test_a_broken_file_means_untrusted_with_a_message(project: Path, tmp_path: Path):
    database = Database(tmp_path / "state")
    TrustStore(database).grant(project, items(project))
    database.close()
    for one in (tmp_path / "state").iterdir():
        one.write_bytes(b"this is no database" * 100)

    again = Database(tmp_path / "state")
    state = TrustStore(again).state(project, items(project))

    assert isinstance(state, Untrusted)
    assert "was damaged" in again.messages[0]
    TrustStore(again).grant(project, items(project))
    assert isinstance(TrustStore(again).state(project, items(project)), Trusted)


def test_a_state_folder_that_cannot_be_made_means_untrusted_with_a_remedy(
    project: Path, tmp_path: Path
):
    (tmp_path / "state").write_text("a file in the folder's place")
    store = TrustStore(Database(tmp_path / "state"))

    state = store.state(project, items(project))

    assert isinstance(state, Untrusted)
    assert "INHOUSE_HOME" in state.message
    with pytest.raises(UserError, match="INHOUSE_HOME"):
        store.grant(project, items(project))


def test_only_the_user_can_look_into_what_is_kept(store: TrustStore, project: Path, tmp_path: Path):
    store.grant(project, items(project))

    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    for one in (tmp_path / "state").iterdir():
        assert stat.S_IMODE(one.stat().st_mode) == 0o600


def test_invisible_characters_are_spelt_out_in_a_diff(store: TrustStore, project: Path):
    (project / ".agents/a.ts").write_text("safe()\x1b[2K\u202e // evil\u200b")

    state = store.state(project, items(project))

    assert isinstance(state, Untrusted)
    assert "safe()<U+001B>[2K<U+202E> // evil<U+200B>" in state.changes[0].diff
    assert visible("plain\n\ttext é") == "plain\n\ttext é"


def test_a_file_that_cannot_be_read_never_passes_for_a_trusted_one(
    store: TrustStore, project: Path
):
    (project / "inhouse.toml").write_bytes(b"x" * 3_000_000)
    first = items(project)
    store.grant(project, first)
    assert isinstance(store.state(project, items(project)), Trusted)
    (project / "inhouse.toml").write_bytes(b"y" * 3_000_000)

    assert isinstance(store.state(project, items(project)), Untrusted)


GRANTS = """
import sys
from pathlib import Path
from inhouse.store.database import Database
from inhouse.store.trust import Trusted, TrustStore, workspace_items
state, project = map(Path, sys.argv[1:])
items = workspace_items(project, [project / ".agents"])
store = TrustStore(Database(state))
for _ in range(20):
    store.grant(project, items)
sys.exit(not isinstance(store.state(project, items), Trusted))
"""


def test_processes_may_write_at_once(project: Path, tmp_path: Path):
    command = [sys.executable, "-c", GRANTS, str(tmp_path / "state"), str(project)]
    running = [subprocess.Popen(command) for _ in range(3)]

    assert [one.wait(60) for one in running] == [0, 0, 0]


def test_threads_may_share_a_store(store: TrustStore, project: Path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.grant(project, items(project)), range(40)))

    assert isinstance(store.state(project, items(project)), Trusted)
