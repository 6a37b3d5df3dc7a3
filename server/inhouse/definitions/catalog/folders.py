"""Where definitions are looked for, and which files of a folder may hold one."""

import os
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

from attrs import field, frozen

from inhouse.core.files import SKIPPED_FOLDERS
from inhouse.core.text import START, Problem, Severity
from inhouse.definitions.readers.file_forms import EVALUATED, SUFFIXES

_DEEPEST = 16
_MOST_FILES = 20_000
_SKIPPED = SKIPPED_FOLDERS | {"scripts", "skills"}
_TEST = re.compile(r"[./](?:test|spec)\.[^./]+$", re.IGNORECASE)
_DECLARATION = re.compile(r"\.d\.[cm]?ts$", re.IGNORECASE)


ON_BOARD = Path(__file__).resolve().parent.parent / "on_board"
"""Inhouse's own agents, over which every other folder's win."""


class Form(StrEnum):
    """Which program's conventions the files of a folder follow."""

    AGENTS = "agents"
    CLAUDE = "claude"
    OPENCODE = "opencode"


@frozen
class AgentFolder:
    """A folder with definitions; earlier folders win over later ones."""

    path: Path
    from_workspace: bool = True
    form: Form = Form.AGENTS
    roots: tuple[Path, ...] = ()
    """Folders whose modules its definitions may import."""
    trusted: bool = True
    """False if it is outside the workspace, where the editor's trust does not apply."""


@frozen
class FolderListing:
    """The files of a folder that may hold definitions."""

    files: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = field(default=())
    folders: tuple[Path, ...] = ()
    """The folder itself and those in it that were looked into, also if they do not exist."""


def agent_folders(
    workspace_roots: Sequence[Path], home: Path | None, extra: Sequence[Path] = ()
) -> tuple[AgentFolder, ...]:
    """Return every folder to look in, in order of precedence: nearer ones win.  Opens nothing."""
    own = home / ".agents" if home is not None else None
    folders: dict[Path, AgentFolder] = {}

    def add(path: Path, form: Form, *roots: Path) -> None:
        if path == own:
            folders.setdefault(path, AgentFolder(path, False, form, (path,)))  # noqa: FBT003
        else:
            folders.setdefault(path, AgentFolder(path, form=form, roots=roots))

    for root in workspace_roots:
        add(root / ".agents", Form.AGENTS, root)
        add(root / ".claude" / "agents", Form.CLAUDE, root)
        add(root / ".opencode" / "agent", Form.OPENCODE, root)
        add(root / ".opencode" / "agents", Form.OPENCODE, root)
    for root in workspace_roots:
        if root.parent != root:
            add(root.parent / ".agents", Form.AGENTS, root.parent / ".agents")
    for path in extra:
        inside = [root for root in workspace_roots if path.is_relative_to(root)]
        add(path, _form_of(path), *(inside or [path]))
    if own is not None:
        add(own, Form.AGENTS, own)
    return tuple(folders.values())


def on_board() -> AgentFolder:
    """Return the folder of Inhouse's own agents, which comes last."""
    return AgentFolder(ON_BOARD, from_workspace=False, roots=(ON_BOARD,))


def list_folder(folder: AgentFolder) -> FolderListing:
    """Walk a folder.  A missing folder is empty; what cannot be read is a problem."""
    files: list[Path] = []
    problems: list[Problem] = []
    folders: list[Path] = []
    seen: set[tuple[int, int]] = set()
    stack: list[tuple[Path, int]] = [(folder.path, 0)]
    while stack and len(files) < _MOST_FILES:
        path, depth = stack.pop()
        folders.append(path)
        try:
            status = path.stat()
            identity = (status.st_dev, status.st_ino)
            if identity in seen or depth > _DEEPEST:
                problems.append(_loop(path))
                continue
            seen.add(identity)
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            if depth or not isinstance(error, NotADirectoryError):
                problems.append(unreadable(path, error))
            continue
        for entry in entries:
            child = path / entry.name
            if _is_folder(entry):
                if not _is_skipped(entry.name):
                    stack.append((child, depth + 1))
            elif is_candidate(child, folder.form):
                files.append(child)
    return FolderListing(tuple(sorted(files)), tuple(problems), tuple(folders))


def is_candidate(path: Path, form: Form) -> bool:
    """Return whether a file of this name may hold a definition."""
    name = path.name
    suffix = path.suffix.lower()
    if name.startswith(".") or suffix not in SUFFIXES:
        return False
    if form is not Form.AGENTS:
        return suffix == ".md"
    if suffix in EVALUATED:
        return _DECLARATION.search(name) is None and _TEST.search(name) is None
    return name.lower() not in {"skill.md", "package.json", "package-lock.json", "tsconfig.json"}


def holds(folder: AgentFolder, path: Path) -> bool:
    """Return whether a file would be found in a folder."""
    if not path.is_relative_to(folder.path) or not is_candidate(path, folder.form):
        return False
    inner = path.relative_to(folder.path).parts[:-1]
    return not any(_is_skipped(part) for part in inner)


def unreadable(path: Path, error: Exception) -> Problem:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    message = f"Cannot be read: {reason}."
    return Problem(path, START, Severity.ERROR, "unreadable", message)


def _loop(path: Path) -> Problem:
    message = "This link leads back to a folder that contains it, so it is skipped."
    return Problem(path, START, Severity.WARNING, "link-loop", message)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_skipped(name: str) -> bool:
    return name.startswith((".", "skills-")) or name in _SKIPPED


def _form_of(path: Path) -> Form:
    """Return the form of a folder that a setting names."""
    forms: Iterator[Form] = (
        form for form, part in ((Form.CLAUDE, ".claude"), (Form.OPENCODE, ".opencode"))
        if part in path.parts
    )  # fmt: skip
    return next(forms, Form.AGENTS)
