"""What servers say when they refuse: tests/providers/errors, through every way it may come.

Each row is one answer of a real server (from its documentation or public reports) and what is to
be made of it: the code, the numbers, the pause, and the words that are shown or never shown.
"""

import gzip
import json
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.errors import ContextOverflowError, ProviderError, ProviderUnavailableError
from inhouse.core.secret import Secret
from inhouse.providers.chat.completions import OpenAIChat
from inhouse.providers.chat.stream_model import Streamed
from inhouse.providers.endpoints.error_text import retry_after
from support.asking import ask, endpoint
from support.replay import DONE, RESET, Pause, Replay, http_head, sse

FOLDER = Path(__file__).parent / "errors"
ROWS = [
    pytest.param(row, id=f"{file.stem}-{row['server']}")
    for file in sorted(FOLDER.glob("*.json"))
    for row in json.loads(file.read_text("utf-8"))
]
RETRIED = {"rate_limited", "loading", "unavailable"}


def http(row: dict[str, Any], encoding: str = "") -> list[bytes]:
    body = row["body"] if isinstance(row["body"], str) else json.dumps(row["body"])
    data = body.encode()
    lines = [f"HTTP/1.1 {row['status']} X", "connection: close"]
    if encoding:
        data = gzip.compress(data) if encoding == "gzip" else zlib.compress(data)
        lines.append(f"content-encoding: {encoding}")
    lines += [f"{name}: {value}" for name, value in row.get("headers", {}).items()]
    lines.append(f"content-length: {len(data)}")
    return [("\r\n".join(lines) + "\r\n\r\n").encode() + data]


def in_stream(row: dict[str, Any]) -> list[bytes] | None:
    """The same words in a stream that began well, as gateways send them."""
    body = row["body"]
    body = body[0] if isinstance(body, list) else body
    if not isinstance(body, dict) or row.get("headers"):
        return None
    error = body.get("error", body)
    error = error if isinstance(error, dict) else {**body, "message": error}
    return [
        http_head(),
        *sse({"error": {**error, "code": row["status"], "was": error.get("code")}}),
    ]


async def refused(row: dict[str, Any], answer: list[bytes], egress) -> ProviderError:
    with Replay([*answer]) as server:
        at = endpoint(server.base_url, api_key=Secret("sk-canary-1"))
        said = await ask(Streamed(OpenAIChat(at, "m", egress, tries=1).ask))
    assert isinstance(said.error, ProviderError), said.error
    return said.error


def judge(row: dict[str, Any], error: ProviderError) -> None:
    expect, shown = row["expect"], str(error)
    assert error.code == expect["code"], shown
    assert isinstance(error, ProviderUnavailableError) == (expect["code"] in RETRIED)
    assert len(shown) < 1000
    for words in expect.get("says", ()):
        assert words in shown
    for words in (*expect.get("never", ()), "canary"):
        assert words not in shown
    if isinstance(error, ContextOverflowError):
        assert (error.needed, error.window) == (expect.get("needed"), expect.get("window")), shown


@pytest.mark.parametrize("row", ROWS)
async def test_a_refusal_is_understood_whatever_way_it_comes(row, egress) -> None:
    plain = await refused(row, http(row), egress)
    judge(row, plain)
    if "wait" in row["expect"]:
        assert getattr(plain, "retry_after", None) == pytest.approx(row["expect"]["wait"], abs=1.5)
    packed = "gzip" if len(row["server"]) % 2 else "deflate"
    judge(row, await refused(row, http(row, packed), egress))
    if (stream := in_stream(row)) is not None and row["expect"]["code"] != "model_not_found":
        judge(row, await refused(row, [*stream, DONE], egress))


async def test_an_error_line_of_an_old_llama_cpp_is_an_error(egress) -> None:
    said = {"code": 400, "message": "the request exceeds the available context size (512 tokens)"}
    answer = [http_head(), b"error: " + json.dumps(said).encode() + b"\n\n"]
    error = await refused({}, answer, egress)
    assert isinstance(error, ContextOverflowError)
    assert error.window == 512


