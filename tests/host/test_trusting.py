"""A yes trusts what was shown, and nothing that came meanwhile."""

from pathlib import Path

from inhouse.host.workspace_trust import Trusting
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


def unsaved(tmp_path: Path, text: str) -> Trusting:
    """A workspace with nothing on disk, and a definition in the editor."""
    project = tmp_path / "project"
    project.mkdir(exist_ok=True)
    agents = project / ".agents"
    store = TrustStore(Database(tmp_path / "state"))
    trusting = Trusting(store, [project], [agents], client=None)
    trusting.unsaved = {agents / "new.ts": text}
    trusting.look()
    return trusting


def test_a_definition_that_was_never_saved_needs_trust_like_any_other(tmp_path: Path):
    trusting = unsaved(tmp_path, "export default make()")

    assert isinstance(trusting.state, Untrusted)
    assert [(one.name, one.kind) for one in trusting.state.changes] == [(".agents/new.ts", "new")]


def test_typing_on_in_it_asks_only_once(tmp_path: Path):
    unsaved(tmp_path, "export default make()").grant()

    assert isinstance(unsaved(tmp_path, "export default make(1)").state, Trusted)


def test_saving_it_with_other_words_asks_again(tmp_path: Path):
    unsaved(tmp_path, "export default make()").grant()
    agents = tmp_path / "project/.agents"
    agents.mkdir()
    (agents / "new.ts").write_text("export default evil()")

    trusting = unsaved(tmp_path, "export default evil()")

    assert isinstance(trusting.state, Untrusted)
    assert [(one.name, one.kind) for one in trusting.state.changes] == [
        (".agents/new.ts", "changed")
    ]


def test_an_unsaved_text_elsewhere_needs_no_trust(tmp_path: Path):
    trusting = unsaved(tmp_path, "")
    trusting.unsaved = {tmp_path / "project/src/a.ts": "text"}

    assert isinstance(trusting.look(), Trusted)


def test_typing_looks_at_the_disk_only_where_nothing_of_the_workspace_lies_there(tmp_path: Path):
    typing = unsaved(tmp_path, "export default make()")

    assert not typing.typed({tmp_path / "project/.agents/new.ts": "export default other()"})
    typing.grant()
    assert typing.typed({})
    (tmp_path / "other").mkdir()
    assert looked(tmp_path / "other").typed({})
