"""Wrong definitions: each ends in a problem with a place, in time, whatever it tries."""

import json
import os
import time
from pathlib import Path

import pytest

from inhouse.core.text import Severity
from support.definitions import catalog_of, literal, problems_of, write
from support.mutations import wrong_values

BAD = Path(__file__).parent / "bad"
WILD = json.loads((BAD / "expected.json").read_text("utf-8"))
MUTATED = list(wrong_values())
SECONDS = 20.0


def everything(catalog):
    return [*catalog.problems, *(p for agent in catalog.all for p in agent.problems)]


@pytest.mark.parametrize("wrong", MUTATED, ids=str)
def test_a_wrong_value_is_a_problem_at_its_place(wrong):
    found = [(p.code, p.range.start.line) for p in problems_of(wrong.text, wrong.file)]

    assert (wrong.code, wrong.line) in found


def test_there_are_at_least_two_hundred_of_them():
    assert len(MUTATED) + len(WILD) >= 200


@pytest.mark.parametrize("name", [name for name in WILD if not WILD[name]["evaluated"]])
async def test_a_mistake_from_the_wild_is_a_problem_at_its_place(name):
    await check_wild(name, await catalog_of(BAD / name))


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", [name for name in WILD if WILD[name]["evaluated"]])
async def test_a_module_that_misbehaves_is_a_problem(name, evaluator):
    begin = time.monotonic()
    catalog = await catalog_of(BAD / name, evaluator)

    assert time.monotonic() - begin < SECONDS
    await check_wild(name, catalog)


async def check_wild(name, catalog):
    expected = WILD[name]
    path = BAD / name / ".agents" / expected["file"]
    codes = expected["code"].split("|")
    problems = [p for p in everything(catalog) if p.path == path and p.code in codes]

    assert problems, everything(catalog)
    assert problems[0].severity is Severity.ERROR
    assert expected["line"] in {None, problems[0].range.start.line}
    assert all(agent.definition is None for agent in catalog.all if agent.source == path)


async def test_every_problem_of_a_file_is_reported(tmp_path):
    text = literal(displayName="5", model="[]", outputMode="'x'", stepPrompt="1")
    catalog = await catalog_of(write(tmp_path, {".agents/a.ts": text}))

    lines = sorted(p.range.start.line for p in catalog.all[0].problems)
    assert lines == [2, 3, 4, 5]


async def test_a_file_that_may_not_be_read_is_a_problem(tmp_path):
    write(tmp_path, {".agents/a.ts": literal()})
    (tmp_path / ".agents" / "a.ts").chmod(0)
    root = os.geteuid() == 0
    if root:  # who may read everything: become nobody for a moment
        os.seteuid(65534)
    try:
        catalog = await catalog_of(tmp_path)
    finally:
        if root:
            os.seteuid(0)

    assert {p.code for p in catalog.problems} == {"unreadable"}


async def test_ten_megabytes_of_source_are_refused_at_once(tmp_path):
    text = literal(systemPrompt="'" + "x" * 10_000_000 + "'")
    begin = time.monotonic()
    catalog = await catalog_of(write(tmp_path, {".agents/a.ts": text}))

    assert [p.code for p in catalog.problems] == ["too-large"]
    assert time.monotonic() - begin < SECONDS


async def test_links_that_lead_in_a_circle_are_a_problem(tmp_path):
    folder = tmp_path / ".agents"
    write(tmp_path, {".agents/ok.ts": literal()})
    (folder / "back").symlink_to(folder)
    (folder / "a.ts").symlink_to("b.ts")
    (folder / "b.ts").symlink_to("a.ts")
    catalog = await catalog_of(tmp_path)

    assert {p.code for p in catalog.problems} == {"link-loop", "unreadable"}
    assert list(catalog.agents) == ["one"]


async def test_a_pipe_and_a_device_are_never_opened(tmp_path):
    folder = tmp_path / ".agents"
    folder.mkdir()
    os.mkfifo(folder / "pipe.ts")
    (folder / "zero.ts").symlink_to("/dev/zero")
    catalog = await catalog_of(tmp_path)

    assert [p.code for p in catalog.problems] == ["not-a-file", "not-a-file"]


async def test_a_folder_that_is_a_file_is_no_harm(tmp_path):
    write(tmp_path, {".agents": "not a folder"})

    assert (await catalog_of(tmp_path)).all == ()


async def test_a_folder_named_like_a_definition_is_no_definition(tmp_path):
    write(tmp_path, {".agents/a.ts/b.ts": literal()})

    assert list((await catalog_of(tmp_path)).agents) == ["one"]
