"""What a project tells agents about itself: knowledge files and skills."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from inhouse.bounded_yaml import load_yaml
from inhouse.core.errors import ToolError
from inhouse.core.json_values import fields
from inhouse.core.protected_files import rule

from .access.access_policy import Access
from .access.paths import WorkspacePath, locate
from .access.safe_open import read_bytes
from .files.encoding import decode
from .files.overlay import WorkspaceOverlay

NAMES = ("knowledge.md", "agents.md", "claude.md")
"""In each folder, the first of these counts."""

_MOST_BYTES = 200_000
_MOST_CHARACTERS = 400_000
_MOST_SKILLS = 200
_SKILL_FOLDERS = (".agents/skills", ".claude/skills")
_SKILL_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST_NAME = 64
_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)(?:\r?\n)---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


@frozen
class KnowledgeFile:
    shown: str
    text: str


_ONLY_PEOPLE = "only people start it (`disable-model-invocation`)"


@frozen
class Skill:
    name: str
    description: str
    content: str
    """The whole file."""
    licence: str | None = None
    refused: str = ""
    """Why models are not offered it; empty if they are."""


def knowledge_files(files: WorkspaceOverlay, home: Path) -> tuple[KnowledgeFile, ...]:
    """Return the knowledge files of the project, outer folders first, and the user's own."""
    found = [each for top in files.access.tops() for each in _known_in(files, top)]
    return tuple(_within_limit([*found, *_at_home(home)]))


def _known_in(files: WorkspaceOverlay, top: WorkspacePath) -> Iterator[KnowledgeFile]:
    chosen: dict[str, str] = {}
    for path in files.files(top):
        folder, _, name = path.rpartition("/")
        rank = _rank(name)
        if rank is not None and (folder not in chosen or rank < _rank_of(chosen[folder])):
            chosen[folder] = path
    for _, path in sorted(chosen.items()):
        known = files.unsaved.get(top.root / path)
        text = _read(top.root, path) if known is None else known
        if text is not None:
            yield KnowledgeFile(top.name(path), text)


def skills(access: Access, home: Path, *, vouched: bool = False) -> dict[str, Skill]:
    """Return the skills by their folder's name.

    The project's own win over the user's if the user *vouched* for the workspace; otherwise a clone
    cannot take the name of a skill that the user knows.  Those that models are not offered are
    included, with the reason.
    """
    found: dict[str, Skill] = {}
    folders = sorted(_skill_folders(access, home), key=lambda each: not vouched and each[0] != home)
    for root, folder in folders:
        for name in _names_in(root / folder):
            text = _read(root, f"{folder}/{name}/SKILL.md")
            skill = None if text is None else read_skill(name, text)
            if skill is not None and len(found) < _MOST_SKILLS:
                found.setdefault(skill.name, skill)
    return found


def startable_skills(access: Access, home: Path, *, vouched: bool) -> dict[str, Skill]:
    """Return the skills that a person can start by name, including those that models may not."""
    return {
        name: skill
        for name, skill in skills(access, home, vouched=vouched).items()
        if skill.refused in ("", _ONLY_PEOPLE)
    }


def read_skill(folder: str, text: str) -> Skill | None:
    """Read a ``SKILL.md``; None if its front matter is unusable."""
    values = _front_matter(text)
    description = _words(values.get("description"))
    if not description:
        return None
    licence = _words(values.get("license")) or None
    return Skill(folder, description, text, licence, _refusal(folder, values))


def _refusal(folder: str, values: Mapping[str, Any]) -> str:
    """Say why a skill is not for models, by the rules of Codebuff's loader."""
    name = _words(values.get("name")) or folder
    if _is_on(values.get("disable-model-invocation", False)):
        return _ONLY_PEOPLE
    if _SKILL_NAME.fullmatch(folder) is None or len(folder) > _LONGEST_NAME:
        return (
            "the name of its folder is not made of lower case letters, digits and single hyphens "
            f"(at most {_LONGEST_NAME})"
        )
    if name != folder:
        return f"its `name` is {name[:80]!r}, and must be that of its folder"
    return ""


def _is_on(value: object) -> bool:
    """Return whether a limit is on: so is one that cannot be read."""
    word = str(value).partition("#")[0].strip().strip("\"'").lower()
    return word not in {"false", "no", "off", "none", "0", ""}


def _words(value: object) -> str:
    """Return a string, number or date as text; nothing for nested values."""
    nested = isinstance(value, dict | list | set | tuple)
    return "" if value is None or nested else str(value).strip()


def _front_matter(text: str) -> Mapping[str, Any]:
    match = _FRONT.match(text.removeprefix("\ufeff"))
    if match is None:
        return {}
    try:
        loaded = load_yaml(match[1])
    except ValueError:
        return _line_by_line(match[1])
    return fields(loaded)


def _line_by_line(head: str) -> Mapping[str, Any]:
    """Read ``key: text`` that is not valid YAML, mostly descriptions with colons."""
    found: dict[str, str] = {}
    key = ""
    for line in head.splitlines():
        match = re.match(r"([A-Za-z][\w-]*):(?:[ \t]+(.*))?$", line)
        if match is not None:
            key = match[1]
            found[key] = (match[2] or "").strip().strip("\"'")
        elif key and line.strip():
            found[key] = f"{found[key]} {line.strip()}".strip()
    return found


def _skill_folders(access: Access, home: Path) -> Iterator[tuple[Path, str]]:
    for root in (*access.roots, home):
        for folder in _SKILL_FOLDERS:
            yield root, folder


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(each.name for each in folder.iterdir() if each.is_dir())
    except OSError:
        return []


def _rank(name: str) -> int | None:
    """Rank a knowledge file's name; ``api.knowledge.md`` counts too, as in Codebuff."""
    low = name.lower()
    if low.endswith(f".{NAMES[0]}"):
        return 0
    return NAMES.index(low) if low in NAMES else None


def _rank_of(path: str) -> int:
    rank = _rank(path.rpartition("/")[2])
    return len(NAMES) if rank is None else rank


def _at_home(home: Path) -> Iterator[KnowledgeFile]:
    """Return the knowledge file in the home folder, where names begin with a dot."""
    try:
        names = {name.lower(): name for name in os.listdir(home)}  # noqa: PTH208  names only
    except OSError:
        return
    for name in NAMES:
        if f".{name}" in names:
            own = names[f".{name}"]
            text = _read(home, own)
            if text is not None:
                yield KnowledgeFile(f"~/{own}", text)
                return


def _read(root: Path, relative: str) -> str | None:
    """Read a file, following links that stay under *root* and lead to no protected file."""
    try:
        place = locate(relative, (root,))
        if rule(place.relative):
            return None
        return decode(read_bytes(place.root, place.relative, most=_MOST_BYTES), name=relative)[0]
    except (ToolError, OSError):
        return None


def _within_limit(found: list[KnowledgeFile]) -> Iterator[KnowledgeFile]:
    left = _MOST_CHARACTERS
    for each in found:
        left -= len(each.text)
        if left < 0:
            return
        yield each
