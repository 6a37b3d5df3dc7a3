"""Draws the project as a tree of folders and files, with what they define, in limited size."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import define, field, frozen

CHARACTERS_PER_TOKEN = 4
SLASH = "\0"
"""Stands for a slash inside one line of the tree."""

# Files that say little to a reader; Codebuff leaves out the same kinds.
_UNIMPORTANT = re.compile(
    r"\.(min\.(js|css)|map|pyc|pyo|pyd|so|whl|class|jar|war|o|a|lib|exe|dll|log|tmp|temp|swp|bak|"
    r"zip|tar|gz|rar|7z|iso|dmg|pkg|deb|rpm|jpe?g|png|gif|ico|svg|webp|bmp|tiff?|mp3|mp4|mov|avi|"
    r"woff2?|ttf|eot|pdf|docx)$",
    re.IGNORECASE,
)


@frozen
class Picture:
    """A tree as text."""

    text: str
    tokens: int
    level: str
    """What was left out, in Codebuff's words: ``none``, ``unimportant-files``, ``tokens`` (names
    that files define) or ``depth-based`` (the deepest files)."""


@define
class _Node:
    folders: dict[str, "_Node"] = field(factory=dict[str, "_Node"])
    files: list[str] = field(factory=list[str])


def picture(
    files: Sequence[str], *, tokens: int, names: Callable[[str], Sequence[str]] | None = None
) -> Picture:
    """Draw *files* (paths with slashes) in at most so many *tokens*.

    *names* returns what a file defines; it is called only if the names may fit.
    """
    important = [path for path in files if not _UNIMPORTANT.search(path)]
    plain = _drawn(important, {})
    if _tokens(plain) > tokens:
        return _shallow(important, tokens)
    if names is not None and _tokens(plain) * 2 <= tokens:
        found = {path: names(path) for path in important}
        full = _drawn(important, found)
        if _tokens(full) <= tokens:
            level = "none" if len(important) == len(files) else "unimportant-files"
            return Picture(full, _tokens(full), level)
    level = "tokens" if names is not None else "none"
    return Picture(plain, _tokens(plain), level)


def _shallow(files: Sequence[str], tokens: int) -> Picture:
    """Leave out the deepest files, and then the last ones, until the rest fits."""
    ranked = sorted(files, key=lambda path: (path.count("/"), path))
    low, high = 0, len(ranked)
    while low < high:
        middle = (low + high + 1) // 2
        if _tokens(_drawn(ranked[:middle], {})) <= tokens:
            low = middle
        else:
            high = middle - 1
    text = _drawn(ranked[:low], {})
    return Picture(text, _tokens(text), "depth-based")


def _drawn(files: Iterable[str], names: Mapping[str, Sequence[str]]) -> str:
    top = _Node()
    for path in files:
        *folders, name = path.split("/")
        node = top
        for folder in folders:
            node = node.folders.setdefault(folder, _Node())
        node.files.append(name)
    return "\n".join(_lines(top, "", 0, names))


def _lines(node: _Node, path: str, depth: int, names: Mapping[str, Sequence[str]]) -> list[str]:
    lines: list[str] = []
    for folder, inner in sorted(node.folders.items()):
        lines.append(" " * depth + _told(folder.replace(SLASH, "/")) + "/")
        lines += _lines(inner, f"{path}{folder}/", depth + 1, names)
    for name in sorted(node.files):
        defined = " ".join(names.get(path + name, ()))
        lines.append(" " * depth + _told(name) + (f" {defined}" if defined else ""))
    return lines


def _told(name: str) -> str:
    """Give a name in quotes whose own spaces could be taken for those of the picture."""
    return name if name == name.strip() else f'"{name}"'


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)
