"""Detects a turn that says it changed something and did not, as against one that only explains.

Claims are recognised in English only.  In other languages, a small model that was given a task and
called no tool is asked once more, unless a question mark (in nearly any script) shows that it was
asked a question or asks one itself.
"""

import re
from collections.abc import Sequence

from inhouse.core.messages import AssistantMessage, Message
from inhouse.core.tool_names import EDITING, PROPOSING

from .state import LoopContext
from .tool_calls import allowed_names

EDIT_TOOLS = EDITING | PROPOSING

_DONE = (
    r"(?:fixed|updated|changed|added|created|implemented|renamed|removed|deleted|modified|replaced"
    r"|corrected|edited|refactored|rewritten|rewrote|wrote|written|moved|made|applied|resolved)"
)
_CLAIM = re.compile(
    rf"\b(?:I|we)(?:['\u2019]ve| have)?(?: (?:now|just|also|already|successfully))* {_DONE}\b"
    rf"|\b(?:has|have) (?:now |also )?been (?:successfully )?{_DONE}\b"
    r"|\b(?:here is|here['\u2019]s|here are|below is) the (?:\w+ )?"
    r"(?:updated|corrected|fixed|modified|changed|revised|new|complete)\b"
    rf"|\A\W*{_DONE}\b",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\b(?:not|no|never|haven't|hasn't|couldn't|didn't|cannot|unable)\b", re.IGNORECASE
)

_ASKS = re.compile("[?\uff1f\u061f\u037e\u055e\u1367\ufe16\u2cfa\u203d\u2048\u2047\u2049]")
"""Question marks: Latin, full width, Arabic, Greek, Armenian, Ethiopic, vertical, Coptic, and
joined ones."""


def asks(text: str) -> bool:
    """Return whether a text asks anything, in nearly any script."""
    return _ASKS.search(text) is not None


def can_edit(run: LoopContext) -> bool:
    """Return whether the model could have changed a file."""
    return any(name in EDIT_TOOLS for name in allowed_names(run))


def claims_a_change(text: str) -> bool:
    """Return whether an answer says that something was changed."""
    for match in _CLAIM.finditer(text):
        start = max(text.rfind(".", 0, match.start()), text.rfind("\n", 0, match.start())) + 1
        if not _NOT.search(text, start, match.end()):
            return True
    return False


def has_edited(messages: Sequence[Message]) -> bool:
    """Return whether an edit was made earlier in the conversation, which a claim may refer to."""
    return any(
        call.name in EDIT_TOOLS
        for message in messages
        if isinstance(message, AssistantMessage)
        for call in message.tool_calls
    )
