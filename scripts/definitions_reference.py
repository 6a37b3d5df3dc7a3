"""Write docs/reference/definition.schema.json and the tables of definitions.md from the types.

`--check` writes nothing and fails where a page is out of date.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from inhouse.definitions.forms.conventions import MODELS, TOOLS
from inhouse.definitions.schema import definition_schema, fields_table

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
PAGE = REFERENCE / "definitions.md"
SCHEMA = REFERENCE / "definition.schema.json"


def table(heads: tuple[str, str], rows: Mapping[str, str]) -> str:
    lines = [f"| {heads[0]} | {heads[1]} |", "| --- | --- |"]
    lines += [f"| `{theirs}` | `{ours}` |" for theirs, ours in rows.items()]
    return "\n".join(lines)


def page(text: str) -> str:
    tables = {
        "fields": fields_table().rstrip(),
        "tools": table(("there (in any case)", "here"), TOOLS),
        "models": table(("there", "here"), MODELS),
    }
    for name, wanted in tables.items():
        mark = rf"(<!-- {name}: written by scripts/definitions_reference.py -->\n).*?(<!-- end -->)"
        text, count = re.subn(
            mark,
            lambda found, wanted=wanted: found[1] + wanted + "\n" + found[2],
            text,
            flags=re.DOTALL,
        )
        assert count == 1, name
    return text


def main() -> int:
    wanted = {
        PAGE: page(PAGE.read_text("utf-8")),
        SCHEMA: json.dumps(definition_schema(), indent=2, ensure_ascii=False) + "\n",
    }
    stale = [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text("utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.name} is out of date: run python scripts/definitions_reference.py")
        return bool(stale)
    for path in stale:
        path.write_text(wanted[path], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
