"""Write docs/reference/definition.schema.json and the tables of definitions.md from the types.

`--check` writes nothing and fails where a page is out of date.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from written_pages import filled, write_or_check

from inhouse.definitions.forms.conventions import MODELS, TOOLS
from inhouse.definitions.schema.definition_schema import definition_schema, fields_table

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
SCRIPT = Path(__file__).name
PAGE = REFERENCE / "definitions.md"
SCHEMA = REFERENCE / "definition.schema.json"


def table(heads: tuple[str, str], rows: Mapping[str, str]) -> str:
    lines = [f"| {heads[0]} | {heads[1]} |", "| --- | --- |"]
    lines += [f"| `{theirs}` | `{ours}` |" for theirs, ours in rows.items()]
    return "\n".join(lines)


def main() -> int:
    tables = {
        "fields": fields_table(),
        "tools": table(("in the file (in any case)", "in Inhouse"), TOOLS),
        "models": table(("in the file", "in Inhouse"), MODELS),
    }
    wanted = {
        PAGE: filled(PAGE.read_text("utf-8"), tables, SCRIPT),
        SCHEMA: json.dumps(definition_schema(), indent=2, ensure_ascii=False) + "\n",
    }
    return write_or_check(wanted, SCRIPT)


if __name__ == "__main__":
    sys.exit(main())
