"""Texts of models, servers and workspaces are shown as text, on every surface of an editor."""

import pytest

from inhouse.core.events import Notice, QuestionAsked, RunEvent, ToolFinished
from inhouse.core.text import Position, Range
from inhouse.lsp.features.code_actions import action
from inhouse.lsp.features.code_lenses import lens
from inhouse.lsp.runs.transcript_markdown import Writer
from inhouse.lsp.transport.rpc import plain_params

EVIL = (
    "[Fix](command:workbench.action.quit)",
    "![x](https://evil.invalid/a.png)",
    "[x][y]",
    "$(trash) $(sync~spin)",
    "a\u202eb\x1b[8m",
)


@pytest.mark.parametrize("evil", EVIL)
def test_no_message_lens_or_action_has_a_link_an_icon_or_a_hidden_character(evil: str):
    here = Range(Position(0, 0), Position(0, 0))
    shown = [
        plain_params("window/showMessage", {"type": 1, "message": evil})["message"],
        plain_params("window/showMessageRequest", {"message": "?", "actions": [{"title": evil}]})[
            "actions"
        ][0]["title"],
        plain_params("$/progress", {"token": 1, "value": {"kind": "report", "message": evil}})[
            "value"
        ]["message"],
        lens(here, evil, "c")["command"]["title"],
        action("quickfix", evil, "c")["title"],
    ]

    for text in shown:
        assert not any(each in text for each in ("](", "][", "$(", "\u202e", "\x1b")), text


def test_events_of_a_run_are_handed_on_as_they_are():
    value = {"events": [{"kind": "text", "delta": EVIL[0]}]}

    assert plain_params("$/progress", {"token": 1, "value": value})["value"] == value


@pytest.mark.parametrize("evil", [*EVIL[:3], "<img src=https://evil.invalid/a.png>"])
@pytest.mark.parametrize(
    "event",
    [
        lambda text: QuestionAsked("q", text, ("Deny",)),
        lambda text: QuestionAsked("q", "Which?", ("Deny", text)),
        lambda text: Notice("info", "c", text),
        lambda text: ToolFinished("t", True, text),
    ],
)
def test_a_transcript_makes_no_link_or_picture_of_what_a_tool_or_a_server_says(evil: str, event):
    writer = Writer("run-1", "")

    writer.add(RunEvent("run-1", "agent", event(evil)))

    assert not any(each in writer.text for each in ("](", "][", " <img"))
