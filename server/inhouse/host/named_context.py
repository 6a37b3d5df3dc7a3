"""Context by name: ``@path``, ``@path:10-20``, a folder, ``@diff`` and others in a user's prompt.

Only prompts that the user wrote are searched, never those of a model.  What may be read follows the
rules for tools; what may not be read is reported and not sent.
"""

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from inhouse.core.errors import ToolError
from inhouse.core.events import Notice
from inhouse.core.ports import Emit, Workspace
from inhouse.tools.access.access_policy import Access, access_to

SPECIAL = {
    "diff": "the changes that Git sees",
    "diagnostics": "the known problems",
    "selection": "what is selected in the editor",
    "open": "the files that are open",
}
LONGEST = 40_000
"""How many characters of one thing the model gets; tools can read the rest."""
MOST = 160_000
"""How many characters the model gets of everything that a prompt names."""
_NAMES = 400
"""How many files of a folder are listed."""
_COMPLETIONS = 60

_MENTION = re.compile(
    r"(?<![^\s(\[{,;\"'`])@(?:\"(?P<quoted>[^\"\n]+)\"|(?P<bare>[^\s,;()\[\]{}\"'`]+))"
)
_LINES = re.compile(r"^(?P<path>.+?):(?P<first>\d+)(?:-(?P<last>\d+))?$")


@frozen
class Mention:
    """Something that a prompt names."""

    name: str
    first: int | None = None
    """The first line, counted from 1."""
    last: int | None = None


@frozen
class Attached:
    """What a mention is replaced by."""

    title: str
    text: str
    cut: bool = False


def mentions(prompt: str) -> tuple[Mention, ...]:
    """Return what a prompt names, each once, in order."""
    found: dict[Mention, None] = {}
    for match in _MENTION.finditer(prompt):
        quoted = match["quoted"]
        name = quoted if quoted is not None else match["bare"].rstrip(".:!?")
        lines = _LINES.match(name)
        if lines is not None:
            first = int(lines["first"])
            found[Mention(lines["path"], first, int(lines["last"] or first))] = None
        elif name:
            found[Mention(name)] = None
    return tuple(found)


async def named_context(
    prompt: str,
    *,
    workspace: Workspace,
    roots: Sequence[Path],
    diff: Callable[[], Awaitable[str]],
    emit: Emit,
) -> str:
    """Return the texts that a prompt names, to follow it; empty if it names nothing.

    Reports for each what was attached and how large it is, or why it was not.
    """
    room, parts = MOST, list[str]()
    finder = _Finder(workspace, access_to(tuple(roots)), diff)
    for mention in mentions(prompt):
        shown = _shown(mention)
        try:
            found = await finder.find(mention)
        except ToolError as error:
            emit(Notice("warning", "not_attached", f"{shown} was not attached: {error}"))
            continue
        except (OSError, ValueError) as error:
            told = getattr(error, "strerror", None) or str(error)
            emit(Notice("warning", "not_attached", f"{shown} was not attached: {told}"))
            continue
        if found is None:
            continue
        if room <= 0:
            told = f"{shown} was not attached: {MOST:,} characters is the limit for one prompt."
            emit(Notice("warning", "not_attached", told))
            continue
        text = found.text[: min(LONGEST, room)]
        room -= len(text)
        cut = found.cut or len(text) < len(found.text)
        parts.append(_fenced(found.title, text, cut=cut))
        size = f"{len(text):,} characters"
        told = f"Attached {found.title}: {size}{', cut' if cut else ''}."
        emit(Notice("info", "attached", told))
    return "\n\n".join(parts)


def completions(roots: Sequence[Path], prefix: str) -> list[str]:
    """Return completions for an ``@`` followed by *prefix*: our own names, then paths."""
    found = [name for name in SPECIAL if name.startswith(prefix)]
    folder, slash, begun = prefix.rpartition("/")
    access = access_to(tuple(roots))
    try:
        place = access.place(folder or ".")
        entries = sorted(os.scandir(place.path), key=lambda entry: entry.name)
    except (ToolError, OSError):
        return found
    for entry in entries:
        if not entry.name.lower().startswith(begun.lower()) or " " in entry.name:
            continue
        if entry.name.startswith(".") and not begun.startswith("."):
            continue
        relative = f"{place.relative}/{entry.name}" if place.relative else entry.name
        is_folder = entry.is_dir()
        if access.hides(place.root, relative, is_folder=is_folder):
            continue
        found.append(f"{folder}{slash}{entry.name}{'/' if is_folder else ''}")
        if len(found) >= _COMPLETIONS:
            break
    return found


