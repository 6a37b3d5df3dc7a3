"""What servers say when they refuse: tests/providers/errors, through every way it may come.

Each row is one answer of a real server (from its documentation or public reports) and what is to
be made of it: the code, the numbers, the pause, and the words that are shown or never shown.
"""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from inhouse.core.errors import ContextOverflowError, ProviderError, ProviderUnavailableError
from inhouse.core.secret import Secret
from inhouse.providers.chat.completions import OpenAIChat
from inhouse.providers.chat.stream_model import Streamed
from support.asking import ask, endpoint
from support.replay import DONE, Replay, http_head, sse

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


async def test_words_packed_in_a_way_nobody_asked_for_leave_the_status(egress) -> None:
    head = b"HTTP/1.1 429 X\r\ncontent-encoding: br\r\ncontent-length: 3\r\n\r\nabc"
    error = await refused({}, [head], egress)
    assert error.code == "rate_limited"
    assert "'br'" in str(error)
