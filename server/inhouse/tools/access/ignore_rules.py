"""Which files the project itself ignores: by ``.gitignore`` on every level and similar files.

A file that Git tracks is never ignored.
"""

import contextlib
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from attrs import Factory, define, field, frozen

from inhouse.core.files import read_regular
from inhouse.core.own_environment import environment

from .git_index import Tracked, read_index, repository_of, shared_folder, tracked_names
from .git_patterns import Pattern, deciding, pattern_of

FILES = (".gitignore", ".codebuffignore", ".manicodeignore")
_MOST_BYTES = 1_000_000
_MOST_STARS = 3
"""How many stars a name in a line may have."""
_MOST_DEEP = 4
"""How often ``**`` may occur in a line."""


@frozen
class _Rules:
    stamp: tuple[tuple[str, int, int], ...]
    """Name, time and size of each file that the rules were read from."""
    specs: tuple[tuple[str, tuple[Pattern, ...]], ...]


_NO_RULES = _Rules((), ())


@define
class IgnoreRules:
    """The ignore rules under one root, read when first needed and again when they change."""

    root: Path
    """Absolute and real."""
    fold: bool = False
    """Whether to compare without case, as Git does on case-insensitive file systems."""
    _folders: dict[str, _Rules] = field(factory=dict[str, _Rules], init=False)
    _above: list[tuple[str, str]] | None = field(default=None, init=False)
    _repository: tuple[Path, Path] | None = field(
        init=False, default=Factory(lambda own: repository_of(own.root), takes_self=True)
    )
    _tracked: tuple[tuple[int, int], Tracked] = field(default=((0, 0), Tracked()), init=False)
    _everywhere: tuple[str, tuple[Pattern, ...]] | None = field(default=None, init=False)
    """The name and the lines of the user's own file."""
    _entered: dict[str, str] = field(factory=dict[str, str], init=False)
    """Ignored folders that a walk enters anyway, because of tracked files → the rule."""

    def rule(self, relative: str, *, is_folder: bool) -> str | None:
        """Return ``pattern (file)`` of the rule that ignores *relative*, or None."""
        if not relative:
            return None
        parts = relative.split("/")
        found = None
        for depth in range(1, len(parts)):
            if found := self._decide(parts[:depth], is_folder=True):
                break
        found = found or self._decide(parts, is_folder=is_folder)
        return None if found and self._is_tracked(relative, is_folder=is_folder) else found

    def own_rule(self, relative: str, *, is_folder: bool) -> str | None:
        """Like `rule`, if its folder is known not to be ignored."""
        if not relative:
            return None
        above = self._entered.get(relative.rpartition("/")[0])
        found = above or self._decide(relative.split("/"), is_folder=is_folder)
        if is_folder:
            self._entered.pop(relative, None)
        if not found or not self._is_tracked(relative, is_folder=is_folder):
            return found
        if is_folder:
            self._entered[relative] = found
        return None

    def _is_tracked(self, relative: str, *, is_folder: bool) -> bool:
        """Return whether the repository's index has a file; used only for what a rule ignores."""
        if self._repository is None:
            return False
        top, git_folder = self._repository
        try:
            status = (git_folder / "index").stat()
        except OSError:
            return False
        stamp = (status.st_mtime_ns, status.st_size)
        if self._tracked[0] != stamp:
            self._tracked = (stamp, tracked_names(read_index(git_folder)))
        inside = self.root.relative_to(top).as_posix()
        named = relative if inside == "." else f"{inside}/{relative}"
        return self._tracked[1].has(named, is_folder=is_folder)

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
        """Let the nearest file with a matching rule decide, as Git does."""
        for below, source, patterns in self._nearest_first(parts):
            pattern = deciding(patterns, below, is_folder=is_folder)
            if pattern is not None:
                return None if pattern.negated else f"'{pattern.line}' in {source}"
        return None

    def _nearest_first(self, parts: list[str]) -> Iterator[tuple[str, str, tuple[Pattern, ...]]]:
        """Yield the path as each ignore file above it sees it, that file's name and its lines.

        First those of the root, then those above it in its repository, then the user's own.
        """
        compared = [part.casefold() for part in parts] if self.fold else parts
        for depth in range(len(parts) - 1, -1, -1):
            below = "/".join(compared[depth:])
            for source, patterns in self._rules("/".join(parts[:depth])).specs:
                yield below, source, patterns
        whole = "/".join(compared)
        for folder, prefix in self._folders_above():
            for source, patterns in self._rules(folder).specs:
                yield f"{prefix}/{whole}", source, patterns
        if self._repository is not None:
            if self._everywhere is None:
                self._everywhere = _of_the_user(fold=self.fold)
            name, patterns = self._everywhere
            if patterns:
                inside = self.root.relative_to(self._repository[0]).as_posix()
                below = whole if inside == "." else f"{inside}/{whole}"
                yield below, f"your {name}, Git's core.excludesFile", patterns

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
    """Return whether the disk ignores case in a folder's name."""
    other = folder.with_name(folder.name.swapcase()) if folder.name else folder
    try:
        return other != folder and other.samefile(folder)
    except OSError:
        return False


