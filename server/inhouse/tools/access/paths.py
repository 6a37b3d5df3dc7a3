"""Keep every path that a model writes inside the workspace, after links are resolved.

`plain`, `within` and `contains` only look at text, for Windows as well as for POSIX;
`locate` asks the disk.  What may be read or written there is the business of
`inhouse.tools.access.access_policy`.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from urllib.parse import unquote

from attrs import frozen

from inhouse.core.errors import ToolError

WINDOWS = os.name == "nt"

_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")
_RESERVED = re.compile(r"^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])$", re.IGNORECASE)
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
    """As results name it."""
    named: str
    """As the model named it, from the root, before links were resolved."""
    prefix: str = ""
    """What results put before a path from the root: its folder, where there are several."""


def plain(raw: str, *, windows: bool = WINDOWS) -> PurePath:
    """Give *raw* as a path; refuse what is written to mean another place than it seems to."""
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
    """Give the root that *raw* is in and the way from there, by its text alone.

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


def can_be_named(path: str) -> bool:
    """Tell whether a tool could be given this path: one with a line end in it only misleads."""
    return not (_CONTROL.search(path) or _LONE_SURROGATE.search(path))


def contains(root: PurePath, path: PurePath, *, ignore_case: bool) -> bool:
    """Tell whether *path* is *root* or lies under it; neither may have a link or ``..`` in it."""
    own, other = root.parts, path.parts[: len(root.parts)]
    if ignore_case:
        own, other = (
            tuple(part.casefold() for part in own),
            tuple(part.casefold() for part in other),
        )
    return own == other


def locate(raw: str, roots: Sequence[Path]) -> WorkspacePath:
    """Give the real place that *raw* means; raises `ToolError` where it is not in a root.

    It need not exist.  Links are followed as far as there are any.
    """
    real_roots = [Path(os.path.realpath(root)) for root in roots]
    root, parts = within(raw, [*roots, *real_roots])
    named = Path(root, *parts)
    if len(roots) > 1 and parts and root == roots[0] and not os.path.lexists(named):
        named = _in_another_root(parts, roots) or named
    return follow(named, roots, raw=raw)


def follow(named: Path, roots: Sequence[Path], *, raw: str = "") -> WorkspacePath:
    """Give the real place of a path under a root, as `locate` does."""
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
    first = index % len(roots) == 0
    at = real_roots.index(home)
    return WorkspacePath(
        path=real,
        root=home,
        relative="/".join(real.parts[len(home.parts) :]),
        shown=way or "." if first else f"{_prefix(roots, index % len(roots))}{way}".rstrip("/"),
        named=way,
        prefix=_prefix(roots, at),
    )


def _prefix(roots: Sequence[Path], at: int) -> str:
    """What results put before a path from a root, so that `locate` finds it again."""
    if at == 0:
        return ""
    name = roots[at].name
    taken = any(root.name == name for root in roots[1:at]) or os.path.lexists(roots[0] / name)
    return f"{roots[at].as_posix()}/" if taken else f"{name}/"


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


def _in_another_root(parts: tuple[str, ...], roots: Sequence[Path]) -> Path | None:
    """Of several roots, one may be named by its folder's name, as editors show it."""
    for root in roots:
        if root.name == parts[0]:
            return Path(root, *parts[1:])
    return None


def _way(named: Path, roots: Sequence[Path]) -> tuple[int, str]:
    """Give which root *named* is in by its text, and the way from there."""
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
