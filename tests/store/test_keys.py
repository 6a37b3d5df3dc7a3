"""Keys are the keyring's; names and hosts are ours."""

from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.backends.null import Keyring as NullKeyring
from keyring.errors import KeyringLocked, PasswordDeleteError

from inhouse.core.errors import UserError
from inhouse.store.database import Database
from inhouse.store.keys import KeyStore


class MemoryKeyring(KeyringBackend):
    """A real backend of the keyring library, which keeps its keys in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("secret details")
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.kept:
            raise PasswordDeleteError(username)
        del self.kept[service, username]


@pytest.fixture
def backend() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    memory = MemoryKeyring()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(Database(tmp_path))


def test_a_key_is_kept_in_the_keyring_and_nowhere_else(
    store: KeyStore, backend: MemoryKeyring, tmp_path: Path
):
    store.set("team", " sk-canary-9 \n", ("LLM.example.com",))

    assert store.get("team") == "sk-canary-9"
    assert [(one.name, one.hosts) for one in store.names()] == [("team", ("llm.example.com",))]
    assert store.bindings() == {"keyring:team": ("llm.example.com",)}
    for one in tmp_path.iterdir():
        assert b"sk-canary-9" not in one.read_bytes()
    assert "sk-canary-9" not in repr(store.names())


def test_a_deleted_key_is_gone_with_its_bindings(store: KeyStore, backend: MemoryKeyring):
    store.set("team", "sk-canary-9", ("h",))
    store.delete("team")

    assert store.names() == ()
    assert store.bindings() == {}
    with pytest.raises(UserError, match="inhouse key set team"):
        store.get("team")


def test_deleting_a_key_that_is_not_there_names_those_that_are(
    store: KeyStore, backend: MemoryKeyring
):
    store.set("team", "sk-canary-9")

    with pytest.raises(UserError, match=r"No key 'taem'\.  Keys: team"):
        store.delete("taem")


@pytest.mark.parametrize("name", ["", "a b", "a}", "x" * 101, "a\n"])
def test_a_bad_name_is_refused(store: KeyStore, backend: MemoryKeyring, name: str):
    with pytest.raises(UserError, match="not a name for a key"):
        store.set(name, "text")


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "a\x00b"])
def test_a_bad_key_is_refused_without_being_repeated(
    store: KeyStore, backend: MemoryKeyring, text: str
):
    with pytest.raises(UserError, match="one line of text"):
        store.set("team", text)


def test_a_machine_without_a_keyring_says_what_works(store: KeyStore):
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    try:
        with pytest.raises(UserError, match=r"no keyring\..*\$\{env:NAME\}") as caught:
            store.set("team", "sk-canary-9")
    finally:
        keyring.set_keyring(before)

    assert "sk-canary-9" not in str(caught.value)


def test_a_keyring_that_forgets_is_noticed(store: KeyStore):
    before = keyring.get_keyring()
    keyring.set_keyring(NullKeyring())
    try:
        with pytest.raises(UserError, match="did not keep"):
            store.set("team", "sk-canary-9")
    finally:
        keyring.set_keyring(before)

    assert store.names() == ()


def test_a_locked_keyring_says_so_without_details(store: KeyStore, backend: MemoryKeyring):
    backend.locked = True

    with pytest.raises(UserError, match="Unlock it") as caught:
        store.get("team")

    assert "secret details" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "host"),
    [("team", "h"), ("env:A B", "h"), ("env:A", "http://h"), ("env:A", ""), ("env:A", "h/x")],
)
def test_a_bad_binding_is_refused(store: KeyStore, key: str, host: str):
    with pytest.raises(UserError):
        store.bind(key, host)


def test_a_binding_can_be_taken_back(store: KeyStore):
    store.bind("env:TEAM", "localhost:8080")
    store.bind("env:TEAM", "localhost:8080")

    assert store.bindings() == {"env:TEAM": ("localhost:8080",)}
    assert store.unbind("env:TEAM", "localhost:8080")
    assert not store.unbind("env:TEAM", "localhost:8080")
