"""Wrong definitions, made from a good one: in every form, each with what must be said of it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

GOOD: dict[str, Any] = {
    "id": "one",
    "displayName": "One",
    "model": "some/model",
    "toolNames": ["read_files", "spawn_agents"],
    "spawnableAgents": ["one"],
    "systemPrompt": "Be brief.",
    "outputMode": "last_message",
}
_SERVER = {"command": "npx"}
_OBJECT = {"type": "object"}

WRONG: tuple[tuple[str, Any, str], ...] = (
    ("id", "Not An Id", "bad-id"),
    ("id", "under_score", "bad-id"),
    ("id", "a/b", "bad-id"),
    ("displayName", 5, "wrong-type"),
    ("displayName", ["One"], "wrong-type"),
    ("model", True, "wrong-type"),
    ("model", "", "empty-model"),
    ("version", 1, "wrong-type"),
    ("publisher", {}, "wrong-type"),
    ("toolNames", "read_files", "wrong-type"),
    ("toolNames", ["read_files", "spawn_agents", 3], "wrong-type"),
    ("toolNames", ["read_files"], "spawn-agents-missing@spawnableAgents"),
    ("spawnableAgents", {"a": 1}, "wrong-type"),
    ("spawnableAgents", [["one"]], "wrong-type"),
    ("systemPrompt", 1.5, "wrong-type"),
    ("instructionsPrompt", ["a"], "wrong-type"),
    ("stepPrompt", {"path": "x.md"}, "wrong-type"),
    ("spawnerPrompt", False, "wrong-type"),
    ("outputMode", "json", "wrong-type"),
    ("outputMode", 1, "wrong-type"),
    ("outputSchema", _OBJECT, "output-schema-mode@outputMode"),
    ("outputSchema", "text", "wrong-type"),
    ("outputSchema", {"type": "objekt"}, "invalid-schema"),
    ("outputSchema", {"properties": {}}, "invalid-schema"),
    ("inputSchema", [], "wrong-type"),
    ("inputSchema", {"prompt": {"type": "number"}}, "wrong-type"),
    ("inputSchema", {"prompt": {"description": "x"}}, "missing-field"),
    ("inputSchema", {"params": {"type": "string"}}, "invalid-schema"),
    ("inputSchema", {"params": {"type": "object", "required": "a"}}, "invalid-schema"),
    ("inputSchema", {"params": {"type": "object", "properties": [1]}}, "invalid-schema"),
    ("includeMessageHistory", "yes", "wrong-type"),
    ("inheritParentSystemPrompt", True, "system-prompt-twice@systemPrompt"),
    ("windowedFileReads", 1, "wrong-type"),
    ("compactContext", "often", "wrong-type"),
    ("compactContext", {"cacheExpiryMs": "5"}, "wrong-type"),
    ("compactContext", {"after": 5}, "unknown-field"),
    ("reasoningOptions", {"enabled": True}, "reasoning-options"),
    ("reasoningOptions", {"effort": "extreme"}, "wrong-type"),
    ("reasoningOptions", {"max_tokens": "many"}, "wrong-type"),
    ("providerOptions", {"sort": "colour"}, "wrong-type"),
    ("providerOptions", {"order": "anthropic"}, "wrong-type"),
    ("providerOptions", {"quantizations": ["int3"]}, "wrong-type"),
    ("providerOptions", {"max_price": {"prompt": True}}, "wrong-type"),
    ("providerOptions", {"baseUrl": "localhost"}, "bad-url"),
    ("localProvider", "http://localhost:1/v1", "wrong-type"),
    ("localProvider", {"apiKey": "k"}, "missing-field"),
    ("localProvider", {"baseUrl": "ftp://x"}, "bad-url"),
    ("localProvider", {"baseUrl": "http://"}, "bad-url"),
    ("mcpServers", ["a"], "wrong-type"),
    ("mcpServers", {"a": {"args": []}}, "missing-field"),
    ("mcpServers", {"a": {"command": "x", "cwd": "/"}}, "unknown-field"),
    (
        "mcpServers",
        {"a": {"command": "x", "env": {"T": "$DEFINITIONS_NOT_SET"}}},
        "missing-variable",
    ),
    ("mcpServers", {"a": {"type": "http", "url": "x", "headers": {"T": 1}}}, "wrong-type"),
    ("mcpServers", {"a": {"type": "pigeon", "command": "x"}}, "wrong-type"),
    ("handleSteps", "*handleSteps() {}", "handle-steps-form"),
    ("handleSteps", "function *() {}", "handle-steps-form"),
    ("handleSteps", 5, "wrong-type"),
)
"""A field, its wrong value, and the code expected; after ``@`` the field it stands at."""
MISSING = ("id", "displayName", "model")


@frozen
class Wrong:
    """A wrong definition and what must be said of it."""

    name: str
    file: str
    text: str
    code: str
    line: int

    def __str__(self) -> str:
        return self.name


def wrong_values() -> Iterator[Wrong]:
    """Every wrong value in every form, and every required field left out."""
    for form, render in FORMS.items():
        for number, (field, value, expected) in enumerate(WRONG):
            code, _, at = expected.partition("@")
            fields = {**GOOD, field: value}
            lines = [render(name, given) for name, given in fields.items()]
            line = HEAD[form].count("\n") + list(fields).index(at or field)
            text = _text(form, lines)
            yield Wrong(f"{form}-{number}-{field}-{code}", f"one.{form}", text, code, line)
        for field in MISSING:
            lines = [render(name, given) for name, given in GOOD.items() if name != field]
            if form == "md":
                continue  # made from the file's name and the convention's default
            name = f"{form}-no-{field}"
            yield Wrong(name, f"one.{form}", _text(form, lines), "missing-field", 0)


HEAD = {"ts": "export default {\n", "js": "module.exports = {\n", "json": "{\n", "toml": "",
        "yaml": "", "md": "---\n"}  # fmt: skip
TAIL = {
    "ts": "}\n",
    "js": "}\n",
    "json": '"zzz": 0\n}\n',
    "toml": "",
    "yaml": "",
    "md": "---\nText.\n",
}


def _text(form: str, lines: list[str]) -> str:
    return HEAD[form] + "".join(f"{line}\n" for line in lines) + TAIL[form]


def _script(name: str, value: Any) -> str:
    return f"  {name}: {json.dumps(value)},"


def _json(name: str, value: Any) -> str:
    return f'  "{name}": {json.dumps(value)},'


def _yaml(name: str, value: Any) -> str:
    return f"{name}: {json.dumps(value)}"


def _toml(name: str, value: Any) -> str:
    return f"{name} = {_toml_value(value)}"


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {_toml_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    return json.dumps(value)


FORMS: dict[str, Callable[[str, Any], str]] = {
    "ts": _script, "js": _script, "json": _json, "toml": _toml, "yaml": _yaml, "md": _yaml,
}  # fmt: skip
