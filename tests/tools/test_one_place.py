"""Where an edit goes: exactly one place, and nothing beside it changes."""

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.errors import ToolError
from inhouse.core.hunks import lines, unified_diff
from inhouse.tools import specs
from inhouse.tools.edit.new_text import whole_text, with_line_ends
from inhouse.tools.edit.patch import check_target, updated
from inhouse.tools.edit.replace import Replacement, replace, replace_one
from inhouse.tools.input.check_input import check_input

DEPTHS = st.lists(st.integers(0, 3), min_size=3, max_size=10)
ENDS = st.sampled_from(["\n", "\r\n"])


@st.composite
def indented(draw):
    """A file indented with tabs, each line with its own end, and how a model writes it."""
    depths = draw(DEPTHS)
    ends = [draw(ENDS) for _ in depths]
    start = draw(st.integers(0, len(depths) - 1))
    end = draw(st.integers(start + 1, len(depths)))
    at = draw(st.integers(start, end - 1))
    file = [
        f"{chr(9) * d}word{n}({n},\t{n}){e}"
        for n, (d, e) in enumerate(zip(depths, ends, strict=True))
    ]
    model = [f"{'    ' * d}word{n}({n}, {n})\n" for n, d in enumerate(depths)]
    return file, model, start, end, at


@given(indented(), st.booleans())
def test_white_space_that_is_matched_loosely_is_rewritten_nowhere(case, as_patch):
    file, model, start, end, at = case
    old, new = model[start:end], list(model[start:end])
    new[at - start] = model[at].replace(f"word{at}", "changed")
    expected = [*file]
    expected[at] = file[at].replace(f"word{at}", "changed")
    if as_patch:
        file = [line.replace(",\t", ", ") for line in file]  # only str_replace looks into lines
        expected = [line.replace(",\t", ", ") for line in expected]
        body = [
            f" {line}" if n != at - start else f"-{line}+{new[n]}" for n, line in enumerate(old)
        ]
        found = updated("".join(file), "@@\n" + "".join(body)).text
    else:
        found, _ = replace_one("".join(file), Replacement("".join(old), "".join(new)))

    assert found == "".join(expected)


@given(indented())
def test_new_lines_get_the_files_unit_of_indentation(case):
    file, model, start, end, at = case
    depth = len(file[at]) - len(file[at].lstrip("\t"))
    old = "".join(model[start:end])
    added = f"{'    ' * (depth + 1)}added()\n"
    new = "".join([*model[start : at + 1], added, *model[at + 1 : end]])

    try:
        found, note = replace_one("".join(file), Replacement(old, new))
    except ToolError:
        return
    [line] = [line for line in lines(found) if "added" in line]
    if note and depth:
        assert line.rstrip("\r\n") == "\t" * (depth + 1) + "added()"
    assert [each for each in lines(found) if each is not line and "added" not in each] == file


@given(
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=12),
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3),
)
def test_an_edit_has_one_place_or_an_error_that_lists_the_lines(text, old):
    file = "".join(f"{line}\n" for line in text)
    wanted = "".join(f"{line}\n" for line in old)
    places = [
        n + 1
        for n in range(len(text))
        if file.split("\n")[n : n + len(old)] == old and n + len(old) <= len(text)
    ]
    diff = "@@\n" + "".join(f"-{line}\n" for line in old) + "+new"

    for change in (
        lambda: replace_one(file, Replacement(wanted, "new\n"))[0],
        lambda: updated(file, diff).text,
    ):
        if len(places) > 1:
            with pytest.raises(ToolError, match="at lines"):
                change()
        elif len(places) == 1:
            rest = [*text[: places[0] - 1], "new", *text[places[0] - 1 + len(old) :]]
            assert change() == "".join(f"{line}\n" for line in rest)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), ENDS), max_size=10),
    st.lists(st.sampled_from("abcd"), max_size=10),
)
def test_lines_that_stay_keep_their_bytes(file, new):
    original = "".join(letter + end for letter, end in file)

    found = with_line_ends(original, "".join(f"{letter}\n" for letter in new))

    assert found.replace("\r\n", "\n") == "".join(f"{letter}\n" for letter in new)
    if [letter for letter, _ in file] == new:
        assert found == original
    if file and all(end == "\r\n" for _, end in file):
        assert "\n" not in found.replace("\r\n", "")


