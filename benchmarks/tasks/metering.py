"""A proxy on loopback that counts: requests and tokens as the server itself tells them."""

import json
import threading
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

SECONDS = 1_800


@dataclass
class Counted:
    requests: int = 0
    prompt: int = 0
    cached: int = 0
    answer: int = 0
    first_prompt: int = 0


class Meter:
    """Stands in front of a server: ``base_url`` is its own, ``counted`` what passed since."""

    def __init__(self, base_url: str) -> None:
        self.root = base_url.rstrip("/").removesuffix("/v1")
        self.counted = Counted()
        self.bodies: list[Any] = []
        handler = type("Handler", (_Handler,), {"meter": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @cached_property
    def model(self) -> str:
        """The first model that the server lists, without its folder and ending."""
        with urlopen(f"{self.root}/v1/models", timeout=SECONDS) as response:
            name = str(json.load(response)["data"][0]["id"])
        return name.rpartition("/")[2].removesuffix(".gguf")

    def reset(self) -> None:
        self.counted, self.bodies = Counted(), []

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def count(self, piece: Any) -> None:
        usage = piece.get("usage") if isinstance(piece, dict) else None
        if not usage:
            return
        details = usage.get("prompt_tokens_details") or {}
        prompt = int(usage.get("prompt_tokens") or 0)
        self.counted.requests += 1
        self.counted.first_prompt = self.counted.first_prompt or prompt
        self.counted.prompt += prompt
        self.counted.cached += int(details.get("cached_tokens") or 0)
        self.counted.answer += int(usage.get("completion_tokens") or 0)


class _Handler(BaseHTTPRequestHandler):
    meter: Meter

    def do_GET(self) -> None:
        self._pass_on(None)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path.endswith("/chat/completions"):
            asked = json.loads(body)
            if asked.get("stream"):
                asked.setdefault("stream_options", {})["include_usage"] = True
            self.meter.bodies.append(asked)
            body = json.dumps(asked).encode()
        self._pass_on(body)

    def _pass_on(self, body: bytes | None) -> None:
        request = Request(self.meter.root + self.path, data=body, method=self.command)
        request.add_header("content-type", "application/json")
        try:
            with urlopen(request, timeout=SECONDS) as response:
                self.send_response(response.status)
                self.send_header("content-type", response.headers.get("content-type", ""))
                self.send_header("connection", "close")
                self.end_headers()
                self._copy(response)
        except HTTPError as error:
            self.send_response(error.code)
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(error.read())
        except OSError:
            self.close_connection = True

    def _copy(self, response: Any) -> None:
        whole = b""
        streamed = "event-stream" in (response.headers.get("content-type") or "")
        for line in response:
            self.wfile.write(line)
            self.wfile.flush()
            if streamed and line.startswith(b"data: {"):
                self.meter.count(json.loads(line[6:]))
            elif not streamed:
                whole += line
        if whole.startswith(b"{"):
            self.meter.count(json.loads(whole))

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
