"""Where the compiled interpreter is kept from one start to the next."""

import contextlib
import json
import os
from pathlib import Path

import platformdirs

from inhouse.core.files import replace_file


def cache_folder() -> Path:
    home = os.environ.get("INHOUSE_HOME")
    return (
        Path(home) / "cache" if home else platformdirs.user_cache_path("inhouse", appauthor=False)
    )


def cache_configuration(folder: Path) -> Path | None:
    """Tell wasmtime where to keep the compiled interpreter; without it a start takes longer."""
    path = folder / "wasmtime.toml"
    text = f"[cache]\ndirectory = {json.dumps(str((folder / 'wasmtime').absolute()))}\n"
    with contextlib.suppress(OSError, UnicodeError):
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            folder.mkdir(parents=True, exist_ok=True)
            replace_file(path, text.encode(), prefix=path.name)
        return path.absolute()
    return None