ODD = [
    *("a", "b", "  a", "\ta", "", " ", "x = 1", "-- x", "++ y", "@@ z", "\\ q", "```", "a\rb"),
    *("a\u2028b", "a\x0cb", "\u00e9", "\u201cq\u201d", "*** End of File", "*** End Patch"),
]


@st.composite
def two_texts(draw):
    """A text of odd lines and another made from it, all in one kind of line ends."""
    end = draw(ENDS)
    old = draw(st.lists(st.sampled_from(ODD), max_size=8))
    new: list[str] = []
    for line in old:
        kind = draw(st.sampled_from(["keep"] * 4 + ["drop", "change", "add"]))
        new += (
            [] if kind == "drop" else [line] if kind != "change" else [draw(st.sampled_from(ODD))]
        )
        new += [draw(st.sampled_from(ODD))] if kind == "add" else []
    ends = [draw(st.sampled_from(["", end])) for _ in "ab"]
    return [
        end.join(lines) + (last if lines else "")
        for lines, last in zip((old, new), ends, strict=True)
    ]


@given(two_texts(), st.booleans())
def test_a_unified_diff_gives_the_very_text_it_was_made_from(texts, with_header):
    old, new = texts
    diff = unified_diff("f", old, new)
    if not diff:
        return

    assert updated(old, diff if with_header else diff[diff.index("@@") :]).text == new


@given(
    st.lists(st.tuples(st.sampled_from(ODD), ENDS), min_size=1, max_size=8),
    st.data(),
    st.sampled_from(["", "Z", "Z\nY\n", "\n", "Z\nY"]),
)
def test_nothing_beside_the_place_of_a_replacement_changes(rows, data, new):
    text = "".join(line + end for line, end in rows)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    old = text[start:end].replace("\r\n", "\n")
    if "\r\n" in (text[start - 1 : start + 1], text[end - 1 : end + 1]) or old == new:
        return

    try:
        found, _ = replace_one(text, Replacement(old, new))
    except ToolError:
        plain = text.replace("\r\n", "\n")
        places = [at for at in range(len(plain)) if plain.startswith(old, at)]  # they may overlap
        assert not old.strip() or len(places) > 1
        return

    assert found.startswith(text[:start])
    assert found.endswith(text[end:])
    assert found[start : len(found) - len(text) + end].replace("\r\n", "\n") == new


@pytest.mark.parametrize(
    ("text", "old", "new", "expected"),
    [
        ("say(“Hello”)\n", 'say("Hello")', 'say("Hello", 1)', "say(“Hello”, 1)\n"),
        (
            unicodedata.normalize("NFD", "café = 1\n"),
            "café = 1",
            "café = 2",
            unicodedata.normalize("NFD", "café") + " = 2\n",
        ),
        ("a\u00a0=\u00a01\n", "a = 1", "a = 2", "a\u00a0=\u00a02\n"),
        ("it\u2019s \u2014 fine\n", "it's - fine", "it's - good", "it\u2019s \u2014 good\n"),
        ("print('a  b', x )\n", "print('a b', x)", "print('a b', y)", "print('a  b', y )\n"),
        ("one\r\ntwo\nthree\n", "one\ntwo", "ONE\ntwo", "ONE\r\ntwo\nthree\n"),
    ],
)
def test_the_files_own_letters_are_kept(text, old, new, expected):
    assert replace(text, [Replacement(old, new)]).text == expected


CLASSES = (
    "class A:\n  def f():\n    x = 1\nclass B:\n  def f():\n    x = 1\n  def g():\n    x = 1\n"
)


