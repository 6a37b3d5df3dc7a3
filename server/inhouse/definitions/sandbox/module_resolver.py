"""Finds what a definition imports.  Runs in our process, at the worker's request.

The worker only names things; every decision and every read happens here, and `Confinement`
has the last word about each file whatever was asked for.
"""

import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time
from pathlib import Path
from typing import Any

from attrs import field, frozen

from inhouse.bounded_toml import load_toml
from inhouse.bounded_yaml import load_yaml

from . import tsconfig
from .confinement import (
    CODE,
    DATA,
    PROJECT,
    TEXTS,
    Confinement,
    RefusedFileError,
)
from .monorepo import source_targets, workspace_packages
from .stubs import builtin_reason

_MOST_MODULES = 2000
_MOST_TOTAL = 32 << 20
_TYPESCRIPT_FOR = {
    ".js": (".ts", ".tsx"),
    ".jsx": (".tsx",),
    ".mjs": (".mts",),
    ".cjs": (".cts",),
}
_ENDS = (*CODE, *DATA)
_BUILTIN = re.compile(
    r"(?:(?:node|bun):.*|(?:assert|async_hooks|buffer|bun|child_process|cluster|console|constants"
    r"|crypto|dgram|dns|domain|events|fs|http|http2|https|inspector|module|net|os|path|perf_hooks"
    r"|process|punycode|querystring|readline|repl|stream|string_decoder|sys|timers|tls"
    r"|trace_events|tty|url|util|v8|vm|wasi|worker_threads|zlib)(?:/.*)?)"
)


@frozen
class Loaded:
    """A module for the worker."""

    name: str
    kind: str
    """``code``, ``json``, ``text``, or ``stub``, whose text says why it cannot be used."""
    text: str


@frozen
class Lookups:
    """What was found in one pass over many definitions, so that nothing is looked up twice."""

    aliases: dict[Path, tsconfig.Aliases] = field(factory=dict[Path, tsconfig.Aliases])
    packages: dict[Path, Mapping[str, Path]] = field(factory=dict[Path, Mapping[str, Path]])
    """By folder, the packages of the monorepo that begins there."""
    loaded: dict[tuple[Path, str, str], tuple[Path, str, Loaded]] = field(
        factory=dict[tuple[Path, str, str], tuple[Path, str, Loaded]]
    )
    """By folder, specifier and kind of import: real path, text and what the worker gets."""
    scope: int = field(factory=itertools.count(1).__next__)
    """Separates what a worker may reuse for the next definition from what it may not."""


