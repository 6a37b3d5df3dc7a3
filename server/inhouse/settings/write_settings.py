"""Changes the user's own ``config.toml`` and leaves everything else in it as it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import tomlkit
from tomlkit.exceptions import TOMLKitError

from inhouse.core.errors import UserError
from inhouse.core.files import replace_file


def change_user_settings(path: Path, changes: Mapping[tuple[str, ...], Any]) -> None:
    """Set values by their paths, such as ``("endpoints", "ollama", "kind")``; None removes one.

    Comments, order and spelling of the rest are kept.  The file is replaced as a whole, and only
    its owner may read it.  Raises `UserError` if it is not TOML or cannot be written.
    """
    document = _read(path)
    top: Any = document["inhouse"] if list(document) == ["inhouse"] else document
    for keys, value in changes.items():
        table: Any = top
        for key in keys[:-1]:
            if not isinstance(table.get(key), Mapping):
                table[key] = tomlkit.table(is_super_table=len(keys) > 2)  # noqa: PLR2004
            table = table[key]
        if value is None:
            table.pop(keys[-1], None)
        else:
            table[keys[-1]] = _item(value)
    _write(path, tomlkit.dumps(document))


def _item(value: object) -> Any:
    if isinstance(value, Mapping):
        table: Any = tomlkit.inline_table()
        table.update(cast("Mapping[str, Any]", value))
        return table
    return value


def _read(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return tomlkit.document()
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise UserError(
            f"{path} cannot be changed: {error}.  Correct the file, or move it away, and try again."
        ) from None


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Follow a link: people keep their settings in a repository of their own.
        target = path.resolve()
        replace_file(target, text.encode(), prefix=".config-")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from None
