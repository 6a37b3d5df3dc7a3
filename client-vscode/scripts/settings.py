"""Write the settings of package.json from the server's own table of settings.

Run with the server's Python: .venv/bin/python client-vscode/scripts/settings.py
tests/editors/test_vscode_settings.py tells when it has to be run.
"""

import json
import sys
from pathlib import Path
from typing import Any

from inhouse.settings.settings_schema import key_schema
from inhouse.settings.table import BY_NAME, Scope

PACKAGE = Path(__file__).parents[1] / "package.json"
GROUPS = {
    "Endpoints": ("endpoints", "routes", "defaultEndpoint", "embedded"),
    "Safety": (
        *("privacy", "edits", "commands", "allowedCommands", "maxSteps"),
        *("budgetUsd", "dailyBudgetUsd", "localAddresses", "allowedEnvironment", "keyHosts"),
    ),
    "Agents": ("agentFolders", "showTranscript", "keptTranscripts"),
    "Server": ("trace",),
}
OPEN = frozenset({"showTranscript", "trace"})
"""Of no use to somebody who wrote an untrusted workspace."""
ENUMS = {
    "privacy": (
        "Every endpoint that the settings name.",
        "Ask before the first text goes to a host that is not this machine.",
        "Refuse every host that is not verified to be this machine.",
    ),
    "edits": (
        "Keep edits as proposals that you apply or reject hunk by hunk.",
        "Make edits at once; one undo takes them back.",
    ),
    "commands": (
        "Ask before each command.",
        "Run what inhouse.allowedCommands names, refuse the rest.",
        "Refuse every command.",
    ),
    "trace": ("Nothing.", "That requests happen.", "What is in them; never a key."),
}
OURS = {
    "inhouse.python": {
        "type": "string",
        "default": "",
        "scope": "machine",
        "description": "The Python (3.11 or newer) that the language server's private environment "
        "is made from. Empty: the Python extension's interpreter, then the PATH.",
    },
    "inhouse.serverCommand": {
        "type": "array",
        "items": {"type": "string"},
        "default": [],
        "scope": "machine",
        "description": "Start this command as language server instead of the one that comes with "
        "the extension, for example: inhouse lsp.",
    },
}


def configuration() -> list[dict[str, Any]]:
    """Give ``contributes.configuration``."""
    groups = []
    for number, (title, names) in enumerate(GROUPS.items()):
        properties = {f"inhouse.{name}": _setting(name) for name in names}
        if title == "Server":
            properties = OURS | properties
        for order, setting in enumerate(properties.values()):
            setting["order"] = order
        groups.append({"title": title, "order": number, "properties": properties})
    return groups


def package_text() -> str:
    """Give package.json as it should be."""
    package = json.loads(PACKAGE.read_text(encoding="utf-8"))
    groups = configuration()
    package["contributes"]["configuration"] = groups
    package["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"] = [
        name
        for group in groups
        for name in group["properties"]
        if name.removeprefix("inhouse.") not in OPEN
    ]
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"


def _setting(name: str) -> dict[str, Any]:
    key = BY_NAME[name]
    schema = key_schema(key)
    setting: dict[str, Any] = {
        "scope": "machine" if key.scope is Scope.USER else "window",
        "markdownDescription": schema.pop("description"),
        **schema,
    }
    setting.setdefault("default", None)
    if name == "showTranscript":
        setting["default"] = True  # VS Code has room beside the editor.
    if name in ENUMS:
        setting["markdownEnumDescriptions"] = list(ENUMS[name])
    setting.pop("examples", None)
    return setting


if __name__ == "__main__":
    PACKAGE.write_text(package_text(), encoding="utf-8")
    sys.stdout.write(f"{PACKAGE.name} is up to date\n")
