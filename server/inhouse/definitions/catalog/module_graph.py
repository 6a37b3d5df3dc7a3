"""Which modules a computed definition depends on, judged by their texts."""

import hashlib
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from inhouse.core.files import ReadBytes, read_regular
from inhouse.definitions.catalog.files import FileText, read_file, text_of
from inhouse.definitions.forms.read_text import read
from inhouse.definitions.readers.file_forms import EVALUATED
from inhouse.definitions.readers.parsed_values import Reading

_EXTENSIONS = (".ts", ".tsx", ".js", ".mjs", ".cjs", ".mts", ".cts", ".json")
_SCRIPTS = frozenset({".js", ".mjs", ".cjs", ".jsx"})
_MOST_MODULES = 200


class ModuleGraph:
    """Modules that several definitions share, each read once per reload."""

    def __init__(self, texts: Mapping[Path, str], read_bytes: ReadBytes = read_regular) -> None:
        self._texts = texts
        self._read = read_bytes
        self._files: dict[Path, FileText] = {}
        self._imports: dict[Path, tuple[Path, ...]] = {}
        self._targets: dict[tuple[Path, str], Path | None] = {}
        self._true: dict[Path, Path] = {}

    def reached_by(self, path: Path, reading: Reading) -> frozenset[Path]:
        """Return the modules that a file reaches by relative imports."""
        found: set[Path] = set()
        waiting = list(self._imported(path, reading))
        while waiting and len(found) < _MOST_MODULES:
            module = waiting.pop()
            if module not in found:
                found.add(module)
                waiting.extend(self._imports_of(module))
        return frozenset(map(self._real, found))

    def defines(self, module: Path) -> bool:
        """Return whether a module's own text makes it a definition, or leaves that open."""
        reading = read(module, self._file(module).text)
        return bool(reading.found or reading.reexports or reading.may_define)

    def content_hash(self, file: FileText, modules: Collection[Path]) -> str:
        """Return the SHA-256 over a file and its modules, to which trust is given."""
        if not modules:
            return file.digest
        digests = [self._file(module).digest for module in sorted(modules)]
        return hashlib.sha256("\n".join([file.digest, *digests]).encode()).hexdigest()

    def _imports_of(self, module: Path) -> tuple[Path, ...]:
        known = self._imports.get(module)
        if known is None:
            known = ()
            if module.suffix.lower() in EVALUATED:
                known = self._imported(module, read(module, self._file(module).text))
            self._imports[module] = known
        return known

    def _imported(self, path: Path, reading: Reading) -> tuple[Path, ...]:
        specifiers = (*reading.imports, *reading.reexports)
        targets = (self._target(path, specifier) for specifier in specifiers)
        return tuple(target for target in targets if target is not None)

    def _target(self, path: Path, specifier: str) -> Path | None:
        key = (path.parent, specifier)
        if key not in self._targets:
            names = candidates(path, specifier)
            self._targets[key] = next(filter(self._exists, names), None)
        return self._targets[key]

    def _real(self, path: Path) -> Path:
        if path not in self._true:
            self._true[path] = Path(os.path.realpath(path))
        return self._true[path]

    def _exists(self, path: Path) -> bool:
        return path in self._texts or path.is_file()

    def _file(self, path: Path) -> FileText:
        if path not in self._files:
            text = self._texts.get(path)
            self._files[path] = read_file(path, self._read) if text is None else text_of(text)
        return self._files[path]


def candidates(path: Path, specifier: str) -> tuple[Path, ...]:
    """Return the files that a relative import may mean."""
    if not specifier.startswith("."):
        return ()
    target = Path(os.path.normpath(path.parent / specifier))
    stem = target.with_suffix("") if target.suffix in _SCRIPTS else target
    names = [target, *(stem.with_name(stem.name + suffix) for suffix in _EXTENSIONS)]
    return (*names, *(target / f"index{suffix}" for suffix in _EXTENSIONS))
