"""Where an error stands in the text of the user, though only another text was run."""

import pytest

from inhouse.definitions.sandbox.error_locations import (
    import_place,
    name_place,
    original_place,
    syntax_place,
)

ORIGINAL = """// a comment
import type { A } from './a'

interface B { id: string; run(): void }

const make = (id: string, count: number = 1): B => ({ id, 'run'() {} }) as B

export default make(missing as string)
"""
SHOWN = """const make = (id, count = 1) => ({
\tid,
\t"run"() {}
});
export default make(missing);
"""


def test_a_token_is_found_in_the_text_with_its_types():
    assert original_place(ORIGINAL, SHOWN, 4, 20) == (7, 20)
    assert original_place(ORIGINAL, SHOWN, 2, 1) == (5, 58)


def test_a_text_without_types_is_its_own_original():
    assert original_place("a\n  b", "a\n  b", 1, 2) == (1, 2)


@pytest.mark.parametrize("lines", [10, 3000])
def test_a_place_is_found_in_short_and_in_long_texts(lines):
    original = "".join(
        f"const a{number}: Array<number> = f({{ a: {number}, b: [1, 2, 'x'] as const }})\n"
        for number in range(lines)
    )
    shown = original.replace(": Array<number>", "").replace(" as const", "").replace("'", '"')
    shown = shown.replace("\n", ";\n")
    line = lines - 3

    column = shown.splitlines()[line].index("f(")
    expected = original.splitlines()[line].index("f(")

    assert original_place(original, shown, line, column) == (line, expected)


@pytest.mark.parametrize(
    ("original", "shown"), [("", "a"), ("a", ""), ("x", "y"), ("'", '"'), ("`${", "\n\n\n")]
)
def test_what_does_not_match_gives_some_place_and_never_fails(original, shown):
    for line in (0, 1, 10**9):
        found = original_place(original, shown, line, 10**9)
        assert found[0] <= original.count("\n")


def test_an_import_is_found_by_what_it_names_and_not_in_a_comment():
    text = "// from './a'\nconst s = './a'\nimport x from './a'\n"

    assert import_place(text, "./a") == (2, 14)
    assert import_place("const a = await import('./a')", "./a") == (0, 23)
    assert import_place("nothing", "./a") == (0, 0)


def test_a_name_is_found_where_it_is_used_and_not_where_it_is_only_written():
    text = "const a = { b: 'b', c: x.b }\nconst d = `b ${b}`\n"

    assert name_place(text, "b", (0, 0), tsx=False) == (1, 15)
    assert name_place(text, "nowhere", (1, 2), tsx=False) == (1, 2)


def test_columns_count_utf_16_units():
    assert syntax_place("const a = '😀'; const = 1", tsx=False)[1] > 15


def test_a_syntax_error_is_found_and_a_good_text_has_none():
    assert syntax_place("const a = 1\nconst b: = 2\n", tsx=False)[0] == 1
    assert syntax_place("const a = <b />\n", tsx=True) == (0, 0)