@pytest.mark.parametrize(
    ("anchors", "line"),
    [(["class A:", "def f():"], 3), (["class B:", "def f():"], 6), (["class B:", "def g():"], 8)],
)
def test_nested_anchors_narrow_in_order(anchors, line):
    diff = "".join(f"@@ {each}\n" for each in anchors) + "-    x = 1\n+    x = 2\n"

    changed = updated(CLASSES, diff).text

    assert [n for n, each in enumerate(lines(changed), 1) if "2" in each] == [line]


@pytest.mark.parametrize(
    ("diff", "words"),
    [
        ("@@\n-    x = 1\n+    x = 2", "at lines 3, 6, 8"),
        ("@@ class B:\n-    x = 1\n+    x = 2", "at lines 6, 8"),
        ("@@ def f():\n-    x = 1\n+    x = 2", "at lines 3, 6"),
        ("@@ class A:\n@@ def g():\n-    x = 1\n+    x = 2", "There is no 'class A:' → 'def g():'"),
        ("@@ class C:\n+    y = 1", "There is no 'class C:'"),
        ("@@\n+    y = 1", "does not say where"),
    ],
)
def test_a_patch_without_one_place_is_refused_with_the_lines(diff, words):
    with pytest.raises(ToolError, match=re.escape(words)):
        updated(CLASSES, diff)


@pytest.mark.parametrize("number", [3, 6, 8])
def test_the_numbers_of_a_unified_diff_choose_among_equal_places(number):
    changed = updated(CLASSES, f"@@ -{number} +{number} @@\n-    x = 1\n+    x = 2").text

    assert [n for n, each in enumerate(lines(changed), 1) if "2" in each] == [number]


@pytest.mark.parametrize(
    ("diff", "kind", "words"),
    [
        ("*** Begin Patch\n*** Update File: b.txt\n@@\n-a\n+b", "update_file", "is for 'b.txt'"),
        ("--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-a\n+b", "update_file", "is for 'b.txt'"),
        (
            "*** Update File: src/a.txt\n@@\n-a\n+b\n*** Update File: b.txt\n@@\n-a\n+b",
            "update_file",
            "2 files",
        ),
        ("*** Update File: src/a.txt\n*** Move to: c.txt\n@@\n-a\n+b", "update_file", "moves"),
        ("rename from src/a.txt\nrename to c.txt\n@@\n-a\n+b", "update_file", "moves"),
        ("--- /dev/null\n+++ b/src/a.txt\n@@ -0,0 +1 @@\n+b", "update_file", "Add File"),
        ("--- a/src/a.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-a", "update_file", "Delete File"),
        ("*** Add File: src/a.txt\n+b", "update_file", "Add File"),
    ],
)
def test_a_patch_for_another_file_is_refused_whole(diff, kind, words):
    with pytest.raises(ToolError, match=words):
        check_target(diff, kind, "src/a.txt")


@pytest.mark.parametrize("named", ["src/a.txt", "a/src/a.txt", "./src/a.txt", "/w/src/a.txt"])
def test_a_patch_that_names_its_file_in_another_way_is_taken(named):
    check_target(
        f"*** Begin Patch\n*** Update File: {named}\n@@\n-a\n+b", "update_file", "src/a.txt"
    )


@pytest.mark.parametrize(
    ("old", "content", "name", "expected"),
    [
        (None, "\nx\n", "a.py", "x\n"),
        (None, "```python\nx = 1\n```", "a.py", "x = 1\n"),
        (None, "```python\nx = 1\n```", "a.md", "```python\nx = 1\n```\n"),
        (None, "x", "a.py", "x\n"),
        (None, "", "a.py", ""),
        ("a\r\nb\n", "a\nc\n", "a.txt", "a\r\nc\n"),
        ("\na", "\nb", "a.txt", "\nb"),
    ],
)
def test_what_wraps_a_new_text_is_taken_off(old, content, name, expected):
    assert whole_text(old, content, name=name)[0] == expected


