"""Output is what a terminal would show in the end, before anything of it is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.tools.shell.terminal_text import CHARACTERS, Kept, shown_line


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("10%\r50%\r100%", "100%"),
        ("downloading…\rdone", "doneloading…"),
        ("downloading…\r\x1b[Kdone", "done"),
        ("downloading…\r\x1b[2Kdone", "done"),
        ("abc\b\bX", "aXc"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x1b[3Cb", "a   b"),
        ("abcdef\x1b[3Dx", "abcxef"),
        ("abc\x1b[1Gx", "xbc"),
        ("\x1b[?25lspin\x1b[?25h", "spin"),
        ("a\x00\x07b", "ab"),
        ("\x1b", ""),
        ("\x1b[999999999Cx", " x"),
    ],
)
def test_a_line_is_as_it_stands_in_the_end(raw: str, shown: str):
    assert shown_line(raw) == shown


@given(st.text(alphabet="ab\r\n\b\x1b[]0123;mKDCé", max_size=60), st.data())
def test_pieces_make_no_difference(text: str, data):
    whole, pieces = Kept(), Kept()
    whole.add(text)
    at = 0
    while at < len(text):
        size = data.draw(st.integers(1, 7))
        pieces.add(text[at : at + size])
        at += size

    assert pieces.text() == whole.text()
    assert not set(whole.text()) & {"\r", "\x1b"}


def test_a_progress_bar_takes_no_room_of_what_matters():
    kept = Kept()
    kept.add("first\n")
    for percent in range(100_000):
        kept.add(f"\r{percent:>6} of 100000 {'#' * 40}")
    kept.add("\nerror: the reason\n")

    text = kept.text()
    assert text.startswith("first\n")
    assert text.endswith("error: the reason\n")
    assert "left out" not in text
    assert len(text) < 200


def test_much_text_keeps_its_beginning_and_its_end():
    kept = Kept()
    for number in range(20_000):
        kept.add(f"line {number}\n")

    text = kept.text()
    assert text.startswith("line 0\n")
    assert text.endswith("line 19999\n")
    assert "characters left out" in text
    assert len(text) < CHARACTERS + 100
