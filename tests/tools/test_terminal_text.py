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


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("one\ntwo\n\x1b[2AONE\n\x1b[Bthree\n", "ONE\ntwo\nthree\n"),
        ("a\nb\nc\n\x1b[3A\x1b[Jdone\n", "done\n"),
        ("pull 1\npull 2\n" + "\x1b[1F\x1b[2Kpull 2: 50%\n" * 90, "pull 1\npull 2: 50%\n"),
        ("make\n\x1b[?1049h\x1b[2J\x1b[Hpager\n~\n~\x1b[?1049lok\n", "make\nok\n"),
        ("old\n\x1b[2J\x1b[Hnew\n", "new\n"),
        ("top\n\x1b7below\x1b8\x1b[KX\n", "top\nX\n"),
        ("a\nb\n\x1b[1;1HX\x1b[2;3HY\n", "X\nb Y\n"),
        ("a\nb\x1bMX\x1b[s\n\x1b[uY", "aXY\nb"),
        ("abc\x1b[2D\x1b[Px\x1b[Xz", "axz"),
        ("1\n2\n3\n\x1b[2A\x1b[M\x1b[Lnew\n", "1\nnew\n3"),
    ],
)
def test_rows_are_as_they_stand_in_the_end(raw: str, shown: str):
    kept = Kept()
    kept.add(raw)

    assert kept.text() == shown


def test_what_has_left_the_screen_is_not_drawn_over():
    kept = Kept()
    kept.add("".join(f"line {number}\n" for number in range(100)) + "\x1b[99AX")

    lines = kept.text().split("\n")
    assert [number for number, line in enumerate(lines) if line != f"line {number}"] == [77]
    assert lines[77] == "Xine 77"


@given(st.text(alphabet="ab\r\n\b\x1b[]0123;mKDCéABHJMLsuh78?149", max_size=60), st.data())
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