@pytest.mark.parametrize("old", [None, "x = 1\n"])
@pytest.mark.parametrize(
    "content",
    [
        r"def f():\n    return \"a\"\n",
        r"a: 1\nb: 2\nc: 3",
        r"function f() {\n  g('a')\n  h()\n}\n",
        r"\n\nimport a\nb = r\"\\d\"\n",
        r"/* f */\nint f() {\n  return 1;\n}\n",
        r"for (;;) {\n\tf(1,\n\t\t2);\n}",
    ],
)
def test_a_text_that_was_escaped_twice_is_told_and_not_written(old, content):
    with pytest.raises(ToolError, match="Send real ones"):
        whole_text(old, content, name="a.py")
    for more in ("\n", "\n\n"):  # as the message says; a form in tags loses one of them
        assert whole_text(old, content + more, name="a.py")[0] == content + more
    assert whole_text(r"a\nb", content, name="a.py")[0].rstrip("\n") == content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", r'{"a": "x\ny\nz\n"}'),
        ("a.py", r"print('x\n', \"it's\n\")"),
        ("a.py", r"one \n alone"),
        ("a.py", r"a\\nb\\nc"),
        ("a.py", r"\newcommand{\nabla}{x} \newline \nu"),
        ("a.tex", r"x^2\nu y\nabla z"),
        ("a.md", r"\section{A b}\nu c\nabla d"),
        ("a.bat", r"cd C:\new\nodes\next"),
        ("a.bat", r"copy C:\new C:\nodes C:\next"),
        ("a.txt", r"^(\r?\n){2,}\n$"),
        ("a.js", r"s.split(/\n/).join(/\n/)"),
        ("a.js", r"const a = `one:\n  two;\n  three`;"),
    ],
)
def test_a_line_that_has_such_characters_itself_is_written(name, content):
    assert whole_text(None, content, name=name)[0].rstrip("\n") == content


VALUE = st.text(alphabet=st.sampled_from("ab\n\r\t \"'\\{}[],:#é😀"), max_size=25)


def _raw(value: str) -> str:
    """Write a JSON string as models do that leave line breaks and tabs as they are."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(VALUE, VALUE, st.sampled_from(["", ",", "}", " }"]), st.booleans())
def test_values_stay_what_they_are_however_the_json_is_broken(path, content, mark, bare):
    key = "content" if bare else '"content"'
    ending = {"": "", ",": ",}", "}": "}}", " }": " }"}[mark]
    arguments = f'{{"path": {_raw("p" + path)}, {key}: {_raw(content)}{ending}'

    found = check_input(specs.spec("write_file"), arguments)

    assert (found["path"], found["content"]) == ("p" + path, content)


@given(VALUE, VALUE, st.data())
def test_a_guess_is_never_written(path, content, data):
    """Whatever is cut out of the arguments, a text comes through whole or not at all."""
    arguments = json.dumps({"path": "p" + path, "instructions": "", "content": content})
    at = data.draw(st.integers(0, len(arguments) - 1))
    broken = arguments[:at]

    try:
        found = check_input(specs.spec("write_file"), broken)
    except ToolError:
        return

    assert found["content"] == content


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('{"path": "a", "content": "x"}{"path": "b", "content": "y"}', "two values in a row"),
        ('{"path": "a", "content": "say "hi" now"}', "nothing was done"),
        ("{'path': 'a', 'content': 'x'}", "nothing was done"),
        ('{"path": "a", "path": "b", "content": "x"}', "'path' twice"),
        ('{"path": "a", "content": "x"} and more', "other text after"),
    ],
)
def test_input_that_only_a_guess_would_mend_is_refused_for_tools_that_write(arguments, words):
    with pytest.raises(ToolError, match=words):
        check_input(specs.spec("write_file"), arguments)
