"""``inhouse agents`` and ``inhouse explain``, which open no connection."""

import argparse
from pathlib import Path

from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from inhouse import wire
from inhouse.core.remedies import as_in_file
from inhouse.core.request import AgentSummary
from inhouse.core.route import Route
from inhouse.core.text import Problem, Severity

from . import COMPLETED, FAILED, output
from .open_host import open_host

_TABLE_WIDTH = 70
"""A narrower table would cut its words."""


async def agents(options: argparse.Namespace) -> int:
    """List the agents, where each would run, and what is wrong; ``--check`` fails for errors."""
    async with open_host(options) as host:
        found, problems = host.agents(), host.world.catalog.problems
        broken = any(one.severity is Severity.ERROR for one in host.world.catalog.every_problem)
        status = FAILED if options.check and broken else COMPLETED
        if options.json:
            output.document(
                {
                    "agents": [wire.agent_summary(each) for each in found],
                    "problems": [wire.problem(each) for each in problems],
                }
            )
            return status
        _print_agents(found)
        for problem in host.world.catalog.every_problem:
            _print_problem(problem)
        if not found and not problems:
            output.report().print("There are no agents.  Write one: inhouse new NAME")
    return status


async def explain(options: argparse.Namespace) -> int:
    """Say which rule chose endpoint, model and key."""
    async with open_host(options) as host:
        route = host.explain(options.agent, options.endpoint, options.model)
        if options.json:
            output.document(wire.route(route))
        else:
            _print_route(options.agent, route)
    return COMPLETED


def _print_agents(found: tuple[AgentSummary, ...]) -> None:
    console = output.report()
    if console.width < _TABLE_WIDTH:
        for each in found:
            name, purpose, model, where = _row(each)
            console.print(f"[bold]{name}[/] · {model} · {where}")
            console.print(Padding(purpose, (0, 0, 0, 2)), soft_wrap=False)
    elif found:
        table = Table(box=None, pad_edge=False)
        for heading in ("agent", "what it is for", "model", "runs on"):
            table.add_column(heading, no_wrap=heading == "agent")
        for each in found:
            table.add_row(*_row(each))
        console.print(table)


def _row(summary: AgentSummary) -> tuple[str, str, str, str]:
    agent = summary.agent
    name = escape(agent.id)
    if not summary.usable:
        name = f"[red]{name}[/]"
    elif agent.shadowed_by is not None:
        name = f"[dim]{name}[/]"
    purpose = escape(agent.spawner_prompt.strip().partition("\n")[0] or agent.display_name)
    return name, purpose, escape(agent.model), _where(summary)


def _where(summary: AgentSummary) -> str:
    if summary.agent.shadowed_by is not None:
        return "[dim]shadowed[/]"
    route = summary.route
    if route is None:
        return "[red]no endpoint[/]"
    where = "[green]local[/]" if route.local else "[yellow]remote[/]"
    refused = " [red]refused[/]" if route.refused else ""
    return f"{escape(route.endpoint)} ({where}){refused}"


def _print_problem(problem: Problem) -> None:
    style = output.STYLES[problem.severity]
    start = problem.range.start
    place = f"{_relative(problem.path)}:{start.line + 1}:{start.character + 1}"
    output.report().print(
        f"{escape(place)}: [{style}]{problem.severity.value}[/] "
        f"{escape(problem.message)} [dim]({escape(problem.code)})[/]"
    )


def _print_route(agent: str, route: Route) -> None:
    console = output.report()
    where = "[green]local[/]" if route.local else "[yellow]remote[/]"
    console.print(
        f"[bold]{escape(agent)}[/] would run on [bold]{escape(route.endpoint)}[/] "
        f"({escape(route.base_url)}), model [bold]{escape(route.model)}[/], {where}."
    )
    console.print(f"Decided by {route.decided_by.value}: {escape(route.source)}\n")
    for number, step in enumerate(route.steps, 1):
        console.print(f"  {number}. {escape(step.rule)}: [dim]{escape(step.outcome)}[/]")
    if route.refused is not None:
        console.print(f"\n[red]Refused:[/] {escape(as_in_file(route.refused.reason))}")
        console.print(f"{escape(as_in_file(route.refused.remedy))}")


def _relative(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
