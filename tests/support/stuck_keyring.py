"""A backend of the keyring library that never answers, as one that waits to be unlocked."""

import time

from keyring.backend import KeyringBackend


class Keyring(KeyringBackend):
    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        time.sleep(600)
        return service + username

    def set_password(self, service: str, username: str, password: str) -> None:
        time.sleep(600)

    def delete_password(self, service: str, username: str) -> None:
        time.sleep(600)
