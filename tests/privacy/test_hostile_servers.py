"""Servers that mean no good: each ends in one clear error, soon, and gets nothing more."""

import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from support.model_server import ModelServer
from support.terminal import Done, Terminal

Answer = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


@contextmanager
def raw_server(answer: Answer) -> Iterator[str]:
    """A server that answers with whatever bytes it likes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_one, args=(connection, answer), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        listener.close()


def _one(connection: socket.socket, answer: Answer) -> None:
    with connection, contextlib.suppress(OSError):
        connection.recv(65536)
        answer(connection)


def endless_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(200_000):
        connection.sendall(b"X-Padding: " + b"a" * 4096 + b"\r\n")


def endless_status_line(connection: socket.socket) -> None:
    for _ in range(100_000):
        connection.sendall(b"H" * 4096)


def slow_drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(600):
        connection.sendall(b"X")
        time.sleep(0.1)


def gzip_bomb(connection: socket.socket) -> None:
    bomb = gzip.compress(b"data: " + b"\0" * 300_000_000, 9)
    connection.sendall(
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    )


def endless_line(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"\r\ndata: ")
    for _ in range(100_000):
        connection.sendall(b"a" * 8192)


def garbage(connection: socket.socket) -> None:
    connection.sendall(b"\x16\x03\x01\x02\x00 no http at all \xff\xfe")


def silent(connection: socket.socket) -> None:
    time.sleep(60)
    connection.close()


def flood(first: bytes, again: bytes, count: int = 400_000) -> Answer:
    """Begin, and then repeat one thing as fast as it is taken."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(first)
        block = again * max(1, 8192 // len(again))
        for _ in range(count):
            connection.sendall(block)

    return answer


def once(data: bytes) -> Answer:
    return lambda connection: connection.sendall(data)


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
FLOODS = {
    "informational": flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "early-hints": flood(b"", b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n"),
    "pings": flood(HEAD + b"\r\n", b": ping\n\n"),
    "empty-events": flood(HEAD + b"\r\n", b"data: \n\n"),
    "blank-lines": flood(HEAD + b"\r\n", b"\n"),
    "events-that-say-nothing": flood(HEAD + b"\r\n", b'data: {"choices":[]}\n\n'),
    "small-chunks": flood(CHUNKED, b"1\r\n\n\r\n"),
    "chunk-extension": flood(CHUNKED + b"5;x=", b"a"),
    "trailers": flood(CHUNKED + b"0\r\n", b"X-T: a\r\n"),
    "folded-header": flood(OK + b"X: a\r\n", b" and more\r\n"),
}
BROKEN = {
    "chunk-too-large": once(CHUNKED + b"F" * 20 + b"\r\n"),
    "chunk-negative": once(CHUNKED + b"-5\r\nhello\r\n"),
    "chunk-no-number": once(CHUNKED + b"zz\r\n"),
    "two-lengths": once(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    "length-negative": once(OK + b"Content-Length: -1\r\n\r\n"),
    "length-huge": once(OK + b"Content-Length: 99999999999999999999\r\n\r\nx"),
    "length-and-chunks": once(HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nzz"),
    "coding-unknown": once(HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "upgrade": once(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\nhello"),
    "http2": once(b"\0\0\0\x04\0\0\0\0\0"),
    "http-0.9": once(b"<html>hello</html>"),
    "status-none": once(b"HTTP/1.1 \r\n\r\n"),
    "status-999": once(b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"),
    "header-without-name": once(OK + b": x\r\n\r\n"),
    "header-with-nul": once(OK + b"X: a\0b\r\n\r\n"),
    "no-content": once(b"HTTP/1.1 204 No\r\n\r\n"),
    "brotli": once(HEAD + b"Content-Encoding: br\r\n\r\nxxxx"),
    "deep-json": once(HEAD + b"\r\ndata: " + b"[" * 200_000 + b"\n\n"),
    "deep-body": once(OK + b"Content-Type: application/json\r\n\r\n" + b'{"a":' * 100_000),
    "number-too-long": once(HEAD + b'\r\ndata: {"x": ' + b"9" * 1_000_000 + b"}\n\n"),
    "odd-shapes": once(HEAD + b'\r\ndata: {"choices": {"0": null}}\n\ndata: [1]\n\ndata: "x"\n\n'),
    "usage-of-nonsense": once(
        HEAD + b'\r\ndata: {"choices":[{"delta":{"content":7},"finish_reason":{}}],'
        b'"usage":{"prompt_tokens":NaN,"cost":-1e999}}\n\n'
    ),
}


def run_against(terminal: Terminal, url: str) -> tuple[Done, float]:
    terminal.agent()
    terminal.user_settings(
        f'defaultEndpoint = "bad"\n[endpoints.bad]\nbaseUrl = "{url}"\n'
        "firstTokenTimeout = 3\nidleTimeout = 3\n"
    )
    began = time.monotonic()
    done = terminal("run", "helper", "hi", "--trust", "--json", timeout=55)
    return done, time.monotonic() - began


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    "answer",
    [endless_headers, endless_status_line, slow_drip, gzip_bomb, endless_line, garbage, silent],
    ids=lambda answer: answer.__name__,
)
def test_a_hostile_server_ends_in_one_clear_error(terminal: Terminal, answer: Answer):
    with raw_server(answer) as url:
        done, took = run_against(terminal, url)

    assert done.status == 1, done
    result = done.events[-1]["result"]
    assert result["status"] == "failed"
    assert "bad" in result["error"]["message"]
    assert "Traceback" not in done.err
    assert took < 50


@pytest.mark.timeout(90)
@pytest.mark.parametrize("answer", FLOODS.values(), ids=FLOODS)
def test_a_flood_of_nothing_ends_at_the_limit_of_silence(terminal: Terminal, answer: Answer):
    with raw_server(answer) as url:
        done, took = run_against(terminal, url)

    failed_clearly(done)
    assert took < 50


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_broken_http_ends_in_one_clear_error(terminal: Terminal, answer: Answer):
    with raw_server(answer) as url:
        done, _ = run_against(terminal, url)

    failed_clearly(done)


def failed_clearly(done: Done) -> None:
    assert done.status == 1, done
    error = done.events[-1]["result"]["error"]
    assert "'bad'" in error["message"]
    assert error["code"] != "internal", done.err
    assert "Traceback" not in done.err


def test_http_1_0_without_a_length_is_an_answer(terminal: Terminal):
    body = b'data: {"choices":[{"index":0,"delta":{"content":"ok"},"finish_reason":"stop"}]}\n\n'
    with raw_server(once(HEAD.replace(b"1.1", b"1.0") + b"\r\n" + body)) as url:
        done, _ = run_against(terminal, url)

    assert done.status == 0, done
    assert done.events[-1]["result"]["text"] == "ok"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_and_no_key_goes_along(
    terminal: Terminal, evil: ModelServer, status: int
):
    def redirect(connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 %d Elsewhere\r\nLocation: %s/chat/completions\r\nContent-Length: 0\r\n\r\n"
            % (status, evil.base_url.encode())
        )

    terminal.environ["OPENAI_API_KEY"] = "sk-canary-redirect"
    with raw_server(redirect) as url:
        terminal.environ["OPENAI_BASE_URL"] = url
        terminal.agent()
        done = terminal("run", "helper", "hi", "--trust")

    assert done.status == 1
    assert evil.requests == []
    assert "sk-canary-redirect" not in done.err


def test_proxies_and_alt_svc_and_cookies_are_not_obeyed(
    terminal: Terminal, evil: ModelServer, server: ModelServer
):
    proxy = evil.base_url.removesuffix("/v1")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        terminal.environ[name] = proxy
    answers = 0

    def offer(connection: socket.socket) -> None:
        nonlocal answers
        answers += 1
        connection.sendall(
            HEAD + b'Alt-Svc: h2="127.0.0.1:%d"; ma=86400\r\nSet-Cookie: track=1\r\n'
            b"Connection: close\r\n\r\n"
            % int(proxy.rpartition(":")[2])
            + b'data: {"choices":[{"index":0,"delta":{"content":"ok"},"finish_reason":"stop"}]}\n\n'
            b"data: [DONE]\n\n"
        )

    with raw_server(offer) as url:
        done, _ = run_against(terminal, url)

    assert done.status == 0, done
    assert answers >= 1
    assert evil.requests == []
