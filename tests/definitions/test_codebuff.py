"""Definitions of every form against the verdicts of Codebuff's own loader and validator."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from inhouse.core.text import Severity
from support.definitions import as_json, catalog_of, problems_of, write

TABLE = YAML(typ="safe").load(Path(__file__).with_name("codebuff.yaml").read_text(encoding="utf-8"))
PARTS = 4
"""A test has a part of the table: the ids of hundreds of tests would cost more than the tests."""

asyncio = pytest.mark.asyncio(loop_scope="session")


def one(rest):
    return {"a.ts": f"export default {{ id: 'a', displayName: 'A', model: 'm', {rest} }}\n"}


def part_of(cases, number):
    return cases[number::PARTS]


def told(agent, expected):
    fields = as_json(agent.definition)
    return {name: fields[name] for name in expected}


async def loaded(files, evaluator, root):
    """Give the agents that load, by id, and the codes of all errors."""
    write(root, {f".agents/{name}": text for name, text in files.items()})
    catalog = await catalog_of(root, evaluator)
    problems = [*catalog.problems, *(each for agent in catalog.all for each in agent.problems)]
    errors = {each.code for each in problems if each.severity is Severity.ERROR}
    return {agent.id: agent for agent in catalog.all if agent.definition is not None}, errors


@asyncio
@pytest.mark.parametrize("number", range(PARTS))
async def test_what_codebuff_loads_loads_with_its_fields(number, evaluator, tmp_path):
    for at, (rest, *fields) in enumerate(part_of(TABLE["loads"], number)):
        agents, errors = await loaded(one(rest), evaluator, tmp_path / str(at))
        expected = fields[0] if fields else {}

        assert (len(agents), errors) == (1, set()), rest
        assert told(*agents.values(), expected) == expected, rest


@asyncio
@pytest.mark.parametrize("number", range(PARTS))
async def test_what_codebuff_refuses_is_refused_with_an_error(number, evaluator, tmp_path):
    for at, rest in enumerate(part_of(TABLE["refused"], number)):
        agents, errors = await loaded(one(rest), evaluator, tmp_path / str(at))

        assert not agents, rest
        assert errors, rest


@asyncio
@pytest.mark.parametrize("number", range(PARTS))
async def test_files_define_the_agents_that_they_define_for_codebuff(number, evaluator, tmp_path):
    for at, case in enumerate(part_of(TABLE["modules"], number)):
        agents, _ = await loaded(case["files"], evaluator, tmp_path / str(at))
        expected = case.get("loads", {})

        assert set(agents) == set(expected), case["name"]
        for name, fields in expected.items():
            assert told(agents[name], fields) == fields, case["name"]


@asyncio
async def test_what_is_taken_beyond_codebuff_is_on_the_list(evaluator, tmp_path):
    for at, case in enumerate(TABLE["wider"]):
        agents, errors = await loaded(case["files"], evaluator, tmp_path / str(at))

        assert agents, case
        assert not errors, case


@asyncio
async def test_what_is_refused_here_alone_says_why(evaluator, tmp_path):
    for at, case in enumerate(TABLE["narrower"]):
        agents, errors = await loaded(case["files"], evaluator, tmp_path / str(at))

        assert not agents, case
        assert errors == ({case["code"]} if case["code"] else set()), case


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("mcpServers: { a: { url: 'http://x', headers: { A: '$NOT_SET' } } }", "header-variable"),
        ("mcpServers: { 'a/b': { command: 'x' } }", "server-name"),
        ("reasoningOptions: { max_tokens: 5, effort: 'extreme' }", "reasoning-twice"),
    ],
)
def test_what_codebuff_takes_and_does_nothing_with_is_a_warning(rest, code):
    (problem,) = problems_of(one(rest)["a.ts"])

    assert (problem.code, problem.severity) == (code, Severity.WARNING)


@asyncio
async def test_a_value_that_is_no_data_is_told_in_its_field(evaluator, tmp_path):
    text = "const make = () => () => 'x'\n" + one("instructionsPrompt: make()")["a.ts"]
    write(tmp_path, {".agents/a.ts": text})
    catalog = await catalog_of(tmp_path, evaluator)

    (problem,) = catalog.all[0].problems
    assert problem.message == "`instructionsPrompt` must be a string, not a function."
