"""The ``files`` dialect, for models that cannot write JSON well.

A call is one line (`inhouse.providers.tool_calls.call_lines`); an edit is a path and a fenced block
(`inhouse.providers.tool_calls.edit_blocks`).  What a model wrote in this form stays unchanged in
its history; calls in any other form are rewritten in this one.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, cast

from attrs import evolve, frozen

from inhouse.core.file_blocks import language_of, written_block
from inhouse.core.json_values import items
from inhouse.core.message_json import PROJECT_FILES, arguments_object
from inhouse.core.messages import (
    AssistantMessage,
    Image,
    Message,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from inhouse.core.ports import Prompt, ToolSpec
from inhouse.core.source_parts import (
    emptied_names,
    lost_names,
    names_inside,
    same_names,
    same_parts,
    source_parts,
    with_additions,
    with_excerpt,
    with_kept,
)
from inhouse.providers.dialect.chat_request import mended, plain
from inhouse.providers.tool_calls.call_lines import described, line_calls, written_line
from inhouse.providers.tool_calls.edit_blocks import (
    Block,
    Replaced,
    blocks,
    has_markers,
    left_out,
    path_in,
    plain_lines,
    replacements_in,
    without_left_out,
    written_replacements,
)
from inhouse.providers.tool_calls.text_formats import FoundCall

WHOLE = ("write_file", "propose_write_file")
PARTS = ("str_replace", "propose_str_replace")
_UNLISTED = frozenset({*WHOLE, *PARTS, "end_turn"})
"""Tools expressed by the form of an edit, or by the end of an answer."""
SHORT = 120
"""Files up to this many lines are rewritten as a whole."""
_SAME = (
    "The text for {path} is the same as before, so nothing changed.  Say which line is wrong and "
    "what it must be, then write the file with that line changed."
)
_NO_CHANGE = re.compile(r"\b(?:not|n't|without|never) (?:\w+ )?(?:chang|edit|modif)", re.IGNORECASE)
_CHANGE = re.compile(
    r"\b(?:fix|add|change|rename|remove|delete|make|implement|write|update|replace|must|should"
    r"|refactor|create|convert|move|correct|repair|improve|extend|handle|support)\b",
    re.IGNORECASE,
)
_REMOVAL = re.compile(
    r"\b(?:rename|renaming|delete|deleting|remove|removing|replace|replacing|drop|instead|convert"
    r"|turn|move|moving|merge|merging|split|extract|inline|inlining|combine|combining)",
    re.IGNORECASE,
)
_REORDERS = re.compile(
    rf"{_REMOVAL.pattern}|\b(?:group|wrap|encapsulat|organi[sz]|bundl|gather|restructur|rewrit"
    r"|refactor|reorgani[sz])",
    re.IGNORECASE,
)
"""What is asked for may put definitions into others."""
_BEFORE_VERB = re.compile(
    r"(?:^|[.,:;!?\n]|\b(?:and|also|then|to|please|you|or|not))\s*$", re.IGNORECASE
)
_NEW_TEXT = re.compile(
    r"\b(?:updated|new|modified|changed|complete|full|final|corrected|fixed|rewritten|becomes)\b",
    re.IGNORECASE,
)
_ALIKE = 0.5
"""A block with this share of a file's lines is a new text of that file."""
_EXCERPT = 0.5
"""A block that exactly quotes less than this share of a file is a quotation."""


@frozen
class FilesForm:
    """What was found in an answer."""

    calls: tuple[FoundCall, ...]
    problems: tuple[str, ...]
    """What looks like an edit but cannot be one, worded for the model."""


def as_files(prompt: Prompt) -> Prompt:
    """Describe each tool in one line, and write the whole history in this form."""
    specs = {tool.name: tool for tool in prompt.tools}
    system, rest = _system(prompt)
    messages = (*_example(specs), *_messages(rest, specs))
    return evolve(prompt, system=system, messages=messages, tools=())


