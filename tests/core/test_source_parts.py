"""Definitions put into their file, and never a part of one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.source_parts import (
    emptied_names,
    lost_names,
    names_inside,
    source_parts,
    with_additions,
    with_excerpt,
)

PY = (
    '"""Doc."""\nimport re\n\nLIMIT = 3\n\n\n# Says it.\ndef a(x):\n    return re.sub("a", x)\n\n\n'
    'async def b():\n    pass\n\n\nif __name__ == "__main__":\n    b()\n'
)
TS = (
    'import { x } from "./x";\n\nexport function a(n: number): number {\n  return n;\n}\n\n'
    "export const b = (n: number) => {\n  return x;\n};\n"
)


@pytest.mark.parametrize(
    ("old", "excerpt", "changed"),
    [
        (PY, "def a(x):\n    return x\n", ('re.sub("a", x)', "x")),
        (PY, "LIMIT = 4", ("LIMIT = 3", "LIMIT = 4")),
        (PY, "async def b():\n    return 1", ("    pass", "    return 1")),
        (
            PY,
            "import os\n\ndef a(x):\n    return os.x",
            ('re\n\nLIMIT = 3\n\n\n# Says it.\ndef a(x):\n    return re.sub("a", x)',
             "re\nimport os\n\nLIMIT = 3\n\n\n# Says it.\ndef a(x):\n    return os.x"),
        ),
        (TS, "export const b = (n: number) => {\n  return n;\n};", ("return x", "return n")),
        ("import re\n\n\ndef s(t):\n    return re.sub(t)\n", "def s(t):\n    return re.search(t)",
         ("sub", "search")),
    ],
)  # fmt: skip
def test_changed_definitions_stand_in_their_file(old, excerpt, changed) -> None:
    assert with_excerpt(old, excerpt) == old.replace(*changed)


@pytest.mark.parametrize(
    ("old", "text"),
    [
        (PY, PY.replace("LIMIT = 3", "LIMIT = 4")),
        (PY, "LIMIT = 3"),
        (PY, "def c():\n    pass\n"),
        (PY, "def a(x):\n    return 1\n\n\nprint(a(2))\n"),
        (PY, "def a(x):\n    return (1,\n"),
        (PY, "just words"),
        ("x = 1\nx = 2\ny = 3\n", "x = 5\n"),
        ("", "x = 1\n"),
    ],
)
def test_what_is_no_excerpt_or_only_a_part_of_a_definition_is_left_alone(old, text) -> None:
    assert with_excerpt(old, text) is None


C, D = "def c(): pass", "def d(): pass"
GUARD = '\n\n\nif __name__ == "__main__":'


@pytest.mark.parametrize(
    ("old", "text", "changed"),
    [
        (PY, f"{C}\n\n\n{D}", (GUARD, f"\n\n\n{C}\n\n\n{D}{GUARD}")),
        (PY, f"import re\n\n{C}\n", (GUARD, f"\n\n\n{C}{GUARD}")),
        (f"{D}\n", f"import os\n{C}", (D, f"import os\n\n\n{D}\n\n\n{C}")),
        (TS, "type C = { a: 1 };", ("x;\n};\n", "x;\n};\n\ntype C = { a: 1 };\n")),
    ],
)  # fmt: skip
def test_new_definitions_stand_below_those_that_are_there(old, text, changed) -> None:
    assert with_additions(old, text) == old.replace(*changed)


def test_imports_stand_above_what_is_added_and_nothing_below_what_closes_a_text() -> None:
    go = "package main\n"
    added = with_additions(go, 'import "os"\n\nfunc F() { os.Exit(1) }\n')
    assert added is not None
    assert added.index("package") < added.index("import") < added.index("func")
    assert with_additions("local M = {}\n\nreturn M\n", "function M2() end\n") is None
    guarded = f"{D}\n\n\n# Run it.\nif __name__ == '__main__':\n    d()\n"
    assert (with_additions(guarded, C) or "").index(C) < guarded.index("# Run") + len(C)


@pytest.mark.parametrize(
    "text", ["def a(): pass", "c = 3", "def c(): pass\nc()", "def c(x: pass", "words", ""]
)
def test_what_is_more_than_new_definitions_is_not_added(text) -> None:
    assert with_additions(PY, text) is None


def test_what_a_text_loses_is_named_without_its_values_unless_they_are_wanted() -> None:
    assert lost_names(PY, "def a(x): pass\n") == ("b",)
    assert lost_names(PY, "def a(x): pass\n", values=True) == ("LIMIT", "b")
    assert lost_names(TS, "") == ("a", "b")


@given(st.text(alphabet="ab=(){}#@\n \t\r\"'defimpot", max_size=80), st.text(max_size=40))
def test_the_parts_are_the_text(old, new) -> None:
    assert "".join(part.text for part in source_parts(old)) == old
    with_excerpt(old, new)
    if (added := with_additions(old, new)) is not None:
        assert set(old.split()) <= set(added.split())


@pytest.mark.parametrize(
    ("old", "new", "emptied"),
    [
        ("def f(a):\n    return a\n", 'def f(a):\n    """Doc.\n\n    More.\n    """\n', ("f",)),
        ("def f(\n    a,\n) -> int:\n    return a\n", "def f(\n    a,\n) -> int: ...\n", ("f",)),
        ("class A:\n    def f(self): return 1\n", "class A:\n    pass  # later\n", ("A",)),
        ("function f(x) {\n  return x;\n}\n", "function f(x) {\n  // TODO\n}\n", ("f",)),
        ("function f(x) {\n  return x;\n}\n", "function f(x) {}\n", ("f",)),
        ("def f(a):\n    return a\n", "def f(a): return a\n", ()),
        ("def f(a):\n    pass\n", "def f(a):\n    ...\n", ()),
        ("function f(x) {\n  return x;\n}\n", "const f = (x) => x;\n", ()),
        ("def f(a):\n    return a\n", "def f(a):\n    # why\n    return a + 1\n", ()),
    ],
)
def test_a_definition_without_its_code_is_emptied(old, new, emptied) -> None:
    assert emptied_names(old, new) == emptied


JS = "function add(a, b) {\n  return a + b;\n}\n\nfunction sub(a, b) {\n  return a - b;\n}\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("class C {\n  static add(a) {\n    return 1;\n  }\n  sub(a) {\n  }\n}\n", ("add", "sub")),
        ("class C:\n    def sub(self):\n        return add(1, 2)\n", ("sub",)),
        ("impl C {\n    pub fn add(a: i32) -> i32 { a }\n}\n", ("add",)),
        ("function f(a) {\n  if (add(a, a)) {\n    return sub(a, a);\n  }\n}\n", ()),
        ("class C {\n  " + "a " * 100_000 + "{\n  " + "(" * 100_000 + "{\n}\n", ()),
    ],
)  # fmt: skip
def test_definitions_that_became_methods_are_found_and_calls_are_none(text, found) -> None:
    assert names_inside(JS, text) == found
