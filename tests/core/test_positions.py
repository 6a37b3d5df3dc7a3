"""Places are counted as LSP counts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core import positions
from inhouse.core.text import Position, Range

TEXTS = st.text(alphabet="ab😀é\r\n\f\x85\u2028", max_size=30)


@given(TEXTS, st.data())
def test_an_offset_survives_the_way_to_a_position_and_back(text, data):
    offset = data.draw(st.integers(0, len(text)))
    if text[offset - 1 : offset + 1] == "\r\n":  # No position lies inside of a line's end.
        return
    line_end = text[:offset].endswith(("\r", "\n"))

    assert positions.offset_at(text, positions.position_at(text, offset)) == offset or line_end


@pytest.mark.parametrize("separator", ["\f", "\x0b", "\x1c", "\x85", "\u2028"])
def test_only_line_feeds_and_carriage_returns_end_lines(separator):
    text = f"a{separator}b\nc"

    assert positions.position_at(text, len(text)) == Position(1, 1)


def test_columns_count_utf16():
    text = "😀x\n"

    assert positions.position_at(text, 1) == Position(0, 2)
    assert positions.offset_at(text, Position(0, 2)) == 1


@pytest.mark.parametrize(
    ("text", "where", "new", "expected"),
    [
        ("a\nb\n", Range(Position(1, 0), Position(1, 1)), "x", "a\nx\n"),
        ("a\r\nb", Range(Position(0, 1), Position(1, 0)), "", "ab"),
        ("a", Range(Position(9, 0), Position(9, 9)), "z", "az"),
        ("a\fb\nc", Range(Position(0, 2), Position(0, 3)), "B", "a\fB\nc"),
        ("ab", Range(Position(0, 50), Position(0, 50)), "!", "ab!"),
    ],
)
def test_a_range_is_replaced_exactly(text, where, new, expected):
    assert positions.replace(text, where, new) == expected
