"""Tools that change files: each makes an `Edit`, and the workspace decides what to do with it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from inhouse.core.errors import ToolError
from inhouse.core.events import EditState
from inhouse.core.ports import Arguments, Edit, EditOutcome
from inhouse.core.source_parts import lost_names
from inhouse.tools.access.paths import WorkspacePath, locate
from inhouse.tools.context import ToolContext
from inhouse.tools.files.file_text import find_document, missing
from inhouse.tools.own_tool import RunTool

from .base_text import Change, StaleError, View, deletion, placed_change, whole_change
from .new_text import is_prose, whole_text
from .patch import check_target, created, updated
from .replace import Replacement, replace

MakeChange = Callable[[View, Mapping[str, Any]], Change]
HandOver = Callable[[Edit], Awaitable[EditOutcome]]

_DONE = {"create_file": "add", "update_file": "update", "delete_file": "delete"}


async def _proposed(
    change: MakeChange, context: ToolContext, _: str, arguments: Arguments
) -> object:
    edits: list[Edit] = []

    async def propose(edit: Edit) -> EditOutcome:
        edits.append(edit)
        return await context.workspace.propose(edit)

    result = await _changed(change, context, _, arguments, hand_over=propose)
    if "errorMessage" in result:
        return result
    return {**result, "unifiedDiff": edits[-1].diff(result["file"])}


async def _changed(
    change: MakeChange,
    context: ToolContext,
    _: str,
    arguments: Arguments,
    *,
    hand_over: HandOver | None = None,
) -> dict[str, Any]:
    """Make a change and apply it, or *hand_over* it."""
    shown = arguments["path"]
    if shown.rstrip().endswith(("/", "\\")):
        return {"file": shown, "errorMessage": f"{shown!r} names a folder, not a file."}
    try:
        place = await context.access.find(shown)
        shown = place.shown
        seen, changed, outcome = await _edit(
            context,
            place,
            lambda view: change(view, arguments),
            hand_over or context.workspace.apply,
        )
    except ToolError as error:
        return {"file": shown, "errorMessage": str(error)}
    if outcome.state is EditState.REJECTED:
        return {"file": shown, "errorMessage": outcome.message}
    return {"file": shown, "message": _told(seen, changed, outcome)}


async def _apply_patch(context: ToolContext, __: str, arguments: Arguments) -> object:
    operation = arguments["operation"]
    kind, diff = operation["type"], operation.get("diff", "")

    try:
        place = await context.access.find(operation["path"])
        _, changed, outcome = await _edit(
            context,
            place,
            lambda view: _patched(context, view, kind, diff),
            context.workspace.apply,
        )
    except ToolError as error:
        return {"errorMessage": f"Failed to apply patch to {operation['path']}: {error}"}
    if outcome.state is EditState.REJECTED:
        return {"errorMessage": outcome.message}
    return {
        "message": "\n".join((outcome.message, *changed.notes)),
        "applied": [{"file": place.shown, "action": _DONE[kind]}],
    }


async def _edit(
    context: ToolContext,
    place: WorkspacePath,
    change: Callable[[View], Change],
    hand_over: HandOver,
) -> tuple[View, Change, EditOutcome]:
    """Make one change to the text that the model knows, and apply or propose it."""
    async with context.memory.writing:
        document = await find_document(context.workspace, place)
        seen = View(place, document, context.known.get(place.path))
        version = None if document is None else document.version
        try:
            changed = await asyncio.to_thread(change, seen)
            edit = await asyncio.to_thread(Edit, place.path, seen.text, changed.text, version)
        except StaleError as error:
            context.known.forget(place.path)
            if error.told and seen.text is not None:
                context.known.shown(place.path, seen.text)
            raise
        outcome = await hand_over(edit)
        if outcome.state is not EditState.REJECTED:
            text = changed.text if outcome.merged is None else outcome.merged
            context.known.wrote(place.path, text, whole=changed.whole and outcome.merged is None)
    return seen, changed, outcome


def _patched(context: ToolContext, view: View, kind: str, diff: str) -> Change:
    def is_other(name: str) -> bool:
        try:
            named = locate(name, context.access.roots).path
        except ToolError:
            return False
        return named != view.place.path and named.is_file()

    check_target(diff, kind, view.place.relative, is_other=is_other)
    if kind == "create_file":
        if view.text is not None:
            raise ToolError(
                f"{view.place.shown!r} is there already.  Use update_file to change it.",
                code="exists",
            )
        _check_place(view.place)
        return Change(created(diff))
    if view.text is None:
        raise missing(view.place)
    if kind == "delete_file":
        return deletion(view)
    return placed_change(view, lambda text: updated(text, diff))


def _whole(view: View, arguments: Arguments) -> Change:
    _check_place(view.place)
    content, notes = whole_text(view.text, arguments["content"], name=view.place.shown)
    lost = () if is_prose(view.place.shown) else lost_names(view.text or "", content)
    if lost:
        notes = (*notes, f"Your text no longer defines {', '.join(lost[:20])}.")
    return whole_change(view, content, notes)


def _plan(view: View, arguments: Arguments) -> Change:
    return _whole(view, {"content": arguments["plan"]})


def _replaced(view: View, arguments: Arguments) -> Change:
    if view.text is None:
        raise missing(view.place)
    wanted = [
        Replacement(each["oldString"], each["newString"], bool(each.get("allowMultiple")))
        for each in arguments["replacements"]
    ]
    return placed_change(view, lambda text: replace(text, wanted))


def _check_place(place: WorkspacePath) -> None:
    if not place.relative or place.path.is_dir():
        raise ToolError(f"{place.shown!r} is a folder, not a file.", code="not_a_file")


def _told(seen: View, changed: Change, outcome: EditOutcome) -> str:
    verb = "Created" if seen.text is None else "Changed"
    parts = [f"{verb} {seen.place.shown}: {outcome.message}", *changed.notes]
    if changed.problems:
        parts.append("Not everything was replaced:\n" + "\n".join(changed.problems))
    return "\n".join(parts)


TOOLS: Mapping[str, RunTool] = {
    "write_file": partial(_changed, _whole),
    "str_replace": partial(_changed, _replaced),
    "propose_write_file": partial(_proposed, _whole),
    "propose_str_replace": partial(_proposed, _replaced),
    "create_plan": partial(_changed, _plan),
    "apply_patch": _apply_patch,
}
