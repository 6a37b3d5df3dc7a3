"""A yes trusts what was shown, and nothing that came meanwhile."""

from pathlib import Path

from inhouse.host.trusting import Trusting
from inhouse.store.database import Database
from inhouse.store.trust import Trusted, TrustStore, Untrusted


def looked(tmp_path: Path) -> Trusting:
    agents = tmp_path / "project/.agents"
    agents.mkdir(parents=True)
    (agents / "a.ts").write_text("good")
    store = TrustStore(Database(tmp_path / "state"))
    trusting = Trusting(store, [tmp_path / "project"], [agents], client=None)
    trusting.look()
    return trusting


def test_what_changed_while_the_user_was_asked_is_not_trusted(tmp_path: Path):
    trusting = looked(tmp_path)
    (tmp_path / "project/.agents/a.ts").write_text("evil")

    trusting.grant()

    assert isinstance(trusting.state, Untrusted)
    assert [(one.name, one.kind) for one in trusting.state.changes] == [(".agents/a.ts", "changed")]


def test_a_module_that_is_found_right_after_a_yes_belongs_to_it(tmp_path: Path):
    trusting = looked(tmp_path)
    module = tmp_path / "project/lib.ts"
    module.write_text("module")
    trusting.grant()

    trusting.cover(frozenset({module}))

    assert isinstance(trusting.state, Trusted)


def test_a_module_that_is_found_later_asks(tmp_path: Path):
    trusting = looked(tmp_path)
    trusting.grant()
    trusting.cover(frozenset())
    module = tmp_path / "project/lib.ts"
    module.write_text("module")

    trusting.cover(frozenset({module}))

    assert isinstance(trusting.state, Untrusted)
    assert [one.name for one in trusting.state.changes] == ["lib.ts"]
