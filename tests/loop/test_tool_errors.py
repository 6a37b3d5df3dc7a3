"""Advice in our own errors names only tools that the model has, and reading it takes no time."""

import pytest

from inhouse.loop.tool_errors import advised

KNOWN = frozenset({"read_files", "glob", "code_search", "write_file"})


def test_advice_that_needs_another_tool_is_left_out() -> None:
    text = "It is gone.  Find it with code_search, glob or read_files.  Or begin with write_file."

    assert advised(text, {"glob"}, KNOWN) == "It is gone.  Find it with glob."
    assert advised(text, KNOWN, KNOWN) == text


@pytest.mark.parametrize("again", ["a", "a_", "a, ", "a or ", ". ", " "])
def test_a_text_of_a_megabyte_that_an_error_quotes_is_read_once(again: str) -> None:
    advised("No tool 'read_files " + again * (500_000 // len(again)), {"glob"}, KNOWN)
