"""Proposed edits come back after a restart or a crash, with their hunks."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from inhouse.core.hunks import Hunk
from inhouse.lsp.edits.kept_edits import KeptEdits
from inhouse.lsp.edits.pending_hunks import Pending
from support.editor import VSCODE, open_editor
from support.model_server import call

LINES = [f"line {number}\n" for number in range(30)]


async def proposed(project, editor):
    """Have an agent propose changes of lines 3 and 20, and wait until they are on disk."""
    pairs = [{"oldString": f"line {n}\n", "newString": f"LINE {n}\n"} for n in (3, 20)]
    project.agent("fixer", "str_replace")
    project.server.play(call("str_replace", path="a.txt", replacements=pairs))
    started = await editor.command("inhouse.run", {"agent": "fixer"})
    await editor.ended(started["runId"])
    return await editor.command("inhouse.edits")


@pytest.mark.parametrize("end", ["leave", "kill"])
async def test_what_waits_comes_back_where_it_stands_now(project, end):
    path = project.file("a.txt", "".join(LINES))
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        before = await proposed(project, editor)
        if end == "kill":
            editor.process.kill()
            await editor.process.wait()
            (kept,) = project.home.rglob("waiting-edits/*/*.json")
            # As if it had died between taking over what another process left and forgetting that.
            kept.with_stem("another").write_bytes(kept.read_bytes())
    now = "above\n" + "".join(LINES).replace("line 20\n", "the user's\n")
    path.write_text(now)
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        after = await editor.command("inhouse.edits")
        told = [each["message"] for each in editor.messages("window/showMessage")]
        answer = await editor.command("inhouse.edits.apply", {})

        assert [each["id"] for each in after] == [each["id"] for each in before]
        assert [each["new"] for each in after] == ["LINE 3\n", "LINE 20\n"]
        assert [each["fits"] for each in after] == [True, False]
        assert after[0]["range"]["start"]["line"] == 4
        assert any("2 proposed changes wait" in message for message in told)
        assert answer["applied"] == [after[0]["id"]]
        assert editor.hidden[path.as_uri()] == now.replace("line 3\n", "LINE 3\n")
        await editor.command("inhouse.edits.reject", {})
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        assert await editor.command("inhouse.edits") == []


async def test_what_waits_in_another_window_stays_there(project):
    project.file("a.txt", "".join(LINES))
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        before = await proposed(project, editor)
        async with open_editor(project.folder, **project.how(VSCODE)) as second:
            assert await second.command("inhouse.edits") == []
        assert await editor.command("inhouse.edits") == before


class FileByFile:
    """What a review does with edits of two files: it takes them one file after the other."""

    def __init__(self):
        self.everything = []
        self.kept = None

    async def restore(self, pending):
        for path in dict.fromkeys(each.path for each in pending):
            self.everything += [each for each in pending if each.path == path]
            self.kept.changed()
            await asyncio.sleep(0)  # It reads the next file.
        return len(pending)


async def restarted(state, *, more=(), decided=False):
    """Restore what waits, add *more*, and leave; give what waited and what the user was told."""
    told, review = [], FileByFile()
    context = SimpleNamespace(
        state_folder=state,
        host=SimpleNamespace(main_root=state / "work"),
        spawn=lambda work, name: asyncio.create_task(work, name=name),
        rpc=SimpleNamespace(notify=lambda _, params: told.append(params["message"])),
    )
    kept = review.kept = KeptEdits(context, review)
    await kept.restore()
    found = [*review.everything]
    review.everything = [] if decided else [*found, *more]
    if more or decided:
        kept.changed()
    await kept.aclose()
    return found, told


async def test_what_waits_in_two_files_comes_back_whole_until_it_is_decided(tmp_path):
    many = [  # So many that writing them takes longer than taking the next file.
        Pending(f"edit-{number}", "run-1", "a", tmp_path / name, "", Hunk(0, (), ("new\n",)))
        for name, numbers in (("a.txt", range(4000)), ("b.txt", range(4000, 4001)))
        for number in numbers
    ]
    await restarted(tmp_path, more=many)

    for decided in (False, True):
        found, told = await restarted(tmp_path, decided=decided)
        assert len(found) == len(many)
        assert told == [
            "Inhouse: 4001 proposed changes wait for your decision, from before the restart."
        ]
    assert await restarted(tmp_path) == ([], [])


async def test_what_was_taken_over_with_another_id_is_still_one_edit(project):
    project.file("a.txt", "".join(LINES))
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        before = await proposed(project, editor)
    (kept,) = project.home.rglob("waiting-edits/*/*.json")
    value = json.loads(kept.read_text())
    for number, each in enumerate(value["edits"]):
        each["id"] = f"edit-{number + 70}.1"  # The first ids were those of a second dead process.
    kept.with_stem("another").write_text(json.dumps(value))
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        after = await editor.command("inhouse.edits")

    assert [each["new"] for each in after] == [each["new"] for each in before]