@frozen
class ModuleResolver:
    """What one definition may import, and what it did import."""

    confinement: Confinement
    entry: Path
    sources: dict[Path, str] = field(factory=dict[Path, str])
    """The texts that were returned, in order."""
    missing: dict[Path, None] = field(factory=dict[Path, None])
    lookups: Lookups = field(factory=Lookups)

    def load_entry(self) -> Loaded:
        """Raises `RefusedFileError`."""
        return self._loaded(*self.confinement.read(self.entry))

    def known(self, base: str, specifier: str, how: str) -> Loaded | None:
        """Return what was loaded for another definition, without touching the disk."""
        found = self.lookups.loaded.get((Path(base).parent, specifier, how))
        if found is None:
            return None
        self._note(found[0], found[1])
        return found[2]

    def load(self, base: str, specifier: str, how: str) -> Loaded:
        """Raises `RefusedFileError`."""
        bare = specifier.split("?", 1)[0]
        suffix = specifier[len(bare) :]
        if _BUILTIN.fullmatch(bare):
            return _builtin(specifier)
        if "://" in bare or bare.startswith(("file:", "data:", "http:", "https:")):
            raise RefusedFileError(
                f"{specifier!r} is a URL: only files and packages are imported", code="import"
            )
        if Path(bare).is_absolute() or bare.startswith(("/", "\\")):
            raise RefusedFileError(
                f"{specifier!r} is an absolute path: import it by a relative one", code="import"
            )
        found = self.find(Path(base).parent, bare, how)
        if found is None:
            return self._absent(base, bare)
        true, text = self.confinement.read(found, package=True)
        loaded = self._loaded(true, text, raw=suffix in ("?raw", "?text"))
        self.lookups.loaded[Path(base).parent, specifier, how] = true, text, loaded
        return loaded

    def _absent(self, base: str, specifier: str) -> Loaded:
        if specifier.startswith("."):
            near = Path(base).parent / specifier
            self.missing.update(dict.fromkeys([near, *(_with_end(near, end) for end in _ENDS)]))
            raise RefusedFileError(
                f"cannot find {specifier!r}, imported here: no such file", code="import"
            )
        hint = "" if specifier.startswith("#") else f"; install it, e.g. npm install {specifier}"
        return Loaded(f"stub:{specifier}", "stub", f"the package {specifier!r} was not found{hint}")

    def _note(self, true: Path, text: str) -> None:
        if true not in self.sources:
            self.sources[true] = text
            if len(self.sources) > _MOST_MODULES:
                raise RefusedFileError(f"imports more than {_MOST_MODULES} files", code="import")
            if sum(map(len, self.sources.values())) > _MOST_TOTAL:
                raise RefusedFileError(f"imports more than {_MOST_TOTAL >> 20} MB", code="import")

    def _loaded(self, true: Path, text: str, *, raw: bool = False) -> Loaded:
        self._note(true, text)
        if raw or true.suffix.lower() in TEXTS:
            return Loaded(f"{true}?text", "text", text)
        if true.suffix.lower() in _DATA:
            return Loaded(str(true), "json", _checked_data(true, text))
        return Loaded(str(true), "code", text)

    def find(self, folder: Path, specifier: str, how: str) -> Path | None:
        """Return the file that a specifier means in a module of a folder.  Blocks."""
        if specifier.startswith("."):
            # ``.`` and ``./folder/`` mean a folder, never a file of that name.
            means_folder = specifier.endswith(("/", "/.", "/..")) or specifier in (".", "..")
            path = Path(os.path.normpath(folder / specifier))  # Joined like URLs.
            return self._file(path / "index" if means_folder else path)
        for candidate in self._candidates(folder, specifier, how):
            if (found := self._file(candidate)) is not None:
                return found
        return None

    def _candidates(self, folder: Path, specifier: str, how: str) -> Iterator[Path]:
        top = self.confinement.top(folder)
        if folder not in self.lookups.aliases:
            self.lookups.aliases[folder] = tsconfig.aliases(folder, top=top, read=self._read)
        if specifier.startswith("#"):
            yield from self._internal(folder, specifier, how)
        yield from self.lookups.aliases[folder].targets(specifier)
        split = tsconfig.package_name(specifier)
        if split is None:
            return
        name, subpath = split
        for place in (folder, *folder.parents):
            yield from self._installed(place, name, subpath, how)
            own = tsconfig.read_object(place / "package.json", self._read)
            if own is not None and own.get("name") == name and "exports" in own:
                yield from _joined(place, tsconfig.package_targets(own, subpath, how=how))
            if place == top:
                break
        yield from self._in_monorepo(folder, top, name, subpath, how)

    def _in_monorepo(
        self, folder: Path, top: Path, name: str, subpath: str, how: str
    ) -> Iterator[Path]:
        """Find a package that is not linked into node_modules, or not built."""
        for place in (folder, *folder.parents):
            if place not in self.lookups.packages:
                self.lookups.packages[place] = workspace_packages(place, self._read)
            root = self.lookups.packages[place].get(name)
            if root is not None:
                package = tsconfig.read_object(root / "package.json", self._read) or {}
                yield from _joined(root, source_targets(package, subpath, how=how))
            if place == top:
                break

    def _installed(self, place: Path, name: str, subpath: str, how: str) -> Iterator[Path]:
        root = place / "node_modules" / name
        package = tsconfig.read_object(root / "package.json", self._read)
        if package is not None:
            yield from _joined(root, tsconfig.package_targets(package, subpath, how=how))
        elif root.is_dir():
            yield root / subpath

    def _internal(self, folder: Path, specifier: str, how: str) -> Iterator[Path]:
        for place in (folder, *folder.parents):
            package = tsconfig.read_object(place / "package.json", self._read)
            if package is not None:
                yield from _joined(place, tsconfig.internal_targets(package, specifier, how=how))
                return

    def _file(self, path: Path) -> Path | None:
        """Find the file that a path without its proper suffix means."""
        for candidate in self._meant(path):
            if self.confinement.exists(candidate):
                return None if candidate.name.endswith((".d.ts", ".d.mts", ".d.cts")) else candidate
        return None

    def _meant(self, path: Path) -> Iterator[Path]:
        yield path
        for end in _TYPESCRIPT_FOR.get(path.suffix, ()):
            yield path.with_suffix(end)
        if path.name:
            for end in _ENDS:
                yield _with_end(path, end)
        if path.is_dir():
            package = tsconfig.read_object(path / "package.json", self._read)
            if package is not None and isinstance(package.get("main"), str):
                main = path / package["main"]
                yield main
                for end in _ENDS:
                    yield _with_end(main, end)
        for end in _ENDS:
            yield path / f"index{end}"

    def _read(self, path: Path) -> str | None:
        try:
            return self.confinement.read(path, package=True, ends=PROJECT)[1]
        except RefusedFileError:
            return None


def _builtin(specifier: str) -> Loaded:
    if specifier.removeprefix("node:") in ("path", "path/posix"):
        source = Path(__file__).with_name("path.js")
        return Loaded("builtin:path", "code", source.read_text(encoding="utf-8"))
    return Loaded(f"stub:{specifier}", "stub", builtin_reason(specifier))


def _with_end(path: Path, end: str) -> Path:
    return path.with_name(f"{path.name}{end}")


def _joined(root: Path, targets: Iterator[str]) -> Iterator[Path]:
    for target in targets:
        path = root / target
        if ".." not in Path(target).parts:
            yield path


def _checked_data(path: Path, text: str) -> str:
    kind, read = _DATA[path.suffix.lower()]
    try:
        return json.dumps(read(text), allow_nan=False, default=_date)
    except (ValueError, RecursionError) as error:
        raise RefusedFileError(
            f"{path.name!r} is not valid {kind} ({error})", code="syntax"
        ) from None


def _date(value: Any) -> str:
    if isinstance(value, date | time):
        return value.isoformat()
    raise ValueError(f"a {type(value).__name__} is not data")


_DATA: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    ".json": ("JSON", json.loads),
    ".toml": ("TOML", load_toml),
    ".yaml": ("YAML", load_yaml),
    ".yml": ("YAML", load_yaml),
}
