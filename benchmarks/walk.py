"""How far a prompt and a piece of streamed text travel inside the language server.

    python benchmarks/walk.py [--calls]

prompt: own functions and files from the command's arrival until the model's server has the
request.  delta: own calls and files for one more piece of text.  A number is a thermometer:
each hop that stays should mean something to the reader.
"""

import collections
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]
SETTLED = 2.5
FEW, MANY = 200, 1200


def trace() -> int:
    """Run ``inhouse lsp`` and write down each call into the package and when it came."""
    import inhouse

    root = os.path.dirname(inhouse.__file__) + os.sep  # noqa: PTH120
    log: list[tuple[float, str]] = []
    names: dict[Any, str] = {}

    def note(frame: Any, event: str, _: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        if (name := names.get(code)) is None:
            own = code.co_filename.startswith(root) and not code.co_name.startswith("<")
            name = f"{code.co_filename[len(root) :]}:{code.co_qualname}" if own else ""
            names[code] = name
        if name:
            log.append((time.monotonic(), name))

    from inhouse.__main__ import main as run

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        return run()
    finally:
        sys.setprofile(None)
        lines = [f"{when:.6f}\t{name}\n" for when, name in log]
        Path(os.environ["WALK_OUT"]).write_text("".join(lines), encoding="utf-8")


def walk(pieces: int) -> tuple[list[str], collections.Counter[str]]:
    """Give what was entered before the request was there, and every call."""
    from editor import Collector, Editor

    from support.model_server import ModelServer

    with tempfile.TemporaryDirectory() as folder, ModelServer() as server:
        out = Path(folder).resolve() / "calls"
        server.play(*(f"word{number} " for number in range(pieces)))
        traced = (str(HERE / "walk.py"), "--trace")
        editor = Editor(
            server.base_url, out.parent / "w", command=traced, more={"WALK_OUT": str(out)}
        )
        editor.initialize()
        time.sleep(SETTLED)
        collector = editor.on_events["walk"] = Collector()
        sent, arrived = time.monotonic(), [0.0]

        def watch() -> None:
            while not server.requests:
                time.sleep(0.0005)
            arrived[0] = time.monotonic()

        watching = threading.Thread(target=watch)
        watching.start()
        editor.run("walk")
        collector.finished.wait(60)
        watching.join()
        editor.close()
        calls = [line.split("\t", 1) for line in out.read_text("utf-8").splitlines()]
    before = [name for when, name in calls if sent <= float(when) <= arrived[0]]
    return list(dict.fromkeys(before)), collections.Counter(name for _, name in calls)


def main() -> None:
    prompt, few = walk(FEW)
    _, many = walk(MANY)
    each = {name: (count - few[name]) / (MANY - FEW) for name, count in many.items()}
    each = {name: count for name, count in each.items() if count > 0.05}
    result = {
        "prompt": {"functions": len(prompt), "files": _files(prompt)},
        "delta": {"calls": round(sum(each.values()), 1), "files": _files(each)},
    }
    print(json.dumps(result, indent=1))
    if "--calls" in sys.argv:
        for name, count in sorted(each.items(), key=lambda one: -one[1]):
            print(f"{count:6.2f} {name}")


def _files(names: Any) -> int:
    return len({name.partition(":")[0] for name in names})


if __name__ == "__main__":
    if "--trace" in sys.argv:
        sys.argv.remove("--trace")
        sys.exit(trace())
    main()
