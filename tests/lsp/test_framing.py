"""Messages arrive whole, however the bytes come."""

from hypothesis import given
from hypothesis import strategies as st

from inhouse.lsp.transport.framing import Framing, frame


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5), st.data())
def test_bodies_come_out_as_they_went_in_however_they_are_cut(bodies, data):
    wire = b"".join(frame(body) for body in bodies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    framing = Framing()

    found = []
    for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        found += framing.feed(wire[start:end])

    assert [body.decode() for body in found] == bodies


def test_headers_are_read_in_any_case_order_and_line_end():
    framing = Framing()
    wire = b"content-type: x\r\ncontent-LENGTH: 2\r\n\r\n{}Content-Length: 2\n\n[]"

    assert list(framing.feed(wire)) == [b"{}", b"[]"]


def test_noise_between_messages_is_skipped():
    framing = Framing()

    assert list(framing.feed(b"hello\r\n\r\nContent-Length: 2\r\n\r\n{}")) == [b"{}"]


def test_half_a_surrogate_pair_never_reaches_the_wire():
    assert frame('"\ud83d\ude00"').endswith('"😀"'.encode())
    assert frame('"\ud83d"').endswith('"\ufffd"'.encode())
