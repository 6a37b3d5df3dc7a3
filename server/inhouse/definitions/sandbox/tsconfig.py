"""What tsconfig.json and package.json say about where a module is."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from inhouse.core.json_values import fields, texts

ReadText = Callable[[Path], str | None]
"""Returns a file's text, or None if it is missing or may not be read."""

_MOST = 1 << 20
_MOST_EXTENDS = 16
_MOST_TARGETS = 32


@frozen
class Aliases:
    """``compilerOptions.paths`` and ``baseUrl``, with absolute targets."""

    paths: tuple[tuple[str, tuple[Path, ...]], ...] = ()
    base: Path | None = None

    def targets(self, specifier: str) -> Iterator[Path]:
        """Yield the places to try, the most specific pattern first."""
        fitting = [
            (pattern, targets, found)
            for pattern, targets in self.paths
            if (found := _match(pattern, specifier)) is not None
        ]
        fitting.sort(key=lambda each: -len(each[0].split("*")[0]))
        for _, targets, found in fitting[:1]:
            for target in targets:
                yield Path(str(target).replace("*", found, 1))
        if self.base is not None:
            yield self.base / specifier


def aliases(folder: Path, *, top: Path, read: ReadText) -> Aliases:
    """Read the nearest tsconfig.json or jsconfig.json, not above ``top``."""
    for place in (folder, *folder.parents):
        for name in ("tsconfig.json", "jsconfig.json"):
            found = _tsconfig(place / name, read, 0)
            if found is not None:
                return found
        if place == top:
            break
    return Aliases()


def _tsconfig(path: Path, read: ReadText, depth: int) -> Aliases | None:
    value = read_object(path, read)
    if value is None or depth > _MOST_EXTENDS:
        return None
    inherited = Aliases()
    extends = value.get("extends", [])
    for parent in [extends] if isinstance(extends, str) else texts(extends):
        for place in _extended(path.parent, parent):
            found = _tsconfig(place, read, depth + 1)
            if found is not None:
                # Later ones win, field by field, as in TypeScript.
                inherited = Aliases(found.paths or inherited.paths, found.base or inherited.base)
                break
    options = fields(value.get("compilerOptions"))
    base = options.get("baseUrl")
    root = path.parent / base if isinstance(base, str) else None
    paths = tuple(
        (pattern, tuple((root or path.parent) / each for each in texts(targets)[:_MOST_TARGETS]))
        for pattern, targets in fields(options.get("paths")).items()
        if pattern.count("*") <= 1
    )
    return Aliases(paths or inherited.paths, root or inherited.base)


def _extended(folder: Path, name: str) -> Iterator[Path]:
    if name.startswith((".", "/")):
        path = folder / name
        yield path
        yield path.with_name(f"{path.name}.json")
        return
    for place in (folder, *folder.parents):
        yield place / "node_modules" / name
        yield place / "node_modules" / f"{name}.json"
        yield place / "node_modules" / name / "tsconfig.json"


def _match(pattern: str, specifier: str) -> str | None:
    before, star, after = pattern.partition("*")
    if not star:
        return "" if specifier == pattern else None
    if len(specifier) < len(before) + len(after):
        return None
    if not (specifier.startswith(before) and specifier.endswith(after)):
        return None
    return specifier[len(before) : len(specifier) - len(after)]


def package_targets(package: Mapping[str, Any], subpath: str, *, how: str) -> Iterator[str]:
    """Yield what ``exports``, ``module`` and ``main`` offer for ``.`` or ``./sub/path``."""
    exports = package.get("exports")
    if exports is not None:
        table = fields(exports)
        if not any(key.startswith(".") for key in table):
            table = {".": exports}
        yield from _mapped(table, subpath, how=how)
        return
    if subpath != ".":
        yield subpath
        return
    for field in ("module", "main") if how == "import" else ("main",):
        if isinstance(package.get(field), str):
            yield f"./{package[field]}"
    yield "./index"


def internal_targets(package: Mapping[str, Any], specifier: str, *, how: str) -> Iterator[str]:
    """Yield what ``imports`` offers for ``#name``."""
    yield from _mapped(fields(package.get("imports")), specifier, how=how)


def _mapped(table: Mapping[str, Any], name: str, *, how: str) -> Iterator[str]:
    fitting = [key for key in table if _match(key, name) is not None]
    for key in sorted(fitting, key=lambda each: ("*" in each, -len(each)))[:1]:
        for target in _conditions(table[key], how, 0):
            yield target.replace("*", _match(key, name) or "")


def _conditions(value: Any, how: str, depth: int) -> Iterator[str]:
    if depth > _MOST_EXTENDS:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value[:_MOST_TARGETS]:  # pyright: ignore[reportUnknownVariableType]
            yield from _conditions(each, how, depth + 1)
    else:
        for condition, target in fields(value).items():
            if condition in (how, "bun", "node", "module", "development", "default"):
                yield from _conditions(target, how, depth + 1)


def package_name(specifier: str) -> tuple[str, str] | None:
    """Split a bare specifier: ``@a/b/c`` → (``@a/b``, ``./c``)."""
    found = re.fullmatch(r"((?:@[^/@\\]+/)?[^/@.\\][^/\\]*)(/.*)?", specifier)
    return (found[1], f".{found[2] or ''}") if found else None


def read_object(path: Path, read: ReadText) -> dict[str, Any] | None:
    """Read a JSON object with comments; None for anything else."""
    import pyjson5  # noqa: PLC0415  1.5 MB that a server without packages to find does not need

    text = read(path)
    if text is None or len(text) > _MOST:
        return None
    try:
        value = pyjson5.decode(text, 64)
    except (pyjson5.Json5Exception, RecursionError, ValueError):
        return None
    return fields(value)
