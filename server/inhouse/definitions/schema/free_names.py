"""Names in ``handleSteps`` that will be undefined when it runs, judged by its text alone."""

from pathlib import Path

from inhouse.core.text import Position, Problem, Range, Severity
from inhouse.definitions.readers.parsed_values import FunctionText, ParsedDefinition
from inhouse.definitions.readers.source_ranges import place_of
from inhouse.definitions.typescript.free_names import FreeName, free_names
from inhouse.definitions.typescript.global_names import STEP_NAMES, is_global

CODE = "free-name"
_MOST = 20


def free_name_problems(found: ParsedDefinition, path: Path) -> list[Problem]:
    """Report each of them once, at its first use.

    Only a warning, since the branch that uses it may never be taken.
    """
    source = found.values.get("handleSteps")
    if not isinstance(source, str) or not source.strip():
        return []
    return [
        Problem(path, _range(free, source, found), Severity.WARNING, CODE, _message(free.name))
        for free in free_names(str(source), STEP_NAMES)[:_MOST]
    ]


def _message(name: str) -> str:
    if is_global(name) or name in ("import", "import.meta"):
        return (
            f"`{name}` does not exist where `handleSteps` runs: it has no files, network or "
            "modules.  Yield a tool call instead, such as `read_files`, "
            "`run_terminal_command` or `read_url`."
        )
    return (
        f"`{name}` is not defined where `handleSteps` runs: the function runs on its own, "
        "outside its file, as in Codebuff.  Declare it inside the function."
    )


def _range(free: FreeName, source: str, found: ParsedDefinition) -> Range:
    if not isinstance(source, FunctionText):
        return place_of(found.places, ("handleSteps",))
    return Range(_within(free.start, source), _within(free.end, source))


def _within(position: Position, source: FunctionText) -> Position:
    start = source.place.start
    if position.line:
        return Position(start.line + position.line, position.character)
    return Position(start.line, start.character + position.character)
