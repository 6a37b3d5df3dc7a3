"""One file's agents: from its text to what the catalog shows."""

import os
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from inhouse.core.definition import Agent
from inhouse.core.files import ReadBytes, read_regular
from inhouse.core.text import START, Problem, Severity
from inhouse.definitions.catalog.files import FileText, read_file, text_of
from inhouse.definitions.catalog.folders import AgentFolder
from inhouse.definitions.catalog.module_graph import ModuleGraph, candidates
from inhouse.definitions.evaluator import Evaluated
from inhouse.definitions.forms.read_text import read
from inhouse.definitions.readers.file_forms import EVALUATED
from inhouse.definitions.readers.parsed_values import ParsedDefinition, Reading
from inhouse.definitions.readers.source_ranges import is_around, place_of
from inhouse.definitions.schema.merge_evaluation import with_evaluated

if TYPE_CHECKING:
    from inhouse.definitions.schema.check_definition import Checked

_BROKEN = frozenset({"syntax", "unescaped-backtick", "too-slow", "not-utf8"})


@frozen
class FileState:
    """A file as it was read last."""

    path: Path
    folder: AgentFolder
    digest: str
    reading: Reading
    agents: tuple[Agent, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Problems if the file has no agent."""
    depends: frozenset[Path] = field(default=frozenset[Path]())
    """Other files whose change may change this one's agents."""
    computed: bool = False
    """Whether only an evaluation shows what it defines."""
    source: "Unevaluated | None" = None
    real: Path | None = None
    """Its path with links resolved."""
    evaluated: Evaluated | None = None
    modules: frozenset[Path] = field(default=frozenset[Path]())
    """Those of ``depends`` that exist."""


@frozen
class Unevaluated:
    """A file whose text has been read but not evaluated."""

    path: Path
    folder: AgentFolder
    file: FileText
    reading: Reading


def read_text(
    path: Path,
    folder: AgentFolder,
    texts: Mapping[Path, str],
    before: FileState | None = None,
    *,
    read_bytes: ReadBytes = read_regular,
) -> Unevaluated:
    """Read a file, or its unsaved text.  Blocks: call it in a thread."""
    file = text_of(texts[path]) if path in texts else read_file(path, read_bytes)
    known = before.source if before is not None else None
    if known is not None and known.file.digest == file.digest:
        return Unevaluated(path, folder, file, known.reading)
    return Unevaluated(path, folder, file, _read(path, file))


def wants_evaluation(
    unevaluated: Unevaluated, listed: Collection[Path], shared: ModuleGraph
) -> bool:
    """Return whether only an evaluation shows what a file defines.  Blocks."""
    path, reading = unevaluated.path, unevaluated.reading
    if path.suffix.lower() not in EVALUATED or unevaluated.file.problems:
        return False
    if reading.reexports:
        there = (one for one in candidates(path, reading.reexports[0]) if one in listed)
        target = next(there, None)
        return target is None or not shared.defines(target)
    errors = {p.code for p in reading.problems if p.severity is Severity.ERROR}
    if errors:
        # A grammar may not know the latest syntax: the engine has the last word.
        return errors <= {"syntax", "too-slow"} and reading.may_define
    return reading.needs_evaluation is not None and reading.may_define


def still_holds(state: FileState | None, draft: Unevaluated, shared: ModuleGraph) -> bool:
    """Return whether an earlier evaluation is still valid."""
    if state is None or state.evaluated is None or state.evaluated.problem is not None:
        return False
    if any(path.exists() for path in state.depends - state.modules):
        return False
    return shared.content_hash(draft.file, state.modules) == state.digest


def finish(
    unevaluated: Unevaluated,
    evaluated: Evaluated | None,
    *,
    wanted: bool,
    trusted: bool,
    environment: Mapping[str, str],
    known_tools: Collection[str],
    shared: ModuleGraph,
) -> FileState:
    """Check what was read; ``wanted`` says that an evaluation would show more, if trusted."""
    path, file, reading = unevaluated.path, unevaluated.file, unevaluated.reading
    modules: frozenset[Path] = frozenset()
    missing: frozenset[Path] = frozenset()
    if evaluated is not None:
        reading = with_evaluated(reading, evaluated, path)
        modules = frozenset(evaluated.modules)
        missing = frozenset(Path(os.path.normpath(path)) for path in evaluated.missing)
    elif wanted and not trusted and not _is_broken(reading):
        problems = (*reading.problems, _needs_trust(path, reading))
        reading = evolve(reading, problems=problems, may_define=True)
    if evaluated is not None or reading.needs_evaluation is not None:
        modules |= shared.reached_by(path, unevaluated.reading)
    real = Path(os.path.realpath(path))
    modules -= {path, real}
    content = shared.content_hash(file, modules)
    checked = partial(_check, environment=environment, known_tools=known_tools)
    agents, loose = _agents(unevaluated, reading, content, checked)
    return FileState(
        path,
        unevaluated.folder,
        content,
        reading,
        tuple(agents),
        tuple(dict.fromkeys(loose)),
        modules | missing,
        wanted,
        unevaluated,
        real,
        evaluated,
        modules,
    )


def _agents(
    unevaluated: Unevaluated,
    reading: Reading,
    content: str,
    checked: "Callable[[ParsedDefinition, Path], Checked]",
) -> tuple[list[Agent], list[Problem]]:
    """Return a file's agents, and the problems that belong to none of them."""
    path, file = unevaluated.path, unevaluated.file
    problems = (*file.problems, *reading.problems)
    agents: list[Agent] = []
    loose: list[Problem] = []
    for at, found in enumerate(reading.found):
        given = checked(found, path)
        of_file = [p for p in problems if _concerns(p, found, reading, first=at == 0)]
        own = (*of_file, *_certain(given.problems, problems))
        if not isinstance(found.values.get("id"), str) or not found.values["id"]:
            loose.extend(own)
            continue
        broken = any(problem.severity is Severity.ERROR for problem in own)
        usable = reading.needs_evaluation is None and not broken
        agent = _agent(found, unevaluated.folder, path, content)
        definition = given.definition if usable else None
        agents.append(evolve(agent, definition=definition, problems=own))
    if not agents and not loose and (reading.may_define or file.problems):
        loose.extend(problems)
    return agents, loose


def _concerns(problem: Problem, found: ParsedDefinition, reading: Reading, *, first: bool) -> bool:
    """Return whether a problem of the file belongs to this definition.

    It is reported once, unless it stops all definitions.
    """
    if problem.severity is Severity.ERROR or problem.code == "needs-trust":
        return True
    around = [each for each in reading.found if is_around(each.places, problem.range)]
    return found in around if around else first


def _check(
    found: ParsedDefinition,
    path: Path,
    *,
    environment: Mapping[str, str],
    known_tools: Collection[str],
) -> "Checked":
    from inhouse.definitions.schema.check_definition import check  # noqa: PLC0415 - cattrs, on first use

    return check(found, path, environment=environment, known_tools=known_tools)


def _is_broken(reading: Reading) -> bool:
    return any(problem.severity is Severity.ERROR for problem in reading.problems)


def _certain(checked: Collection[Problem], before: Collection[Problem]) -> list[Problem]:
    """Return the certain problems; in broken text a missing field may only be unreadable."""
    broken = any(problem.code in _BROKEN for problem in before)
    return [p for p in checked if not (broken and p.code == "missing-field")]


def _read(path: Path, file: FileText) -> Reading:
    if not file.digest:
        return Reading(may_define=False)
    return read(path, file.text)


def _agent(found: ParsedDefinition, folder: AgentFolder, path: Path, content: str) -> Agent:
    def text(name: str) -> str:
        value = found.values.get(name)
        return value if isinstance(value, str) else ""

    return Agent(
        id=text("id"),
        source=path,
        range=place_of(found.places, ("id",)),
        definition=None,
        from_workspace=folder.from_workspace,
        content_hash=content,
        display_name=text("displayName"),
        model=text("model"),
        spawner_prompt=text("spawnerPrompt"),
    )


def _needs_trust(path: Path, reading: Reading) -> Problem:
    message = (
        "This definition is computed, so Inhouse can read it only after you trust this folder."
    )
    place = reading.needs_evaluation or START
    return Problem(path, place, Severity.INFORMATION, "needs-trust", message)
