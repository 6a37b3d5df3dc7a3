"""A search without ripgrep, as a separate program so that it can be stopped.

Reads one JSON object from standard input and prints ripgrep's JSON lines.  Python's regular
expressions differ from Rust's in rare places.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec

from inhouse.core import hunks
from inhouse.core.errors import ToolError
from inhouse.tools.access.access_policy import access_to
from inhouse.tools.access.safe_open import MOST_BYTES, read_bytes
from inhouse.tools.files.encoding import decode
from inhouse.tools.files.overlay import WorkspaceOverlay


def main() -> int:
    """Run one search; return ripgrep's exit status."""
    request: dict[str, Any] = json.load(sys.stdin)
    try:
        pattern = compiled(request["pattern"], request["flags"])
    except re.error as error:
        sys.stderr.write(f"regex parse error: {error}")
        return 2
    found = False
    root = Path(request["root"])
    access = access_to([root])
    wanted = _globs(request["globs"])
    unsaved: dict[str, str | None] = request["unsaved"]
    files = WorkspaceOverlay(access, {root / path: text for path, text in unsaved.items()})
    for relative in files.files(access.place(request["folder"] or ".")):
        if wanted is not None and not wanted.match_file(relative):
            continue
        text = unsaved[relative] if relative in unsaved else _on_disk(root, relative)
        for event in _search(relative, text, pattern, request):
            found = True
            sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()
    return 0 if found else 1


def compiled(pattern: str, flags: Mapping[str, bool]) -> re.Pattern[str]:
    """Translate the flags that change what a pattern means."""
    text = re.escape(pattern) if flags.get("--fixed-strings") else pattern
    if flags.get("--word-regexp"):
        text = rf"\b(?:{text})\b"
    if flags.get("--line-regexp"):
        text = rf"^(?:{text})$"
    smart = flags.get("--smart-case") and not any(letter.isupper() for letter in pattern)
    return re.compile(text, re.IGNORECASE if flags.get("--ignore-case") or smart else 0)


def _globs(globs: list[str]) -> GitIgnoreSpec | None:
    """Translate ``-g``, which uses gitignore's syntax with the opposite meaning."""
    if not globs:
        return None
    chosen = any(not glob.startswith("!") for glob in globs)
    return GitIgnoreSpec.from_lines(globs if chosen else ["*", *globs])


def _on_disk(root: Path, relative: str) -> str:
    try:
        content = read_bytes(root, relative, most=MOST_BYTES)
    except Exception:  # noqa: BLE001  as ripgrep, go on with the next file
        return ""
    try:
        return decode(content, name=relative)[0]
    except (ToolError, UnicodeDecodeError):
        return ""


def _search(
    relative: str, text: str | None, pattern: re.Pattern[str], request: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    lines = [line.rstrip("\r\n") for line in hunks.lines(text or "")]
    inverted = bool(request["flags"].get("--invert-match"))
    hits = [at for at, line in enumerate(lines) if bool(pattern.search(line)) != inverted]
    hits = hits[: request["most"]]
    before, after = request["before"], request["after"]
    shown = {
        near: near in hits
        for at in hits
        for near in range(max(0, at - before), min(len(lines), at + after + 1))
    }
    for at in sorted(shown):
        yield {
            "type": "match" if shown[at] else "context",
            "data": {
                "path": {"text": relative},
                "line_number": at + 1,
                "lines": {"text": lines[at]},
                "submatches": _matched(lines[at], pattern),
            },
        }


def _matched(line: str, pattern: re.Pattern[str]) -> list[dict[str, int]]:
    """Return where a line matches, in bytes of UTF-8, as ripgrep does."""
    match = pattern.search(line)
    return [{"start": len(line[: match.start()].encode())}] if match else []


if __name__ == "__main__":
    sys.exit(main())
