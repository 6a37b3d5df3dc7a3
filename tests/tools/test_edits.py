"""Hunks: any of them, in any order, on the text they were made for or on one that moved."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.hunks import (
    apply_hunks,
    hunks,
    lines,
    rebase,
    rebased_text,
    shifted,
    text_edits,
    unified_diff,
)
from inhouse.core.text import Position, Range

LINE = st.sampled_from(["a", "b", "c", "", "  x", "ü😀", "\f", "z\r", "q\r\r", "\u2028"])
TEXT = st.builds(
    lambda parts, last: "\n".join(parts) + last,
    st.lists(LINE, max_size=30),
    st.sampled_from(["", "\n", "\r\n"]),
)


@given(TEXT, TEXT, st.randoms())
def test_hunks_one_by_one_in_any_order_equal_all_at_once(old: str, new: str, random):
    found = list(hunks(old, new))
    random.shuffle(found)
    text, done = old, []

    for hunk in found:
        text = apply_hunks(text, [shifted(hunk, done)])
        done.append(hunk)
        assert text == apply_hunks(old, done)

    assert text == new


@given(TEXT, TEXT, st.randoms())
def test_hunks_that_were_applied_before_do_not_disturb_the_others(old: str, new: str, random):
    found = list(hunks(old, new))
    chosen = [hunk for hunk in found if random.random() < 0.5]
    rest = [hunk for hunk in found if hunk not in chosen]

    text = apply_hunks(old, chosen)

    assert apply_hunks(text, [shifted(hunk, chosen) for hunk in rest]) == new


@given(TEXT, TEXT)
def test_an_editors_edits_make_the_same_text(old: str, new: str):
    assert _as_an_editor(old, text_edits(old, hunks(old, new))) == new


@given(TEXT, TEXT)
def test_lines_joined_are_the_text(old: str, new: str):
    assert "".join(lines(old)) == old
    assert "".join(lines(new)) == new


@given(
    st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12)
)
def test_git_applies_the_unified_diff(old_lines: list[str], new_lines: list[str]):
    """Checked through the counts here; one real Git below."""
    old, new = "".join(f"{x}\n" for x in old_lines), "".join(f"{x}\n" for x in new_lines)
    diff = unified_diff("f", old, new)

    minus = sum(line.startswith("-") and not line.startswith("---") for line in lines(diff))
    plus = sum(line.startswith("+") and not line.startswith("+++") for line in lines(diff))

    assert len(new_lines) - len(old_lines) == plus - minus


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("".join(f"{n}\n" for n in range(40)), "x\n" + "".join(f"{n}\n" for n in range(3, 45))),
        ("a\r\nb\r\nc", "a\r\nB\r\nc\r\nd"),
        ("a\n", "a"),
        ("", "new\n"),
        ("gone\n", ""),
    ],
)
def test_a_real_git_applies_the_diff(tmp_path: Path, old: str, new: str):
    (tmp_path / "f").write_bytes(old.encode())

    diff = unified_diff("f", old, new)
    subprocess.run(
        ["git", "apply", "--unidiff-zero", "-"],
        cwd=tmp_path,
        input=diff.encode(),
        check=True,
    )

    assert (tmp_path / "f").read_bytes() == new.encode()


def test_changes_far_apart_are_hunks_of_their_own():
    old = "".join(f"{n}\n" for n in range(20))
    new = old.replace("3\n", "three\n", 1).replace("15\n", "fifteen\n")

    assert [hunk.new for hunk in hunks(old, new)] == [("three\n",), ("fifteen\n",)]


def test_a_change_moves_with_its_lines():
    old = "".join(f"line {n}\n" for n in range(20))
    new = old.replace("line 10\n", "LINE 10\n")

    assert rebased_text(old, new, "above\n" + old + "below\n") == "above\n" + new + "below\n"


@pytest.mark.parametrize(
    "current",
    [
        "".join(f"line {n}\n" for n in range(20)).replace("line 5\n", "line five\n"),
        "".join(f"line {n}\n" for n in range(20)) * 2,
        "",
    ],
)
def test_a_change_without_one_exact_place_is_refused(current: str):
    old = "".join(f"line {n}\n" for n in range(20))
    new = old.replace("line 5\n", "LINE 5\n")

    assert rebased_text(old, new, current) is None
    assert rebase(hunks(old, new), current).hunks == ()


def test_creating_and_deleting_are_exact_or_refused():
    assert rebased_text(None, "new", None) == "new"
    assert rebased_text(None, "new", "already there") is None
    assert rebased_text("old", None, "old, changed") is None


def test_positions_count_utf_16_units_and_the_editors_line_ends():
    old = "a\rb\r\n😀 end"

    [edit] = text_edits(old, hunks(old, "a\rb\r\n😀 END"))

    assert edit.range == Range(Position(2, 0), Position(2, 6))


def test_a_large_difference_takes_no_time():
    old = "".join(f"a{n}\n" for n in range(40_000))
    new = "".join(f"b{n}\n" for n in range(40_000))

    assert len(hunks(old, new)) == 1


@pytest.mark.timeout(30)
def test_lines_that_stand_everywhere_take_no_time():
    old = "".join("a\n" if number % 2 else "b\n" for number in range(6_000))
    new = "".join("b\n" if number % 3 else "a\n" for number in range(6_000))

    assert apply_hunks(old, hunks(old, new)) == new


def _as_an_editor(text: str, edits) -> str:
    """Apply text edits as an LSP client does: from the bottom, by UTF-16 positions."""
    for edit in reversed(edits):
        start, end = _offset(text, edit.range.start), _offset(text, edit.range.end)
        text = text[:start] + edit.text + text[end:]
    return text


def _offset(text: str, position: Position) -> int:
    starts, at = [0], 0
    while at < len(text):
        size = 2 if text.startswith("\r\n", at) else 1
        if text[at] in "\r\n":
            starts.append(at + size)
        at += size
    at = starts[position.line]
    units = 0
    while units < position.character:
        units += 2 if ord(text[at]) > 0xFFFF else 1
        at += 1
    return at
