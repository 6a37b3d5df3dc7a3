"""Merges an evaluation's result with what was read: values with the best known positions."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from inhouse.core.json_values import items, mapping
from inhouse.core.text import START, Position, Problem, Range, Severity
from inhouse.definitions.evaluator import Evaluated, EvaluationProblem
from inhouse.definitions.readers.parsed_values import (
    Foreign,
    FunctionText,
    ParsedDefinition,
    Reading,
)
from inhouse.definitions.readers.source_ranges import JsonPath, SourceRange
from inhouse.definitions.schema.fields import FIELD_NAMES

_LIKENESS = 2
_FOREIGN = "\0foreign"
"""The key by which the sandbox writes a `Foreign` value."""


def with_evaluated(reading: Reading, evaluated: Evaluated, path: Path) -> Reading:
    """Replace what was read by what the evaluation returned."""
    if evaluated.problem is not None:
        problem = _problem(evaluated.problem, reading, path)
        if any(other.severity is Severity.ERROR for other in reading.problems):
            return reading  # the place in the text is more exact than the engine's
        return evolve(reading, problems=(*reading.problems, problem))
    found = tuple(
        _found(name, mapping(_with_foreign(values)), reading)
        for name, values in _chosen(evaluated.exports)
    )
    kept = tuple(problem for problem in reading.problems if problem.severity is not Severity.ERROR)
    default = evaluated.exports.get("default")
    if isinstance(default, list) and any(is_definition(mapping(each)) for each in items(default)):
        kept = (*kept, listed(path, reading.needs_evaluation or START))
    elif reading.found and not found:
        kept = (*kept, _lost(path, reading.needs_evaluation or START))
    return evolve(reading, found=found, problems=kept, needs_evaluation=None)


def is_definition(values: Mapping[str, Any]) -> bool:
    """Return whether an exported object is meant as a definition."""
    known = FIELD_NAMES & values.keys()
    if "id" in values and known - {"id", "version"}:
        return True
    return len(known) >= _LIKENESS and bool(known & {"displayName", "model"})


def listed(path: Path, place: Range) -> Problem:
    """Return the problem of exporting a list of definitions."""
    message = "A list is not a definition.  Export each one by name: `export const one = …`."
    return Problem(path, place, Severity.ERROR, "wrong-export", message)


def _lost(path: Path, place: Range) -> Problem:
    """Return the problem of what looked like a definition but was not one when evaluated."""
    message = (
        "This looks like a definition, but its evaluation exports nothing with `id` and `model`.  "
        "Export it as one object: `export default { id: …, model: … }`."
    )
    return Problem(path, place, Severity.ERROR, "wrong-export", message)


def _chosen(exports: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return the default export, else the module itself, else each export that is a definition."""
    default = exports.get("default")
    if default is not None:
        values = mapping(default)
        if is_definition(values):
            yield "default", values
        return
    if "id" in exports and "model" in exports:
        yield "*", exports
        return
    for name, value in exports.items():
        values = mapping(value)
        if "id" in values and is_definition(values):
            yield name, values


def _with_foreign(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_foreign(item) for item in items(value)]
    if not isinstance(value, Mapping):
        return value
    members = mapping(value)
    if _FOREIGN in members:
        return Foreign(str(members[_FOREIGN]), START)
    return {name: _with_foreign(item) for name, item in members.items()}


def _found(name: str, values: Mapping[str, Any], reading: Reading) -> ParsedDefinition:
    static = next((found for found in reading.found if found.name == name), None)
    places: dict[JsonPath, SourceRange] = dict(static.places) if static is not None else {}
    if () not in places:
        places[()] = SourceRange(reading.needs_evaluation or START)
    steps = static.values.get("handleSteps") if static is not None else None
    if isinstance(steps, FunctionText) and static is not None and () not in static.unknown:
        values = {**values, "handleSteps": steps}  # the same, with its position
    return ParsedDefinition(name, values, places)


def _problem(problem: EvaluationProblem, reading: Reading, path: Path) -> Problem:
    if problem.path in {path, Path(os.path.realpath(path))}:
        start = Position(problem.line, problem.column)
        place = Range(start, start)
        if problem.line == 0 and problem.column == 0 and reading.needs_evaluation is not None:
            place = reading.needs_evaluation
        return Problem(path, place, Severity.ERROR, problem.code, problem.message)
    place = reading.needs_evaluation or START
    where = f"{problem.path.name}, line {problem.line + 1}"
    message = f"{problem.message}  (in {where})"
    return Problem(path, place, Severity.ERROR, problem.code, message)
