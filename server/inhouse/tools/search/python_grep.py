"""A search without ripgrep, as a separate program so that it can be stopped.

Reads one JSON object from standard input and prints ripgrep's JSON lines: what ripgrep would find
is found, by the same rules of lines, files and types.  Patterns are Rust's (`rust_regex`); what
Python cannot do at all is an error and says so.
"""

import json
import re
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

from attrs import frozen

from inhouse.core import hunks
from inhouse.core.errors import ToolError
from inhouse.tools.access.access_policy import access_to
from inhouse.tools.access.git_patterns import Pattern, deciding, pattern_of
from inhouse.tools.access.safe_open import MOST_BYTES, read_bytes
from inhouse.tools.files.encoding import decode
from inhouse.tools.files.overlay import WorkspaceOverlay
from inhouse.tools.search.flags import context, number
from inhouse.tools.search.rust_regex import BEGIN, END, translated


def main() -> int:
    """Run one search; gives ripgrep's exit status."""
    any_found = False
    try:
        for event in found(json.load(sys.stdin)):
            any_found = True
            sys.stdout.write(json.dumps(event) + "\n")
    except (re.error, ValueError) as error:
        sys.stderr.write(f"regex parse error: {error} (there is no ripgrep here)")
        return 2
    sys.stdout.flush()
    return 0 if any_found else 1


