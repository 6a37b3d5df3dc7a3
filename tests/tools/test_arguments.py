import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.core.errors import ToolError
from inhouse.core.ports import ToolSpec
from inhouse.tools import specs
from inhouse.tools.input.check_input import check_input, problem_with, usage


def outcome(name, arguments):
    try:
        return check(name, arguments), ""
    except ToolError as error:
        return None, str(error)


def check(name, arguments):
    return check_input(specs.spec(name), arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        '{"paths": ["a.py"]}',
        '{"paths": "a.py"}',
        '{"path": "a.py"}',
        '{"files": ["a.py"]}',
        '"a.py"',
        "a.py",
        '["a.py"]',
        '{"paths": "[\\"a.py\\"]"}',
        '"{\\"paths\\": [\\"a.py\\"]}"',
        '{"paths": ["a.py"',
        '{paths: ["a.py"], "cb_easp": true}',
    ],
)
def test_paths_are_found_however_they_are_given(arguments):
    assert check("read_files", arguments) == {"paths": ["a.py"]}


def test_a_scalar_becomes_a_list_of_the_right_kind():
    assert check("read_files", '{"paths": {"path": "a", "limit": "5"}}') == {
        "paths": [{"path": "a", "limit": 5}]
    }


@pytest.mark.parametrize(
    "arguments",
    [
        '{"path": "a", "replacements": [{"oldString": "x", "newString": "y"}]}',
        '{"path": "a", "replacements": {"old": "x", "new": "y"}}',
        '{"path": "a", "replacements": [{"old_str": "x", "new_str": "y"}]}',
        '{"path": "a", "old_string": "x", "new_string": "y"}',
        '{"file_path": "a", "edits": "[{\\"oldString\\": \\"x\\", \\"newString\\": \\"y\\"}]"}',
    ],
)
def test_replacements_are_found_however_they_are_given(arguments):
    assert check("str_replace", arguments) == {
        "path": "a",
        "replacements": [{"oldString": "x", "newString": "y", "allowMultiple": False}],
    }


def test_numbers_and_truth_may_be_words():
    todo = {"todos": [{"task": "a", "completed": "yes"}]}

    assert check("write_todos", json.dumps(todo))["todos"][0]["completed"] is True
    assert check("code_search", '{"pattern": "x", "maxResults": "7"}')["maxResults"] == 7
    assert check("add_subgoal", '{"id": 1, "objective": "o", "status": "in progress"}') == {
        "id": "1",
        "objective": "o",
        "status": "IN_PROGRESS",
    }


def test_an_object_may_stand_where_a_text_belongs():
    assert json.loads(check("write_file", '{"path": "a", "content": {"b": 1}}')["content"]) == {
        "b": 1
    }


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("write_file", '{"path": "a", "content": ["one", "two"]}', "not a string"),
        ("write_file", '{"path": "a", "content": {"price": 1.10}}', "not a string"),
        ("write_file", '{"path": "a", "content": 1.10}', "not a string"),
        ("write_file", '{"path": "a", "content": "x", "append": true}', "takes no 'append'"),
        ("write_file", '{"path": "a", "content": "x", "contents": "y"}', "no 'contents'"),
        ("run_terminal_command", '{"command": ["rm", "a b"]}', "not a string"),
        ("run_terminal_command", '{"command": "x", "background": true}', "no 'background'"),
        (
            "str_replace",
            '{"path": "a", "replacements": [{"oldString": "x", "newString": "y", "line": 3}]}',
            "no 'line'",
        ),
    ],
)
def test_what_would_be_changed_or_left_out_is_refused_by_tools_that_write(name, arguments, words):
    with pytest.raises(ToolError, match=words):
        check(name, arguments)


@pytest.mark.parametrize(
    "more", ['"explanation": "why"', '"append": false', '"file": "a"', '"cb_easp": true']
)
def test_what_means_nothing_else_may_stand_in_a_call(more):
    found = check("write_file", f'{{"path": "a", "content": "x", {more}}}')

    assert (found["path"], found["content"]) == ("a", "x")


def test_defaults_are_filled_in():
    assert check("run_terminal_command", "ls") == {
        "command": "ls",
        "process_type": "SYNC",
        "timeout_seconds": 30,
    }


def test_nothing_at_all_is_an_empty_object():
    assert check("end_turn", "") == check("end_turn", "null") == {}


def test_one_agent_alone_becomes_a_list():
    assert check("spawn_agents", '{"agent": "x", "prompt": "y"}') == {
        "agents": [{"agent_type": "x", "prompt": "y"}]
    }


def test_a_file_that_breaks_off_is_not_mended():
    with pytest.raises(ToolError, match="breaks off inside a string"):
        check("write_file", '{"path": "a", "content": "half a fi')


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "list_directory",
            "{}",
            "Wrong input for list_directory: 'path' is missing.  Send {\"path\": string}",
        ),
        (
            "apply_patch",
            '{"operation": {"type": "create_file", "path": "a"}}',
            "Wrong input for apply_patch: 'diff' is missing in operation.  Send",
        ),
        (
            "add_message",
            '{"role": "robot", "content": "x"}',
            "role: 'robot' is not one of ['user', 'assistant'].  Send {",
        ),
        (
            "str_replace",
            '{"path": "a", "replacements": []}',
            "replacements: [] should be non-empty",
        ),
    ],
)
def test_a_message_says_what_is_wrong_and_what_to_send(name, arguments, message):
    with pytest.raises(ToolError) as error:
        check(name, arguments)

    assert message in str(error.value)


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"paths": ' + "[" * 50_000 + "]" * 50_000 + "}"])
def test_input_that_is_nested_for_ever_is_refused(deep):
    with pytest.raises(ToolError, match="nested too deep"):
        check("read_files", deep)


def test_lone_surrogates_are_cleaned():
    assert check("think_deeply", '{"thought": "a\\ud800b"}') == {"thought": "a\ufffdb"}


def test_a_schema_that_points_elsewhere_is_never_fetched():
    assert problem_with({"$ref": "http://127.0.0.1:9/schema.json"}, 7) is None


def test_a_schema_that_is_none_allows_everything():
    assert problem_with({"type": "nonsense"}, 7) is None


def test_what_a_tool_takes_is_shown_the_way_people_write_it():
    assert usage(specs.spec("read_files")) == (
        'Send {"paths": [string | {"path": string, "offset"?: integer, "limit"?: integer}, …]}'
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.sampled_from(specs.names()), json_values.map(json.dumps) | st.text(max_size=40))
def test_any_input_is_either_right_or_refused_with_a_message(name, arguments):
    found, problem = outcome(name, arguments)

    assert (found is None) == bool(problem)
    assert found is None or problem_with(specs.spec(name).parameters, dict(found)) is None
    assert not problem or name in problem


@given(st.sampled_from(specs.names()), json_values.map(json.dumps))
def test_input_that_was_repaired_stays_as_it_is(name, arguments):
    found, _ = outcome(name, arguments)

    assert found is None or check(name, json.dumps(found)) == found


def test_a_tool_without_properties_takes_any_object():
    spec = ToolSpec("any", "", {"type": "object"})

    assert check_input(spec, '{"a": {"b": null}}') == {"a": {"b": None}}
