"""Proposed edits come back after a restart or a crash, with their hunks."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from inhouse.core.hunks import Hunk
from inhouse.lsp.edits.kept_edits import KeptEdits
from inhouse.lsp.edits.pending_hunks import Pending
from inhouse.store.waiting_edits import WaitingEdits
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


@pytest.mark.parametrize("opened", [True, False])
async def test_what_waits_follows_a_file_that_is_renamed(project, opened):
    path = project.file("a.txt", "".join(LINES))
    new = project.folder / "notes" / "b.txt"
    new.parent.mkdir()
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        filters = editor.result["capabilities"]["workspace"]["fileOperations"]["didRename"]
        assert filters == {"filters": [{"scheme": "file", "pattern": {"glob": "**"}}]}
        if opened:
            editor.open(path)
        before = await proposed(project, editor)
        editor.rename(path, new)
        after = await editor.command("inhouse.edits")
        result = await editor.command("inhouse.result", {"runId": before[0]["runId"]})
        assert after == [{**each, "uri": new.as_uri()} for each in before]
        assert result["edits"] == [{"uri": new.as_uri(), "state": "proposed"}]
        await editor.until(lambda: len(editor.diagnostics(new.as_uri())) == 2)
        assert not editor.diagnostics(path.as_uri())

    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        assert await editor.command("inhouse.edits") == after
        editor.rename(new.parent, project.folder / "words")  # A folder takes what is in it along.
        new = project.folder / "words" / "b.txt"
        uri = editor.open(new) if opened else new.as_uri()
        one, other = [each["id"] for each in after]
        told = await editor.command("inhouse.edits.apply", {"uri": uri, "hunk": one})
        assert told == {"applied": [one], "problems": []}
        text = (editor.buffers if opened else editor.hidden)[uri]
        assert text == "".join(LINES).replace("line 3\n", "LINE 3\n")
        assert await editor.command("inhouse.edits.reject", {}) == {"rejected": [other]}


async def test_what_waits_is_not_lost_if_the_editor_closes_right_after_a_rename(project):
    path = project.file("a.txt", "".join(LINES))
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        before = await proposed(project, editor)
    for number in range(5):
        new = project.folder / f"b{number}.txt"
        async with open_editor(project.folder, **project.how(VSCODE)) as editor:
            await editor.command("inhouse.edits")
            editor.rename(path, new)
        path = new
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        after = await editor.command("inhouse.edits")
        assert after == [{**each, "uri": path.as_uri()} for each in before]


async def test_what_waits_in_two_files_follows_each_that_gets_the_others_name(project):
    path, other = project.file("a.txt", "".join(LINES)), project.folder / "b.txt"
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        first = await proposed(project, editor)
        editor.rename(path, other)
        project.file("a.txt", "".join(LINES))
        both = await proposed(project, editor)
        assert len(both) == 2 * len(first)
        ids = {
            each["uri"]: [one["id"] for one in both if one["uri"] == each["uri"]] for each in both
        }
        path.rename(aside := project.folder / "aside")
        other.rename(path)
        aside.rename(other)
        moves = [(path, other), (other, path)]
        files = [{"oldUri": old.as_uri(), "newUri": new.as_uri()} for old, new in moves]
        editor.notify("workspace/didRenameFiles", {"files": files})
        after = await editor.command("inhouse.edits")
        assert {
            each["uri"]: [one["id"] for one in after if one["uri"] == each["uri"]] for each in after
        } == {
            path.as_uri(): ids[other.as_uri()],
            other.as_uri(): ids[path.as_uri()],
        }


async def test_a_result_names_a_renamed_file_anew_in_a_workspace_behind_a_link(project, tmp_path):
    project.file("a.txt", "".join(LINES))
    link = tmp_path / "link"
    link.symlink_to(project.folder)
    async with open_editor(link, **project.how(VSCODE)) as editor:
        old = editor.open(link / "a.txt")
        (one, _) = await proposed(project, editor)
        result = await editor.command("inhouse.result", {"runId": one["runId"]})
        assert result["edits"] == [{"uri": old, "state": "proposed"}]
        editor.rename(link / "a.txt", link / "b.txt")
        await editor.command("inhouse.edits")
        result = await editor.command("inhouse.result", {"runId": one["runId"]})
        (edit,) = result["edits"]
        assert edit["uri"] in {(at / "b.txt").as_uri() for at in (link, project.folder)}


async def test_what_waits_does_not_follow_to_a_name_that_no_agent_may_write(project):
    path = project.file("a.txt", "".join(LINES))
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        before = await proposed(project, editor)
        for new in (project.folder / ".env", project.home / "outside.txt"):
            editor.rename(path, new)
            after = await editor.command("inhouse.edits")
            assert after == [{**each, "fits": False, "range": None} for each in before]
            told = await editor.command("inhouse.edits.apply", {})
            assert told["applied"] == []
            assert "a.txt: there is no such file any more" in told["problems"][0]
            editor.rename(new, path)
        assert await editor.command("inhouse.edits") == before


async def test_what_still_waited_when_its_file_was_renamed_is_undone_under_the_new_name(project):
    path = project.file("a.txt", "".join(LINES))
    new = path.with_name("b.txt")
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        project.agent("fixer", "str_replace")
        pair = {"oldString": "line 3\n", "newString": "LINE 3\n"}
        project.server.play(call("str_replace", path="a.txt", replacements=[pair]))
        run = await editor.command("inhouse.run", {"agent": "fixer", "session": "new"})
        await editor.ended(run["runId"])
        editor.rename(path, new)
        uri = editor.open(new)
        await editor.command("inhouse.edits.apply", {})
        assert editor.buffers[uri] == "".join(LINES).replace("line 3\n", "LINE 3\n")
        done = await editor.command("inhouse.session.undo", {"session": run["session"]})
        assert done == {"restored": [uri], "problems": []}
        assert editor.buffers[uri] == "".join(LINES)


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


def process(state):
    """Begin a process that keeps edits; give it, its review and what its user is told."""
    told, review = [], FileByFile()
    context = SimpleNamespace(
        state_folder=state,
        host=SimpleNamespace(main_root=state / "work"),
        spawn=lambda work, name: asyncio.create_task(work, name=name),
        rpc=SimpleNamespace(notify=lambda _, params: told.append(params["message"])),
    )
    kept = review.kept = KeptEdits(context, review, patience=0.3)
    return kept, review, told


async def restarted(state, *, more=(), decided=False):
    """Restore what waits, add *more*, and leave; give what waited and what the user was told."""
    kept, review, told = process(state)
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


def one_edit(folder):
    return Pending("edit-1.1", "run-1", "a", folder / "a.txt", "", Hunk(0, (), ("new\n",)))


async def looks(kept):
    kept.look()
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})


async def test_what_a_process_leaves_is_taken_by_one_that_lives_and_only_then(tmp_path):
    kept, review, told = process(tmp_path)
    await kept.restore()
    other, others_review, _ = process(tmp_path)
    await other.restore()
    others_review.everything = [one_edit(tmp_path)]
    other.changed()
    await other.settled()
    await looks(kept)
    assert (review.everything, told) == ([], [])  # Its owner lives.

    await other.aclose()
    await looks(kept)

    assert review.everything == [one_edit(tmp_path)]
    assert told == [
        "Inhouse: 1 proposed change waits for your decision, from an editor that was closed."
    ]
    await looks(kept)
    assert len(told) == 1
    await kept.aclose()
    found, _ = await restarted(tmp_path)
    assert found == [one_edit(tmp_path)]


async def test_a_window_that_is_loaded_again_has_its_own_edits_though_another_looked(tmp_path):
    kept, review, _ = process(tmp_path)
    await kept.restore()
    await restarted(tmp_path, more=[one_edit(tmp_path)])
    kept.look()  # In the moment when nobody owns them.
    await asyncio.sleep(0.1)

    again, own, _ = process(tmp_path)
    await again.restore()
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})

    assert own.everything == [one_edit(tmp_path)]
    assert review.everything == []
    await again.aclose()
    await kept.aclose()


async def test_what_another_process_has_just_taken_is_nothing_that_cannot_be_read(tmp_path):
    await restarted(tmp_path, more=[one_edit(tmp_path)])
    (kept,) = tmp_path.rglob("waiting-edits/*/*.json")
    kept.unlink()
    kept.symlink_to("gone")  # The list has its name, and a moment later nothing is there.

    assert WaitingEdits(tmp_path, tmp_path / "work").take_over() == ([], [])


async def test_an_editor_has_what_another_one_left(project):
    project.file("a.txt", "".join(LINES))
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        assert await editor.command("inhouse.edits") == []
        async with open_editor(project.folder, **project.how(VSCODE)) as second:
            before = await proposed(project, second)
        assert await editor.command("inhouse.edits") == []
        await editor.until(
            lambda: any(
                "2 proposed changes wait" in each["message"]
                for each in editor.messages("window/showMessage")
            )
        )

        assert await editor.command("inhouse.edits") == before
        answer = await editor.command("inhouse.edits.apply", {})
        assert answer["applied"] == [each["id"] for each in before]