def _example(specs: Mapping[str, ToolSpec]) -> tuple[Message, ...]:
    """Show one edit that was asked for and made: a small model writes as it has seen it written."""
    if not _tool_of(specs, WHOLE):
        return ()
    old, new = (written_block(_EXAMPLE_PATH, text) for text in (_GREETS, _GREETS_ANEW))
    return (
        UserMessage(f"Make greet say Hi.\n\n{old}"),
        AssistantMessage(f"greet says Hi instead of Hello:\n\n{new}"),
    )


def read_form(text: str, specs: Mapping[str, ToolSpec], given: Sequence[Message]) -> FilesForm:
    """Find the edits and calls of an answer, in order."""
    before = _Before.of(given)
    calls: list[FoundCall] = []
    problems: list[str] = []
    fenced = blocks(text)
    if _edit_tools(specs):
        for block in _with_paths(fenced, before):
            read = _edit(block, specs, before)
            if isinstance(read, FoundCall):
                calls.append(read)
                before = before.after(read)
            elif read is not None:
                problems.append(read)
    for found in line_calls(text, specs):
        inside = next((one for one in fenced if one.start <= found.start < one.end), None)
        if inside is not None and not _only_calls(inside, specs):
            continue
        if found.input is None:
            said = text[found.start : found.end]
            problems.append(f"This call cannot be read: {said[:200]}")
        else:
            calls.append(FoundCall(found.name, found.input, found.start, found.end, lines=True))
    if not calls and not problems and _edit_tools(specs) and before.changes:
        same = dict.fromkeys(filter(None, (_unchanged(one, before) for one in fenced)))
        problems += [_SAME.format(path=", ".join(same))] if same else []
    return FilesForm(tuple(sorted(calls, key=lambda one: one.start)), tuple(problems))


@frozen
class _Before:
    """What was said before an answer, as needed to understand its edits."""

    known: Mapping[str, str]
    """Files that the model was shown or wrote, with the last text of each."""
    said: str
    """What the user wrote, including reminders."""
    asks: bool
    """Whether it is a question, so that shown code is not an edit unless it says so."""
    changes: bool
    """Whether it is a task that asks for a change."""
    answers: tuple[str, ...]
    written: Mapping[str, str] = {}
    """Files that this answer wrote so far."""

    @classmethod
    def of(cls, given: Sequence[Message]) -> "_Before":
        said = [
            one.text
            for one in given
            if isinstance(one, UserMessage) and PROJECT_FILES not in one.tags
        ]
        answers = [one.text for one in given if isinstance(one, AssistantMessage)]
        return cls(
            known_files(given),
            "\n".join(said),
            _asks(given),
            _wants_a_change(given),
            tuple(answers),
        )

    def after(self, call: FoundCall) -> "_Before":
        """Return what the rest of an answer follows on."""
        texts = {**self.known, **self.written}
        return evolve(self, written={**self.written, **_text_after(texts, call.input)})

    @property
    def words(self) -> list[str]:
        """The words that the user wrote, without punctuation."""
        return [word.strip("()\"'`,;:!.") for word in self.said.split()]

    def names(self, word: str) -> bool:
        """Return whether the user wrote a name or path; "and add a test" does not name `add`."""
        said = re.finditer(rf"(?<![\w./-]){re.escape(word)}(?![\w/-])", self.said)
        if not _CHANGE.fullmatch(word):
            return next(said, None) is not None
        return any(not _BEFORE_VERB.search(self.said, 0, match.start()) for match in said)

    def wrote(self, block: Block) -> bool:
        """Return whether an earlier answer had the same block."""
        body = "".join(block.body.split())
        return any(body in "".join(answer.split()) for answer in self.answers)


