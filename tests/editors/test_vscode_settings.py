"""What the VS Code extension says of itself agrees with the server."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from inhouse.lsp.contract.command_names import COMMANDS

CLIENT = Path(__file__).parents[2] / "client-vscode"
PACKAGE = json.loads((CLIENT / "package.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def settings_script() -> ModuleType:
    path = CLIENT / "scripts" / "settings.py"
    spec = importlib.util.spec_from_file_location("vscode_settings", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_settings_of_package_json_come_from_the_servers_table(
    settings_script: ModuleType,
) -> None:
    written = (CLIENT / "package.json").read_text(encoding="utf-8")

    stale = "run .venv/bin/python client-vscode/scripts/settings.py"
    assert written == settings_script.package_text(), stale


def test_what_can_run_or_reach_something_is_restricted_in_untrusted_workspaces() -> None:
    trust = PACKAGE["capabilities"]["untrustedWorkspaces"]

    assert trust["supported"] == "limited"
    for name in ("endpoints", "routes", "defaultEndpoint", "commands", "python", "serverCommand"):
        assert f"inhouse.{name}" in trust["restrictedConfigurations"]


def test_no_command_of_the_extension_has_the_name_of_one_of_the_server() -> None:
    own = {each["command"] for each in PACKAGE["contributes"]["commands"]}

    assert not own & set(COMMANDS)


def test_every_command_that_the_extension_sends_exists() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in CLIENT.rglob("src/**/*.ts"))
    sent = set(re.findall(r'(?:execute(?:<[^(]*>)?\(|command: )"(inhouse\.[\w.]+)"', sources))

    own = {each["command"] for each in PACKAGE["contributes"]["commands"]}
    assert {name for name in sent if name not in own} <= set(COMMANDS)
    assert "inhouse.setKey" in sent


def test_modules_of_the_extension_stay_small() -> None:
    for path in CLIENT.glob("src/*.ts"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path.name


def test_the_extension_names_no_registry_and_no_path_of_a_machine() -> None:
    for path in [*CLIENT.glob("*.json"), *CLIENT.glob("src/*.ts"), CLIENT / "README.md"]:
        text = path.read_text(encoding="utf-8")
        assert '"resolved"' not in text, f"{path.name} names where packages come from"
        assert str(CLIENT.parent) not in text, f"{path.name} names a folder of this machine"
