"""Code lenses: running agents and edits that wait for a decision."""

from collections.abc import Iterator

from attrs import frozen

from inhouse.core.counts import count
from inhouse.core.json_values import Json
from inhouse.core.text import Position, Range
from inhouse.lsp.contract.command_names import Command
from inhouse.lsp.documents.open_documents import OpenDocument
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.edits.review import Review, where_is
from inhouse.lsp.features.prompt_comments import prompts_in
from inhouse.lsp.runs.active_runs import ActiveRun, Runs
from inhouse.lsp.transport.refreshes import Refresher
from inhouse.lsp.transport.rpc import plain
from inhouse.wire import text_range


@frozen(eq=False)
class CodeLenses:
    """Makes the lenses of a document."""

    context: EditorContext
    runs: Runs
    review: Review
    refresher: Refresher

    def of(self, document: OpenDocument) -> list[Json]:
        """Return every lens of a document."""
        self.refresher.asked()
        running = [run for run in self.runs.running if run.uri == document.uri]
        return [
            *(each for run in running for each in _progress(run)),
            *_proposed(self.review, document),
            *(
                lens(_line(comment.range.start.line), f"Run {comment.agent}", Command.RUN, given)
                for comment, given in prompts_in(self.context, document)
            ),
        ]


def lens(where: Range, title: str, command: str, *arguments: object) -> Json:
    """Make LSP's `CodeLens`."""
    return {
        "range": text_range(where),
        "command": {"title": plain(title), "command": command, "arguments": list(arguments)},
    }


def _proposed(review: Review, document: OpenDocument) -> Iterator[Json]:
    waiting = review.waiting_in(document)
    for each in waiting:
        if (where := where_is(each, document.text)) is not None:
            line, one = _line(where.start.line), {"uri": document.uri, "hunk": each.id}
            yield lens(line, f"Apply ({each.agent})", "inhouse.edits.apply", one)
            yield lens(line, "Reject", "inhouse.edits.reject", one)
    if waiting:
        file, top = {"uri": document.uri}, _line(0)
        changes = count(len(waiting), "change")
        yield lens(top, f"Apply all ({changes})", "inhouse.edits.apply", file)
        yield lens(top, "Reject all", "inhouse.edits.reject", file)
        yield lens(top, "Show diff", "inhouse.edits.show", file)


def _progress(run: ActiveRun) -> list[Json]:
    where = _line(run.request.range.start.line if run.request.range is not None else 0)
    state = f"{run.request.agent}: {run.doing.brief} · {run.elapsed:.0f} s"
    if run.tokens:
        state += f" · {run.tokens} tokens"
        state += f" · {speed}/s" if (speed := round(run.tokens_per_second)) else ""
    return [
        lens(where, state, Command.TRANSCRIPT, {"runId": run.id}),
        lens(where, "Cancel", Command.CANCEL, {"runId": run.id}),
    ]


def _line(number: int) -> Range:
    return Range(Position(number, 0), Position(number, 0))