def _with_paths(fenced: Sequence[Block], before: _Before) -> Iterator[Block]:
    """Yield blocks, adding the path to those that can mean only one file."""
    meant = {} if before.asks else {block.start: _meant(block, before) for block in fenced}
    if before.changes and len(before.known) == 1 and not before.asks:
        ((path, text),) = before.known.items()
        added = [block for block in fenced if _is_added(block, path, text, before)]
        if len(added) == 1 and set(meant.values()) <= {"", path}:
            meant[added[0].start] = path
    for block in fenced:
        path = meant.get(block.start, "")
        together = [one.body for one in fenced if meant.get(one.start) == path]
        old = before.known.get(path, "")
        go = path and (len(together) == 1 or (old.strip() and _are_parts(together, old)))
        yield evolve(block, path=path) if go else block


def _are_parts(bodies: Sequence[str], old: str) -> bool:
    """Return whether texts are changed or new definitions for one file, each another one."""
    names = [name for body in bodies for name in lost_names(body, "", values=True)]
    return len(names) == len(set(names)) and all(
        with_excerpt(old, body) is not None or with_additions(old, body) is not None
        for body in bodies
    )


def _is_added(block: Block, path: str, text: str, before: _Before) -> bool:
    """Return whether these are new definitions for the one known file: "add this code to it"."""
    return (
        not block.path
        and bool(language_of(path))
        and block.language.lower() == language_of(path)
        and _adds(block, path, text, before)
    )


def _adds(block: Block, path: str, text: str, before: _Before) -> bool:
    """Return whether a block has new definitions that belong into this file.

    Not if it imports the file, as a test or an example does, or the user names another file.
    """
    stem = path.rpartition("/")[2].partition(".")[0]
    imports = [part.body for part in source_parts(block.body) if part.is_import]
    return (
        not any(
            re.search(rf"\b{re.escape(stem)}\b", line)
            for line in imports
            if not line.startswith("package")
        )
        and not any(path_in(word) not in ("", path) and "." in word for word in before.words)
        and with_additions(text, block.body) is not None
    )


def _meant(block: Block, before: _Before) -> str:
    """Return the file whose new text a block without a path must be; empty if unclear.

    A file that is there is meant where the block has the most of its lines, or definitions of it,
    or where the line above calls it the new text of that file; a new one where the line above the
    block and the user name it.
    """
    if block.path or has_markers(block.body):
        return ""
    if before.changes and (called := _called_new(block, before)):
        return called
    like = [path for path, text in before.known.items() if _is_new_text(text, block.body)]
    if len(like) == 1:
        return like[0]
    named = {
        path
        for path in _paths(block.lead)
        if not _known_name(path, before.known) and before.names(path) and _may_be(block, path)
    }
    return named.pop() if len(named) == 1 and not like else ""


def _called_new(block: Block, before: _Before) -> str:
    """Return the one known file that the line above a block names as changed: "updated `a.py`:".

    Or as added to, if the block has nothing but new definitions: "open `a.py` and add:".
    """
    named = {_known_name(path, before.known) for path in _paths(block.lead)}
    if len(named) != 1 or not (path := named.pop()) or not _may_be(block, path):
        return ""
    old = before.known[path]
    is_new = _NEW_TEXT.search(block.lead) and not _is_quotation(block.body, old)
    return path if is_new or _adds(block, path, old, before) else ""


def _may_be(block: Block, path: str) -> bool:
    """Return whether a fence's language, if it has one, is that of a file."""
    return block.language.lower() in ("", language_of(path))


def _paths(line: str) -> set[str]:
    return {path for word in line.split() if (path := path_in(word.strip("()\"',;!")))}


def _known_name(path: str, known: Mapping[str, str]) -> str:
    """Return the file that a path or the last part of one names; empty: none, or several."""
    found = [one for one in known if one == path or one.endswith(f"/{path}")]
    return found[0] if len(found) == 1 else ""


def _is_new_text(old: str, body: str) -> bool:
    """Return whether this is a new text of a file, or of definitions in it."""
    if _is_quotation(body, old):
        return False
    there = [line.strip() for line in old.splitlines() if line.strip()]
    new = {line.strip() for line in body.splitlines()}
    kept = sum(line in new for line in there)
    return (
        (bool(there) and kept > _ALIKE * len(there))
        or same_names(old, body)
        or with_excerpt(old, body) is not None
    )


