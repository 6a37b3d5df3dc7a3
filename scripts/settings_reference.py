"""Write docs/reference/settings.schema.json and the tables of settings.md from the one table.

`--check` writes nothing and fails where a page is out of date.
"""

import json
import sys
from pathlib import Path

from written_pages import filled, write_or_check

from inhouse.settings.settings_schema import key_schema, settings_schema
from inhouse.settings.table import (
    ENDPOINT_KEYS,
    KEYS,
    MCP_SERVER_KEYS,
    ROUTE_KEYS,
    Key,
    SettingScope,
)

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
SCRIPT = Path(__file__).name
PAGE = REFERENCE / "settings.md"
SCHEMA = REFERENCE / "settings.schema.json"
WHO = {
    SettingScope.ANYWHERE: "everyone",
    SettingScope.NARROWING: "you; a workspace may only narrow it",
    SettingScope.USER: "your own settings",
    SettingScope.OWNER: "you; a workspace only for its own endpoints",
}
TABLES = {
    "settings": KEYS,
    "endpoints": ENDPOINT_KEYS,
    "routes": ROUTE_KEYS,
    "mcpServers": MCP_SERVER_KEYS,
}


def table(keys: tuple[Key, ...]) -> str:
    rows = [
        "| key | type | default | meaning | who can set it |",
        "| --- | --- | --- | --- | --- |",
    ]
    rows += [row(key) for key in keys]
    return "\n".join(rows)


def row(key: Key) -> str:
    schema = key_schema(key)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    shown = ", ".join(f"`{json.dumps(one)}`" for one in schema.get("enum", ()) if one is not None)
    default = f"`{json.dumps(key.default)}`" if key.default is not None else "none"
    who = WHO[key.scope]
    kind = shown or next(one for one in kinds if one != "null")
    return f"| `{key.name}` | {kind} | {default} | {key.description} | {who} |"


def main() -> int:
    tables = {name: table(keys) for name, keys in TABLES.items()}
    wanted = {
        PAGE: filled(PAGE.read_text("utf-8"), tables, SCRIPT),
        SCHEMA: json.dumps(settings_schema(), indent=2, ensure_ascii=False) + "\n",
    }
    return write_or_check(wanted, SCRIPT)


if __name__ == "__main__":
    sys.exit(main())
