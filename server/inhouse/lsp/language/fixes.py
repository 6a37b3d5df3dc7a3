"""Quick fixes for problems in definitions."""

import re
from collections.abc import Callable, Iterator

from inhouse.core.json_values import Json
from inhouse.core.text import Position, Problem, Range
from inhouse.definitions.readers.parsed_values import ParsedDefinition
from inhouse.lsp.contract.command_names import Command
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.features.code_actions import action
from inhouse.lsp.language.definition_diagnostics import as_diagnostic, problems_of
from inhouse.lsp.language.definition_document import DefinitionDocument
from inhouse.lsp.language.insert import Change, add_field, add_to_list, new_list
from inhouse.lsp.language.lints import NO_V1, REMOTE_MODEL
from inhouse.lsp.language.literal_syntax import written_text
from inhouse.lsp.language.model_mapping import Mapping, model_fixes
from inhouse.lsp.language.text_edits import workspace_edit

_FIX = "quickfix"
_MEANT = re.compile(r"Did you mean [`'](?P<word>[\w./-]+)[`']")
_EXAMPLE = re.compile(r"for example '(?P<word>[a-z0-9-]+)'")
_URL = re.compile(r"Write '(?P<word>[^']+)'")
_STEPS = (
    re.compile(r"""(?P<q>["']?)\bhandleSteps(?P=q)\s*:\s*(?:async\s+)?function\s*\*?\s*\w*\s*\("""),
    re.compile(r"\b(?:async\s*)?(?:\*\s*)?handleSteps\s*\("),
    re.compile(r"\*\s*handleSteps\s*\("),
    re.compile(r"\basync\s*\*\s*handleSteps\s*\("),
)
Offer = tuple[str, Change]


def quick_fixes(context: EditorContext, site: DefinitionDocument, where: Range) -> list[Json]:
    """Return the fixes of every problem at a place."""
    return [
        fix
        for problem in problems_of(context, site.path)
        if _touch(problem.range, where)
        for fix in _fixes(context, site, problem)
    ]


def _fixes(context: EditorContext, site: DefinitionDocument, problem: Problem) -> Iterator[Json]:
    mark = [as_diagnostic(problem)]
    if problem.code == "needs-trust":
        title = "Trust this workspace"
        yield action(_FIX, title, Command.TRUST, diagnostics=mark, isPreferred=True)
        return
    found = site.found_at(problem.range.start)
    if problem.code == REMOTE_MODEL and found is not None:
        for mapping in model_fixes(context, site, found):
            yield _from_mapping(context, mapping, mark)
        return
    make = _MAKERS.get(problem.code)
    offer = make(site, problem, found) if make is not None else None
    if offer is not None:
        title, (place, new) = offer
        edit = workspace_edit(context, [(site, place, new)])
        yield _fix(title, edit, mark, preferred=True)


def _from_mapping(context: EditorContext, mapping: Mapping, mark: list[Json]) -> Json:
    edit = workspace_edit(context, [(mapping.site, mapping.range, mapping.new)])
    return _fix(mapping.title, edit, mark, preferred=False)


def _fix(title: str, edit: Json, mark: list[Json], *, preferred: bool) -> Json:
    more = {"isPreferred": True} if preferred else {}
    return {"title": title, "kind": _FIX, "diagnostics": mark, "edit": edit, **more}


def _steps(
    site: DefinitionDocument, problem: Problem, found: ParsedDefinition | None
) -> Offer | None:
    """Recognise ``*handleSteps() {…}`` and its variants."""
    del found
    start = site.lines.start(problem.range.start.line)
    end = min(len(site.text), site.lines.offset(problem.range.end) + 1)
    matches = [match for form in _STEPS if (match := form.search(site.text, start, end))]
    if not matches:
        return None
    best = min(matches, key=lambda match: (match.start(), -match.end()))
    place = site.lines.range(*best.span())
    return "Write `handleSteps: function* (…)`", (place, "handleSteps: function* (")


def _spawn_agents(
    site: DefinitionDocument, problem: Problem, found: ParsedDefinition | None
) -> Offer | None:
    del problem
    if found is None:
        return None
    change = add_to_list(site, found, "toolNames", "spawn_agents")
    if change is None and not found.values.get("toolNames"):
        value = new_list(site, "spawn_agents")
        change = add_field(site, found, "toolNames", value, near="spawnableAgents")
    return None if change is None else ("Add 'spawn_agents' to `toolNames`", change)


def _output_mode(
    site: DefinitionDocument, problem: Problem, found: ParsedDefinition | None
) -> Offer | None:
    if found is None:
        return None
    value = written_text(site, "structured_output")
    if found.values.get("outputMode") is None:
        change = add_field(site, found, "outputMode", value, near="outputSchema")
    else:
        change = _inside(site, problem.range, "structured_output")
    return None if change is None else ("Set `outputMode: 'structured_output'`", change)


def _meant(
    site: DefinitionDocument, problem: Problem, found: ParsedDefinition | None
) -> Offer | None:
    del found
    return _word(site, problem, _MEANT)


def _example(
    site: DefinitionDocument, problem: Problem, found: ParsedDefinition | None
) -> Offer | None:
    del found
    return _word(site, problem, _EXAMPLE)


def _url(
    site: DefinitionDocument, problem: Problem, found: ParsedDefinition | None
) -> Offer | None:
    del found
    return _word(site, problem, _URL)


def _word(site: DefinitionDocument, problem: Problem, pattern: re.Pattern[str]) -> Offer | None:
    match = pattern.search(problem.message)
    if match is None:
        return None
    return f"Change to {match['word']!r}", _inside(site, problem.range, match["word"])


def _backtick(
    site: DefinitionDocument, problem: Problem, found: ParsedDefinition | None
) -> Offer | None:
    del site, found
    start = problem.range.start
    return "Escape this backtick", (Range(start, start), "\\")


def _inside(site: DefinitionDocument, place: Range, new: str) -> Change:
    """Replace a string's text without its quotes."""
    text = site.slice(place)
    if len(text) > 1 and text[0] in "'\"`" and text[-1] == text[0]:
        start, end = site.span(place)
        return site.lines.range(start + 1, end - 1), new
    return place, new


def _touch(one: Range, other: Range) -> bool:
    """Return whether two ranges share a line."""
    end = one.end if one.end.character else Position(max(one.start.line, one.end.line - 1), 1)
    return one.start.line <= other.end.line and other.start.line <= end.line


_MAKERS: dict[
    str, Callable[[DefinitionDocument, Problem, ParsedDefinition | None], Offer | None]
] = {
    "handle-steps-form": _steps,
    "spawn-agents-missing": _spawn_agents,
    "output-schema-mode": _output_mode,
    "unknown-field": _meant,
    "unknown-tool": _meant,
    "bad-id": _example,
    "unescaped-backtick": _backtick,
    NO_V1: _url,
}
