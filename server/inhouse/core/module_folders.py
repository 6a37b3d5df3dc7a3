"""Where this program's modules come from: never the folder it happens to run in."""

import sys
from pathlib import Path

_OURS = Path(__file__).parent.parent.parent


def module_folders() -> list[str]:
    """Return ``sys.path`` without the current folder, unless this program is installed in it.

    ``python -m inhouse`` puts that folder first, and an empty entry of ``PYTHONPATH`` means it.
    """
    return [each for each in sys.path if Path(each).is_absolute() and not _is_current(each)]


def _is_current(folder: str) -> bool:
    try:
        return Path(folder).samefile(".") and not Path(folder).samefile(_OURS)
    except OSError:
        return False
