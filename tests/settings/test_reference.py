"""The table of settings, its schema, its page and what VS Code contributes say the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from inhouse.settings import editor_layer, read_settings
from inhouse.settings.settings_schema import key_schema, settings_schema
from inhouse.settings.table import ENDPOINT_KEYS, KEYS, Key, SettingScope

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
