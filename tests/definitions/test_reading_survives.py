"""No text makes a reader raise, hang or say nothing: hypothesis and a fuzzer."""

import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inhouse.core.text import Position
from inhouse.definitions.catalog.files import decode
from inhouse.definitions.cursor import path_at
from inhouse.definitions.forms.read_text import read
from inhouse.definitions.readers.file_forms import LARGEST
from inhouse.definitions.readers.source_ranges import Lines
from inhouse.definitions.schema.check_definition import check

GOOD = Path(__file__).parent / "good"
FILES = ["a.ts", "a.tsx", "a.json", "a.jsonc", "a.toml", "a.yaml", "a.md", ".claude/agents/a.md"]
SEEDS = [
    path
    for path in sorted(GOOD.rglob("*.*"))
    if path.is_file() and path.name != "expected.json" and "skipped" not in path.parts
]
JUNK = [
    *"`'\"{}[]()<>:,;=\\#&*!|-\n\r\t\0é😀\ud800\udc00\ufeff\u2028",
    *("${", "...", "=>", "function*", "export default ", "/*", "//", "---\n", "!!int", "[["),
    *("]]", "1e999", "await ", "\r\n"),
]
FUZZ_SECONDS = 6.0


def read_everything(path, text):
    """Read, check and look around; nothing of it may raise or be a bug that was caught."""
    reading = read(path, text)
    problems = list(reading.problems)
    for found in reading.found:
        checked = check(found, path, environment={}, known_tools={"read_files"})
        problems += checked.problems
        assert checked.definition is not None or checked.problems or found.needs_evaluation
        repr(found.values).encode()
    last = Lines(text).position(len(text))
    for problem in problems:
        assert problem.code != "internal", text
        assert problem.range.start <= problem.range.end
        assert problem.range.end <= Position(last.line + 1, 0) or problem.range.end <= last
        assert problem.message
    path_at(path, text, Position(last.line // 2, last.character // 2))


@pytest.mark.parametrize("name", FILES)
@given(text=st.text(alphabet=st.characters(codec=None), max_size=400))
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_read(name, text):
    read_everything(Path("/w/.agents") / name, text)


@pytest.mark.parametrize("name", FILES)
@given(data=st.binary(max_size=400))
@settings(max_examples=40, deadline=None)
def test_any_bytes_can_be_read(name, data):
    file = decode(Path("/w") / name, data)
    read_everything(Path("/w/.agents") / name, file.text)


@given(source=st.sampled_from(SEEDS), seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_good_definition_that_is_damaged_can_be_read(source, seed):
    text = source.read_bytes().decode("utf-8-sig")
    read_everything(source, damaged(text, random.Random(seed)))


def test_a_fuzzer_finds_nothing():
    dice = random.Random(20261122)
    end = time.monotonic() + FUZZ_SECONDS
    texts = {path: path.read_bytes().decode("utf-8-sig") for path in SEEDS}
    rounds = 0
    while time.monotonic() < end:
        path = dice.choice(SEEDS)
        text = texts[path]
        for _ in range(dice.choice([1, 1, 2, 4, 8])):
            text = damaged(text, dice)
        read_everything(path, text)
        rounds += 1
    assert rounds > 100


def damaged(text, dice):
    at, other = sorted((dice.randint(0, len(text)), dice.randint(0, len(text))))
    near = min(len(text), at + dice.choice([1, 2, 5, 30]))
    match dice.randrange(5):
        case 0:
            return text[:at] + text[near:]
        case 1:
            return text[:at] + dice.choice(JUNK) + text[at:]
        case 2:
            return text[:other] + text[at:near] + text[other:]
        case 3:
            return text[:at] + dice.choice(JUNK) + text[near:]
        case _:
            return text[:at]


HOSTILE = {
    "brackets.ts": "export default " + "[" * 300_000,
    "braces.ts": "({" * 150_000,
    "templates.ts": "`${" * 100_000,
    "generics.ts": "a<" * 100_000,
    "lets.ts": "".join(f"let v{i} = 1;" for i in range(20_000))
    + "export default {id: 'x', model: 'm'}",
    "sum.ts": "export default {id: 'x', displayName: " + "'a' + " * 60_000 + "'b'}",
    "spreads.ts": "const a0 = ['x'];"
    + "".join(f"const a{i + 1} = [...a{i}, ...a{i}];" for i in range(60))
    + "export default {id: 'x', model: 'm', toolNames: a60}",
    "texts.ts": "const a0 = 'xxxxxxxxxx';"
    + "".join(f"const a{i + 1} = `${{a{i}}}${{a{i}}}`;" for i in range(60))
    + "export default {id: 'x', model: 'm', systemPrompt: a60}",
    "itself.ts": "const a = {...b}; const b = {...a}; export default {id: 'x', model: 'm', ...a}",
    "deep.json": '{"displayName":' * 20_000,
    "list.json": "[" * 300_000,
    "deep.toml": "displayName = " + "[" * 100_000,
    "dots.toml": "displayName = 'x'\nid = 'y'\na" + ".b" * 50_000 + " = 1",
    "deep.yaml": "displayName: " + "[" * 100_000,
    "itself.yaml": "id: x\ndisplayName: y\na: &a [*a]\nb: &b {c: *b}\n",
    "aliases.yaml": "id: x\ndisplayName: y\na0: &a0 {x: 1}\n"
    + "".join(f"a{i + 1}: &a{i + 1}\n  <<: [*a{i}, *a{i}]\n" for i in range(40)),
    "fences.md": "---\n" * 80_000,
    "large.ts": "x" * (LARGEST + 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_takes_bounded_time(name):
    begin = time.monotonic()
    read_everything(Path("/w/.agents") / name, HOSTILE[name])

    assert time.monotonic() - begin < 30


def test_hundreds_of_thousands_of_mistakes_are_not_all_told():
    text = "export default { id: 'a', displayName: 'A', model: 'm', " + "," * 300_000 + "}"

    assert 0 < len(read(Path("a.ts"), text).problems) <= 210
