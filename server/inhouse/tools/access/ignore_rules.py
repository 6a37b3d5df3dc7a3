"""Which files the project itself ignores: ``.gitignore`` of every level and its relatives."""

from collections.abc import Collection
from pathlib import Path

from attrs import define, field, frozen
from pathspec import GitIgnoreSpec

FILES = (".gitignore", ".codebuffignore", ".manicodeignore")
_MOST_BYTES = 1_000_000
_MOST_STARS = 3
"""Stars in a name of an ignore file's line."""
_MOST_DEEP = 4
"""How often ``**`` may stand in a line."""


@frozen
class _Rules:
    stamp: tuple[tuple[str, int, int], ...]
    """Name, time and size of each file they were read from."""
    specs: tuple[tuple[str, GitIgnoreSpec], ...]


_NO_RULES = _Rules((), ())


@define
class IgnoreRules:
    """The ignore rules under one root, read when first needed and again when they change."""

    root: Path
    """Absolute and real."""
    fold: bool = False
    """Compare without case, as Git does on a file system that has none."""
    _folders: dict[str, _Rules] = field(factory=dict[str, _Rules], init=False)
    _above: list[tuple[str, str]] | None = field(default=None, init=False)

    def rule(self, relative: str, *, is_folder: bool) -> str | None:
        """Give ``pattern (file)`` of the rule that ignores *relative*, or None."""
        if not relative:
            return None
        parts = relative.split("/")
        for depth in range(1, len(parts)):
            if found := self._decide(parts[:depth], is_folder=True):
                return found
        return self._decide(parts, is_folder=is_folder)

    def own_rule(self, relative: str, *, is_folder: bool) -> str | None:
        """As `rule`, where the folder that holds it is known not to be ignored."""
        return self._decide(relative.split("/"), is_folder=is_folder) if relative else None

    def look_again(self, relative: str) -> None:
        """Forget the ignore files above *relative* that have changed."""
        parts = relative.split("/")
        for depth in range(len(parts)):
            folder = "/".join(parts[:depth])
            known = self._folders.get(folder)
            if known and known.stamp != _stamp(self.root / folder, top=not folder):
                self._folders.pop(folder, None)

    def learn(self, folder: str, names: Collection[str]) -> None:
        """Read the ignore files of a folder that has just been listed."""
        if folder and not any(name in names for name in (*FILES, ".git")):
            self._folders[folder] = _NO_RULES
        else:
            self._folders[folder] = _read(self.root / folder, top=not folder, fold=self.fold)

    def _decide(self, parts: list[str], *, is_folder: bool) -> str | None:
        """Let the nearest file that has an opinion decide, as Git does."""
        ending = "/" if is_folder else ""
        written, parts = parts, [part.casefold() for part in parts] if self.fold else parts
        for depth in range(len(parts) - 1, -1, -1):
            below = "/".join(parts[depth:]) + ending
            for source, spec in self._rules("/".join(written[:depth])).specs:
                result = spec.check_file(below)
                if result.include is not None:
                    return _named(spec, result.index, source) if result.include else None
        return self._decide_above("/".join(parts) + ending)

    def _decide_above(self, below: str) -> str | None:
        """Ask the ignore files between the root and the top of its repository."""
        for folder, prefix in self._folders_above():
            rules = self._rules(folder)
            for source, spec in rules.specs:
                result = spec.check_file(f"{prefix}/{below}")
                if result.include is not None:
                    return _named(spec, result.index, source) if result.include else None
        return None

    def _folders_above(self) -> list[tuple[str, str]]:
        if self._above is None:
            self._above = []
            if not (self.root / ".git").exists():
                found: list[tuple[str, str]] = []
                for folder in self.root.parents:
                    found.append((str(folder), self.root.relative_to(folder).as_posix()))
                    if (folder / ".git").exists():
                        self._above = found
                        break
        return self._above

    def _rules(self, folder: str) -> _Rules:
        if folder not in self._folders:
            self._folders[folder] = _read(self.root / folder, top=not folder, fold=self.fold)
        return self._folders[folder]


def ignores_case(folder: Path) -> bool:
    """Tell whether the disk takes another spelling of a folder for the same one."""
    other = folder.with_name(folder.name.swapcase()) if folder.name else folder
    try:
        return other != folder and other.samefile(folder)
    except OSError:
        return False


def _sources(folder: Path, *, top: bool) -> list[Path]:
    """Give the ignore files of a folder, the strongest first."""
    sources = [folder / name for name in reversed(FILES)]
    if top or (folder / ".git").is_dir():
        sources.append(folder / ".git" / "info" / "exclude")
    return sources


def _stamp(folder: Path, *, top: bool) -> tuple[tuple[str, int, int], ...]:
    stamps: list[tuple[str, int, int]] = []
    for source in _sources(folder, top=top):
        try:
            status = source.stat()
        except OSError:
            continue
        stamps.append((source.name, status.st_mtime_ns, status.st_size))
    return tuple(stamps)


def _read(folder: Path, *, top: bool, fold: bool) -> _Rules:
    stamp = _stamp(folder, top=top)
    if not stamp:
        return _NO_RULES
    specs: list[tuple[str, GitIgnoreSpec]] = []
    for source in _sources(folder, top=top):
        lines = _lines(source)
        if lines:
            folded = [line.casefold() for line in lines] if fold else lines
            specs.append((source.name, _spec(folded)))
    return _Rules(stamp, tuple(specs))


def _lines(source: Path) -> list[str]:
    """As Git, do not follow a link here: it could tell a stranger's lines."""
    try:
        if source.is_symlink() or not source.is_file() or source.stat().st_size > _MOST_BYTES:
            return []
        return source.read_text("utf-8", errors="replace").removeprefix("\ufeff").splitlines()
    except OSError:
        return []


def _spec(lines: list[str]) -> GitIgnoreSpec:
    """One line that makes no sense loses only itself."""
    lines = [fast for line in lines if (fast := _in_good_time(line)) is not None]
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        return GitIgnoreSpec.from_lines([line for line in lines if _makes_sense(line)])


def _in_good_time(line: str) -> str | None:
    """Give a line that matches in good time: each star more multiplies what is tried.

    One with too many ignores somewhat more instead, or takes nothing back.
    """
    deep, names = line.split("**"), line.split("/")
    crowded = [name for name in names if name.count("*") > _MOST_STARS]
    if len(deep) - 1 <= _MOST_DEEP and not crowded:
        return line
    if line.startswith("!"):
        return None
    if len(deep) - 1 > _MOST_DEEP:
        names = f"{deep[0]}**{deep[-1]}".split("/")
    return "/".join(
        f"{name.partition('*')[0]}*{name.rpartition('*')[2]}" if name in crowded else name
        for name in names
    )


def _makes_sense(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def _named(spec: GitIgnoreSpec, index: int | None, source: str) -> str:
    pattern = str(getattr(spec.patterns[index], "pattern", "")) if index is not None else ""
    return f"'{pattern}' in {source}"
