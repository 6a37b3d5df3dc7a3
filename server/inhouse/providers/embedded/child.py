"""The child process of the embedded model: llama.cpp's own server, as long as anyone needs it.

Started by `inhouse.providers.embedded.lease`; its settings come in one line of JSON on standard
input, so that the key is on no command line; the ready line goes to standard output.  Each Inhouse
process that uses it holds a lock on its own file in ``clients``: the operating system releases it
however that process ends, and then this one ends too.
"""

import contextlib
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import filelock

SWEEP_SECONDS = 0.25


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    if hasattr(os, "nice"):
        os.nice(5)  # the editor comes first
    try:
        server = _start(settings)
        ready = {"url": server.listening_address}
    except Exception as error:  # noqa: BLE001  # whatever llama.cpp raises is reported to the starter
        print(json.dumps({"error": str(error) or type(error).__name__}), flush=True)  # noqa: T201
        raise SystemExit(1) from None
    print(json.dumps(ready), flush=True)  # noqa: T201
    _serve_while_needed(Path(settings["folder"]))
    os._exit(0)  # nothing is worth waiting for: llama.cpp would finish its answer first


def _start(settings: dict[str, Any]) -> Any:
    sys.path.append(settings["runtime"])  # last: what comes with Inhouse goes first
    xllamacpp: Any = importlib.import_module("xllamacpp")
    parameters: Any = xllamacpp.CommonParams()
    parameters.model.path = settings["model"]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = settings["window"]
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = settings["threads"]
    parameters.cpuparams_batch.n_threads = settings["threads"]
    parameters.use_jinja = True
    parameters.model_alias = {settings["alias"]}
    parameters.api_keys = [settings["key"]]
    parameters.ui = False
    parameters.offline = True
    parameters.sleep_idle_seconds = 900  # frees the memory; the next request loads it again
    parameters.verbosity = 1
    # Models this small repeat themselves until their window is full; DRY ends that.
    parameters.sampling.temp = 0.2
    parameters.sampling.penalty_repeat = 1.1
    parameters.sampling.dry_multiplier = 0.8
    return xllamacpp.Server(parameters)


def _serve_while_needed(folder: Path) -> None:
    """Return when no process holds its lock any more; nobody can join during the check."""
    entry = filelock.FileLock(folder / "start.lock")
    while True:
        time.sleep(SWEEP_SECONDS)
        with contextlib.suppress(filelock.Timeout), entry.acquire(blocking=False):
            held = [path for path in folder.glob("clients/*.lock") if _is_held(path)]
            if not held:
                (folder / "running.json").unlink(missing_ok=True)
                return


def _is_held(path: Path) -> bool:
    try:
        with filelock.FileLock(path).acquire(blocking=False):
            pass
    except filelock.Timeout:
        return True
    path.unlink(missing_ok=True)
    return False


if __name__ == "__main__":
    main()