def found(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Return ripgrep's events for a request of `ripgrep.fallback`.

    Raises `re.error`, and `ValueError` for a type of files that there is not.
    """
    arguments: list[str] = request["arguments"]
    search = search_of(request["pattern"], arguments, most=request["most"])
    chosen = chosen_files(arguments)
    root = Path(request["root"])
    access = access_to([root])
    unsaved: dict[str, str | None] = request["unsaved"]
    files = WorkspaceOverlay(access, {root / path: text for path, text in unsaved.items()})
    place = access.place(request["folder"] or ".")
    for relative in files.files(place):
        if chosen.takes(relative, from_folder=place.relative):
            text = unsaved[relative] if relative in unsaved else _on_disk(root, relative)
            yield from search.events(relative, text or "")


# Which files.


@frozen
class ChosenFiles:
    """What ``-g``, ``--iglob``, ``-t``, ``-T`` and ``-d`` say."""

    globs: tuple[Pattern, ...]
    folded: tuple[Pattern, ...]
    """Those in which upper and lower case are one."""
    types: tuple[tuple[bool, tuple[Pattern, ...]], ...]
    """Whether files of a type are wanted or not."""
    deepest: int | None

    def takes(self, path: str, *, from_folder: str) -> bool:
        """Return whether a file is searched.  Globs decide before types; the last one counts."""
        below = path.removeprefix(f"{from_folder}/") if from_folder else path
        if self.deepest is not None and below.count("/") >= self.deepest:
            return False
        parts = path.split("/")
        start = from_folder.count("/") + 1 if from_folder else 0
        for size in range(start + 1, len(parts)):
            if self._glob("/".join(parts[:size]), is_folder=True) is False:
                return False
        decided = self._glob(path, is_folder=False)
        return self._of_type(path) if decided is None else decided

    def _glob(self, path: str, *, is_folder: bool) -> bool | None:
        """Tell what the globs say of a path; None: nothing."""
        both = (*self.globs, *self.folded)
        last = deciding(self.folded, path.lower(), is_folder=is_folder) or deciding(
            self.globs, path, is_folder=is_folder
        )
        if last is not None:
            return not last.negated
        return None if is_folder or all(each.negated for each in both) else False

    def _of_type(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        for wanted, patterns in reversed(self.types):
            if deciding(patterns, name, is_folder=False) is not None:
                return wanted
        return not any(wanted for wanted, _ in self.types)


def chosen_files(arguments: Sequence[str]) -> ChosenFiles:
    """Read the flags that choose files.  Raises `ValueError` for a type that there is not."""
    values = [each.partition("=")[::2] for each in arguments]
    return ChosenFiles(
        _patterns(value for name, value in values if name == "--glob"),
        _patterns(value.lower() for name, value in values if name == "--iglob"),
        tuple(
            (name == "--type", _patterns_of(value))
            for name, value in values
            if name in {"--type", "--type-not"}
        ),
        number(arguments, "--max-depth"),
    )


def _patterns(globs: Iterable[str]) -> tuple[Pattern, ...]:
    made = (pattern_of(each) for glob in globs for each in _alternatives(glob))
    return tuple(each for each in made if each is not None)


def _patterns_of(kind: str) -> tuple[Pattern, ...]:
    known = _types()
    wanted = known.values() if kind == "all" else [known[kind]] if kind in known else []
    if not wanted:
        raise ValueError(f"unrecognized file type: {kind}")
    return _patterns(glob for globs in wanted for glob in globs)


def _alternatives(glob: str) -> list[str]:
    """Return what ``{a,b}`` in a glob stands for, innermost first."""
    found = _BRACES.search(glob)
    if found is None or glob.count("{") > _MOST_BRACES:
        return [glob]
    parts = (glob[: found.start()] + each + glob[found.end() :] for each in found[1].split(","))
    return [each for part in parts for each in _alternatives(part)]


_BRACES = re.compile(r"\{([^{}]*)\}")
_MOST_BRACES = 6


@cache
def _types() -> dict[str, tuple[str, ...]]:
    """Return the types that ripgrep 15 knows: what ``rg --type-list`` prints."""
    text = Path(__file__).with_name("ripgrep_types.txt").read_text("utf-8")
    pairs = (line.split(": ", 1) for line in text.splitlines())
    return {name: tuple(globs.split(", ")) for name, globs in pairs}


# What is in them.


@frozen
class Search:
    """One expression, and how much of a file it gives."""

    pattern: re.Pattern[str]
    most: int
    """Matches of one file."""
    inverted: bool = False
    over_lines: bool = False
    takes_returns: bool = False
    r"""A ``\r`` in a line is a character as any other, as PCRE2 has it."""
    before: int = 0
    after: int = 0

    def events(self, relative: str, text: str) -> Iterator[dict[str, Any]]:
        """Return ripgrep's events for one text."""
        lines = hunks.lines(text)
        if not self.over_lines:
            blocks = self._line_by_line(lines)
        else:
            blocks = (self._between if self.inverted else self._over_lines)(text, lines)
        hits: list[tuple[int, int, int | None]] = []
        for block in blocks:
            hits.append(block)
            if len(hits) == self.most:
                break
        starts = {start: (end, at) for start, end, at in hits}
        inside = {line for start, end, _ in hits for line in range(start, end)}
        near = {
            line
            for start, end, _ in hits
            for line in (*range(start - self.before, start), *range(end, end + self.after))
            if 0 <= line < len(lines)
        }
        for line in sorted({*starts, *(near - inside)}):
            end, at = starts.get(line, (line + 1, None))
            yield {
                "type": "match" if line in starts else "context",
                "data": {
                    "path": {"text": relative},
                    "line_number": line + 1,
                    "lines": {"text": "".join(lines[line:end])},
                    "submatches": [] if at is None else [{"start": at}],
                },
            }

    def _line_by_line(self, lines: list[str]) -> Iterator[tuple[int, int, int | None]]:
        for at, line in enumerate(lines):
            start = self._found(line)
            if (start is None) == self.inverted:
                yield at, at + 1, start

    def _found(self, line: str) -> int | None:
        r"""Return where a line matches; a ``\r`` ends it as ``\n`` does, and nothing matches it."""
        before = 0
        text = line.removesuffix("\n").removesuffix("\r")
        for part in [text] if self.takes_returns else text.split("\r"):
            if (match := self.pattern.search(part)) is not None:
                return before + _size(part[: match.start()])
            before += _size(part) + 1
        return None

    def _over_lines(self, text: str, lines: list[str]) -> Iterator[tuple[int, int, int | None]]:
        """Return stretches of lines; those that touch each other are one, as in ripgrep."""
        begins = list(accumulate(map(len, lines), initial=0))
        block: tuple[int, int, int | None] | None = None
        for match in self.pattern.finditer(text):
            if match.start() == len(text):
                break
            first, end = _lines_of(match, begins)
            if block is not None and first <= block[1]:
                block = (block[0], max(block[1], end), block[2])
                continue
            if block is not None:
                yield block
            block = (first, end, _size(text[begins[first] : match.start()]))
        if block is not None:
            yield block

    def _between(self, text: str, lines: list[str]) -> Iterator[tuple[int, int, int | None]]:
        """Return the lines that no match touches; each match is sought below the one before."""
        begins = list(accumulate(map(len, lines), initial=0))
        line = 0
        while line < len(lines):
            match = self.pattern.search(text, begins[line])
            first, end = _lines_of(match, begins) if match else (len(lines), len(lines))
            yield from ((each, each + 1, None) for each in range(line, first))
            line = max(end, line + 1)


def _lines_of(match: re.Match[str], begins: Sequence[int]) -> tuple[int, int]:
    """Return the first line of a match, and the one after its last."""
    first = bisect_right(begins, match.start()) - 1
    return first, bisect_right(begins, max(match.end() - 1, match.start()))


def search_of(pattern: str, arguments: Sequence[str], *, most: int) -> Search:
    """Read the flags that say what matches.  Raises `re.error`."""
    expression, may_cross = compiled(pattern, arguments)
    return Search(
        expression,
        most,
        inverted="--invert-match" in arguments,
        over_lines=may_cross and "--multiline" in arguments,
        takes_returns="--pcre2" in arguments,
        before=context(arguments, "before"),
        after=context(arguments, "after"),
    )


def compiled(pattern: str, arguments: Sequence[str]) -> tuple[re.Pattern[str], bool]:
    """Translate the pattern, and the flags that change what it means.

    Tells with it whether it may match over lines.  Raises `re.error`.
    """
    dot_all = "--multiline-dotall" in arguments and "--multiline" in arguments
    may_cross = "--pcre2" in arguments
    if "--fixed-strings" in arguments:
        text = re.escape(pattern)
    else:
        found = translated(pattern, dot_all=dot_all)
        text, may_cross = found.text, may_cross or found.may_cross
    if "--line-regexp" in arguments:
        text, may_cross = f"{BEGIN}(?:{text}){END}", True
    elif "--word-regexp" in arguments:
        text = rf"(?<!\w)(?:{text})(?!\w)"
    flags = re.IGNORECASE if _ignores_case(pattern, arguments) else 0
    return re.compile(text, flags), may_cross


def _ignores_case(pattern: str, arguments: Sequence[str]) -> bool:
    said = [each for each in arguments if each in _CASES]
    if not said or said[-1] in {"--case-sensitive", "--no-ignore-case"}:
        return False
    plain = re.sub(r"\\(?:[pP]\{[^}]*\}|.)|\[:\w+:\]", "", pattern, flags=re.DOTALL)
    if said[-1] == "--smart-case" and not any(each.isalnum() for each in plain):
        return False
    return said[-1] == "--ignore-case" or not any(each.isupper() for each in plain)


_CASES = {"--ignore-case", "--case-sensitive", "--no-ignore-case", "--smart-case"}


def _size(text: str) -> int:
    """Count the bytes of UTF-8, as ripgrep does."""
    return len(text.encode("utf-8", "replace"))


def _on_disk(root: Path, relative: str) -> str:
    try:
        content = read_bytes(root, relative, most=MOST_BYTES)
    except Exception:  # noqa: BLE001  as ripgrep, go on with the next file
        return ""
    try:
        return decode(content, name=relative)[0]
    except (ToolError, UnicodeDecodeError):
        return ""


if __name__ == "__main__":
    sys.exit(main())