def _unchanged(block: Block, before: _Before) -> str:
    """Return the file whose text a block has, whether it names it or not; empty: it has another."""
    written = plain_lines(block.body)
    if block.path:
        path = _known_path(block, before)
        old = before.known.get(path)
        return block.path if old is not None and written == plain_lines(old) else ""
    same = [path for path, text in before.known.items() if plain_lines(text) == written]
    return same[0] if len(same) == 1 else ""


def _wants_a_change(given: Sequence[Message]) -> bool:
    """Return whether this is a task; for a question, a shown file is not a failed edit."""
    asked = _last_said(given)
    return _CHANGE.search(asked) is not None and _NO_CHANGE.search(asked) is None


def _last_said(given: Sequence[Message]) -> str:
    said = (
        one.text
        for one in reversed(given)
        if isinstance(one, UserMessage) and PROJECT_FILES not in one.tags
    )
    return next(said, "")


def known_files(given: Iterable[Message]) -> dict[str, str]:
    """Return the files that the model was shown or wrote, by path: the last text of each."""
    known: dict[str, str] = {}
    for message in given:
        match message:
            case UserMessage(text, tags) if PROJECT_FILES in tags:
                known.update({one.path: one.body for one in blocks(text) if one.path})
            case ToolMessage(_, "read_files", output) if isinstance(output, list):
                for entry in cast("list[Any]", output):
                    match entry:
                        case {"path": str(path), "content": str(content)} if not _is_status(
                            content
                        ):
                            known[path] = content
                        case _:
                            pass
            case AssistantMessage(_, tool_calls):
                for call in tool_calls:
                    known.update(_text_after(known, arguments_object(call.arguments)))
            case _:
                pass
    return known


