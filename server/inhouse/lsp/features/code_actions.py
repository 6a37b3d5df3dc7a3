"""Code actions: every editor's way to start runs, review edits and stop."""

from collections.abc import Iterator, Sequence

from attrs import frozen

from inhouse.core import positions
from inhouse.core.json_values import Json, objects
from inhouse.core.text import Position, Range
from inhouse.lsp.contract.command_names import Command
from inhouse.lsp.documents.open_documents import OpenDocument
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.edits.review import Review, where_is
from inhouse.lsp.features.prompt_comments import prompts_in
from inhouse.lsp.runs.active_runs import Runs
from inhouse.lsp.runs.questions import EditorApprover
from inhouse.lsp.transport.rpc import plain
from inhouse.wire import text_range

_MOST_AGENTS = 20
_FIX, _ASK, _SOURCE = "quickfix", "refactor.inhouse", "source.inhouse"


@frozen(eq=False)
class CodeActions:
    """Finds what can be done at a place in a document."""

    context: EditorContext
    runs: Runs
    review: Review
    approver: EditorApprover

    def at(
        self,
        document: OpenDocument,
        where: Range,
        only: list[str] | None,
        more: Sequence[Json] = (),
    ) -> list[Json]:
        """Return the actions; plain commands if the client does not support literals."""
        literal = self.context.client.can("textDocument.codeAction.codeActionLiteralSupport")
        found = [
            *more,
            *_answers(self.approver, document, where),
            *_hunks(self.context, self.review, document, where),
            *_prompts(self.context, document, where),
            *_cancels(self.runs),
            *_review(self.review),
            *_ask(self.context, document, where),
        ]
        wanted = [each for each in found if only is None or _matches(str(each["kind"]), only)]
        return wanted if literal else objects([each.get("command") for each in wanted])


def action(kind: str, title: str, command: str, *arguments: object, **more: object) -> Json:
    """Make LSP's `CodeAction` that runs a command."""
    title = plain(title)
    return {
        "title": title,
        "kind": kind,
        "command": {"title": title, "command": command, "arguments": list(arguments)},
        **more,
    }


def _answers(approver: EditorApprover, document: OpenDocument, where: Range) -> Iterator[Json]:
    """Return answers to questions that this editor shows no dialog for."""
    for question in approver.in_actions:
        about = " ".join(question.text.split())[:40]
        for choice in question.choices:
            answer = {"questionId": question.id, "choices": [choice]}
            yield action(_FIX, f"Answer {choice!r}: {about}", Command.ANSWER, answer)
        if not question.choices and where.start != where.end:
            text = positions.text_in(document.text, where).strip()
            title = f"Answer with this selection: {about}"
            answer = {"questionId": question.id, "text": text}
            yield action(_FIX, title, Command.ANSWER, answer)


def _hunks(
    context: EditorContext, review: Review, document: OpenDocument, where: Range
) -> Iterator[Json]:
    here = [
        (pending, stands)
        for pending in review.waiting_in(document)
        if (stands := where_is(pending, document.text)) is not None and _touch(stands, where)
    ]
    for pending, _ in here:
        one = {"uri": document.uri, "hunk": pending.id}
        of = f" ({pending.agent})" if len(here) > 1 else ""
        marks = [
            each for each in context.diagnostics.at(document.uri) if each.get("data") == pending.id
        ]
        yield action(
            _FIX,
            f"Apply this hunk{of}",
            "inhouse.edits.apply",
            one,
            diagnostics=marks,
            isPreferred=True,
        )
        yield action(_FIX, f"Reject this hunk{of}", "inhouse.edits.reject", one, diagnostics=marks)
    if review.waiting_in(document):
        file = {"uri": document.uri}
        yield action(_FIX, "Apply all in this file", "inhouse.edits.apply", file)
        yield action(_FIX, "Reject all in this file", "inhouse.edits.reject", file)
        yield action(_FIX, "Show diff", "inhouse.edits.show", file)


def _review(review: Review) -> Iterator[Json]:
    """Return actions for files that are not open, including those that do not exist yet."""
    waiting = review.everything
    if not waiting:
        return
    for pending in waiting:
        if pending.kind != "change":
            one = {"hunk": pending.id}
            verb = "Create" if pending.kind == "create" else "Delete"
            title = f"{verb} {pending.path.name} as {pending.agent} proposes"
            yield action(_FIX, title, "inhouse.edits.apply", one)
            yield action(
                _FIX, f"Reject: {verb.lower()} {pending.path.name}", "inhouse.edits.reject", one
            )
    files = len({pending.path for pending in waiting})
    where = "1 file" if files == 1 else f"{files} files"
    yield action(_FIX, f"Apply all ({where})", "inhouse.edits.apply", {})
    yield action(_FIX, f"Reject all ({where})", "inhouse.edits.reject", {})
    yield action(_FIX, f"Show diff of all ({where})", "inhouse.edits.show", {})


def _prompts(context: EditorContext, document: OpenDocument, where: Range) -> Iterator[Json]:
    for comment, argument in prompts_in(context, document):
        if _touch(comment.range, where):
            yield action(_FIX, f"Run {comment.agent}: {comment.prompt[:40]}", Command.RUN, argument)


def _cancels(runs: Runs) -> Iterator[Json]:
    for run in reversed(runs.running):
        title = f"Cancel {run.request.agent} ({run.elapsed:.0f} s)"
        yield action(_ASK, title, Command.CANCEL, {"runId": run.id})
        yield action(
            _ASK, f"Show what {run.request.agent} does", Command.TRANSCRIPT, {"runId": run.id}
        )


def _ask(context: EditorContext, document: OpenDocument, where: Range) -> Iterator[Json]:
    selected = where.start != where.end
    what = "this selection" if selected else "this line"
    line = where if selected else _whole_line(document, where)
    agents = context.host.usable_agents()[:_MOST_AGENTS]
    for agent_id in agents:
        argument = {
            "agent": agent_id,
            "prompt": f"Look at {what}.",
            "uri": document.uri,
            "range": text_range(line),
        }
        yield action(_ASK, f"Ask {agent_id} about {what}", Command.RUN, argument)
    for agent_id in agents:
        argument = {
            "agent": agent_id,
            "prompt": "Look at this file.",
            "uri": document.uri,
        }
        yield action(_SOURCE, f"Ask {agent_id} about this file", Command.RUN, argument)


def _whole_line(document: OpenDocument, where: Range) -> Range:
    starts = positions.line_starts(document.text)
    number = min(where.start.line, len(starts) - 1)
    end = starts[number + 1] if number + 1 < len(starts) else len(document.text)
    length = len(document.text[starts[number] : end].rstrip("\r\n"))
    last = positions.position_at(document.text, starts[number] + length, starts)
    return Range(Position(number, 0), last)


def _touch(one: Range, other: Range) -> bool:
    """Return whether two ranges share a line."""
    return one.start.line <= other.end.line and other.start.line <= _last_line(one)


def _last_line(where: Range) -> int:
    ends_before = where.end.character == 0 and where.end.line > where.start.line
    return where.end.line - 1 if ends_before else where.end.line


def _matches(kind: str, only: list[str]) -> bool:
    return any(kind == wanted or kind.startswith(f"{wanted}.") or not wanted for wanted in only)