@frozen
class _Finder:
    workspace: Workspace
    access: Access
    diff: Callable[[], Awaitable[str]]

    async def find(self, mention: Mention) -> Attached | None:
        """Return what a mention means; None if it means nothing to us, as in ``@property``.

        Raises `ToolError`, `OSError`, `ValueError`.
        """
        if mention.first is None and mention.name in SPECIAL:
            return await self._special(mention.name)
        place = self.access.place  # Raises if the rules forbid it.
        named_like_a_path = "/" in mention.name or "." in mention.name.strip(".")
        try:
            where = await asyncio.to_thread(place, mention.name)
        except ToolError:
            if named_like_a_path or await asyncio.to_thread(self._exists, mention.name):
                raise
            return None
        if await asyncio.to_thread(where.path.is_dir):
            listed = await asyncio.to_thread(self._listing, mention.name)
            return Attached(f"{where.shown or '.'}/ (its files)", *listed)
        try:
            text = (await self.workspace.read(where.path)).text
        except FileNotFoundError:
            if named_like_a_path:
                raise ToolError(f"There is no file {where.shown!r}.") from None
            return None
        if mention.first is None:
            return Attached(where.shown, text)
        return _lines(where.shown, text, mention.first, mention.last or mention.first)

    def _exists(self, name: str) -> bool:
        return any((root / name).exists() for root in self.access.roots)

    def _listing(self, name: str) -> tuple[str, bool]:
        top = self.access.place(name)
        names: list[str] = []
        waiting = [top.relative]
        while waiting:
            folder = waiting.pop(0)
            for entry in sorted(os.scandir(top.root / folder), key=lambda one: one.name):
                relative = f"{folder}/{entry.name}" if folder else entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                if self.access.hides(top.root, relative, is_folder=is_folder):
                    continue
                if is_folder:
                    waiting.append(relative)
                elif entry.is_file(follow_symlinks=False):
                    names.append(relative)
                    if len(names) >= _NAMES:
                        return "\n".join(names), True
        return "\n".join(names), False

    async def _special(self, name: str) -> Attached:
        match name:
            case "diff":
                text = await self.diff()
                if not text.strip():
                    raise ToolError("Git sees no changes here.")
                return Attached("the changes that Git sees", text)
            case "diagnostics":
                found = await self.workspace.diagnostics(None)
                if found is None:
                    raise ToolError("this client does not report problems in files.")
                text = json.dumps(found, indent=1, ensure_ascii=False)
                return Attached("the known problems", text if found else "Nothing.")
            case "selection":
                return self._selection(self.workspace.selection())
            case _:
                return await self._open_files()

    def _selection(self, selected: Mapping[str, object] | None) -> Attached:
        if not selected or not selected.get("text"):
            raise ToolError("nothing is selected.")
        path = self.access.place(str(selected["path"])).shown
        return Attached(f"the selection in {path}", str(selected["text"]))

    async def _open_files(self) -> Attached:
        parts: list[str] = []
        for path in self.workspace.open_files():
            try:
                place = await asyncio.to_thread(self.access.place, str(path))
                text = (await self.workspace.read(place.path)).text
            except (ToolError, OSError, ValueError):
                continue  # What tools may not read is not named either.
            parts.append(_fenced(place.shown, text[:LONGEST], cut=len(text) > LONGEST))
        if not parts:
            raise ToolError("no file that agents may read is open.")
        return Attached("the files that are open", "\n\n".join(parts))


def _lines(shown: str, text: str, first: int, last: int) -> Attached:
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    first, last = sorted((max(first, 1), max(last, 1)))
    if first > len(lines):
        raise ToolError(f"{shown!r} has {len(lines)} lines, and no line {first}.")
    part = "".join(lines[first - 1 : last])
    return Attached(f"{shown} (lines {first} to {min(last, len(lines))})", part)


def _fenced(title: str, text: str, *, cut: bool) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    newline = "" if text.endswith("\n") else "\n"
    note = f"\n(only the first {len(text):,} characters)" if cut else ""
    return f"{title}:\n{fence}\n{text}{newline}{fence}{note}"


def _shown(mention: Mention) -> str:
    if mention.first is None:
        return f"@{mention.name}"
    lines = (
        f"{mention.first}" if mention.last == mention.first else f"{mention.first}-{mention.last}"
    )
    return f"@{mention.name}:{lines}"
