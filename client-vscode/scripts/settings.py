"""Write the settings of package.json from the server's own table of settings.

Run with the server's Python: .venv/bin/python client-vscode/scripts/settings.py
tests/editors/test_vscode_settings.py tells when it has to be run.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from inhouse.core.setting import SettingGroup, SettingScope
from inhouse.definitions.catalog.folders import ON_BOARD
from inhouse.settings.settings_schema import key_schema
from inhouse.settings.table import BY_NAME, KEYS

PACKAGE = Path(__file__).parents[1] / "package.json"
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
        "description": "The command that starts the language server, instead of the one that "
        "comes with the extension. For example: inhouse lsp.",
    },
}


def chat_participants() -> list[dict[str, Any]]:
    """Give ``contributes.chatParticipants``: its commands are the agents that come with Inhouse."""
    agents = [read_on_board(path) for path in sorted(ON_BOARD.glob("*.ts"))]
    named = [{"name": agent, "description": purpose} for agent, purpose in agents]
    other = [
        {"name": "agent", "description": "Any other agent: /agent NAME and what you want."},
        {
            "name": "compact",
            "description": "Compacts the conversation, to make room in the context window.",
        },
    ]
    return [
        {
            "id": "inhouse.agent",
            "name": "inhouse",
            "fullName": "Inhouse",
            "description": "Ask one of your agents",
            "isSticky": True,
            "commands": [*named, *other],
        }
    ]


def read_on_board(path: Path) -> tuple[str, str]:
    """Give the id of an agent that comes with Inhouse, and what it is for."""
    text = path.read_text(encoding="utf-8")
    purpose = re.search(r"spawnerPrompt:\s*\n?\s*'(.*?)'", text, re.DOTALL)
    return path.stem, purpose[1] if purpose else path.stem


def configuration() -> list[dict[str, Any]]:
    """Give ``contributes.configuration``."""
    groups = []
    for number, group in enumerate(SettingGroup):
        names = [key.name for key in KEYS if key.declared.group is group]
        properties = {f"inhouse.{name}": _setting(name) for name in names}
        if group is SettingGroup.SERVER:
            properties = OURS | properties
        for order, setting in enumerate(properties.values()):
            setting["order"] = order
        groups.append({"title": group.value, "order": number, "properties": properties})
    return groups


def package_text() -> str:
    """Give package.json as it should be."""
    package = json.loads(PACKAGE.read_text(encoding="utf-8"))
    groups = configuration()
    package["contributes"]["chatParticipants"] = chat_participants()
    package["contributes"]["configuration"] = groups
    package["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"] = [
        name
        for group in groups
        for name in group["properties"]
        if not _is_harmless(name.removeprefix("inhouse."))
    ]
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"


def _is_harmless(name: str) -> bool:
    return name in BY_NAME and BY_NAME[name].declared.is_harmless


def _setting(name: str) -> dict[str, Any]:
    key = BY_NAME[name]
    schema = key_schema(key)
    setting: dict[str, Any] = {
        "scope": "machine" if key.scope is SettingScope.USER else "window",
        "markdownDescription": schema.pop("description"),
        **schema,
    }
    setting.setdefault("default", None)
    if name == "showTranscript":
        setting["default"] = True  # VS Code has room beside the editor.
    if choices := key.declared.choices:
        setting["markdownEnumDescriptions"] = [
            choices[one] for one in setting["enum"] if one is not None
        ]
    setting.pop("examples", None)
    return setting


if __name__ == "__main__":
    PACKAGE.write_text(package_text(), encoding="utf-8")
    sys.stdout.write(f"{PACKAGE.name} is up to date\n")
