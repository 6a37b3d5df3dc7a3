"""Reads untrusted TOML in bounded time.

Python's reader needs time that grows with the square of a dotted key's parts, and Python refuses
numbers of thousands of digits with another error than that of TOML.
"""

import re
import tomllib

from inhouse.core.json_values import Json

MOST_PARTS = 64
"""Names of one dotted key or header."""

_NAME = r"""(?:(?<![\w-])[\w-]++|(?<!\\)"(?:[^"\\\n]++|\\.)*+"|'[^'\n]*+')"""
LONG_KEY = re.compile(rf"(?:{_NAME}[ \t]*+\.[ \t]*+){{{MOST_PARTS}}}")
"""A key of too many names, wherever it begins."""


def load_toml(text: str) -> Json:
    """Return the values of a text.  Raises `ValueError` if it is not TOML, or is too deep."""
    if (found := LONG_KEY.search(text)) is not None:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        raise tomllib.TOMLDecodeError(
            f"A key of more than {MOST_PARTS} names (at line {line}, column {column})"
        )
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:
        raise ValueError("a number in it has too many digits") from None
