"""Untrusted texts in the editor's own messages.

An editor may make a link of ``[text](command:…)`` in a message, and VS Code an icon of ``$(name)``:
here, for all messages in one place, this is neutralised, and invisible characters are escaped.
"""

import re
from typing import Any

from inhouse.core.json_values import fields
from inhouse.core.unicode import visible

_MESSAGES = frozenset({"window/showMessage", "window/showMessageRequest"})
_LINK = re.compile(r"\](?=[(\[])")
_ICON = re.compile(r"\$(?=\()")


def plain(text: str) -> str:
    """Return a text that every editor shows as it is written."""
    return _ICON.sub("$ ", _LINK.sub("] ", visible(text)))


def plain_params(method: str, params: Any) -> Any:
    """Return a message's parameters with every text that is shown made plain."""
    if method in _MESSAGES:
        shown = {**params, "message": plain(str(params["message"]))}
        if actions := params.get("actions"):
            shown["actions"] = [{**each, "title": plain(each["title"])} for each in actions]
        return shown
    value = fields(params.get("value")) if method == "$/progress" else {}
    if "kind" in value:
        texts = {name: plain(str(value[name])) for name in ("title", "message") if name in value}
        return {**params, "value": {**value, **texts}}
    return params
