"""Tools that change files: each makes an `Edit`, and the workspace decides what becomes of it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import frozen

from inhouse.core.errors import ToolError
from inhouse.core.events import EditState
from inhouse.core.ports import Document, Edit, EditOutcome, Tool
from inhouse.tools.access.paths import WorkspacePath
from inhouse.tools.context import ToolContext
from inhouse.tools.files.file_text import find_document, missing
from inhouse.tools.specs import ends_step, spec

from .hunks import hunks, unified_diff
from .patch import created, updated
from .replace import Replaced, Replacement, replace

ToolFunction = Callable[[str, Mapping[str, Any]], Awaitable[Any]]
Change = Callable[["View", Mapping[str, Any]], Replaced]

_DONE = {"create_file": "add", "update_file": "update", "delete_file": "delete"}


def tools(context: ToolContext) -> tuple[Tool, ...]:
    """Give the tools of this room."""

    async def apply_patch(_: str, arguments: Mapping[str, Any]) -> Any:
        return await _apply_patch(context, arguments["operation"])

    return (
        _tool("write_file", _applied(context, _whole)),
        _tool("str_replace", _applied(context, _replaced)),
        _tool("propose_write_file", _proposed(context, _whole)),
        _tool("propose_str_replace", _proposed(context, _replaced)),
        _tool("create_plan", _applied(context, _plan)),
        _tool("apply_patch", apply_patch),
    )


def _tool(name: str, run: ToolFunction) -> Tool:
    return Tool(spec(name), run, ends_step(name), writes=True)


@frozen
class View:
    """A file as the run sees it."""

    place: WorkspacePath
    document: Document | None
    """None: there is no such file."""

    @property
    def text(self) -> str | None:
        return None if self.document is None else self.document.text

    def edit(self, new: str | None) -> Edit:
        version = None if self.document is None else self.document.version
        return Edit(self.place.path, self.text, new, version)


def _applied(context: ToolContext, change: Change) -> ToolFunction:
    async def run(_: str, arguments: Mapping[str, Any]) -> Any:
        return await _change(context, arguments, change, context.workspace.apply)

    return run


def _proposed(context: ToolContext, change: Change) -> ToolFunction:
    async def run(_: str, arguments: Mapping[str, Any]) -> Any:
        diffs: list[str] = []

        async def propose(edit: Edit) -> EditOutcome:
            shown = (await context.access.find(arguments["path"])).shown
            diffs.append(unified_diff(shown, edit.old, edit.new))
            return await context.workspace.propose(edit)

        result = await _change(context, arguments, change, propose)
        return result if "errorMessage" in result else {**result, "unifiedDiff": diffs[-1]}

    return run


async def _change(
    context: ToolContext,
    arguments: Mapping[str, Any],
    change: Change,
    hand_over: Callable[[Edit], Awaitable[EditOutcome]],
) -> dict[str, Any]:
    shown = arguments["path"]
    try:
        place = await context.access.find(shown)
        shown = place.shown
        async with context.memory.writing:
            seen = View(place, await find_document(context.workspace, place))
            changed = await asyncio.to_thread(change, seen, arguments)
            await asyncio.to_thread(hunks, seen.text, changed.text)  # found again when needed
            outcome = await hand_over(seen.edit(changed.text))
    except ToolError as error:
        return {"file": shown, "errorMessage": str(error)}
    if outcome.state is EditState.REJECTED:
        return {"file": shown, "errorMessage": outcome.message}
    return {"file": shown, "message": _told(seen, changed, outcome)}


async def _apply_patch(context: ToolContext, operation: Mapping[str, Any]) -> Any:
    kind = operation["type"]
    try:
        place = await context.access.find(operation["path"])
        async with context.memory.writing:
            seen = View(place, await find_document(context.workspace, place))
            new = await asyncio.to_thread(_patched, seen, kind, operation.get("diff", ""))
            await asyncio.to_thread(hunks, seen.text, new)  # found again when needed
            outcome = await context.workspace.apply(seen.edit(new))
    except ToolError as error:
        return {"errorMessage": f"Failed to apply patch to {operation['path']}: {error}"}
    if outcome.state is EditState.REJECTED:
        return {"errorMessage": outcome.message}
    return {
        "message": outcome.message,
        "applied": [{"file": place.shown, "action": _DONE[kind]}],
    }


def _patched(seen: View, kind: str, diff: str) -> str | None:
    if kind == "create_file":
        if seen.text is not None:
            raise ToolError(
                f"{seen.place.shown!r} is there already.  Use update_file to change it.",
                code="exists",
            )
        return created(diff)
    if seen.text is None:
        raise missing(seen.place)
    if kind == "delete_file":
        return None
    new = updated(seen.text, diff)
    if new == seen.text:
        raise ToolError("The file has this change already: nothing to do.", code="no_change")
    return new


def _whole(seen: View, arguments: Mapping[str, Any]) -> Replaced:
    """A file of CRLF lines stays one, also where the model writes LF."""
    content: str = arguments["content"]
    _check_place(seen.place)
    old = seen.text or ""
    crlf = old.count("\r\n")
    if crlf and crlf == old.count("\n") and "\r\n" not in content:
        content = content.replace("\n", "\r\n")
    if content == seen.text:
        raise ToolError("The file has exactly this content: nothing to do.", code="no_change")
    return Replaced(content)


def _plan(seen: View, arguments: Mapping[str, Any]) -> Replaced:
    return _whole(seen, {"content": arguments["plan"]})


def _replaced(seen: View, arguments: Mapping[str, Any]) -> Replaced:
    if seen.text is None:
        raise missing(seen.place)
    wanted = [
        Replacement(each["oldString"], each["newString"], bool(each.get("allowMultiple")))
        for each in arguments["replacements"]
    ]
    replaced = replace(seen.text, wanted)
    if replaced.text == seen.text:
        raise ToolError("\n\n".join(replaced.problems) or "This changes nothing.", code="no_change")
    return replaced


def _check_place(place: WorkspacePath) -> None:
    if not place.relative or place.path.is_dir():
        raise ToolError(f"{place.shown!r} is a folder, not a file.", code="not_a_file")


def _told(seen: View, changed: Replaced, outcome: EditOutcome) -> str:
    verb = "Created" if seen.text is None else "Changed"
    parts = [f"{verb} {seen.place.shown}: {outcome.message}", *changed.notes]
    if changed.problems:
        parts.append("Not everything was replaced:\n" + "\n".join(changed.problems))
    return "\n".join(parts)
