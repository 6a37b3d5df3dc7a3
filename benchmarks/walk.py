"""How far a prompt, a piece of streamed text and an edit travel inside the language server.

    python benchmarks/walk.py [--calls]

prompt: own functions and files from the command's arrival until the model's server has the
request.  edit: the same from a model's ``str_replace`` until the editor is asked to apply it.
delta: own calls and files for one more piece of text.  Bodies of classes are no functions and
are left out.  A number is a thermometer: each hop that stays should mean something to the reader.
"""

import collections
import inspect
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]
SETTLED = 5.0
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
            own = own and bool(code.co_flags & inspect.CO_NEWLOCALS)  # no body of a class
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


@frozen
class Walk:
    """One run: every call into the package, in order, with the moments that matter."""

    calls: list[tuple[float, str]]
    sent: float
    asked: float
    """The model's server had the request."""
    applied: float | None
    """The editor was asked to apply an edit."""

    def between(self, start: float, end: float) -> list[str]:
        """Give what was entered in that time, each once."""
        return list(dict.fromkeys(name for when, name in self.calls if start <= when <= end))


def walk(*pieces: Any, tools: Sequence[str] = ()) -> Walk:
    """Have a model answer with *pieces*, then with one word."""
    from editor import Collector, Editor

    from support.model_server import ModelServer

    with tempfile.TemporaryDirectory() as folder, ModelServer() as server:
        out = Path(folder).resolve() / "calls"
        server.play(*pieces)
        editor = Editor(
            server.base_url,
            out.parent / "w",
            command=(str(HERE / "walk.py"), "--trace"),
            more={"WALK_OUT": str(out)},
            tools=tools,
        )
        (editor.folder / "a.txt").write_text("one\ntwo\nthree\n")
        editor.initialize()
        editor.command("inhouse.agents")  # The user is at work: what a run needs is loaded.
        time.sleep(SETTLED)
        collector = editor.on_events["walk"] = Collector()
        sent = time.monotonic()
        editor.run("walk")
        collector.finished.wait(60)
        editor.close()
        lines = [line.split("\t", 1) for line in out.read_text("utf-8").splitlines()]
    calls = [(float(when), name) for when, name in lines]
    return Walk(calls, sent, server.chats[0].at, next(iter(editor.applied), None))


def main() -> None:
    from support.model_server import call

    few = walk(*(f"word{number} " for number in range(FEW)))
    many = walk(*(f"word{number} " for number in range(MANY)))
    change = {"path": "a.txt", "replacements": [{"oldString": "two", "newString": "TWO"}]}
    edit = walk(call("str_replace", **change), tools=("str_replace",))
    before = collections.Counter(name for _, name in few.calls)
    after = collections.Counter(name for _, name in many.calls)
    each = {name: (count - before[name]) / (MANY - FEW) for name, count in after.items()}
    each = {name: count for name, count in each.items() if count > 0.05}
    if edit.applied is None:
        raise SystemExit("The editor was never asked to apply the edit.")
    ways = {
        "prompt": few.between(few.sent, few.asked),
        "edit": edit.between(edit.asked, edit.applied),
    }
    result: dict[str, Any] = {
        name: {"functions": len(way), "files": _files(way)} for name, way in ways.items()
    }
    result["delta"] = {"calls": round(sum(each.values()), 1), "files": _files(each)}
    print(json.dumps(result, indent=1))
    if "--calls" in sys.argv:
        for name, count in sorted(each.items(), key=lambda one: -one[1]):
            print(f"{count:6.2f} {name}")
        for name, way in ways.items():
            print(f"\n{name}", *way, sep="\n  ")


def _files(names: Any) -> int:
    return len({name.partition(":")[0] for name in names})


if __name__ == "__main__":
    if "--trace" in sys.argv:
        sys.argv.remove("--trace")
        sys.exit(trace())
    main()
