"""What the readers say of single texts: values, places, and what they cannot tell."""

from pathlib import Path

import pytest

from inhouse.core.text import Position, Range, Severity
from inhouse.definitions.forms.read_text import read
from support.definitions import definition_of, literal, problems_of


def at(line, start, end):
    return Range(Position(line, start), Position(line, end))


def reading_of(text, name="one.ts"):
    return read(Path("/w/.agents") / name, text)


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("a.ts", "const x = '😀'; export default { id: 'a', model: 'm' }", (42, 47), (49, 52)),
        ("a.json", '{"id": "😀a", "model": "m"}', (14, 21), (23, 26)),
        ("a.toml", 'id = "a"\nmodel = "m"\n', (0, 5), (8, 11)),
        ("a.yaml", "id: a\nmodel: m\n", (0, 5), (7, 8)),
        ("a.md", "---\nid: a\nmodel: m\n---\n", (0, 5), (7, 8)),
    ],
)
def test_keys_and_values_know_their_place_in_utf16(name, text, key, value):
    (found,) = reading_of(text, name).found
    place = found.places[("model",)]

    assert (place.key.start.character, place.key.end.character) == key
    assert (place.value.start.character, place.value.end.character) == value


def test_a_value_from_a_spread_stands_where_it_was_written():
    text = "const base = {\n  model: 5,\n}\nexport default { id: 'a', displayName: 'A', ...base }\n"

    (problem,) = problems_of(text)
    assert (problem.code, problem.range) == ("wrong-type", at(1, 9, 10))


def test_a_required_field_that_is_missing_is_told_at_the_objects_start():
    (problem,) = problems_of("const a = 1\nexport default { id: 'a', displayName: 'A' }\n")

    assert problem.code == "missing-field"
    assert problem.range.start == Position(1, 15)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("imported", (17, 25)),
        ("make()", (17, 23)),
        ("`a ${imported} b`", (22, 30)),
        ("'a' + imported", (23, 31)),
        ("['a', imported].join()", (23, 31)),
        ("globalThis.name", (17, 32)),
    ],
)
def test_what_needs_an_evaluation_is_flagged_where_it_stands(value, place):
    text = "import { imported } from './x'\nconst make = () => 1\n" + literal(systemPrompt=value)
    reading = reading_of(text)

    assert reading.needs_evaluation == at(6, *[number - 1 for number in place])
    assert reading.found[0].unknown == {("systemPrompt",)}
    assert reading.values["model"] == "m"


def test_a_change_of_a_constant_needs_an_evaluation():
    reading = reading_of(
        "const d = { id: 'a', displayName: 'A', model: 'm' }\nd.model = 'n'\nexport default d\n"
    )

    assert reading.needs_evaluation == at(1, 0, 13)


def test_a_variable_that_is_assigned_again_needs_an_evaluation():
    text = "let model = 'a'\nfunction f() { model = 'b' }\n" + literal(model="model")

    assert reading_of(text).needs_evaluation is not None


def test_broken_text_gives_what_can_be_read():
    reading = reading_of(
        "const d = {\n  id: 'a',\n  displayName: 'A',\n  model: 'm',\n  toolNames: ['x', "
    )

    assert reading.values["id"] == "a"
    assert reading.values["model"] == "m"
    assert "syntax" in [problem.code for problem in reading.problems]


def test_a_byte_order_mark_shifts_nothing():
    (found,) = reading_of("\ufeffexport default { id: 'a', model: 'm' }").found

    assert found.places[("id",)].value == at(0, 21, 24)


def test_a_carriage_return_alone_ends_a_line():
    (found,) = reading_of("export default {\r  id: 'a',\r  model: 'm' }").found

    assert found.places[("id",)].value == at(1, 6, 9)


def test_half_a_surrogate_pair_is_cleaned():
    definition = definition_of(literal(systemPrompt=r"'a \ud800 b'", stepPrompt=r"'\ud83d\ude00'"))

    assert definition.system_prompt == "a \ufffd b"
    assert definition.step_prompt == "😀"


def test_a_key_given_twice_is_a_warning_at_the_first():
    (problem,) = problems_of(
        "export default {\n id: 'a',\n model: 'm',\n id: 'b', displayName: 'B' }"
    )

    assert (problem.code, problem.severity) == ("duplicate-key", Severity.WARNING)
    assert problem.range == at(1, 1, 3)


def test_a_key_that_overrides_a_spread_is_no_mistake():
    text = (
        "const base = { id: 'a', model: 'm' }\nexport default { ...base, id:'b', displayName: '' }"
    )

    assert problems_of(text) == []


def test_a_key_is_kept_secret():
    definition = definition_of(
        literal(localProvider="{ baseUrl: 'http://localhost:1/v1', apiKey: 'sk-1' }")
    )

    assert definition.local_provider.api_key.reveal() == "sk-1"
    assert "sk-1" not in repr(definition)


def test_local_provider_wins_over_provider_options():
    text = literal(
        localProvider="{ baseUrl: 'http://localhost:1/v1' }",
        providerOptions="{ baseUrl: 'http://localhost:2/v1', sort: 'price' }",
    )

    assert definition_of(text).local_provider.base_url == "http://localhost:1/v1"
    assert definition_of(text).provider_options == {"sort": "price"}
    assert [problem.code for problem in problems_of(text)] == ["provider-twice"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("toolNames", "['a_tool_of_tomorrow']"),
        ("reasoningOptions", "{ max_tokens: 1, effort: 'high' }"),
        ("compactContext", "{ cacheExpiryMs: null }"),
        ("inputSchema", "{ prompt: { type: 'string', extra: 1 }, more: true }"),
        ("outputSchema", "undefined"),
        ("mcpServers", "{ a: { url: 'x', oauth: true } }"),
        ("spawnableAgents", "[]"),
        ("anything", "{ goes: ['here'] }"),
        ("providerOptions", "{ max_price: { prompt: '1', request: 2 }, new_option: 1 }"),
    ],
)
def test_what_codebuff_accepts_is_accepted(field, value):
    assert definition_of(literal(**{field: value})).id == "one"


def test_an_unknown_form_is_a_problem():
    assert [problem.code for problem in problems_of("", "a.exe")] == ["unknown-form"]


@pytest.mark.parametrize(
    "text",
    [
        "export { default } from './other'\n",
        "export * from './other'\nexport { a as b } from './c'\n",
        "import a from './a'\nexport default a\n",
        "export type X = { id: string }\nexport const n = 1\n",
        "export default function helper() {}\n",
        "export default class A {}\n",
        "export const agentSchema = z.object({ id: z.string(), model: z.string() })\n",
        "",
    ],
)
def test_a_file_that_defines_nothing_is_silent(text):
    reading = reading_of(text)

    assert (reading.found, reading.problems, reading.may_define) == ((), (), False)
