"""The JSON Schema and the table of fields say what the checks do."""

import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from inhouse.definitions.schema.definition_schema import definition_schema
from inhouse.definitions.schema.fields import FIELD_NAMES, field_at, fields, fields_at
from support.definitions import problems_of
from support.mutations import GOOD, WRONG

SCHEMA = Draft202012Validator(definition_schema())
BEYOND = {
    *("bad-url", "missing-variable", "handle-steps-form", "empty-model"),
    *("spawn-agents-missing", "system-prompt-twice"),
}
"""What a JSON Schema cannot say, or only at great length."""


def test_a_good_definition_fits_the_schema():
    Draft202012Validator.check_schema(definition_schema())

    assert not list(SCHEMA.iter_errors(GOOD))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (field, value)
        for field, value, code in WRONG
        if code.partition("@")[0] not in BEYOND and "objekt" not in str(value)
        if value != {"params": {"type": "object", "properties": [1]}}
        if value != {"params": {"type": "object", "required": "a"}}
    ],
)
def test_what_the_checks_refuse_the_schema_refuses(field, value):
    assert list(SCHEMA.iter_errors({**GOOD, field: value}))


def test_the_pages_are_made_from_the_types():
    script = Path(__file__).parents[2] / "scripts" / "definitions_reference.py"
    done = subprocess.run(
        [sys.executable, script, "--check"], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"$schema": "inhouse-schema:/definition.json", "id": "a", %s}'),
        ("a.yaml", "# yaml-language-server: $schema=x.json\nid: a\ndisplayName: A\nmodel: m\n"),
        ("a.toml", '#:schema x.json\nid = "a"\ndisplayName = "A"\nmodel = "m"\n'),
    ],
)
def test_a_definition_may_name_its_schema(name, text):
    assert problems_of(text.replace("%s", '"displayName": "A", "model": "m"'), name) == []


def test_every_field_has_a_meaning():
    waiting = list(fields())
    while waiting:
        field = waiting.pop()
        waiting.extend(field.fields)
        assert field.meaning.endswith((".", "`.")), field.name


def test_a_path_leads_to_its_field():
    assert field_at(("outputMode",)).choices == (
        "last_message",
        "all_messages",
        "structured_output",
    )
    assert field_at(("toolNames", 3)).name == "toolNames"
    assert field_at(("mcpServers", "files", "command")).required
    assert field_at(("providerOptions", "quantizations", 0)).choices[0] == "int4"
    assert field_at(("nothing",)) is None
    assert {field.name for field in fields_at(())} == FIELD_NAMES
    assert fields_at(("mcpServers",)) == ()
    assert "command" in {field.name for field in fields_at(("mcpServers", "files"))}
    assert "baseUrl" in {field.name for field in fields_at(("localProvider",))}
