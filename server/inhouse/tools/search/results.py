"""The results of a search, file by file, with Codebuff's limits and wording."""

import sys
from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from inhouse.core.errors import ToolError
from inhouse.core.json_values import Json, objects
from inhouse.tools.access.access_policy import Access
from inhouse.tools.access.paths import WorkspacePath, can_be_named
from inhouse.tools.access.safe_open import read_bytes
from inhouse.tools.files.encoding import detect

from .events import bytes_of, text_of
from .flags import Flags

PER_FILE = 15
IN_ALL = 250
CHARACTERS = 20_000

_LINE = 1_000


@frozen
class Query:
    """What to search for, and where."""

    places: tuple[WorkspacePath, ...]
    """Folders."""
    pattern: str
    flags: Flags = field(factory=Flags)
    per_file: int = PER_FILE

    @property
    def limit(self) -> int:
        """How many matches to return for one file."""
        if self.flags.counts_only:
            return sys.maxsize - 1
        return 1 if self.flags.files_only else self.per_file


@define
class Results:
    """Collects matches until there are enough."""

    access: Access
    query: Query
    files: dict[str, list[str]] = field(factory=dict[str, list[str]], init=False)
    """By the file's shown name."""
    _matches: dict[str, int] = field(factory=dict[str, int], init=False)
    _refused: dict[str, bool] = field(factory=dict[str, bool], init=False)
    _codecs: dict[str, str] = field(factory=dict[str, str], init=False)
    _limited: set[str] = field(factory=set[str], init=False)
    _lasts: dict[str, int] = field(factory=dict[str, int], init=False)
    """The last line that belongs to a file's last match."""
    _size: int = field(default=0, init=False)
    total: int = field(default=0, init=False)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._matches)

    @property
    def is_enough(self) -> bool:
        if self.query.flags.counts_only:
            return False
        return self.total >= IN_ALL or self._size >= CHARACTERS

    def add(self, place: WorkspacePath, path: str, event: Mapping[str, Any]) -> None:
        """Add a match of ripgrep's, or a line around one, in *path* from the place's root."""
        shown = place.name(path)
        if not path or self._is_refused(place, path, shown):
            return
        is_match, data = event["type"] == "match", event["data"]
        number = int(data.get("line_number") or 0)
        count = self._matches.get(shown, 0)
        if count >= self.query.limit:
            if is_match:
                self._limited.add(shown)
            if is_match or number > self._lasts.get(shown, 0) or shown in self._limited:
                return
        if is_match:
            self._matches[shown] = count + 1
            self.total += 1
            self._lasts[shown] = number + self.query.flags.after
        if not self.query.flags.counts_only:
            matched = objects(data.get("submatches"))
            start = int(matched[0].get("start") or 0) if matched else 0
            text = _around(self._line(place, path, data["lines"]), start)
            self._keep(shown, number, text)

    def text(self) -> str:
        """Return the matches, file by file."""
        flags = self.query.flags
        files = sorted(self._matches)
        if flags.files_only:
            return "\n".join((f"Found {len(files)} files", *map(_shown, files)))
        if flags.counts_only:
            counts = (f"{_shown(path)}:{self._matches[path]}" for path in files)
            return "\n".join((f"Found {self.total} matches", *counts))
        parts = (f"{_shown(path)}:\n" + "\n".join(self.files[path]) for path in files)
        body = "\n\n".join(parts)
        return f"Found {self.total} matches" + (f"\n{body}" if body else "")

    def value(self) -> Json:
        """Return the result of the tool."""
        text = self.text()
        if len(text) > CHARACTERS:
            text = text[:CHARACTERS] + "\n\n[Output truncated]"
        if self.is_enough:
            reached = f"{IN_ALL} results" if self.total >= IN_ALL else f"{CHARACTERS:,} characters"
            text += f"\n\n[Stopped at {reached}; there may be more.]"
        elif self._limited and not self.query.flags.files_only:
            names = "\n".join(map(_shown, sorted(self._limited)))
            text += f"\n\n[Results limited to {self.query.per_file} per file in:\n{names}]"
        return {"stdout": text, "message": f"Stopped early after {self.total} match(es)."}

    def _line(self, place: WorkspacePath, path: str, line: Mapping[str, Any]) -> str:
        """Return a line, decoded like the whole file if it is not UTF-8."""
        raw = bytes_of(line)
        if raw is None:
            return text_of(line)
        if path not in self._codecs:
            try:
                content = read_bytes(place.root, path)
                self._codecs[path] = detect(content, name=path).codec
            except (OSError, ToolError):
                self._codecs[path] = "cp1252"
        return raw.decode(self._codecs[path], "replace")

    def _keep(self, shown: str, number: int, text: str) -> None:
        self.files.setdefault(shown, []).append(f"  Line {number}: {text}")
        self._size += len(text) + 12

    def _is_refused(self, place: WorkspacePath, path: str, shown: str) -> bool:
        if shown not in self._refused:
            hidden = self.access.hides_file(place.root, path)
            self._refused[shown] = hidden or not can_be_named(path)
        return self._refused[shown]


def _around(text: str, start: int) -> str:
    """Shorten a long line around the match; *start* counts bytes of UTF-8."""
    text = text.rstrip("\r\n")
    if len(text) <= _LINE:
        return text
    at = start if text.isascii() else len(text.encode()[:start].decode(errors="ignore"))
    first = max(0, min(at - _LINE // 4, len(text) - _LINE))
    last = first + _LINE
    left = f"[{first:,} characters] …" if first else ""
    right = f"… [{len(text) - last:,} characters]" if last < len(text) else ""
    return f"{left}{text[first:last]}{right}"


def _shown(path: str) -> str:
    return path if path.startswith("/") else f"./{path}"