def _text_after(texts: Mapping[str, str], given: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the text of the file that a call with this input changes, as far as it can be told."""
    match given:
        case {"path": str(path), "content": str(content)}:
            return {path: content}
        case {"path": str(path), "replacements": pairs} if path in texts:
            return {path: _replaced(texts[path], items(pairs))}
        case _:
            return {}


def _replaced(text: str, pairs: Iterable[Any]) -> str:
    """Return a text after replacements, as far as each can mean only one place."""
    for pair in pairs:
        match pair:
            case {"oldString": str(old), "newString": str(new)} if old and text.count(old) == 1:
                text = text.replace(old, new)
            case _:
                pass
    return text


def form_of(specs: Mapping[str, ToolSpec], path: str = "") -> str:
    """Show the form again, with the path filled in if it is known."""
    if not _edit_tools(specs):
        line = next((one.name for one in specs.values() if one.name not in _UNLISTED), "")
        return f"Write a call alone on a line, for example: {line}(...)" if line else ""
    shown = path or _EXAMPLE_PATH
    body = _WHOLE_TEXT if _tool_of(specs, WHOLE) else _SEARCH_FORM
    return (
        f"{_FORM_AGAIN}, write its path alone on a line and the text in a fence below it, "
        f"like this:\n\n{written_block(shown, body)}"
    )


def _edit_tools(specs: Mapping[str, ToolSpec]) -> tuple[str, ...]:
    return tuple(name for name in (*WHOLE, *PARTS) if name in specs)


def _tool_of(specs: Mapping[str, ToolSpec], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in specs), None)


def _edit(  # noqa: C901, PLR0911, PLR0912  one for each way to read a block
    block: Block, specs: Mapping[str, ToolSpec], before: _Before
) -> FoundCall | str | None:
    """Turn a block into a call; return a text if it was meant as one but cannot be, None if not."""
    if not block.path:
        if has_markers(block.body):
            return f"A SEARCH/REPLACE block has no path above it.  {form_of(specs)}"
        return None
    if block.body.strip() in (_WHOLE_TEXT, _SEARCH_FORM, _GREETS_ANEW.strip()):
        return f"This is only the form.  Write the real path and text.  {form_of(specs)}"
    path = _known_path(block, before)
    if path == _EXAMPLE_PATH:
        return f"{path} is only the form: write the real path.  {form_of(specs)}"
    old = before.known.get(path, before.written.get(path))
    now = before.written.get(path) or old or ""
    whole, parts = _tool_of(specs, WHOLE), _tool_of(specs, PARTS)
    if has_markers(block.body):
        pairs = replacements_in(block.body)
        if not pairs:
            return (
                f"The SEARCH/REPLACE block for {path} is not complete: it needs its three marker "
                "lines, each alone on a line."
            )
        return _replacing(block, path, pairs, specs, old)
    if old and now != old:  # What this block only repeats is as an earlier block made it.
        block = evolve(block, body=with_kept(now, block.body, same_parts(old, block.body)))
    if old and (gone := emptied_names(old, block.body)) and not before.wrote(block):
        if any(map(before.names, gone)):
            return _would_lose(path, f"the code of {', '.join(gone)}")
        block = evolve(block, body=with_kept(now, block.body, gone))
    if old and (whole or parts) and _put_in(block, path, old, before) is not None:
        full = _put_in(block, path, now, before)
        if full is None:  # An earlier block of this answer did the same.
            return None
        if whole is None:
            return _replacing(block, path, [Replaced(now, full)], specs, now)
        value = {"path": path, "instructions": "", "content": full}
        return FoundCall(whole, value, block.start, block.end, lines=True)
    if (line := left_out(block.body, old)) is not None:
        better = " or write a SEARCH/REPLACE block for the part that changes" if parts else ""
        return (
            f"The block for {path} was not written to the file: it leaves code out ({line}).  "
            f"Write the whole text{better}."
        )
    if old is not None and _is_quotation(block.body, old) and not _takes_out(block, old, before):
        return None
    if old and (lost := _lost(block, now, before)):
        return _would_lose(path, lost)
    if whole is not None:
        value = {"path": path, "instructions": "", "content": block.body}
        return FoundCall(whole, value, block.start, block.end, lines=True)
    if old:
        return _replacing(block, path, [Replaced(old, block.body)], specs, old)
    return f"{path} can only be changed with a SEARCH/REPLACE block.  {form_of(specs, path)}"


def _would_lose(path: str, lost: str) -> str:
    return (
        f"The block for {path} was not written to the file: {lost} would be lost.  Write the "
        f"whole new text of the file.  To take {lost} out of it, write the block once more."
    )


def _put_in(block: Block, path: str, old: str, before: _Before) -> str | None:
    """Return the whole text of a file of which a block shows only changed or new definitions.

    Not if the user wants to have removed or renamed what it leaves out.
    """
    body = without_left_out(block.body)
    if body is None and path not in before.written and _REMOVAL.search(before.said):
        lost = lost_names(old, block.body, values=True)
        if any(map(before.names, lost)):
            return None
    body = block.body if body is None else body
    changed = with_excerpt(old, body)
    if changed is not None or not before.changes:
        return changed
    if _REORDERS.search(before.said) and names_inside(old, body):
        return None  # A class may stand for the functions that are methods of it.
    return with_additions(old, body)


def _takes_out(block: Block, old: str, before: _Before) -> bool:
    """Return whether a block is a file with something removed, not a quotation."""
    lost = lost_names(old, block.body, values=True)
    return before.changes and bool(lost) and all(map(before.names, lost))


def _lost(block: Block, old: str, before: _Before) -> str:
    """Name definitions that would be lost without being mentioned; empty if none, or said twice."""
    lost = [name for name in lost_names(old, block.body) if not before.names(name)]
    return "" if before.wrote(block) else ", ".join(lost)


def _replacing(
    block: Block,
    path: str,
    pairs: list[Replaced],
    specs: Mapping[str, ToolSpec],
    old: str | None,
) -> FoundCall | str:
    whole, parts = _tool_of(specs, WHOLE), _tool_of(specs, PARTS)
    blank = [pair for pair in pairs if not pair.old.strip()]
    if blank:
        if whole is None or len(pairs) > 1 or (old or "").strip():
            return f"A SEARCH part for {path} is empty.  Write lines there as they are in the file."
        value: dict[str, Any] = {"path": path, "instructions": "", "content": pairs[0].new}
        return FoundCall(whole, value, block.start, block.end, lines=True)
    if parts is None:
        return f"{path} can only be written whole.  Write its path, and all of its text in a fence."
    value = {
        "path": path,
        "replacements": [{"oldString": one.old, "newString": one.new} for one in pairs],
    }
    return FoundCall(parts, value, block.start, block.end, lines=True)


def _known_path(block: Block, before: _Before) -> str:
    """Return the shown file of that name, since small models drop or invent folders.

    Only where the block has much of that file's text; otherwise it is another file.  The folder of
    the example is never meant, and a new file is where the user said.
    """
    path, known = block.path, before.known
    if path in known:
        return path
    name = path.rpartition("/")[2]
    named = [one for one in known if one.rpartition("/")[2] == name]
    like = [one for one in named or known if _is_alike(known[one], block.body)]
    if len(like) == 1 and (named or path == _EXAMPLE_PATH):
        return like[0]
    own = path.removeprefix(f"{_EXAMPLE_PATH.rpartition('/')[0]}/")
    if path not in (_EXAMPLE_PATH, own):
        return own
    return name if before.names(name) and not before.names(path) and not named else path


def _is_alike(old: str, new: str) -> bool:
    one = {line.strip() for line in old.splitlines() if line.strip()}
    other = {line.strip() for line in new.splitlines() if line.strip()}
    return bool(one and other) and len(one & other) >= _ALIKE * min(len(one), len(other))


def _is_quotation(body: str, old: str) -> bool:
    """Return whether a block only shows what is in the file."""
    new, there = plain_lines(body), plain_lines(old)
    if new == there:
        return True
    lines = new.count("\n") + 1
    return f"\n{new}\n" in f"\n{there}\n" and lines < _EXCERPT * (there.count("\n") + 1)


def _only_calls(block: Block, specs: Mapping[str, ToolSpec]) -> bool:
    """Return whether a fence contains only calls, which is another way to write them."""
    rest = block.body
    for found in sorted(line_calls(block.body, specs), key=lambda one: -one.start):
        rest = rest[: found.start] + rest[found.end :]
    return not rest.strip(" \t\r\n;-*")


# What the model is sent.


def _system(prompt: Prompt) -> tuple[str, tuple[Message, ...]]:
    rules = _rules(prompt.tools)
    return "\n\n".join(part for part in (prompt.system, rules) if part), prompt.messages


def _rules(tools: Sequence[ToolSpec]) -> str:
    if not tools:
        return ""
    specs = {tool.name: tool for tool in tools}
    whole, parts = _tool_of(specs, WHOLE), _tool_of(specs, PARTS)
    listed = [tool for tool in tools if tool.name not in _UNLISTED]
    sections: list[str] = []
    if listed:
        lines = "\n".join(described(tool) for tool in listed)
        sections.append(f"# Tools\nTo use one, write its call alone on a line:\n{lines}")
    if whole:
        sections.append(
            "# Editing\nTo create or change a file, write its path alone on a line and its whole "
            "new text in a fence."
        )
    elif parts:
        sections.append(
            "# Editing\nTo change a file, write its path alone on a line and each change in a "
            f"fence:\n\n{written_block(_EXAMPLE_PATH, _SEARCH_FORM)}"
        )
    return "\n\n".join(sections)


def _reminder(specs: Mapping[str, ToolSpec], group: Sequence[Message]) -> str:
    """Remind, at the end, of what small models forget first; depends on nothing later."""
    whole, parts = _tool_of(specs, WHOLE), _tool_of(specs, PARTS)
    if isinstance(group[-1], ToolMessage):
        return "(If the task is done, say so in one sentence.  If not, go on.)" if specs else ""
    if not whole and not parts:
        return ""
    if _asks_again(group):
        return "(Write the file now, in this form: no steps and no explanation.)"
    do = f"{_HOW}{'each complete updated file' if whole else 'the change'}{_FENCED}"
    if _wants_a_change(group):
        return f"({do})"
    return "(Answer in words.)" if _asks(group) else f"(If files have to change: {do})"


def _asks_again(group: Sequence[Message]) -> bool:
    """Return whether this is a note that shows the form again."""
    return _FORM_AGAIN in _last_said(group)


def _asks(group: Sequence[Message]) -> bool:
    """Return whether this is a plain question."""
    return (
        _last_said(group).rstrip().endswith("?") or _NO_CHANGE.search(_last_said(group)) is not None
    )


_FORM_AGAIN = "To change a file"
_HOW = "Explain in one sentence how to do it, then show "
"""Without a sentence first, small models copy the file as it is."""
_FENCED = " in a fence, with its path on the line above."
_EXAMPLE_PATH = "path/of/the/file.py"
_GREETS = """\
def greet(name):
    return "Hello " + name


def shout(text):
    return text.upper()
"""
_GREETS_ANEW = _GREETS.replace("Hello", "Hi")
_WHOLE_TEXT = "the whole new text of the file"
_SEARCH_FORM = "<<<<<<< SEARCH\nlines as they are now\n=======\nnew lines\n>>>>>>> REPLACE"
_PARTS_FORM = (
    "(This is long.  To change a part of a file, write the file's path on a line and only the part "
    f"in a fence:\n{written_block(_EXAMPLE_PATH, _SEARCH_FORM)})"
)


# The history in this form.


def _messages(messages: Sequence[Message], specs: Mapping[str, ToolSpec]) -> Iterator[Message]:
    """Write each message, joining adjacent ones from the user's side, with the reminder last."""
    whole = mended(messages)
    position = 0
    for from_user, group in groupby(whole, key=lambda one: isinstance(one, _USERS)):
        many = list(group)
        if not from_user:
            for message in many:
                yield _said(message, specs, whole[:position])
                position += 1
            continue
        position += len(many)
        texts = [
            one.text
            if isinstance(one, UserMessage)
            else _result_text(cast("ToolMessage", one), specs)
            for one in many
        ]
        pictures: tuple[Image, ...] = tuple(
            image for one in many if isinstance(one, UserMessage) for image in one.images
        )
        reminder = _reminder(specs, many)
        text = "\n\n".join(text for text in (*texts, reminder) if text)
        yield UserMessage(text, (), pictures)


_USERS = (UserMessage, ToolMessage)


def _said(message: Message, specs: Mapping[str, ToolSpec], before: Sequence[Message]) -> Message:
    """Keep what is in this form, and write everything else in it."""
    if not isinstance(message, AssistantMessage):
        return message
    if not message.tool_calls:
        return AssistantMessage(message.text)
    found = read_form(message.text, specs, before).calls
    written = [(one.name, _key(one.input)) for one in found]
    called = [
        (call.name, _key(arguments_object(call.arguments) or {})) for call in message.tool_calls
    ]
    if written == called:
        return AssistantMessage(message.text)
    calls = [_written(call, specs) for call in message.tool_calls]
    return AssistantMessage("\n\n".join([*_words(message.text, specs), *calls]))


def _words(text: str, specs: Mapping[str, ToolSpec]) -> list[str]:
    """Return what an answer says besides its calls."""
    from inhouse.providers.tool_calls.text_formats import candidates  # noqa: PLC0415  a cycle

    spans = [(one.start, one.end) for one in candidates(text)]
    spans += [(one.start, one.end) for one in read_form(text, specs, ()).calls]
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + text[end:]
    lines = [line for line in text.splitlines() if not _is_left_over(line)]
    said = "\n".join(lines).strip()
    return [said] if said else []


def _is_left_over(line: str) -> bool:
    bare = line.strip().lower()
    return bare.startswith(("```", "~~~")) or bare in (
        *("<tool_call>", "</tool_call>", "<tools>", "</tools>"),
        *("<function_calls>", "</function_calls>", "<tool_calls>", "</tool_calls>"),
    )


def _key(value: Mapping[str, Any]) -> str:
    return json.dumps({name: one for name, one in value.items() if one != ""}, sort_keys=True)


def _written(call: ToolCall, specs: Mapping[str, ToolSpec]) -> str:
    """Write a call as the model is asked to write it."""
    given = arguments_object(call.arguments) or {}
    match given:
        case {"path": str(path), "content": str(content)} if call.name in WHOLE:
            return written_block(path, content)
        case {"path": str(path), "replacements": list()} if call.name in PARTS:
            read = [_pair(one) for one in cast("list[Any]", given["replacements"])]
            return written_replacements(path, [one for one in read if one is not None])
        case _:
            return written_line(call.name, given, specs.get(call.name))


def _pair(value: object) -> Replaced | None:
    match value:
        case {"oldString": str(old), "newString": str(new)}:
            return Replaced(old, new)
        case _:
            return None


def _result_text(message: ToolMessage, specs: Mapping[str, ToolSpec]) -> str:
    """Write a result; for a long file, say how to change only a part of it."""
    text = result_text(message)
    if text.count("\n") > SHORT and message.tool == "read_files" and _tool_of(specs, PARTS):
        return f"{text}\n\n{_PARTS_FORM}"
    return text


def result_text(message: ToolMessage) -> str:
    """Write a tool's result as a model reads it best: no JSON in JSON."""
    output = plain(message.output)
    body = _result(output)
    return f"Result of {message.tool}:\n{body}" if body else f"{message.tool}: done."


def with_plain_files(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Write files that were read as path and fence, with no line escaped."""
    shown: list[Message] = []
    for message in messages:
        written = None
        if isinstance(message, ToolMessage) and message.tool == "read_files":
            written = _files(plain(message.output))
        shown.append(message if written is None else evolve(message, output=written))
    return tuple(shown)


def _files(output: object) -> str | None:
    match output:
        case list() if output and all(map(_is_file, cast("list[Any]", output))):
            return "\n\n".join(map(_file, cast("list[dict[str, Any]]", output)))
        case _:
            return None


def _result(output: Any) -> str:
    if (written := _files(output)) is not None:
        return written
    match output:
        case str():
            return output
        case {"errorMessage": str(problem)}:
            return f"Error: {problem}"
        case {"message": str(told), **rest} if set(rest) <= {"file"}:
            return told
        case dict():
            return "\n".join(
                _member(key, value) for key, value in cast("dict[str, Any]", output).items()
            )
        case _:
            return json.dumps(output, ensure_ascii=False, default=str)


def _is_file(entry: object) -> bool:
    match entry:
        case {"path": str()}:
            return {"content", "contentOmittedForLength"} & set(
                cast("dict[str, Any]", entry)
            ) != set()
        case _:
            return False


def _file(entry: dict[str, Any]) -> str:
    content = entry.get("content")
    if not isinstance(content, str):
        return f"{entry['path']}: left out, for lack of space."
    if _is_status(content):
        return f"{entry['path']}: {content} {entry.get('message', '')}".rstrip()
    return written_block(entry["path"], content)


def _is_status(content: str) -> bool:
    """Return whether a text is Codebuff's marker that says why there is none."""
    return content.startswith(("[FILE_", "[BLOCKED]"))


def _member(key: str, value: object) -> str:
    if isinstance(value, str) and "\n" in value.strip():
        return f"{key}:\n{value.rstrip()}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"{key}: {text.strip()}"
