"""Context by name: ``@path``, ``@path:10-20``, a folder, ``@diff`` and others in a user's prompt.

A name with spaces or other marks that would end it stands in quotation marks, `@"a path:10-20"`;
`named` writes every name so that `mentions` reads exactly that name.

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

from inhouse.core.counts import count
from inhouse.core.errors import ToolError
from inhouse.core.events import Notice
from inhouse.core.ports import Emit, Workspace
from inhouse.tools.access.access_policy import Access, access_to
from inhouse.tools.access.paths import can_be_named

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

_START = r"(?<![^\s(\[{,;\"'`])@"
_BRACKETS = r"(?<=[/@._\-)\]])(?:\([^\s()\"'`]+\)|\[{1,2}[^\s\[\]\"'`]+\]{1,2})"
"""As in ``app/(shop)/[id]/page.tsx``; other brackets are around a name and not in it."""
_BARE = rf"(?:[^\s,;()\[\]{{}}\"'`]|{_BRACKETS})"
_QUOTED = r"(?:\\\"|[^\"\n])"
"""In quotation marks, ``\\"`` means a quotation mark; any other backslash is part of the name."""
_MENTION = re.compile(
    rf"{_START}(?:\"(?=\S)(?P<quoted>{_QUOTED}+)(?P<end>\"|$)|(?P<bare>{_BARE}+))", re.MULTILINE
)
_PLAIN = re.compile(rf"{_BARE}+")
_BEGUN = re.compile(
    rf"{_START}(?:\"(?P<quoted>{_QUOTED}*)"
    rf"|(?P<bare>{_BARE}*(?:(?<=[/@._\-)\]])[(\[][^\s\"'`]*)?))\Z"
)
_ENDS = ".:!?"
"""What ends a sentence after a name that is not in quotation marks."""
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
        if match["quoted"] is not None:
            name = match["quoted"].replace('\\"', '"')
            name = name if match["end"] else name.rstrip()  # Up to the end of its line.
        else:
            name = match["bare"].rstrip(_ENDS)
        lines = _LINES.match(name)
        if lines is not None:
            first = int(lines["first"])
            found[Mention(lines["path"], first, int(lines["last"] or first))] = None
        elif name:
            found[Mention(name)] = None
    return tuple(found)


def named(name: str) -> str:
    """Return how a prompt names *name*, lines and all, after its ``@``."""
    if _PLAIN.fullmatch(name) and name == name.rstrip(_ENDS):
        return name
    return _in_quotes(name)


def _in_quotes(name: str) -> str:
    return '"' + name.replace('"', '\\"') + '"'


@frozen
class Begun:
    """A name that somebody is writing."""

    start: int
    """Where it begins, after its ``@``."""
    prefix: str
    """What is there of the name itself."""
    quoted: bool

    def finished(self, name: str, after: str) -> str:
        """Return what to write in its place for *name*; *after* is what follows the cursor.

        A folder in quotation marks stays open, for the names in it.
        """
        text = _in_quotes(name) if self.quoted else named(name)
        opened = text.startswith('"') and (name.endswith("/") or after.startswith('"'))
        return text[:-1] if opened else text


def begun(text: str) -> Begun | None:
    """Return the name that *text* ends in the middle of; None if there is none."""
    found = _BEGUN.search(text)
    if found is None:
        return None
    quoted = found["quoted"]
    prefix = found["bare"] if quoted is None else quoted.replace('\\"', '"')
    return Begun(found.start() + 1, prefix, quoted is not None)


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
        size = count(len(text), "character")
        told = f"Attached {found.title}: {size}{', cut' if cut else ''}."
        emit(Notice("info", "attached", told))
    return "\n\n".join(parts)


def completions(roots: Sequence[Path], prefix: str) -> list[str]:
    """Return names that begin with *prefix*: our own, then paths, with ``/`` after a folder.

    They are not in quotation marks: see `Begun.finished`.
    """
    found = [name for name in SPECIAL if name.startswith(prefix)]
    folder, slash, begins = prefix.rpartition("/")
    access = access_to(tuple(roots))
    try:
        place = access.place(folder or slash or ".")
        entries = sorted(os.scandir(place.path), key=lambda entry: entry.name)
    except (ToolError, OSError):
        return found
    if not folder and not slash:
        others = [top.prefix for top in access.tops()[1:]]
        found += [name for name in others if name.lower().startswith(begins.lower())]
    for entry in entries:
        if not entry.name.lower().startswith(begins.lower()) or not can_be_named(entry.name):
            continue
        if entry.name.startswith(".") and not begins.startswith("."):
            continue
        relative = f"{place.relative}/{entry.name}" if place.relative else entry.name
        is_folder = _is_folder(entry)
        if access.hides(place.root, relative, is_folder=is_folder):
            continue
        own = "./" if not folder and not is_folder and entry.name in SPECIAL else ""
        found.append(f"{own}{folder}{slash}{entry.name}{'/' if is_folder else ''}")
        if len(found) >= _COMPLETIONS:
            break
    return found


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link to itself.
        return False


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
        if mention.first is not None:
            whole = _with_lines(mention)
            if await asyncio.to_thread(self._exists, whole):  # A colon may be part of a name.
                mention = Mention(whole)
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
        return any(os.path.exists(root / name) for root in self.access.roots)  # noqa: PTH110  never raises

    def _listing(self, name: str) -> tuple[str, bool]:
        top = self.access.place(name)
        names: list[str] = []
        waiting = [top.relative]
        while waiting:
            folder = waiting.pop(0)
            try:
                entries = sorted(os.scandir(top.root / folder), key=lambda one: one.name)
            except OSError as error:
                if folder == top.relative:
                    raise
                names.append(f"{top.name(folder)}/ ({error.strerror})")
                continue
            for entry in entries:
                relative = f"{folder}/{entry.name}" if folder else entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                hidden = self.access.hides(top.root, relative, is_folder=is_folder)
                if hidden or not can_be_named(entry.name):
                    continue
                if is_folder:
                    waiting.append(relative)
                elif entry.is_file(follow_symlinks=False):
                    names.append(top.name(relative))
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
    if not lines[-1]:
        lines.pop()  # Only the end of the line before.
    first, last = sorted((max(first, 1), max(last, 1)))
    if first > len(lines):
        raise ToolError(f"{shown!r} has {count(len(lines), 'line')}, and no line {first}.")
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
    return f"@{named(_with_lines(mention))}"


def _with_lines(mention: Mention) -> str:
    if mention.first is None:
        return mention.name
    last = "" if mention.last == mention.first else f"-{mention.last}"
    return f"{mention.name}:{mention.first}{last}"
