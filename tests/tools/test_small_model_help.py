"""What helps a small model: the view of the project, near paths, searches that mean the text."""

import pytest

from inhouse.tools.files.overlay import seen
from inhouse.tools.project_view import named_files, project_view
from support.workspaces import bench

FILES = {
    "app/calc.py": "def add(a, b):\n    return a + b\n",
    "app/other.py": "class Other:\n    pass\n",
    "tests/test_calc.py": "from app.calc import add\n",
    ".env": "KEY=secret-value\n",
    "notes.md": "see array.push(x) here\n",
}
ALL = ("read_files", "write_file", "code_search")


async def test_files_that_the_prompt_names_are_shown_with_the_outline(tmp_path):
    made = bench(tmp_path, FILES)

    view = await project_view(made.context, "Fix add in calc.py, as app/other.py does.", ALL)

    assert view.files == (
        "app/calc.py\n```python\ndef add(a, b):\n    return a + b\n```\n\n"
        "app/other.py\n```python\nclass Other:\n    pass\n```"
    )
    assert view.named == ("app/calc.py", "app/other.py")
    assert "calc.py add" in view.outline


async def test_without_a_name_the_files_that_seem_to_be_meant_are_shown(tmp_path):
    made = bench(tmp_path, FILES)

    view = await project_view(made.context, "Make the calc functions work for texts", ALL)

    assert view.files.startswith("app/calc.py\n")
    assert view.named == ()


@pytest.mark.parametrize("tools", [(), ("end_turn",)])
async def test_an_agent_that_may_not_read_is_shown_nothing(tmp_path, tools):
    made = bench(tmp_path, FILES)

    view = await project_view(made.context, "Fix calc.py", tools)

    assert (view.outline, view.files) == ("", "")


async def test_what_tools_may_not_read_is_never_shown(tmp_path):
    made = bench(tmp_path, FILES)

    view = await project_view(made.context, "Read .env and ../outside.txt and /etc/passwd", ALL)

    assert "secret-value" not in view.files + view.outline
    assert "root:" not in view.files


async def test_the_view_stays_within_its_budget(tmp_path):
    many = {f"src/module_{n}.py": f"def function_{n}(): pass\n" * 50 for n in range(300)}
    made = bench(tmp_path, many)

    view = await project_view(
        made.context, " ".join(f"module_{n}.py" for n in range(300)), ALL, window=4096
    )

    assert len(view.outline) < 4 * 200
    assert 0 < len(view.files) <= 4 * 1024


async def test_a_name_that_several_files_have_is_no_name(tmp_path):
    made = bench(tmp_path, {"a/x.py": "", "b/x.py": "", "b/y.py": ""})

    assert named_files(await seen(made.context), "x.py, y.py, b/x.py.") == ["b/y.py", "b/x.py"]


@pytest.mark.parametrize(
    ("asked", "near"),
    [("src/calc.py", "app/calc.py"), ("app/calcs.py", "app/calc.py"), ("zzz.py", None)],
)
async def test_a_missing_path_is_told_with_the_nearest_that_exists(tmp_path, asked, near):
    made = bench(tmp_path, FILES)

    told = await made.tools["read_files"].run("1", {"paths": [asked]})

    assert told.value[0]["content"] == "[FILE_DOES_NOT_EXIST]"
    assert (f"Did you mean {near!r}?" in told.value[0]["message"]) is (near is not None)


@pytest.mark.parametrize("pattern", ["array.push(x)", "push(x", "push(x)"])
async def test_a_search_without_a_match_is_tried_as_the_text_it_is(tmp_path, pattern):
    made = bench(tmp_path, FILES)

    found = await made.tools["code_search"].run("1", {"pattern": pattern})

    assert "array.push(x) here" in found["stdout"]
    assert "this is what has its text" in found["message"]
