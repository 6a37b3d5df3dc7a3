"""What clients send with a command, in all their ways."""

import pytest

from inhouse.core.errors import UserError
from inhouse.core.text import Position, Range
from inhouse.lsp.contract import arguments
from inhouse.lsp.contract.arguments import structure, usage


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([{"agent": "a", "prompt": "b"}], ("a", "b")),
        (["a", "b"], ("a", "b")),
        (["a", "b", "c"], ("a", "b c")),
        ([["a", "b"]], ("a", "b")),
        (["a", {"prompt": "b"}], ("a", "b")),
        ([{"agent": "a", "prompt": None}], ("a", "")),
        ([{"agent": "a", "unknown": 1}], ("a", "")),
        ([None, "a"], ("a", "")),
    ],
)
def test_a_run_is_understood(given, expected):
    run = structure("inhouse.run", given, arguments.RunArguments)

    assert (run.agent, run.prompt) == expected


def test_an_empty_table_of_lua_is_an_empty_object():
    given = [{"agent": "a", "params": []}]

    assert structure("inhouse.run", given, arguments.RunArguments).params == {}


def test_a_range_that_was_selected_backwards_is_turned():
    ends = {"start": {"line": 3, "character": 1}, "end": {"line": 1, "character": 2}}
    run = structure("inhouse.run", [{"agent": "a", "range": ends}], arguments.RunArguments)

    assert run.range == Range(Position(1, 2), Position(3, 1))


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ({}, "'agent' is missing"),
        ({"agent": ["a"]}, "'agent' must be string, not an array"),
        ({"agent": "a", "streamToken": 1.5}, "'streamToken' must be string | number"),
        ({"agent": "a", "streamToken": True}, "'streamToken' must be string | number"),
        ({"agent": "a", "range": {"start": {"line": -1, "character": 0}}}, "'range' must be Range"),
        ({"agent": "a", "showTranscript": "yes"}, "'showTranscript' must be boolean"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_work(argument, says):
    with pytest.raises(UserError) as raised:
        structure("inhouse.run", [argument], arguments.RunArguments)

    assert says in str(raised.value)
    assert "It takes {agent?: string, prompt?: string" in str(raised.value)


def test_usage_is_written_as_the_contract_does():
    assert usage(arguments.RunId) == "{runId: string}"
    assert usage(arguments.ListArguments) == "{limit?: number, earlier?: boolean}"
