"""Write docs/reference/settings.schema.json and the tables of settings.md from the one table.

`--check` writes nothing and fails where a page is out of date.
"""

import json
import re
import sys
from pathlib import Path

from inhouse.settings.schema import key_schema, settings_schema
from inhouse.settings.table import ENDPOINT_KEYS, KEYS, ROUTE_KEYS, Key, Scope

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
PAGE = REFERENCE / "settings.md"
SCHEMA = REFERENCE / "settings.schema.json"
TABLES = {"settings": KEYS, "endpoints": ENDPOINT_KEYS, "routes": ROUTE_KEYS}


def table(keys: tuple[Key, ...]) -> str:
    rows = [
        "| key | type | default | meaning | who may say it |",
        "| --- | --- | --- | --- | --- |",
    ]
    rows += [row(key) for key in keys]
    return "\n".join(rows)


def row(key: Key) -> str:
    schema = key_schema(key)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    shown = ", ".join(f"`{json.dumps(one)}`" for one in schema.get("enum", ()) if one is not None)
    default = f"`{json.dumps(key.default)}`" if key.default is not None else "none"
    who = "your own settings" if key.scope is Scope.USER else "everyone"
    kind = shown or next(one for one in kinds if one != "null")
    return f"| `{key.name}` | {kind} | {default} | {key.description} | {who} |"


def page(text: str) -> str:
    for name, keys in TABLES.items():
        mark = rf"(<!-- {name}: written by scripts/settings_reference.py -->\n).*?(<!-- end -->)"
        text, count = re.subn(
            mark,
            lambda found, keys=keys: found[1] + table(keys) + "\n" + found[2],
            text,
            flags=re.DOTALL,
        )
        assert count == 1, name
    return text


def main() -> int:
    wanted = {
        PAGE: page(PAGE.read_text("utf-8")),
        SCHEMA: json.dumps(settings_schema(), indent=2, ensure_ascii=False) + "\n",
    }
    stale = [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.name} is out of date: run python scripts/settings_reference.py")
        return bool(stale)
    for path in stale:
        path.write_text(wanted[path], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