def _sources(folder: Path, *, top: bool) -> list[Path]:
    """Return the ignore files of a folder, the strongest first."""
    sources = [folder / name for name in reversed(FILES)]
    inner = folder / ".git"
    if inner.is_dir():
        sources.append(inner / "info" / "exclude")
    elif (top or inner.exists()) and (found := repository_of(folder)) and found[0] == folder:
        with contextlib.suppress(OSError):
            sources.append(shared_folder(found[1]) / "info" / "exclude")
    return sources


def _of_the_user(*, fold: bool) -> tuple[str, tuple[Pattern, ...]]:
    """Read the file that ``core.excludesFile`` names in the user's own settings, or the usual one.

    The repository's own setting for it is not read, since a stranger may have written it.
    """
    variables = environment()
    home = Path.home()
    folder = Path(variables.get("XDG_CONFIG_HOME") or home / ".config") / "git"
    chosen = variables.get("GIT_CONFIG_GLOBAL")
    settings = [Path(chosen)] if chosen else [folder / "config", home / ".gitconfig"]
    named = [value for each in settings for value in _EXCLUDES.findall(_core(_text(each)))]
    file = Path(named[-1].strip().strip('"')) if named else folder / "ignore"
    try:
        text = _text(file.expanduser())
    except RuntimeError:  # the home folder of a user who does not exist
        text = ""
    lines = re.split(r"\r?\n", text.casefold() if fold else text)
    return file.name, _spec(lines)


_EXCLUDES = re.compile(r"^\s*excludesfile\s*=\s*([^#;\n]*)", re.IGNORECASE | re.MULTILINE)
_CORE = re.compile(
    r"^\s*\[core\][ \t]*(.*?)(?=^\s*\[|\Z)", re.IGNORECASE | re.MULTILINE | re.DOTALL
)


def _core(settings: str) -> str:
    return "\n".join(_CORE.findall(settings))


def _text(file: Path) -> str:
    try:
        content = read_regular(file, _MOST_BYTES)
    except OSError:
        return ""
    return content.decode("utf-8", errors="replace").removeprefix("\ufeff")


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
    specs: list[tuple[str, tuple[Pattern, ...]]] = []
    for source in _sources(folder, top=top):
        lines = _lines(source)
        if lines:
            folded = [line.casefold() for line in lines] if fold else lines
            specs.append((source.name, _spec(folded)))
    return _Rules(stamp, tuple(specs))


def _lines(source: Path) -> list[str]:
    """Like Git, do not follow a link here: it could reveal the lines of any file."""
    if source.is_symlink() or not (text := _text(source)):
        return []
    return re.split(r"\r?\n", text)  # Git knows no other line ends


def _spec(lines: list[str]) -> tuple[Pattern, ...]:
    """An invalid line loses only itself."""
    fast = (each for line in lines if (each := _in_good_time(line)) is not None)
    return tuple(pattern for line in fast if (pattern := pattern_of(line)) is not None)


def _in_good_time(line: str) -> str | None:
    """Return a line that matches in reasonable time, since each star multiplies the attempts.

    A line with too many ignores somewhat more instead, or re-includes nothing.
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
