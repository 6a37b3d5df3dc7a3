"""A transcript reads as sentences: how commands ended, how large edits are, what is folded."""

from pathlib import Path

import pytest

from inhouse.core.call_sentences import place_of
from inhouse.core.events import (
    EditChanged,
    EditState,
    RunEvent,
    RunFinished,
    RunResult,
    RunStatus,
    TextDelta,
    ToolFinished,
    ToolStarted,
    Usage,
)
from inhouse.core.route import DecidedBy, Route
from inhouse.lsp.runs.transcript_markdown import Writer
from support.editor import VSCODE, open_editor
from support.model_server import call

ROUTE = Route("e", "http://x", "m", local=True, decided_by=DecidedBy.DEFAULT, source="s", steps=())


def result(run_id, agent, text, parent):
    return RunResult(
        *(run_id, agent, ROUTE, RunStatus.COMPLETED, text, Usage(10, 5)),
        *("2026-01-01T00:00:00Z", 1500, None),
        parent=parent,
    )


def written(*events, link=lambda path: f"file:///w/{path}", lines=False):
    writer = Writer("run", "", link, lines=lines)
    for event in events:
        writer.add(event)
    return writer.text


def used(tool, given, *, ok=True, summary="done", **more):
    """Give the line of one call of the run itself."""
    return written(
        RunEvent("run", "a", ToolStarted("c", tool, given)),
        RunEvent("run", "a", ToolFinished("c", ok, summary)),
        **more,
    ).strip()


def test_calls_are_sentences_with_links_to_their_files():
    read = used("read_files", {"paths": ["a.py", {"path": "b.py"}]})
    ran = used("run_terminal_command", {"command": "pytest -q"}, ok=False, summary="exit 1")
    patched = used("apply_patch", {"operation": {"type": "delete_file", "path": "o.py"}})
    asked = used("spawn_agents", {"agents": [{"agent_type": "finder", "prompt": "p"}]})

    assert read == "- ✓ Read [`a.py`](file:///w/a.py), [`b.py`](file:///w/b.py)"
    assert ran == "- ✗ Ran `pytest -q`: exit 1"
    assert patched == "- ✓ Edited [`o.py`](file:///w/o.py)"
    assert asked == "- ✓ Ran `finder`"
    assert used("mcp__x", {"n": 1}) == '- ✓ Called `mcp__x` `{"n": 1}`: done'


def test_a_run_that_fails_before_a_word_has_one_line_between_head_and_end():
    writer = Writer("run", "# a\n\n---\n\n")
    writer.add(RunEvent("run", "a", RunFinished(result("run", "a", "", None))))

    assert writer.text.startswith("# a\n\n---\n\n**completed** in")


@pytest.mark.parametrize("answer", ["x ---", "Title\n---", "Done.\n\n---", "---"])
def test_an_answer_that_ends_in_a_rule_leaves_the_rule_before_the_end(answer):
    read = written(
        RunEvent("run", "a", TextDelta(answer)),
        RunEvent("run", "a", RunFinished(result("run", "a", answer, None))),
    )

    assert read.startswith(f"{answer}\n\n---\n\n**completed** in")


def test_a_command_or_a_path_in_words_of_a_model_stays_code():
    evil = "`](command:x) ![p](https://evil.invalid/a.png)\nrm"

    for line in (
        used("run_terminal_command", {"command": evil}),
        used("read_files", {"paths": [evil]}, link=lambda _: None),
    ):
        assert line.count("`") == 2
        assert "\n" not in line


def test_an_edit_tells_its_size_and_leads_to_its_file():
    diff = "--- a\n+++ b\n@@ -1 +1,2 @@\n-one\n+two\n+three\n"
    edit = EditChanged("file:///w/my%20a.py", EditState.PROPOSED, diff)

    assert written(RunEvent("run", "a", edit)).strip() == (
        "- ✎ proposed: [`my a.py`](file:///w/my%20a.py) (+2 −1)"  # noqa: RUF001  a minus sign
    )


def test_where_a_client_knows_fragments_an_edit_leads_to_the_line_that_it_changes():
    diff = "--- a\n+++ b\n@@ -7,3 +7,3 @@\n same\n-one\n+two\n same\n"
    edit = EditChanged("file:///w/a.py", EditState.PROPOSED, diff)
    new = EditChanged("file:///w/b.py", EditState.PROPOSED, "@@ -0,0 +1 @@\n+n = 1\n")

    assert "(file:///w/a.py#L8)" in written(RunEvent("run", "a", edit), lines=True)
    assert "(file:///w/b.py#L1)" in written(RunEvent("run", "a", new), lines=True)


def test_what_sub_agents_said_is_a_tree_that_folds():
    text = written(
        RunEvent("r2", "inner", RunFinished(result("r2", "inner", "Deep </details>", "r1")), "r1"),
        RunEvent("r1", "outer", RunFinished(result("r1", "outer", "Shallow", "run")), "run"),
    )

    outer = "<summary>outer: completed, 1.5 s, 10 tokens in, 5 out</summary>"
    inner = "<summary>inner: completed, 1.5 s, 10 tokens in, 5 out</summary>"
    assert text.index(outer) < text.index(inner) < text.index("Deep") < text.index("Shallow")
    assert text.count("<details>") == text.count("</details>") == 2


async def test_a_command_that_fails_is_not_ticked_in_any_event(project):
    project.agent("runner", "run_terminal_command")
    project.settings |= {"allowedCommands": ["false"]}
    project.server.play(call("run_terminal_command", command="false"))
    project.server.play("It failed.")
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        started = await editor.command("inhouse.run", {"agent": "runner", "streamToken": "s"})
        await editor.ended(started["runId"])

        (told,) = [each for each in editor.events("s") if each["kind"] == "tool_result"]
        assert (told["ok"], told["summary"]) == (False, "exit 1")


@pytest.mark.parametrize(
    ("tool", "given", "word"),
    [
        ("spawn_agents", {"agents": [{"agent_type": "stranger", "prompt": "Go"}]}, "stranger"),
        ("read_files", {"paths": ["nowhere.py"]}, "nowhere.py"),
    ],
)
async def test_agents_that_could_not_be_started_and_files_that_are_not_there_are_not_ticked(
    project, tool, given, word
):
    project.agent("boss", tool)
    project.server.play(call(tool, **given))
    project.server.play("Nothing came.")
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        started = await editor.command("inhouse.run", {"agent": "boss", "streamToken": "s"})
        await editor.ended(started["runId"])

        (told,) = [each for each in editor.events("s") if each["kind"] == "tool_result"]
        assert told["ok"] is False
        assert word in told["summary"]


def test_a_link_leads_to_a_file_whose_name_has_brackets():
    read = used("read_files", {"paths": ["a (1).py"]}, link=lambda path: f"file:///w/{path}")

    assert read == "- ✓ Read [`a (1).py`](file:///w/a %281%29.py)"


def test_a_name_that_begins_with_a_folder_of_the_workspace_leads_there():
    roots = (Path("/w/one"), Path("/w/second one"))

    assert place_of("a.py", roots) == Path("/w/one/a.py")
    assert place_of("second one/a.py", roots) == Path("/w/second one/a.py")
    assert place_of("second one/a.py", roots[:1]) == Path("/w/one/second one/a.py")
    assert place_of("../../etc/hosts", roots) == Path("/etc/hosts")
    assert place_of("/w/second one/a.py", roots) == Path("/w/second one/a.py")
