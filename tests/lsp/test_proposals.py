"""Changes that wait find their place in a text that changes, or say that they have none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.hunks import Hunk, apply_hunks
from inhouse.core.ports import Edit
from inhouse.lsp.edits.pending_hunks import Pending, place, placed, proposed_text, with_change

PATH = Path("/w/a.py")
PATTERN = Pending("edit-1", "run-1", "a", PATH, None, Hunk(0, (), ()))
LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "x = 1\n", "\n"]), max_size=12)


def propose(old, new, waiting=(), name="edit-1"):
    from attrs import evolve

    edit = Edit(PATH, proposed_text(list(waiting), old), new)
    return with_change(list(waiting), old, edit, evolve(PATTERN, id=name, base=old))


@given(LINES, LINES)
def test_all_that_waits_together_is_the_proposed_text(old, new):
    old, new = "".join(old), "".join(new)

    assert proposed_text(propose(old, new), old) == new


@given(LINES, LINES, LINES)
def test_a_later_proposal_stacks_on_an_earlier_one(old, middle, new):
    old, middle, new = "".join(old), "".join(middle), "".join(new)
    first = propose(old, middle)

    assert proposed_text(propose(old, new, first, "edit-2"), old) == new


def test_a_hunk_that_was_there_keeps_its_id_and_its_run():
    old = "".join(f"{number}\n" for number in range(30))
    first = propose(old, old.replace("5\n", "five\n", 1))
    second = propose(
        old, old.replace("5\n", "five\n", 1).replace("20\n", "twenty\n"), first, "edit-2"
    )

    assert [each.id for each in second] == ["edit-1.1", "edit-2.2"]


def test_lines_typed_above_or_below_move_a_change_exactly():
    old = "a\na\na\nb\n"  # Three lines alike: the context alone would not tell them apart.
    (change,) = propose(old, "a\na\nX\nb\n")

    assert place(change, "new\n" + old).start == 3
    assert place(change, old + "more\n").start == 2


def test_a_change_whose_lines_were_typed_over_has_no_place_until_that_is_undone():
    old = "one\ntwo\nthree\n"
    (change,) = propose(old, "one\nTWO\nthree\n")

    assert place(change, "one\ntwo!\nthree\n") is None
    assert place(change, old).start == 1


@given(LINES, LINES, st.randoms())
def test_hunks_one_by_one_in_any_order_equal_all_at_once(old, new, random):
    from attrs import evolve

    from inhouse.core.hunks import shifted

    old, new = "".join(old), "".join(new)
    waiting, text = propose(old, new), old
    while waiting:
        fitting = placed(waiting, text)
        assert len(fitting) == len(waiting)
        chosen, hunk = random.choice(fitting)
        text = apply_hunks(text, [hunk])
        waiting = [
            evolve(each, base=text, hunk=shifted(other, [hunk]))
            for each, other in fitting
            if each is not chosen
        ]

    assert text == new


def test_files_that_come_and_go_are_changes_too():
    (create,) = propose(None, "text\n")
    (delete,) = propose("text\n", None)
    (empty,) = propose(None, "")

    assert (create.kind, delete.kind, empty.kind) == ("create", "delete", "create")
    assert proposed_text([create], None) == "text\n"
    assert proposed_text([delete], "text\n") is None
    assert proposed_text([empty], None) == ""
    assert place(create, "somebody made it\n") is None


@pytest.mark.timeout(60)
def test_many_changes_find_their_places_at_each_key_that_is_pressed():
    old = "".join(f"line {number}\n" for number in range(3_000))
    new = "".join(f"{'new' if number % 10 == 0 else 'line'} {number}\n" for number in range(3_000))
    waiting, text = propose(old, new), old
    assert len(waiting) == 300

    for number in range(100):
        text = text.replace(f"line {number * 10 + 5}\n", f"typed {number}\n")
        assert all(place(each, text) is not None for each in waiting[200:])


def test_a_rejected_deletion_leaves_what_another_run_had_proposed():
    from attrs import evolve

    old = "one\ntwo\nthree\n"
    first = propose(old, "one\nTWO\nthree\n")
    deleter = evolve(PATTERN, id="edit-2", run_id="run-2", base=old)
    both = with_change(first, old, Edit(PATH, "one\nTWO\nthree\n", None), deleter)
    rest = [each for each in both if not each.deletes]

    assert proposed_text(both, old) is None
    assert proposed_text(rest, old) == "one\nTWO\nthree\n"


@pytest.mark.parametrize("wanted", ["zero\none\ntwo\n", "one\ntwo\nthree\n"])
def test_a_deletion_leaves_no_place_for_lines_that_another_run_adds_at_an_edge(wanted):
    from attrs import evolve

    old = "one\ntwo\n"
    deleter = evolve(PATTERN, id="edit-2", run_id="run-2", base=old)
    both = with_change(propose(old, wanted), old, Edit(PATH, wanted, None), deleter)

    assert [pending.deletes for pending, _ in placed(both, old)] == [True]
    assert [pending.deletes for pending, _ in placed(both[::-1], old)] == [False]


def test_a_file_that_is_written_anew_after_its_deletion_has_the_new_text():
    from attrs import evolve

    old = "one\ntwo\nthree\n"
    first = propose(old, "one\nTWO\nthree\n")
    deleter = evolve(PATTERN, id="edit-2", run_id="run-2", base=old)
    gone = with_change(first, old, Edit(PATH, "one\nTWO\nthree\n", None), deleter)
    anew = with_change(gone, old, Edit(PATH, None, "one\nzwei\nthree\n"), evolve(deleter, id="e-3"))

    assert proposed_text(anew, old) == "one\nzwei\nthree\n"
