"""The main job where there is nothing but loopback: run inside the namespace by a test.

    python main_job_inside.py AGENTS_FOLDER MODEL_FILE HOME

An editor starts the language server on stdio, runs the example agent on the embedded model, and
reads its answer as it comes.  Every packet is watched, and the name server never answers.  Tells
what happened as one line of JSON.
"""

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from inhouse.verify.capture import Packet, capturing
from support.editor import VSCODE, open_editor

CANARY = "canary-of-the-main-job"
RESOLVER = ("127.0.0.53", 53)


class SilentResolver:
    """Takes every question and answers none."""

    def __init__(self) -> None:
        self.questions: list[bytes] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(RESOLVER)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            self.questions.append(self._socket.recv(2000))


def resolver_is_asked(resolver: SilentResolver) -> bool:
    """A program that looks a name up hangs: the test would see it if ours did."""
    look_up = "import socket; socket.getaddrinfo('control.example', 80)"
    try:
        subprocess.run([sys.executable, "-c", look_up], timeout=2, check=False, capture_output=True)
    except subprocess.TimeoutExpired:
        asked = any(b"control" in one for one in resolver.questions)
        resolver.questions.clear()
        return asked
    return False


async def main_job(workspace: Path, model: str, home: str) -> dict[str, Any]:
    settings = {
        "endpoints": {
            "own": {"kind": "embedded", "modelPath": model},
            "far": {"baseUrl": "https://llm.example.com/v1"},
        },
        "defaultEndpoint": "own",
        "privacy": "local-only",
    }
    began = time.monotonic()
    arrivals: list[float] = []
    async with open_editor(
        workspace,
        capabilities=VSCODE,
        options={"inhouse": settings, "trusted": True},
        environ={"INHOUSE_HOME": home, "HOME": home},
    ) as editor:
        ready = time.monotonic() - began
        argument = {"agent": "explain", "prompt": f"Say hi to {CANARY}.", "streamToken": "s"}
        started = await editor.command("inhouse.run", argument)
        while True:
            result = await editor.command("inhouse.result", {"runId": started["runId"]})
            texts = [one["delta"] for one in editor.events("s") if one["kind"] == "text"]
            if len(texts) > len(arrivals):
                arrivals += [time.monotonic() - began] * (len(texts) - len(arrivals))
            if result["status"] != "running":
                break
            await asyncio.sleep(0.02)
        asked = time.monotonic()
        far = await editor.command("inhouse.explain", {"agent": "explain", "endpoint": "far"})
        refused = time.monotonic() - asked
    return {
        "ready": ready,
        "refused": refused,
        "refusal": far.get("refused"),
        "status": result["status"],
        "error": result.get("error"),
        "text": result["text"],
        "streamed": "".join(texts),
        "pieces": len(texts),
        "arrivals": len(set(arrivals)),
        "contacts": result["contacts"],
    }


def main() -> None:
    agents, model, home = sys.argv[1:]
    workspace = Path(home) / "work"
    (workspace / ".agents").mkdir(parents=True)
    for one in Path(agents).glob("*.ts"):
        (workspace / ".agents" / one.name).write_text(one.read_text("utf-8"), "utf-8")
    resolver = SilentResolver()
    asked = resolver_is_asked(resolver)
    with capturing([CANARY.encode()]) as packets:
        told = asyncio.run(main_job(workspace, model, home))
    seen = {
        "resolverWorks": asked,
        "questions": len(resolver.questions),
        "packets": len(packets),
        "off": [_shown(one) for one in packets if one.interface != "lo"],
        "servers": sorted({f"{one.target}:{one.target_port}" for one in packets if one.marks}),
        "names": [
            _shown(one) for one in packets if RESOLVER[1] in (one.source_port, one.target_port)
        ],
    }
    print(json.dumps(told | seen))


def _shown(packet: Packet) -> str:
    return f"{packet.interface}: {packet.source} {packet.target}:{packet.target_port}"


if __name__ == "__main__":
    main()
