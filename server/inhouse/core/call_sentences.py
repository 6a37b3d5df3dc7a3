"""What a tool call did, as one readable line of Markdown, for transcripts."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .json_values import fields, items, mapping
from .tool_words import PLAIN, SILENT, VERBS, paths_of, ran
from .unicode import without_controls

_WIDTH = 120
_MOST_FILES = 5
_SUBJECTS = ("command", "pattern", "query", "directory", "url", "name", "topic", "prompt")
_DID, _COULD_NOT = 1, 2

Link = Callable[[str], str | None]
"""Returns the URI of a path; None if it cannot be opened from here."""


def call_sentence(tool: str, given: object, *, ok: bool, summary: str, link: Link) -> str:
    """Say what was called and how it went; text from models and tools cannot add markup.

    Empty for a call that only ends a step.  *summary* must be safe Markdown already.
    """
    if ok and tool in SILENT:
        return ""
    tense = _DID if ok or ran(tool, summary) else _COULD_NOT
    if (plain := PLAIN.get(tool)) is not None:
        said = plain[tense]
    elif (verbs := VERBS.get(tool)) is not None:
        said = f"{verbs[tense]} {_subject(fields(given), link)}".rstrip()
    else:
        verb = "Called" if ok else "call"
        said = f"{verb} {code(tool)} {code(_json(given))}".rstrip()
    if tense == _COULD_NOT:
        said = f"Could not {said}"
    quiet = ok and (tool in VERBS or tool in PLAIN) and tool != "run_terminal_command"
    return f"{'✓' if ok else '✗'} {said}" + ("" if quiet or not summary else f": {summary}")


def place_of(name: str, roots: Sequence[Path]) -> Path:
    """Return where a name leads that a tool took; with several roots it may begin with one's."""
    first = name.partition("/")[0]
    named = (root.parent for root in roots[1:] if root.name == first)
    return Path(os.path.normpath(next(named, roots[0]) / name))


def linked(name: str, uri: str | None) -> str:
    """Return a file's name, as a link if there is something to open."""
    if uri is None:
        return code(name)
    return f"[{code(name)}]({uri.replace('(', '%28').replace(')', '%29')})"


def code(text: str) -> str:
    """Return a text as inline Markdown code, on one line."""
    line = without_controls(" ".join(text.split())).replace("`", chr(0x2BC))
    return f"`{line if len(line) <= _WIDTH else f'{line[: _WIDTH - 1]}…'}`" if line else ""


def _subject(values: Mapping[str, Any], link: Link) -> str:
    if paths := _paths(values):
        more = f" and {len(paths) - _MOST_FILES} more" if len(paths) > _MOST_FILES else ""
        return ", ".join(linked(path, link(path)) for path in paths[:_MOST_FILES]) + more
    agents = [values, *map(mapping, items(values.get("agents")))]
    names = [each.get("agent_type") or each.get("agentType") for each in agents]
    asked = [mapping(each).get("question") for each in items(values.get("questions"))]
    if named := [code(each) for each in (*names, *asked) if isinstance(each, str)]:
        return ", ".join(named)
    return code(next((values[key] for key in _SUBJECTS if isinstance(values.get(key), str)), ""))


def _paths(values: Mapping[str, Any]) -> list[str]:
    """Return every path that a call names, and what a patch is about."""
    found = [*paths_of(values), *paths_of(mapping(values.get("operation")))]
    return [each for each in found if each]


def _json(given: object) -> str:
    return json.dumps(given, ensure_ascii=False, default=str) if given else ""
