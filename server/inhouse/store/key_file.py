"""Keys in a file that only the user can read, if the user chose that."""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from inhouse.core.errors import UserError
from inhouse.core.files import replace_file
from inhouse.core.json_values import fields

from .state_folders import private

NAME = "keys.json"
_OTHERS = 0o077
"""The permission bits of everybody but the owner."""


@frozen
class KeyFile:
    """One JSON object of names and keys.  Without a folder it is empty and keeps nothing."""

    folder: Path | None

    @property
    def path(self) -> Path | None:
        """Return where the file is, or would be."""
        return None if self.folder is None else self.folder / NAME

    def read(self) -> Mapping[str, str]:
        """Return every key.

        Raises `UserError` for a file that is broken or that others can read.
        """
        if self.path is None:
            return {}
        try:
            with self.path.open("rb") as file:
                _check_rights(self.path, os.fstat(file.fileno()).st_mode)
                value: Any = json.loads(file.read())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise UserError(
                f"The file of keys {str(self.path)!r} cannot be read ({error}).  "
                "Correct it, or delete it and set the keys again.",
                code="keys",
            ) from None
        members: Mapping[str, Any] = fields(value)
        return {name: key for name, key in members.items() if isinstance(key, str)}

    def write(self, name: str, key: str | None) -> None:
        """Keep a key; None deletes it.  Raises `UserError` if that is not possible."""
        if self.folder is None or self.path is None:
            raise UserError("There is no folder for a file of keys.", code="keys")
        keys = {**self.read()}
        if key is None:
            keys.pop(name, None)
        else:
            keys[name] = key
        try:
            content = json.dumps(keys, indent=2, ensure_ascii=False).encode() + b"\n"
            replace_file(private(self.folder) / NAME, content, prefix=NAME)
        except OSError as error:
            raise UserError(
                f"The file of keys {str(self.path)!r} cannot be written: {error.strerror}.",
                code="keys",
            ) from None


def _check_rights(path: Path, mode: int) -> None:
    """Refuse a file that another user may read.  Windows protects profiles itself."""
    if os.name != "nt" and stat.S_IMODE(mode) & _OTHERS:
        raise UserError(
            f"Other users may read the file of keys {str(path)!r}.  Run: chmod 600 '{path}'",
            code="keys",
        )
