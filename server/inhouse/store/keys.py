"""Keys in the operating system's keyring, and the hosts that each may go to.

Our own files hold only names and hosts; the keys are in the keyring or, if the user chose that, in
a file that only the user can read. Everything here blocks and may ask the user to unlock: call it
through a thread.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from types import ModuleType

from attrs import frozen

from inhouse.core.errors import UserError
from inhouse.core.own_thread import in_own_thread
from inhouse.core.redaction import remember

from .database import Database
from .key_file import KeyFile

SERVICE = "inhouse"
"""The service name of our keys in the keyring."""
PATIENCE_S = 20.0
"""In seconds: enough to type a password if the keyring asks for one."""

_OTHERWISE = (
    "Keep the key in a file that only you can read: inhouse key set NAME --file; "
    "or in a variable, and write ${env:NAME}.  "
    "On Linux a keyring comes with GNOME Keyring, KWallet or KeePassXC."
)


@frozen
class KeyName:
    name: str
    hosts: tuple[str, ...]
    """The hosts it may be sent to even if a workspace's file names the URL."""
    set_at: str


class KeyStore:
    """The names of keys, and access to the keys."""

    def __init__(
        self, database: Database, file: KeyFile | None = None, *, patience: float = PATIENCE_S
    ) -> None:
        self._database = database
        self.file = file or KeyFile(None)
        self._patience = patience

    def get(self, name: str) -> str:
        """Return a key.  Raises `UserError` if there is none, or no keyring."""
        text = self.file.read().get(name) or self._call("get_password", SERVICE, name)
        if not text:
            raise UserError(
                f"The keyring has no key {name!r}.  Store it: inhouse key set {name}",
                code="no-key",
            )
        remember(text)
        return text

    def set(
        self, name: str, text: str, hosts: tuple[str, ...] = (), *, in_file: bool = False
    ) -> None:
        """Keep a key, in the keyring or in the user's file; bind it to hosts."""
        _check_name(name)
        text = text.strip()
        if not text or not text.isprintable():
            raise UserError("A key is one line of text, and not empty.")
        remember(text)
        if in_file:
            self.file.write(name, text)
        else:
            self._call("set_password", SERVICE, name, text)
            if self._call("get_password", SERVICE, name) != text:
                raise UserError(f"The keyring did not keep the key {name!r}.  {_OTHERWISE}")
            if name in self.file.read():
                self.file.write(name, None)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._database.change() as change:
            change.execute("INSERT OR REPLACE INTO key_name VALUES (?, ?)", (name, now))
        for host in hosts:
            self.bind(f"keyring:{name}", host)

    def delete(self, name: str) -> None:
        """Delete a key and its bindings."""
        known = any(one.name == name for one in self.names())
        if name in self.file.read():
            self.file.write(name, None)
        elif self._call("get_password", SERVICE, name) is not None:
            self._call("delete_password", SERVICE, name)
        elif not known:
            names = ", ".join(one.name for one in self.names()) or "none"
            raise UserError(f"No key {name!r}.  Keys: {names}", code="no-key")
        with self._database.change() as change:
            change.execute("DELETE FROM key_name WHERE name = ?", (name,))
            change.execute("DELETE FROM key_host WHERE name = ?", (f"keyring:{name}",))

    def _call(self, function: str, *arguments: str) -> str | None:
        return _call(function, *arguments, seconds=self._patience)

    def names(self) -> tuple[KeyName, ...]:
        """Return the names of the keys that were set here, never the keys."""
        hosts = self.bindings()
        rows = self._database.rows("SELECT * FROM key_name ORDER BY name")
        return tuple(
            KeyName(row["name"], hosts.get(f"keyring:{row['name']}", ()), row["set_at"])
            for row in rows
        )

    def bind(self, key: str, host: str) -> None:
        """Allow ``env:NAME`` or ``keyring:NAME`` for a host that a workspace's file names."""
        host = host.strip().lower()
        if not re.fullmatch(r"(env|keyring):[A-Za-z0-9_.@/-]+", key):
            raise UserError(f"{key!r} is not the name of a key: write env:NAME or keyring:NAME.")
        if not re.fullmatch(r"[a-z0-9_.\-]+(:\d+)?|\[[0-9a-f:.]+\](:\d+)?", host):
            raise UserError(f"{host!r} is not a host: write llm.example.com or localhost:8080.")
        with self._database.change() as change:
            change.execute("INSERT OR IGNORE INTO key_host VALUES (?, ?)", (key, host))

    def unbind(self, key: str, host: str) -> bool:
        """Remove a binding; return whether there was one."""
        with self._database.change() as change:
            gone = change.execute(
                "DELETE FROM key_host WHERE name = ? AND host = ?", (key, host.strip().lower())
            )
        return gone.rowcount > 0

    def bindings(self) -> Mapping[str, tuple[str, ...]]:
        """Return the hosts of each key, for `KeySources.key_hosts`."""
        found: dict[str, tuple[str, ...]] = {}
        for row in self._database.rows("SELECT name, host FROM key_host ORDER BY name, host"):
            found[row["name"]] = (*found.get(row["name"], ()), row["host"])
        return found


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_.@/-]{1,100}", name):
        raise UserError(f"{name!r} is not a name for a key: letters, digits and _ . @ / -")


def _call(function: str, *arguments: str, seconds: float) -> str | None:
    """Ask the keyring with a time limit: one that nobody unlocks may wait for ever."""
    answer = in_own_thread(partial(_asked, function, *arguments), "keyring")
    try:
        return answer.result(seconds)
    except TimeoutError:
        raise UserError(
            f"The keyring did not answer within {seconds:.0f} s: perhaps it waits to be unlocked.  "
            f"Unlock it and try again.  {_OTHERWISE}",
            code="keyring",
        ) from None


def _asked(function: str, *arguments: str) -> str | None:
    keyring = _library()
    from keyring.errors import KeyringError, NoKeyringError  # noqa: PLC0415  slow, rarely needed

    try:
        return getattr(keyring, function)(*arguments)
    except NoKeyringError:
        raise UserError(f"This machine has no keyring.  {_OTHERWISE}", code="no-keyring") from None
    except KeyringError as error:
        raise UserError(
            f"The keyring does not answer ({type(error).__name__}).  Unlock it and try again.  "
            f"{_OTHERWISE}",
            code="keyring",
        ) from None
    except Exception as error:  # noqa: BLE001  backends raise whatever their system raises
        raise UserError(
            f"The keyring broke ({type(error).__name__}).  {_OTHERWISE}", code="keyring"
        ) from None


def _library() -> ModuleType:
    try:
        import keyring  # noqa: PLC0415  slow, rarely needed
    except ImportError:
        raise UserError(f"The keyring library is missing.  {_OTHERWISE}") from None
    return keyring
