"""Reads untrusted YAML as plain values, in bounded time and memory.

Aliases and merge keys let a few lines stand for gigabytes, so they are refused: the text's events
are counted before any value is made.
"""

from io import StringIO
from typing import Any, cast

MOST_CHARACTERS = 100_000
MOST_EVENTS = 20_000
MOST_DEPTH = 50


def load_yaml(text: str) -> Any:
    """Return the value of a text.  Raises `ValueError` if it is not YAML or too large."""
    from ruamel.yaml import YAML  # noqa: PLC0415  slow, and not every workspace has YAML
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415
    from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent  # noqa: PLC0415

    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"{len(text):,} characters are too many: {MOST_CHARACTERS:,} at most")
    depth = 0
    try:
        events = cast("Any", YAML(typ="safe", pure=True)).parse(StringIO(text))
        for count, event in enumerate(events):
            depth += isinstance(event, CollectionStartEvent)
            depth -= isinstance(event, CollectionEndEvent)
            if isinstance(event, AliasEvent):
                raise ValueError("aliases are not supported here")  # noqa: TRY004  the text is wrong
            if count > MOST_EVENTS or depth > MOST_DEPTH:
                raise ValueError("it is too large or nested too deeply")
        return cast("Any", YAML(typ="safe", pure=True)).load(StringIO(text))
    except (YAMLError, RecursionError, AttributeError, TypeError, IndexError, KeyError) as error:
        # ruamel raises the last ones on some tangled texts instead of its own errors.
        raise ValueError(f"it is not valid YAML ({type(error).__name__})") from None
