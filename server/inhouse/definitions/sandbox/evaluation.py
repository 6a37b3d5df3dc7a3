"""Imports one definition in a fresh interpreter and gives its exports as JSON text.

Runs in the worker.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from .engine import Clock, Guest, GuestError, Template
from .stripping import Stripper
from .stubs import ABSENT, stub_names

Ask = Callable[[Mapping[str, Any]], tuple[dict[str, Any], bytes]]
"""Sends a request to the owner and waits for the answer."""

MOST_VALUES = 200_000
MOST_TEXT = 8 << 20
MOST_DEPTH = 100
_PRELUDE = files("inhouse.definitions.sandbox").joinpath("evaluate.js").read_text(encoding="utf-8")
_MODULE_SYNTAX = re.compile(
    r"^\s*(?:import\b\s*(?:[\w*{\"']|$)|export\b\s*(?:[\w*{]|$))|\bimport\.meta\b", re.MULTILINE
)
_UNLOADED = re.compile(r"^Error (?:loading|resolving) module")
_COMMONJS = re.compile(r"\bmodule\.exports\b|\bexports\.[\w$]+\s*=|\brequire\s*\(")
_NAMED = re.compile(r"\bexports\.([A-Za-z_$][\w$]*)\s*=")
_LITERAL = re.compile(r"\bmodule\.exports\s*=\s*\{([^{}]*)\}")
_NAME = re.compile(r"(?:^|,)\s*([A-Za-z_$][\w$]*)\s*(?=[,:]|$)")


def template(memory: int, clock: Clock) -> Template:
    absent = json.dumps(ABSENT)
    script = f"{_PRELUDE}({MOST_VALUES}, {MOST_TEXT}, {MOST_DEPTH}, {absent})"
    return Template(script, memory=memory, clock=clock, hosts=("__load",))


class Evaluation:
    """One definition on its way."""

    def __init__(self, ask: Ask, *, limit: float, template: Template, stripper: Stripper) -> None:
        self._ask = ask
        self._stripper = stripper
        self._limit = limit
        self._imported: set[str] = set()
        self._shown: dict[str, str] = {}
        """Per module the text that its line numbers count in."""
        self._known: dict[str, dict[str, Any]] = {}
        """Per message that the guest gets to see, what the user is told instead."""
        self._refused: dict[str, Any] | None = None
        self._guest = Guest(template, load=self._import, hosts=(self._require,))

    def run(self, entry: Mapping[str, Any], source: str) -> tuple[dict[str, Any], bytes]:
        """Evaluate the module that the owner named and sent."""
        try:
            self._guest.limit(self._limit)
            return {"op": "evaluated"}, self._exports(entry, source).encode(errors="replace")
        except GuestError as error:
            return self._failed(error)
        finally:
            self._guest.close()

    def _exports(self, entry: Mapping[str, Any], source: str) -> str:
        name = str(entry["name"])
        self._imported.add(name)
        code = self._prepared(name, entry, source)
        return self._guest.call(self._guest.template, self._guest.module(name, code))

    def _failed(self, error: GuestError) -> tuple[dict[str, Any], bytes]:
        report: dict[str, Any] = {"op": "failed", "name": error.name, "message": error.message}
        if self._refused is not None and _UNLOADED.search(error.message):
            return report | self._refused, b""
        if error.message in self._known:
            return report | self._known[error.message], b""
        places = [
            (found.start(), name, int(found[1]), int(found[2]))
            for name in self._shown
            if (found := re.search(rf"{re.escape(name)}:(\d+):(\d+)", error.stack))
        ]
        if not places:
            return report, b""
        _, name, line, column = min(places)
        report |= {"module": name, "line": line - 1, "column": column - 1}
        return report, self._shown[name].encode(errors="replace")

    def _fetch(self, base: str, specifier: str, how: str) -> tuple[dict[str, Any], str]:
        begin = time.monotonic()
        answer, body = self._ask({"op": "load", "base": base, "specifier": specifier, "how": how})
        self._guest.prolong(time.monotonic() - begin)
        if "error" in answer:
            self._refused = {
                "message": answer["error"],
                "module": base,
                "specifier": specifier,
                "code": answer["code"],
            }
            raise GuestError("ReferenceError", "Error loading module")
        return answer, body.decode()

    def _import(self, base: str, specifier: str) -> tuple[str, str] | None:
        """Serve the interpreter's own import."""
        try:
            answer, source = self._fetch(base, specifier, "import")
            name = str(answer["name"])
            if answer["kind"] == "stub":
                name = f"{name} for {base}"
                self._known[source] = {"module": base, "specifier": specifier}
                names = stub_names(self._shown.get(base, ""), specifier)
                return name, _stub_module(source, names)
            if name in self._imported:
                return name, ""
            self._imported.add(name)
            return name, self._prepared(name, answer, source)
        except GuestError as error:
            if self._refused is None:
                self._refused = {"message": error.message, "module": base, "code": "syntax"}
            return None

    def _prepared(self, name: str, answer: Mapping[str, Any], source: str) -> str:
        """Turn any kind of file into a module that the interpreter takes."""
        match answer["kind"]:
            case "json":
                return _json_module(source)
            case "text":
                return f"export default {json.dumps(source)};"
            case _:
                code = self._stripped(name, source)
                if is_commonjs(name, code):
                    return _commonjs_module(name, code)
                return code

    def _stripped(self, name: str, source: str) -> str:
        if name.endswith((".ts", ".tsx", ".mts", ".cts")):
            try:
                source = self._stripper.strip(name, source)
            except GuestError as error:
                self._refused = {"message": error.message, "module": name, "code": "syntax"}
                raise GuestError("SyntaxError", "Error loading module") from None
        self._shown[name] = source
        return source

    def _require(self, base: str, specifier: str) -> dict[str, str]:
        """Serve CommonJS's ``require``."""
        try:
            answer, source = self._fetch(str(base), str(specifier), "require")
            name, kind = str(answer["name"]), answer["kind"]
            if kind in ("json", "text"):
                return {kind: source}
            if kind == "stub":
                return {"error": source}
            code = self._stripped(name, source)
            if not is_commonjs(name, code) and _MODULE_SYNTAX.search(code):
                return {"error": f"{specifier!r} is an ES module: use import, not require"}
        except GuestError as error:
            refused, self._refused = self._refused, None
            # Why is not the guest's business: it would learn what there is outside.
            message = f"Cannot find module '{specifier}'"
            self._known[message] = refused or {"message": error.message}
            return {"error": message}
        return {"name": name, "source": code}


