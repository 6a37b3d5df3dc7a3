"""Keep every path that a model writes inside the workspace, after links are resolved.

`plain`, `within` and `contains` only look at text, for Windows as well as for POSIX; `locate` asks
the disk.  What may be read or written there is decided by `inhouse.tools.access.access_policy`.
"""

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from urllib.parse import unquote

from attrs import frozen

from inhouse.core.errors import ToolError

WINDOWS = os.name == "nt"

_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")
_RESERVED = re.compile(
    r"^(con|prn|aux|nul|clock\$|conin\$|conout\$|(com|lpt)[0-9¹²³])$", re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST = 4096
_SHOWN = 200


@frozen
class WorkspacePath:
    """A path inside the workspace, with no link left in it."""

    path: Path
    """Absolute and real."""
    root: Path
    """The real root that holds it."""
    relative: str
    """From the root, with slashes; empty for the root itself."""
    shown: str
    """Its name in results."""
    named: str
    """As the model named it, relative to the root, before links were resolved."""
    prefix: str = ""
    """The prefix in results, if there are several roots."""
    taken: frozenset[str] = frozenset()
    """First parts of a path that mean another root."""

    def name(self, relative: str) -> str:
        """Name a path from the root as results do, so that `locate` finds exactly that file."""
        if not self.prefix and relative.partition("/")[0] in self.taken:
            return f"{self.root.as_posix()}/{relative}"
        return self.prefix + relative


def plain(raw: str, *, windows: bool = WINDOWS) -> PurePath:
    """Return *raw* as a path; refuse texts that mean another place than they seem to."""
    text = raw.strip(" ") if not windows else raw
    _refuse_tricks(raw, text)
    if not windows:
        if _DRIVE.match(text):
            raise _bad(raw, "is a path of Windows")
        if "\\" in text and ".." in re.split(r"[\\/]", text):
            raise _bad(raw, "goes up with backslashes")
        return PurePosixPath(text)
    path = PureWindowsPath(text)
    _refuse_windows_tricks(raw, path)
    return path


def within(
    raw: str, roots: Sequence[PurePath], *, windows: bool = WINDOWS
) -> tuple[PurePath, tuple[str, ...]]:
    """Return the root that *raw* is in and the path from there, judged by its text alone.

    A relative path starts at the first root.
    """
    path = plain(raw, windows=windows)
    root, parts = roots[0], path.parts
    if path.is_absolute():
        homes = [root for root in roots if contains(root, path, ignore_case=windows)]
        if not homes:
            raise outside(raw)
        root = max(homes, key=lambda root: len(root.parts))
        parts = path.parts[len(root.parts) :]
    kept: list[str] = []
    for part in parts:
        if part == "..":
            if not kept:
                raise outside(raw)
            kept.pop()
        elif part != ".":
            kept.append(part)
    return root, tuple(kept)


def slashes(path: str) -> str:
    """Write a path of this system with slashes; elsewhere a backslash is part of a name."""
    return path.replace("\\", "/") if WINDOWS else path


def can_be_named(path: str) -> bool:
    """Return whether a tool may be given this path; one with a line end would only mislead."""
    return not (_CONTROL.search(path) or _LONE_SURROGATE.search(path))


def contains(root: PurePath, path: PurePath, *, ignore_case: bool) -> bool:
    """Return whether *path* is *root* or lies under it; neither may have a link or ``..`` in it."""
    own, other = root.parts, path.parts[: len(root.parts)]
    if ignore_case:
        own, other = (
            tuple(part.casefold() for part in own),
            tuple(part.casefold() for part in other),
        )
    return own == other


def locate(raw: str, roots: Sequence[Path]) -> WorkspacePath:
    """Return the real place that *raw* means; raises `ToolError` if it is not in a root.

    It need not exist.  Links are followed.  An exact match always wins; only if nothing has that
    name are the habits of models and people and other spellings of its letters tried.
    """
    refusal: ToolError | None = None
    for spelling in _spellings(raw):
        if not WINDOWS and (literal := _literally(spelling, roots)) is not None:
            return follow(literal, roots, raw=raw)  # Also with spaces at its ends.
        try:
            named = _named(spelling, roots)
        except ToolError as error:
            refusal = refusal or error
            continue
        if os.path.lexists(named):
            return follow(named, roots, raw=raw)
        if not spelling.isascii() and (same := _same_letters(named, roots)) is not None:
            return follow(same, roots, raw=raw)
    if (new := _new_name(raw, roots)) != raw:
        return follow(_named(new, roots), roots, raw=raw)
    if refusal is not None:
        raise refusal
    return follow(_named(raw, roots), roots, raw=raw)


def follow(named: Path, roots: Sequence[Path], *, raw: str = "") -> WorkspacePath:
    """Return the real place of a path under a root, as `locate` does."""
    try:
        real = Path(os.path.realpath(named))
    except (OSError, ValueError) as error:
        raise _bad(raw or str(named), f"cannot be followed ({type(error).__name__})") from None
    real_roots = [Path(os.path.realpath(root)) for root in roots]
    homes = [home for home in real_roots if contains(home, real, ignore_case=WINDOWS)]
    if not homes:
        raise outside(raw or str(named), because="a link leads out of it")
    home = max(homes, key=lambda each: len(each.parts))
    index, way = _way(named, [*roots, *real_roots])
    index %= len(roots)
    labels = _labels(tuple(roots))
    taken = frozenset(label for label in labels if label)
    at = real_roots.index(home)
    shown = _prefix(roots, labels, index) + way
    if index == 0 and way.partition("/")[0] in taken:
        shown = f"{roots[0].as_posix()}/{way}"
    return WorkspacePath(
        path=real,
        root=home,
        relative="/".join(real.parts[len(home.parts) :]),
        shown=shown.rstrip("/") or ".",
        named=way,
        prefix=_prefix(roots, labels, at),
        taken=taken,
    )


@lru_cache(maxsize=64)
def _labels(roots: tuple[Path, ...]) -> tuple[str, ...]:
    """Return each root's prefix in paths; empty if the absolute path is used.

    The prefix is the folder's name, if no other root has it and the first root contains nothing of
    that name.  It stays even if the first root gets such a folder later, which is then named by its
    absolute path.
    """
    names = [root.name for root in roots]
    return tuple(
        name
        if at and name and names.count(name) == 1 and not os.path.lexists(roots[0] / name)
        else ""
        for at, name in enumerate(names)
    )


def _prefix(roots: Sequence[Path], labels: Sequence[str], at: int) -> str:
    """Return the prefix of a root's paths in results, with which `locate` finds them again."""
    if at == 0:
        return ""
    return f"{labels[at] or roots[at].as_posix()}/"


def _literally(raw: str, roots: Sequence[Path]) -> Path | None:
    """Return what has exactly this name, taken literally."""
    if not raw or len(raw) > _LONGEST or not can_be_named(raw):
        return None
    parts = raw.split("/")
    if ".." in parts:
        return None
    if raw.startswith("/"):
        named = Path(raw)
        homes = (*roots, *(Path(os.path.realpath(root)) for root in roots))
        if not any(contains(root, named, ignore_case=False) for root in homes):
            return None
    else:
        named = _from_a_root([part for part in parts if part not in {"", "."}], roots)
    return named if os.path.lexists(named) else None


def _named(raw: str, roots: Sequence[Path]) -> Path:
    """Return the path that *raw* means by its text, under the root that it begins in."""
    real_roots = [Path(os.path.realpath(root)) for root in roots]
    try:
        root, parts = within(raw, [*roots, *real_roots])
    except ToolError:
        # Another name of the same folder, like /var and /private/var.
        real = Path(os.path.realpath(raw)) if raw.startswith("/") and can_be_named(raw) else None
        if real is None or not any(
            contains(root, real, ignore_case=WINDOWS) for root in real_roots
        ):
            raise
        return real
    if plain(raw).is_absolute():
        return Path(root, *parts)
    return _from_a_root(parts, roots)


def _from_a_root(parts: Sequence[str], roots: Sequence[Path]) -> Path:
    """Resolve a relative path at the first root, or at another one if it begins with its prefix."""
    labels = _labels(tuple(roots))
    if parts and parts[0] in labels[1:]:
        return Path(roots[labels.index(parts[0], 1)], *parts[1:])
    named = Path(roots[0], *parts)
    if parts and not os.path.lexists(roots[0] / parts[0]):
        homes = [root for root in roots if root.name == parts[0]]
        if len(homes) > 1:
            raise _which_root(parts, homes)
        home = Path(homes[0], *parts[1:]) if homes else named
        if homes and (homes[0] != roots[0] or os.path.lexists(home)):
            return home
    return named


def _which_root(parts: Sequence[str], homes: Sequence[Path]) -> ToolError:
    names = ", ".join(repr(Path(home, *parts[1:]).as_posix()) for home in homes)
    return ToolError(
        f"{len(homes)} folders of the workspace are called {parts[0]!r}.  Write the whole path, "
        f"one of: {names}",
        code="path",
    )


_LINE_NUMBER = re.compile(r"(?::\d+(?:[-:,]\d+)*|#L\d+(?:-L?\d+)?)$")
_QUOTED = re.compile(r"""^([`'"])(.+)\1$""")


def _spellings(raw: str) -> Iterator[str]:
    """Yield a name as it is, then what people and models may mean by it if it does not exist.

    White space around it, quotation marks, ``@`` before it, backslashes, ``file:``, a line number.
    """
    yield raw
    text = _unwrapped(raw.strip())
    found = [text]
    if text.startswith("file://"):
        found.append(_path_of_uri(text))
    elif "%" in text:
        found.append(unquote(text))
    if not WINDOWS and "\\" in text:
        found.append(text.replace("\\", "/"))
    if text.startswith("@"):
        found.append(text[1:])
    if '"' in text:  # As trees show a part that begins or ends with a space.
        found.append("/".join(map(_unwrapped, text.split("/"))))
    found += [short for each in found if (short := _LINE_NUMBER.sub("", each)) != each]
    yield from (each for each in dict.fromkeys(found) if each and each != raw)


def _path_of_uri(uri: str) -> str:
    return unquote(uri.removeprefix("file://").removeprefix("localhost"))


def _unwrapped(part: str) -> str:
    quoted = _QUOTED.match(part)
    return quoted[2] if quoted else part


def _new_name(raw: str, roots: Sequence[Path]) -> str:
    """Return the name of a new file, never in quotes or with backslashes."""
    text = _unwrapped(raw.strip())
    if text.startswith("file:///") and not WINDOWS:
        return _path_of_uri(text)
    if text.startswith("@") and "/" in text and not _has_folder(text, roots):
        text = text[1:] if _has_folder(text[1:], roots) else text
    if WINDOWS or ".." in re.split(r"[\\/]", text):
        return text
    return text.replace("\\", "/")


def _has_folder(text: str, roots: Sequence[Path]) -> bool:
    first = text.partition("/")[0]
    return can_be_named(first) and (roots[0] / first).is_dir()


def _same_letters(named: Path, roots: Sequence[Path]) -> Path | None:
    """Find a path with the same letters, composed or decomposed; None for none or several."""
    root = next((root for root in roots if contains(root, named, ignore_case=False)), None)
    if root is None:
        return None
    found = root
    for part in named.parts[len(root.parts) :]:
        if os.path.lexists(found / part):
            found /= part
            continue
        wanted = unicodedata.normalize("NFC", part)
        try:
            names = [
                name
                for name in os.listdir(found)  # noqa: PTH208  names only, no objects
                if not name.isascii() and unicodedata.normalize("NFC", name) == wanted
            ]
        except OSError:
            return None
        if len(names) != 1:
            return None
        found /= names[0]
    return found


def outside(raw: str, *, because: str = "") -> ToolError:
    """Say that a path is not in the workspace."""
    why = f" ({because})" if because else ""
    return ToolError(
        f"Path {raw!r} is outside of the workspace{why}.  "
        "Tools work inside it only: use a path relative to its root, e.g. 'src/main.py'.",
        code="outside_workspace",
    )


def _refuse_tricks(raw: str, text: str) -> None:
    if not text:
        raise ToolError("The path is empty.  Use '.' for the root of the workspace.", code="path")
    if len(text) > _LONGEST:
        raise ToolError(f"The path has {len(text):,} characters.  Use a shorter one.", code="path")
    if _CONTROL.search(text):
        raise _bad(raw, "has a control character in it")
    if _LONE_SURROGATE.search(text):
        raise _bad(raw, "is not valid text")
    if text.startswith("~"):
        raise _bad(raw, "starts with '~', which stands for a home folder")
    if text.startswith(("\\\\", "//")):
        raise _bad(raw, "is a network or device path")
    if re.match(r"^[A-Za-z][A-Za-z0-9+.-]+:[\\/]{2}", text):
        raise _bad(raw, "is a URL")
    decoded = unquote(unquote(text))
    if decoded != text and (
        _CONTROL.search(decoded)
        or ".." in re.split(r"[\\/]", decoded)
        or len(re.split(r"[\\/]", decoded)) != len(re.split(r"[\\/]", text))
    ):
        raise _bad(raw, "is URL-encoded")


def _refuse_windows_tricks(raw: str, path: PureWindowsPath) -> None:
    if (path.drive and not path.root) or (path.root and not path.drive):
        raise _bad(raw, "starts from a drive or from another folder than the workspace")
    for part in path.parts[1:] if path.anchor else path.parts:
        if ":" in part:
            raise _bad(raw, "names an alternate data stream")
        if _RESERVED.match(part.split(".")[0].rstrip(" ")):
            raise _bad(raw, f"names the device {part!r}")
        if part not in {".", ".."} and part != part.rstrip(". "):
            raise _bad(raw, "has a part that ends in a dot or a space")
        if re.search(r'[<>"|?*]', part):
            raise _bad(raw, "has a character that no file name may have")


def _way(named: Path, roots: Sequence[Path]) -> tuple[int, str]:
    """Return which root *named* is in, judged by its text, and the path from there."""
    for index, root in enumerate(roots):
        if contains(root, named, ignore_case=WINDOWS):
            return index, "/".join(named.parts[len(root.parts) :])
    raise outside(str(named))


def _bad(raw: str, what: str) -> ToolError:
    shown = raw if len(raw) <= _SHOWN else raw[:_SHOWN] + "…"
    return ToolError(
        f"Path {shown!r} {what}.  Write it plainly, relative to the root of the workspace, "
        "e.g. 'src/main.py'.",
        code="path",
    )
