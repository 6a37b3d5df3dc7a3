"""Globals of JavaScript hosts that the interpreter lacks (globals.js, polyfills.js).

Runs in the worker.
"""

import json
from pathlib import Path

_FOLDER = Path(__file__).parent


def with_globals(script: str) -> str:
    """Return a script that defines the missing globals and then evaluates *script*."""
    make = _FOLDER.joinpath("globals.js").read_text(encoding="utf-8")
    polyfills = _FOLDER.joinpath("polyfills.js").read_text(encoding="utf-8")
    return f"{make}({json.dumps(polyfills)});\n{script}"
