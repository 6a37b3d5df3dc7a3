"""Where a setting stands in a JSON file."""

import json
import re
from collections.abc import Sequence

from inhouse.core.positions import position_at
from inhouse.core.text import START, Range


def locate_json(text: str, path: Sequence[str | int]) -> Range:
    """Give the range of the key that leads to a value, or of the nearest one around it."""
    at, found = 0, START
    for part in path:
        key = re.compile(rf"({re.escape(json.dumps(part, ensure_ascii=False))})\s*:")
        match = key.search(text, at) if isinstance(part, str) else None
        if match is None:
            break
        found = Range(position_at(text, match.start(1)), position_at(text, match.end(1)))
        at = match.end()
    return found
