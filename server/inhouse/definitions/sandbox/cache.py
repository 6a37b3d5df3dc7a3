"""Where the compiled interpreter is kept from one start to the next."""

import contextlib
import json
import os
from pathlib import Path

import platformdirs


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
            fresh = path.with_name(f"{path.name}.{os.getpid()}")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(path)
        return path.absolute()
    return None
