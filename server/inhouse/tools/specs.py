"""What each tool is called, what it is for and what it takes: Codebuff's names and schemas.

The data is in ``schemas.json``, next to this file.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from inhouse.core.ports import ToolSpec
from inhouse.core.tool_names import CHANGING


def spec(name: str) -> ToolSpec:
    """Return the tool *name* as a model sees it."""
    entry = _entries()[name]
    return ToolSpec(name, entry["description"], entry["parameters"], exact=name in CHANGING)


def ends_step(name: str) -> bool:
    """Return whether the model must see this tool's result before it continues."""
    return bool(_entries()[name]["endsStep"])


def names() -> tuple[str, ...]:
    """Return every tool that Codebuff or this program knows, offered here or not."""
    return tuple(_entries())


@cache
def _entries() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("schemas.json").read_text(encoding="utf-8"))