WORDS = json.dumps({"error": {"message": "Please try again in 20s."}}).encode()
PACKED = gzip.compress(WORDS)


def deflated(data: bytes) -> bytes:
    """Compress as servers do that take "deflate" at its word, without zlib's frame."""
    packing = zlib.compressobj(wbits=-15)
    return packing.compress(data) + packing.flush()


BODIES = {
    "deflate without a frame": ("deflate", deflated(WORDS)),
    "packed twice": ("gzip, gzip", gzip.compress(PACKED)),
    "gzip called deflate": ("deflate", PACKED),
    "zlib called gzip": ("gzip", zlib.compress(WORDS)),
    "gzip that nobody names": ("identity", PACKED),
    "text called gzip": ("gzip", WORDS),
    "text called br": ("br", WORDS),
    "text called deflate": ("deflate", WORDS),
    "a label that is none": ("none", WORDS),
    "cut off": ("gzip", PACKED[:-12]),
    "two members": ("GZIP", gzip.compress(WORDS[:20]) + gzip.compress(WORDS[20:])),
    "words that are not UTF-8": ("gzip", gzip.compress("Ждите. ".encode("cp1251") + WORDS)),
    "nothing after it": ("gzip", PACKED + b"\0" * 9),
}


@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("name", BODIES)
async def test_an_errors_words_are_read_whatever_their_label_says(name, chunked, egress) -> None:
    encoding, body = BODIES[name]
    length = f"content-length: {len(body)}"
    if chunked:
        length = "transfer-encoding: chunked"
        body = b"".join(b"1\r\n%c\r\n" % one for one in body) + b"0\r\n\r\n"
    head = f"HTTP/1.1 429 X\r\ncontent-encoding: {encoding}\r\n{length}\r\n\r\n"
    error = await refused({}, [head.encode(), body], egress)

    assert (error.code, getattr(error, "retry_after", None)) == ("rate_limited", 20)
    assert "Please try again in 20s." in str(error)


BROKEN = {
    "br": ("br", b"\x8b\x05\x80abc", "'br'"),
    "broken gzip": ("gzip", PACKED[:12] + b"\xff" * 30, "'gzip'"),
    "nothing": ("gzip", b"", "(429)."),
    "a bomb": ("gzip", gzip.compress(b"A" * 30_000_000), "AAAA"),
    "fewer bytes than promised": ("identity", b"slow do", "slow do"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_the_status_counts_where_words_cannot_be_read(name, egress) -> None:
    encoding, body, words = BROKEN[name]
    more = len(body) + 400 * ("fewer" in name)
    head = f"HTTP/1.1 429 X\r\ncontent-encoding: {encoding}\r\ncontent-length: {more}\r\n\r\n"
    error = await refused({}, [head.encode(), body], egress)

    assert error.code == "rate_limited"
    assert words in str(error)
    assert len(str(error)) < 1000


@pytest.mark.parametrize("steps", [[RESET], [b"slow ", RESET]])
async def test_the_status_counts_where_the_connection_breaks_before_the_words(
    steps, egress
) -> None:
    head = b"HTTP/1.1 503 X\r\ncontent-length: 400\r\n\r\n"
    error = await refused({}, [head, Pause(0.05), *steps], egress)

    assert (error.code, error.status) == ("unavailable", 503)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_retry_after_is_read_or_ignored(value: str, date: str) -> None:
    wait = retry_after({"retry-after": value, "date": date, "x-ratelimit-reset": value})

    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    ("zone", "value"),
    [("America/New_York", "Wed Oct 21 07:28:30 2015"), ("Asia/Tokyo", "2015-10-21T07:28:30")],
)
def test_a_time_without_a_zone_is_utc_wherever_this_machine_is(zone, value, monkeypatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        wait = retry_after({"retry-after": value, "date": "Wed, 21 Oct 2015 07:28:00 GMT"})
    finally:
        monkeypatch.undo()
        time.tzset()

    assert wait == 30