def is_commonjs(name: str, code: str) -> bool:
    if name.endswith((".cjs", ".cts")):
        return True
    if name.endswith((".mjs", ".mts")) or _MODULE_SYNTAX.search(code):
        return False
    return _COMMONJS.search(code) is not None


def _commonjs_module(name: str, code: str) -> str:
    names = set(_NAMED.findall(code))
    for inside in _LITERAL.findall(code):
        names.update(_NAME.findall(inside))
    names -= {"default", "__esModule"}
    lines = [
        f"const m = __inhouse.commonjs({json.dumps(name)}, {json.dumps(code)});",
        "export default m?.__esModule && 'default' in m ? m.default : m;",
    ]
    for number, export in enumerate(sorted(names)):
        lines.append(f"const v{number} = m?.{export}; export {{ v{number} as {export} }};")
    return "\n".join(lines)


def _json_module(source: str) -> str:
    value: Any = json.loads(source)
    lines = [f"const v = JSON.parse({json.dumps(source)});", "export default v;"]
    if isinstance(value, dict):
        names: list[str] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        keys = [name for name in names if name.isidentifier() and name.isascii()]
        for number, key in enumerate(keys[:1000]):
            if key != "default":
                lines.append(f"const v{number} = v.{key}; export {{ v{number} as {key} }};")
    return "\n".join(lines)


def _stub_module(message: str, names: tuple[str, ...]) -> str:
    lines = [f"const s = __inhouse.stub({json.dumps(message)});", "export default s;"]
    lines += [f"export {{ s as {name} }};" for name in names]
    return "\n".join(lines)
