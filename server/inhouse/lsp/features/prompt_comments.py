"""Prompt comments: ``@reviewer: why is this loop never left?`` in a comment of any language."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

from attrs import frozen

from inhouse.core import positions
from inhouse.core.json_values import Json
from inhouse.core.text import Position, Range
from inhouse.lsp.documents.open_documents import OpenDocument
from inhouse.lsp.editor_context import EditorContext
from inhouse.wire import text_range

_PROMPT = re.compile(r"(?<![\w@.])@([A-Za-z0-9][\w./@-]*?)[:,][ \t]+(\S.*)")
_MARKS = re.compile(r"^[ \t]*(?:[#;%!*/\-|(\"'{]+|--+|REM\b|rem\b)?[ \t]?")
_ENDS = re.compile(r"[ \t]*(?:\*+/|-->|-\}|\*\)|\"\"\"|'''|--\]\]|#\}|%\}|\|#)[ \t]*$")
_LARGEST = 500_000
_AROUND = 60
"""How many lines of code may belong to a comment."""


@frozen
class PromptComment:
    agent: str
    prompt: str
    range: Range
    """The comment and the code it belongs to."""


def prompt_comments(document: OpenDocument) -> tuple[PromptComment, ...]:
    """Find the comments of a document that address an agent."""
    if "@" not in document.text or len(document.text) > _LARGEST:
        return ()
    name = document.path.name if document.path is not None else ""
    return _find(document.text, document.language, name)


def prompts_in(
    context: EditorContext, document: OpenDocument
) -> Iterator[tuple[PromptComment, Json]]:
    """Yield each comment that names an existing agent, with the argument of its run."""
    for comment in prompt_comments(document):
        if (agent := context.host.agent_named(comment.agent)) is not None:
            yield (
                comment,
                {
                    "agent": agent,
                    "prompt": comment.prompt,
                    "uri": document.uri,
                    "range": text_range(comment.range),
                },
            )


@lru_cache(maxsize=32)
def _find(text: str, language: str, name: str) -> tuple[PromptComment, ...]:
    return tuple(
        comment
        for start, end in _comments(text, language, name)
        for comment in _in_comment(text, start, end)
    )


def _comments(text: str, language: str, name: str) -> Iterator[tuple[int, int]]:
    """Yield the comments of a text; adjacent ones count as one."""
    from pygments.token import Comment, String, Text  # noqa: PLC0415  loaded when first needed

    lexer = _lexer(language, name)
    if lexer is None:
        return
    begin: int | None = None
    last = 0
    for start, kind, value in cast("Any", lexer).get_tokens_unprocessed(text):
        comment = (kind in Comment and kind not in Comment.Preproc) or kind in String.Doc
        if comment:
            begin = start if begin is None else begin
            last = start + len(value.rstrip())
        elif (
            begin is not None and not (value.isspace() or (kind in Text and not value.strip()))
        ) or (begin is not None and value.count("\n") > 1):
            yield begin, last
            begin = None
    if begin is not None:
        yield begin, last


@lru_cache(maxsize=64)
def _lexer(language: str, name: str) -> object | None:
    from pygments import lexers  # noqa: PLC0415
    from pygments.util import ClassNotFound  # noqa: PLC0415

    finders: Any = lexers
    for find, what in (
        (finders.get_lexer_for_filename, name),
        (finders.get_lexer_by_name, _alias(language)),
    ):
        try:
            if what:
                return find(what, stripnl=False, ensurenl=False)
        except ClassNotFound:
            continue
    return None


def _alias(language: str) -> str:
    """Return pygments' name for an LSP language id."""
    return {
        "typescriptreact": "tsx",
        "javascriptreact": "jsx",
        "shellscript": "bash",
        "objective-c": "objective-c",
        "jsonc": "javascript",
        "fsharp": "fsharp",
        "bat": "batch",
        "vb": "vb.net",
        "emacs-lisp": "elisp",
        "c++": "cpp",
    }.get(language.lower(), language.lower())


def _in_comment(text: str, start: int, end: int) -> Iterator[PromptComment]:
    lines = text[start:end].splitlines(keepends=True)
    offset = start
    found: list[tuple[int, str, list[str]]] = []
    for line in lines:
        plain = _ENDS.sub("", _MARKS.sub("", line.rstrip("\r\n"), count=1))
        if (match := _PROMPT.search(plain)) is not None:
            found.append((offset, match.group(1), [match.group(2)]))
        elif found and plain.strip():
            found[-1][2].append(plain.strip())
        offset += len(line)
    for at, agent, words in found:
        yield PromptComment(agent, " ".join(words).strip(), _around(text, at, end))


def _around(text: str, at: int, end: int) -> Range:
    """Return the comment's line and the code below it, to the end of its block."""
    starts = positions.line_starts(text)
    first = positions.position_at(text, at, starts).line
    last = positions.position_at(text, end, starts).line
    depth = _indent(_line(text, starts, first))
    begun = False
    for number in range(last + 1, min(len(starts), first + _AROUND)):
        line = _line(text, starts, number)
        if line.strip():
            if begun and _indent(line) < depth:
                break
            begun = True
        elif begun and _ends_block(text, starts, number, depth):
            break
        last = number
    return Range(Position(first, 0), _end_of(text, starts, last))


def _ends_block(text: str, starts: list[int], number: int, depth: int) -> bool:
    """Return whether an empty line ends a block: not if deeper code follows."""
    following = _line(text, starts, number + 1) if number + 1 < len(starts) else ""
    return not following.strip() or _indent(following) <= depth


def _line(text: str, starts: list[int], number: int) -> str:
    end = starts[number + 1] if number + 1 < len(starts) else len(text)
    return text[starts[number] : end].rstrip("\r\n")


def _end_of(text: str, starts: list[int], number: int) -> Position:
    return positions.position_at(text, starts[number] + len(_line(text, starts, number)), starts)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
