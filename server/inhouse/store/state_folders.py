"""Where things are kept, by each system's rules; ``INHOUSE_HOME`` holds everything if set."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Folders(NamedTuple):
    """Immutable; without attrs, for which the answer to ``initialize`` would have to wait."""

    config: Path
    """The user's ``config.toml``."""
    state: Path
    """Trust, answers, records of runs, transcripts."""
    data: Path
    """Models that the user installed."""
    cache: Path


def user_folders(environment: Mapping[str, str] | None = None) -> Folders:
    """Return the user's folders, without creating them."""
    home = (os.environ if environment is None else environment).get("INHOUSE_HOME", "").strip()
    if home:
        base = Path(home).expanduser().absolute()
        return Folders(base / "config", base / "state", base / "data", base / "cache")
    from platformdirs import PlatformDirs  # noqa: PLC0415  not needed with INHOUSE_HOME

    dirs = PlatformDirs("inhouse", appauthor=False)
    return Folders(
        dirs.user_config_path, dirs.user_state_path, dirs.user_data_path, dirs.user_cache_path
    )


def private(folder: Path) -> Path:
    """Create a folder that only the user can open, if it does not exist."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
