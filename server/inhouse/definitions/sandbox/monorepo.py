"""The packages of a monorepo, by name: npm, Yarn and pnpm say where they are.

They are found even before anything is installed or built.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inhouse.bounded_yaml import load_yaml

from .tsconfig import ReadText, package_targets, read_object

_DEEPEST = 6
_MOST_FOLDERS = 3000
_MOST_PATTERNS = 100
_SKIPPED = frozenset({"node_modules", "dist", "build"})


def workspace_packages(top: Path, read: ReadText) -> Mapping[str, Path]:
    """Return the packages that the package.json or pnpm-workspace.yaml of a folder names."""
    patterns = _patterns(top, read)
    if not patterns:
        return {}
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - few workspaces have packages

    chosen = GitIgnoreSpec.from_lines(patterns)
    found: dict[str, Path] = {}
    for folder in _folders(top, patterns):
        if chosen.match_file(folder.relative_to(top).as_posix()):
            package = read_object(folder / "package.json", read)
            if package is not None and isinstance(package.get("name"), str):
                found.setdefault(package["name"], folder)
    return found


def source_targets(package: Mapping[str, Any], subpath: str, *, how: str) -> Iterator[str]:
    """Yield a package's entry points, and its sources if it was never built."""
    yield from package_targets(package, subpath, how=how)
    if subpath != ".":
        yield subpath
        yield f"./src/{subpath.removeprefix('./')}"
        return
    if isinstance(package.get("source"), str):
        yield f"./{package['source']}"
    yield "./src/index"
    yield "./index"


def _patterns(top: Path, read: ReadText) -> list[str]:
    package = read_object(top / "package.json", read) or {}
    listed: Any = package.get("workspaces")
    if isinstance(listed, dict):  # Yarn's long form
        listed = listed.get("packages")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if not isinstance(listed, list):
        listed = _of_pnpm(read(top / "pnpm-workspace.yaml"))
    given: list[Any] = listed if isinstance(listed, list) else []  # pyright: ignore[reportUnknownVariableType]
    texts = [each for each in given if isinstance(each, str) and ".." not in each]
    return [text.replace("./", "", 1) if text.startswith("./") else text for text in texts][
        :_MOST_PATTERNS
    ]


def _of_pnpm(text: str | None) -> Any:
    if text is None:
        return None
    try:
        value: Any = load_yaml(text)
    except ValueError:
        return None
    return value.get("packages") if isinstance(value, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


def _folders(top: Path, patterns: list[str]) -> Iterator[Path]:
    """Yield every folder that a pattern may mean, without following links."""
    starts = {pattern.split("*")[0].rpartition("/")[0] for pattern in patterns if pattern[0] != "!"}
    seen = 0
    for start in sorted(starts):
        for folder, names, _ in os.walk(top / start):
            depth = len(Path(folder).relative_to(top).parts)
            kept = [name for name in names if name not in _SKIPPED and not name.startswith(".")]
            names[:] = sorted(kept) if depth < _DEEPEST else []
            seen += 1
            if seen > _MOST_FOLDERS:
                return
            yield Path(folder)
