"""A backend of the keyring library for subprocesses: one key, told by a variable.

PYTHONPATH=tests PYTHON_KEYRING_BACKEND=support.memory_keyring.Keyring KEYRING_CANARY=…
"""

from keyring.backend import KeyringBackend

from inhouse.core.own_environment import environment


class Keyring(KeyringBackend):
    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        del service, username
        return environment().get("KEYRING_CANARY")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError

    def delete_password(self, service: str, username: str) -> None:
        raise NotImplementedError
