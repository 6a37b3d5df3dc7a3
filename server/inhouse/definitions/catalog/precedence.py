"""Which of several agents with one id wins, and what stays in use while a file is broken."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import evolve

from inhouse.core.definition import Agent
from inhouse.core.text import Problem, Severity
from inhouse.definitions.catalog.file_state import FileState
from inhouse.definitions.catalog.folders import AgentFolder


def rank(states: Sequence[FileState]) -> tuple[Mapping[str, Agent], tuple[Agent, ...]]:
    """Resolve duplicate ids; ``states`` are in order of precedence."""
    by_id: dict[str, list[tuple[AgentFolder, Agent]]] = {}
    for state in states:
        for agent in state.agents:
            by_id.setdefault(agent.id, []).append((state.folder, agent))
    winners: dict[str, Agent] = {}
    everyone: list[Agent] = []
    for identifier, claims in by_id.items():
        first_folder = claims[0][0]
        rivals = [agent for folder, agent in claims if folder == first_folder]
        settled = [_duplicate(agent, rivals) for agent in rivals] if len(rivals) > 1 else rivals
        winners[identifier] = settled[0]
        everyone.extend(settled)
        everyone.extend(
            _shadowed(agent, settled[0]) for folder, agent in claims if folder != first_folder
        )
    return winners, tuple(everyone)


def keep_last_good(before: FileState | None, now: FileState) -> FileState:
    """Keep the last good definition after a broken edit, marked as stale."""
    if before is None:
        return now
    good = {agent.id: agent for agent in before.agents if agent.definition is not None}
    if not good:
        return now
    agents = [_served(agent, good.get(agent.id)) for agent in now.agents]
    problems = now.problems or now.reading.problems
    if not agents and _is_broken(problems):
        # Not even an id can be read: keep the last definition, with these problems.
        agents = [
            evolve(agent, problems=(*problems, _last_good(agent)), stale=True)
            for agent in good.values()
        ]
        return evolve(now, agents=tuple(agents), problems=())
    return evolve(now, agents=tuple(agents))


def _served(now: Agent, before: Agent | None) -> Agent:
    if now.definition is not None or before is None or not _is_broken(now.problems):
        return now
    return evolve(
        now,
        definition=before.definition,
        problems=(*now.problems, _last_good(now)),
        stale=True,
        content_hash=before.content_hash,
        display_name=now.display_name or before.display_name,
        model=now.model or before.model,
    )


def _last_good(agent: Agent) -> Problem:
    message = "Inhouse keeps using the last valid version of this agent until you fix the file."
    return Problem(agent.source, agent.range, Severity.INFORMATION, "last-good", message)


def _is_broken(problems: Sequence[Problem]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _duplicate(agent: Agent, rivals: Sequence[Agent]) -> Agent:
    others = ", ".join(_name(rival, agent.source) for rival in rivals if rival is not agent)
    message = f"The id {agent.id!r} is also used by {others}.  Give one of them another id."
    problem = Problem(agent.source, agent.range, Severity.ERROR, "duplicate-id", message)
    return evolve(agent, definition=None, stale=False, problems=(*agent.problems, problem))


def _shadowed(agent: Agent, winner: Agent) -> Agent:
    message = f"Not used: {winner.source} defines {agent.id!r} too, and takes precedence."
    problem = Problem(agent.source, agent.range, Severity.HINT, "shadowed", message)
    return evolve(agent, shadowed_by=winner.source, problems=(*agent.problems, problem))


def _name(agent: Agent, near: Path) -> str:
    if agent.source == near:
        return f"line {agent.range.start.line + 1} of this file"
    if agent.source.parent == near.parent:
        return agent.source.name
    return str(agent.source)
