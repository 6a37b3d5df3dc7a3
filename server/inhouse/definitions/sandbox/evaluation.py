"""Imports one definition in a fresh interpreter and returns its exports as JSON text.

Runs in the worker.
"""

import contextlib
import difflib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from inhouse.definitions.schema.fields import FIELD_NAMES

from .engine import Clock, Guest, GuestError, Template
from .guest_globals import with_globals
from .stripping import Stripper
from .stubs import ABSENT, TEXT, imported_names

Ask = Callable[[Mapping[str, Any]], tuple[dict[str, Any], bytes]]
"""Sends a request to the owner and waits for the answer."""

MOST_VALUES = 200_000
MOST_TEXT = 8 << 20
MOST_DEPTH = 100
MOST_NAMES = 10_000
_PRELUDE = Path(__file__).with_name("evaluate.js").read_text(encoding="utf-8")
_MODULE_SYNTAX = re.compile(
    r"^\s*(?:import\b\s*(?:[\w*{\"']|$)|export\b\s*(?:[\w*{]|$))|\bimport\.meta\b", re.MULTILINE
)
_UNLOADED = re.compile(r"^Error (?:loading|resolving) module")
_NO_EXPORT = re.compile(r"^Could not find export '(.*)' in module '(.*)'", re.DOTALL)
_COMMONJS = re.compile(r"\b(?:module|exports|require|__filename)\b")
_ASSIGNS = re.compile(
    r"^[^/\n]*\b(?:module\.exports|exports(?:\.[\w$]+|\[[^\]\n]*\]))\s*=", re.MULTILINE
)
_FUNCTION_LINE = re.compile(r"<input>:(\d+)")
_FUNCTION_HEAD = 3
"""What the interpreter writes before a function's body; its lines count from one."""
_NOT_NAMES = ("default", "__esModule")
_REQUIRED = "inhouse-require:"
"""Before the name of a module that ``require`` in an ES module asks for."""
_REQUIRE_CALL = re.compile(r"\brequire\(\s*([\"'`])([^\"'`\\\n$]+)\1\s*\)")
_OWN_REQUIRE = re.compile(
    r"\b(?:const|let|var|function|class)\s+require\b|[{,]\s*(?:[\w$]+\s+as\s+)?require\s*[,}]"
)
_META = "__inhouse.meta(import.meta); "
_NO_CODE = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`", re.DOTALL
)


def template(memory: int, clock: Clock) -> Template:
    absent = json.dumps(ABSENT)
    most = f"{MOST_VALUES}, {MOST_TEXT}, {MOST_DEPTH}, {MOST_NAMES}"
    names = json.dumps(f",{','.join(sorted(FIELD_NAMES))},")
    script = f"{with_globals(_PRELUDE)}({most}, {absent}, {json.dumps(TEXT)}, {names})"
    return Template(script, memory=memory, clock=clock, hosts=("__load",))


class Evaluation:
    """The evaluation of one definition."""

    def __init__(self, ask: Ask, *, limit: float, template: Template, stripper: Stripper) -> None:
        self._ask = ask
        self._stripper = stripper
        self._limit = limit
        self._imported: set[str] = set()
        self._shown: dict[str, str] = {}
        """For each module, the text that its line numbers refer to."""
        self._known: dict[str, dict[str, Any]] = {}
        """For each message that the guest sees, what the user is shown instead."""
        self._refused: dict[str, Any] | None = None
        self._thrown: GuestError | None = None
        """What a CommonJS module threw while the interpreter waited for its names."""
        self._culprit = ("", 0)
        """Which CommonJS module that was, and the line."""
        self._imports: list[tuple[str, str, str]] = []
        """Base, specifier and name of each module that was imported."""
        self._names: dict[str, tuple[str, ...]] = {}
        """What a CommonJS module exports."""
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
        namespace = self._guest.module(name, code)
        return self._guest.call(self._guest.template.get("show"), namespace)

    def _failed(self, error: GuestError) -> tuple[dict[str, Any], bytes]:
        if self._thrown is not None and _UNLOADED.search(error.message):
            error = self._thrown
        report: dict[str, Any] = {"op": "failed", "name": error.name, "message": error.message}
        if self._refused is not None and _UNLOADED.search(error.message):
            return report | self._refused, b""
        if (absent := _NO_EXPORT.match(error.message)) is not None:
            return report | self._no_export(absent[1], absent[2]), b""
        if error.message in self._known:
            return report | self._known[error.message], b""
        places = [
            (found.start(), name, int(found[1]), int(found[2]))
            for name in self._shown
            if (found := re.search(rf"{re.escape(name)}:(\d+):(\d+)", error.stack))
        ]
        name, line = self._culprit
        if not places and name in self._shown:
            report |= {"module": name, "line": line, "column": 0}
            return report, self._shown[name].encode(errors="replace")
        if not places:
            return report, b""
        _, name, line, column = min(places)
        report |= {"module": name, "line": line - 1, "column": column - 1}
        return report, self._shown[name].encode(errors="replace")

    def _no_export(self, name: str, module: str) -> dict[str, Any]:
        """Say which module imports a name that another does not export."""
        # The interpreter cuts long names off.
        importers = [each for each in self._imports if each[2].startswith(module)]
        for each in importers:
            if name in imported_names(self._shown.get(each[0], ""), each[1]):
                importers = [each]
                break
        base, specifier, module = importers[0] if importers else ("", module, module)
        what = "no default export" if name == "default" else f"no export {name!r}"
        message = f"{specifier!r} has {what}"
        if near := difflib.get_close_matches(name, self._names.get(module, ()), 3):
            message += f".  Did you mean {' or '.join(map(repr, near))}?"
        found = {"code": "import", "message": message, "specifier": specifier, "imported": name}
        return found | ({"module": base} if base else {})

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
        if specifier.startswith(_REQUIRED):
            return self._required(base, specifier.removeprefix(_REQUIRED))
        try:
            answer, source = self._fetch(base, specifier, "import")
            name = str(answer["name"])
            self._imports.append((base, specifier, name))
            if answer["kind"] == "stub":
                name = f"{name} for {base}"
                self._known[source] = {"module": base, "specifier": specifier}
                names = imported_names(self._shown.get(base, ""), specifier)
                return name, _stub_module(source, names - {"default"})
            if name in self._imported:
                return name, ""
            self._imported.add(name)
            return name, self._prepared(name, answer, source)
        except GuestError as error:
            if self._refused is None:
                self._refused = {"message": error.message, "module": base, "code": "syntax"}
            return None

    def _prepared(self, name: str, answer: Mapping[str, Any], source: str) -> str:
        """Turn any kind of file into a module that the interpreter accepts."""
        match answer["kind"]:
            case "json":
                return _json_module(source)
            case "text":
                return f"export default {json.dumps(source)};"
            case _:
                code = self._stripped(name, source)
                if is_commonjs(name, code):
                    return self._commonjs(name, code)
                if "import.meta" in code:
                    # Before the code, on its first line: no line moves.
                    code = f"{_META}{'//' if code.startswith('#!') else ''}{code}"
                return _requiring(code)

    def _required(self, base: str, specifier: str) -> tuple[str, str]:
        """Serve ``require`` in an ES module: what it asks for is there before its code runs.

        Whatever is wrong with it is thrown by ``require``, where a fallback may catch it.
        """
        name = f"{base.rpartition('/')[0]}/{_REQUIRED}{quote(specifier, safe='')}"
        if name in self._imported:
            return name, ""
        self._imported.add(name)
        try:
            answer, source = self._fetch(base, specifier, "require")
            found, kind = str(answer["name"]), answer["kind"]
            code = "" if kind in ("stub", "json", "text") else self._stripped(found, source)
        except GuestError as error:
            return name, _thrown_module(self._not_found(specifier, error))
        match kind:
            case "stub":
                self._known[source] = {"module": base, "specifier": specifier}
                return name, _thrown_module(source)
            case "json" | "text":
                value = json.dumps(source)
                value = f"JSON.parse({value})" if kind == "json" else value
            case _:
                if not is_commonjs(found, code):
                    lines = f"import * as value from {json.dumps(specifier)};"
                    return name, f"{lines} export {{ value }}; export const failed = null;"
                value = f"__inhouse.commonjs({json.dumps(found)}, {json.dumps(code)})"
        tried = f"try {{ value = {value}; }} catch (error) {{ failed = error; }}"
        return name, f"let value, failed = null; {tried} export {{ value, failed }};"

    def _commonjs(self, name: str, code: str) -> str:
        """Run a CommonJS module, since only then its importable names are known."""
        try:
            found = self._guest.call(self._guest.template.get("exported"), name, code)
        except GuestError as error:
            self._thrown = self._thrown or error
            self._culprit = self._found_culprit(error)
            raise
        names = self._names[name] = tuple(json.loads(found))
        return _commonjs_module(name, code, names)

    def _found_culprit(self, error: GuestError) -> tuple[str, int]:
        """Return the CommonJS module that threw, and the line, if that is certain."""
        with contextlib.suppress(GuestError):  # out of time or memory
            name, alone = json.loads(self._guest.call(self._guest.template.get("culprit")))
            line = _FUNCTION_LINE.search(error.stack) if alone else None
            return name, max(0, int(line[1]) - _FUNCTION_HEAD) if line else 0
        return "", 0

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
            return {"error": self._not_found(specifier, error)}
        return {"name": name, "source": code}

    def _not_found(self, specifier: str, error: GuestError) -> str:
        """Return what the guest hears of a module that it cannot require; keep the reason.

        The guest must not learn it, since that would reveal what exists outside.
        """
        refused, self._refused = self._refused, None
        message = f"Cannot find module '{specifier}'"
        self._known[message] = refused or {"message": error.message}
        return message


def is_commonjs(name: str, code: str) -> bool:
    """Return whether to run a module as CommonJS, by the rules of Node and Bun."""
    if name.endswith((".cjs", ".cts")):
        return True
    if name.endswith((".mjs", ".mts")):
        return False
    if _MODULE_SYNTAX.search(code):
        # A line of a prompt may look like an import.
        return bool(_ASSIGNS.search(code)) and not _MODULE_SYNTAX.search(_NO_CODE.sub('""', code))
    return _COMMONJS.search(code) is not None


def _requiring(code: str) -> str:
    """Give an ES module a ``require``, as Bun does, for the modules that it names."""
    if "require" not in code or _OWN_REQUIRE.search(code):
        return code
    names = dict.fromkeys(_REQUIRE_CALL.findall(code))
    lines: list[str] = []
    cases: list[str] = []
    for number, specifier in enumerate(name for _, name in names):
        value, failed = f"$required{number}", f"$failed{number}"
        wanted = json.dumps(f"{_REQUIRED}{specifier}")
        lines.append(f"import {{ value as {value}, failed as {failed} }} from {wanted};")
        what = f"if ({failed}) throw {failed}; return {value};"
        cases.append(f"case {json.dumps(specifier)}: {what}")
    if not lines:
        return code
    missing = "throw new Error(`require(${name}) is not known; write the name as a text`);"
    lines.append(f"function require(name) {{ switch (name) {{ {' '.join(cases)} }} {missing} }}")
    # At the end, where it moves no line: imports and functions are there before all else.
    return "\n".join([code, *lines, ""])


def _thrown_module(message: str) -> str:
    made = f"new Error({json.dumps(message)})"
    return f"export const value = undefined; export const failed = {made};"


def _commonjs_module(name: str, code: str, names: Iterable[str]) -> str:
    lines = [
        f"const m = __inhouse.commonjs({json.dumps(name)}, {json.dumps(code)});",
        "export default m?.__esModule && 'default' in m ? m.default : m;",
    ]
    importable = (each for each in names if _is_name(each) and each not in _NOT_NAMES)
    for number, export in enumerate(importable):
        value = f"__inhouse.member(m, {json.dumps(export)})"
        lines.append(f"const v{number} = {value}; export {{ v{number} as {export} }};")
    return "\n".join(lines)


def _is_name(text: str) -> bool:
    return text.replace("$", "_").isidentifier()


def _json_module(source: str) -> str:
    value: Any = json.loads(source)
    lines = [f"const v = JSON.parse({json.dumps(source)});", "export default v;"]
    if isinstance(value, dict):
        names: list[str] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        keys = [name for name in names if _is_name(name)]
        for number, key in enumerate(keys[:1000]):
            if key != "default":
                lines.append(f"const v{number} = v.{key}; export {{ v{number} as {key} }};")
    return "\n".join(lines)


def _stub_module(message: str, names: set[str]) -> str:
    lines = [f"const s = __inhouse.stub({json.dumps(message)});", "export default s;"]
    lines += [f"export {{ s as {name} }};" for name in sorted(names)]
    return "\n".join(lines)
