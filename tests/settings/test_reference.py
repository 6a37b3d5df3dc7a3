"""The table of settings, its schema, its page and what VS Code contributes say the same."""

import json
import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from inhouse.core.placeholders import KeySources
from inhouse.settings import editor_layer, read_settings
from inhouse.settings.settings_schema import key_schema, settings_schema
from inhouse.settings.table import ENDPOINT_KEYS, KEYS, ROUTE_KEYS, Key, SettingScope

ROOT = Path(__file__).parent.parent.parent
VSCODE = ROOT / "client-vscode/package.json"


def test_the_pages_are_up_to_date():
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/settings_reference.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(settings_schema())


@pytest.mark.parametrize("key", [*KEYS, *ENDPOINT_KEYS], ids=lambda key: key.name)
def test_defaults_and_examples_are_valid_by_their_own_schema(key: Key):
    for value in (key.default, *key.examples):
        jsonschema.validate(value, key_schema(key))


@pytest.mark.parametrize(
    "values",
    [
        {"maxSteps": 0},
        {"maxSteps": "x"},
        {"privacy": "local"},
        {"nope": 1},
        {"endpoints": {"e": {"kind": "olama"}}},
        {"endpoints": {"e": {"idleTimeout": 0}}},
        {"endpoints": {"definition": {"kind": "ollama"}}},
        {"routes": [{"agents": "x"}]},
        {"allowedCommands": "ls"},
    ],
)
def test_what_the_schema_refuses_the_reader_reports(values: dict[str, Any]):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, settings_schema())

    assert read_settings([editor_layer(values)])[1] != ()


def other_value(key: Key, *, of_endpoint: bool = False) -> Any:
    """Return a value that may be written and is not the default, made of the declaration alone."""
    declared, kind = key.declared, key.type
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(one.value for one in kind if one.value not in (key.default, "embedded"))
    if declared.examples and not of_endpoint:
        return declared.examples[0]
    if kind is bool:
        return not key.default
    if kind in (int, float):
        more = (key.default or max(declared.minimum or 0, declared.above or 0)) + 1
        return more if declared.maximum is None else min(more, declared.maximum)
    if getattr(kind, "__origin__", kind) is list:
        return ["http://127.0.0.1:1/v1"] if of_endpoint else ["some/words"]
    if declared.examples:
        return declared.examples[0]
    return {"X-One": "two"} if getattr(kind, "__origin__", kind) is dict else "words"


SPECIAL: dict[str, Any] = {
    "endpoints": {"new": {"baseUrl": "http://127.0.0.1:2/v1"}},
    "routes": [{"agents": "*", "endpoint": "team"}],
    "defaultEndpoint": "team",
    "mcpServers": {"files": {"command": "uvx"}},
}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_each_setting_changes_what_is_read(key: Key):
    team = editor_layer({"endpoints": {"team": {"baseUrl": "http://127.0.0.1:1/v1"}}})
    value = SPECIAL.get(key.name, other_value(key))

    before, _ = read_settings([team])
    after, problems = read_settings([editor_layer({key.name: value}), team])

    assert problems == ()
    assert getattr(after, key.field) != getattr(before, key.field)


@pytest.mark.parametrize("key", ENDPOINT_KEYS, ids=lambda key: key.name)
def test_each_setting_of_an_endpoint_changes_what_is_read(key: Key, tmp_path):
    base = {"baseUrl": "http://127.0.0.1:9/v1"}
    value = "http://127.0.0.1:1/v1" if key.name == "baseUrl" else other_value(key, of_endpoint=True)
    if key.name == "caFile":
        (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
        value = str(tmp_path / "ca.pem")

    before, _ = read_settings([editor_layer({"endpoints": {"team": base}})])
    changed = editor_layer({"endpoints": {"team": base | {key.name: value}}})
    after, problems = read_settings([changed], KeySources(environment={}, keyring=lambda _: "k"))

    assert problems == ()
    assert getattr(after.endpoints["team"], key.field) != getattr(
        before.endpoints["team"], key.field
    )


@pytest.mark.parametrize("key", ROUTE_KEYS, ids=lambda key: key.name)
def test_each_setting_of_a_route_changes_what_is_read(key: Key):
    endpoints = {name: {"baseUrl": "http://127.0.0.1:9/v1"} for name in ("one", "words")}
    route = {"agents": "*", "endpoint": "one"}

    values = [
        editor_layer({"endpoints": endpoints, "routes": [one]})
        for one in (route, route | {key.name: other_value(key)})
    ]
    (before, _), (after, problems) = map(read_settings, [values[:1], values[1:]])

    assert problems == ()
    assert getattr(after.routes[0], key.field) != getattr(before.routes[0], key.field)


def test_what_is_read_of_nothing_are_the_documented_defaults():
    nothing, _ = read_settings([])

    read = {
        key.name: json.loads(json.dumps(getattr(nothing, key.field), default=dict)) for key in KEYS
    }
    assert read == {key.name: key.default for key in KEYS}


def contributed() -> dict[str, Any]:
    found = json.loads(VSCODE.read_text("utf-8"))["contributes"]["configuration"]
    sections = found if isinstance(found, list) else [found]
    return {
        name.removeprefix("inhouse."): value
        for section in sections
        for name, value in section["properties"].items()
    }


def test_vs_code_contributes_every_setting():
    assert {key.name for key in KEYS} <= set(contributed())


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_vs_code_has_the_same_type_and_choices(key: Key):
    schema, there = key_schema(key), contributed()[key.name]

    assert _types(schema) - {"null"} == _types(there) - {"null"}
    assert _choices(schema) == _choices(there)


@pytest.mark.parametrize(
    "key", [key for key in KEYS if key.scope is SettingScope.USER], ids=lambda key: key.name
)
def test_what_only_the_user_may_say_cannot_be_said_in_a_workspaces_vs_code_settings(key: Key):
    assert contributed()[key.name]["scope"] in ("machine", "application")


def _types(schema: dict[str, Any]) -> set[str]:
    kinds = schema.get("type", [])
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _choices(schema: dict[str, Any]) -> set[Any]:
    return set(schema.get("enum", ())) - {None}


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_file_of_certificates_that_is_none_is_named_when_settings_are_read(text, tmp_path):
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    team = {"baseUrl": "https://llm.example.com/v1", "caFile": str(path)}

    _, problems = read_settings([editor_layer({"endpoints": {"team": team}})])

    assert [problem.key for problem in problems] == ["endpoints.team.caFile"]
    assert str(path) in problems[0].message
