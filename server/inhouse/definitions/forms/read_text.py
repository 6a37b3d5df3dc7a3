"""Turns a definition's text, in any format, into values with positions.

Reading never runs anything, never raises, and takes bounded time.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from inhouse.core.text import START, Problem, Severity
from inhouse.definitions.readers.file_forms import EVALUATED, LARGEST
from inhouse.definitions.readers.parsed_values import Reading

_log = logging.getLogger(__name__)


def read(path: Path, text: str) -> Reading:
    """Read every definition in *text*; *path* only determines the format and is not opened."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        return _refused(path, "unknown-form", f"Not a format for definitions: {path.suffix!r}.")
    if len(text) > LARGEST:
        message = (
            f"A definition may have {LARGEST:,} characters at most; this one has {len(text):,}."
        )
        return _refused(path, "too-large", message)
    text = text.removeprefix("\ufeff")
    try:
        return reader(path, text)
    except RecursionError:
        return _refused(path, "too-deep", "Nested too deep to be read.")
    except Exception:  # noqa: BLE001 - the contract: never raises
        # A bug of ours must not crash the server, but must not stay hidden either.
        _log.exception("reading a definition failed: %s", path)
        message = "This file could not be read: a bug in Inhouse, please report it."
        return _refused(path, "internal", message)


def _refused(path: Path, code: str, message: str) -> Reading:
    return Reading(problems=(Problem(path, START, Severity.ERROR, code, message),))


def _typescript(path: Path, text: str) -> Reading:
    from inhouse.definitions.forms.typescript_modules import read_module  # noqa: PLC0415

    return read_module(path, text)


def _json(path: Path, text: str) -> Reading:
    from inhouse.definitions.forms.json_text import read_json  # noqa: PLC0415

    return read_json(path, text)


def _toml(path: Path, text: str) -> Reading:
    from inhouse.definitions.forms.toml_text import read_toml  # noqa: PLC0415

    return read_toml(path, text)


def _yaml(path: Path, text: str) -> Reading:
    from inhouse.definitions.forms.yaml_text import read_yaml  # noqa: PLC0415

    return read_yaml(path, text)


def _markdown(path: Path, text: str) -> Reading:
    from inhouse.definitions.forms.markdown import read_markdown  # noqa: PLC0415

    return read_markdown(path, text)


_READERS: Mapping[str, Callable[[Path, str], Reading]] = {
    **dict.fromkeys(EVALUATED, _typescript),
    ".json": _json,
    ".jsonc": _json,
    ".toml": _toml,
    ".yaml": _yaml,
    ".yml": _yaml,
    ".md": _markdown,
}
