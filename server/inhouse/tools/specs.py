"""What each tool is called, what it is for and what it takes.

Codebuff's names and schemas are in ``schemas.json``, next to this file; those of other tools are in
the tools' own files.
"""

import importlib
import json
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from inhouse.core.ports import ToolSpec
from inhouse.core.tool_names import CHANGING

from . import own
from .own_tool import OwnTool


def spec(name: str) -> ToolSpec:
    """Return the tool *name* as a model sees it."""
    if (tool := own_tools().get(name)) is not None:
        return ToolSpec(name, tool.description, tool.parameters, exact=tool.changes)
    entry = _entries()[name]
    return ToolSpec(name, entry["description"], entry["parameters"], exact=name in CHANGING)


def ends_step(name: str) -> bool:
    """Return whether the model must see this tool's result before it continues."""
    tool = own_tools().get(name)
    return bool(_entries()[name]["endsStep"]) if tool is None else tool.ends_step


def names() -> tuple[str, ...]:
    """Return every tool that Codebuff or this program knows, offered here or not."""
    return tuple(sorted({*_entries(), *own_tools()}))


@cache
def own_tools() -> Mapping[str, OwnTool]:
    """Return what the files of `inhouse.tools.own` declare, by name."""
    modules = [
        importlib.import_module(f"{own.__name__}.{each.name}")
        for each in pkgutil.iter_modules(own.__path__)
    ]
    return {module.TOOL.name: module.TOOL for module in modules}


@cache
def _entries() -> dict[str, Any]:
    return json.loads(Path(__file__).with_name("schemas.json").read_text(encoding="utf-8"))
