from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.messages import AssistantMessage, ToolMessage, UserMessage
from inhouse.loop import estimate, trim

messages = st.lists(
    st.one_of(
        st.builds(UserMessage, st.text(max_size=2_000)),
        st.builds(AssistantMessage, st.text(max_size=2_000)),
        st.builds(ToolMessage, st.just("a"), st.just("t"), st.text(max_size=4_000)),
    ),
    max_size=8,
)


def test_the_oldest_result_is_shortened_first():
    long = "x" * 8_000
    history = [
        ToolMessage("1", "read", long),
        UserMessage("y" * 8_000),
        ToolMessage("2", "read", long),
    ]

    first, said, last = trim(history, 4_500, estimate)

    assert first.output.startswith("x" * 400 + " … [shortened: 8000 characters")
    assert "Call read again" in first.output
    assert (said, last) == (history[1], history[2])


def test_what_fits_is_left_alone():
    history = (ToolMessage("1", "read", "x" * 8_000),)

    assert trim(history, 10_000, estimate) == history


@given(messages, st.integers(0, 5_000))
def test_only_results_change_and_they_only_get_shorter(history, budget):
    trimmed = trim(history, budget, estimate)

    assert len(trimmed) == len(history)
    for before, after in zip(history, trimmed, strict=True):
        assert estimate(after) <= estimate(before)
        if not isinstance(before, ToolMessage):
            assert after == before
