"""Definitions as real repositories write them: tests/definitions/good, values in expected.json."""

import json
from pathlib import Path

import pytest

from inhouse.core.text import Severity
from support.definitions import as_json, catalog_of

GOOD = Path(__file__).parent / "good"
CASES = json.loads((GOOD / "expected.json").read_text("utf-8"))
STATIC = [name for name, case in CASES.items() if case["static"]]
COMPUTED = [name for name, case in CASES.items() if not case["static"]]


async def check_case(name, evaluator):
    catalog = await catalog_of(GOOD / name, evaluator)
    expected = CASES[name]["agents"]

    assert set(catalog.agents) == set(expected)
    for identifier, values in expected.items():
        agent = catalog.agents[identifier]
        assert agent.definition is not None, agent.problems
        given = as_json(agent.definition)
        assert {key: given[key] for key in values} == values
        assert not [p for p in agent.problems if p.severity is Severity.ERROR]
    assert not catalog.problems


@pytest.mark.parametrize("name", STATIC)
async def test_a_literal_is_read_without_running_anything(name):
    await check_case(name, None)


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", COMPUTED)
async def test_a_computed_definition_is_evaluated(name, evaluator):
    await check_case(name, evaluator)


@pytest.mark.parametrize("name", [name for name in COMPUTED if name != "several_computed"])
async def test_a_computed_definition_waits_for_trust(name):
    catalog = await catalog_of(GOOD / name, None)
    agents = [agent for agent in catalog.all if agent.definition is None]
    problems = [*catalog.problems, *(p for agent in agents for p in agent.problems)]

    assert "needs-trust" in {problem.code for problem in problems}
    assert all(p.severity is Severity.INFORMATION for p in problems if p.code == "needs-trust")


def test_there_are_enough_of_them():
    assert sum(len(case["agents"]) for case in CASES.values()) >= 40
    suffixes = {path.suffix for path in GOOD.rglob("*.*")}
    assert {".ts", ".tsx", ".js", ".mjs", ".cjs"} < suffixes
    assert {".json", ".jsonc", ".toml", ".yaml", ".yml", ".md"} < suffixes
