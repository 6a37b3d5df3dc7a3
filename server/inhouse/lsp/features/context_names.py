"""Completes ``@`` in a session's document or a prompt comment: agents and context."""

import asyncio
import re

from inhouse.core import positions
from inhouse.core.json_values import Json
from inhouse.core.text import Position, Range
from inhouse.host.named_context import SPECIAL, begun, completions
from inhouse.lsp.documents.open_documents import OpenDocument
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.features.prompt_comments import prompts_in
from inhouse.wire import text_range

_MARK = re.compile(r"[ \t]*(?:[#;%!*/\-|(\"'{]+|REM\b|rem\b)[ \t]*")
_FILE, _FOLDER, _KEYWORD, _AGENT = 17, 19, 14, 9


async def context_names(
    context: EditorContext, document: OpenDocument, position: Position, *, is_prompt: bool
) -> Json | None:
    """Complete the ``@`` before the cursor; None if it would mean nothing to an agent."""
    line_start = positions.offset_at(document.text, Position(position.line, 0))
    end = positions.offset_at(document.text, position)
    line = document.text[line_start:end]
    word = begun(line)
    if word is None:
        return None
    where = positions.range_at(document.text, line_start + word.start, end)
    items: list[Json] = []
    if not is_prompt:
        mark = _MARK.match(line)
        if mark is None:
            return None
        if mark.end() == word.start - 1:  # The agent that the comment addresses.
            agents = context.host.usable_agents()
            items = [_item(f"{one}: ", _AGENT, "an agent", where, one) for one in agents]
        elif not await asyncio.to_thread(_speaks, context, document, position.line):
            return None
    if is_prompt or not items:
        roots = context.host.named_roots
        after = document.text[end : end + 1]
        for name in await asyncio.to_thread(completions, roots, word.prefix):
            kind = _KEYWORD if name in SPECIAL else _FOLDER if name.endswith("/") else _FILE
            text = word.finished(name, after)
            item = _item(text, kind, SPECIAL.get(name, ""), where, name)
            typed = text if word.quoted else name
            if name.startswith("./") and not word.prefix.startswith("."):
                typed = typed.replace("./", "", 1)  # Editors compare it with what was typed.
            items.append(item | {"filterText": typed})
    return {"isIncomplete": True, "items": items}


def _speaks(context: EditorContext, document: OpenDocument, line: int) -> bool:
    """Return whether a line belongs to a comment that addresses an agent."""
    return any(
        comment.range.start.line <= line <= comment.range.end.line
        for comment, _ in prompts_in(context, document)
    )


def _item(text: str, kind: int, detail: str, where: Range, label: str) -> Json:
    item: Json = {
        "label": label,
        "kind": kind,
        "filterText": label,
        "sortText": f"{kind == _FILE:d}{kind == _FOLDER:d}{label}",
        "textEdit": {"range": text_range(where), "newText": text},
    }
    return item | {"detail": detail} if detail else item
