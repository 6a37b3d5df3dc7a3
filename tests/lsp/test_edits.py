"""Edits reach the editor's buffers, byte for byte, with each client's capabilities."""

import json

import pytest

from support.editor import EGLOT, HELIX, NEOVIM, VSCODE, open_editor
from support.model_server import call

CLIENTS = {"vscode": VSCODE, "neovim": NEOVIM, "helix": HELIX, "eglot": EGLOT}
TEXT = "one\r\ntwo 😀 teh\r\n\fthree\r\nlast without end"


def replace(path, *pairs):
    replacements = [{"oldString": old, "newString": new} for old, new in pairs]
    return call("str_replace", path=path, replacements=replacements)


@pytest.fixture
def fixing(project):
    project.agent("fixer", "str_replace", "write_file", "read_files")
    return project


@pytest.mark.parametrize("client", CLIENTS)
async def test_apply_changes_open_and_closed_files_and_makes_new_ones(fixing, client):
    fixing.settings["edits"] = "apply"
    opened = fixing.file("open.txt", TEXT)
    closed = fixing.file("closed.txt", "alpha\nbeta\n")
    fixing.server.play(
        replace("open.txt", ("teh", "the 😀")),
        replace("closed.txt", ("beta", "gamma")),
        call("write_file", path="new/file.txt", instructions="new", content="fresh\n"),
    )
    async with open_editor(fixing.folder, **fixing.how(CLIENTS[client])) as editor:
        uri = editor.open(opened)
        unsaved = TEXT.replace("one", "ONE")
        editor.change(uri, unsaved)
        started = await editor.command("inhouse.run", {"agent": "fixer", "streamToken": "s"})
        result = await editor.ended(started["runId"])

        assert result["status"] == "completed", result
        assert editor.buffers[uri] == unsaved.replace("teh", "the 😀")
        assert len(editor.undo[uri]) == 1
        assert opened.read_bytes().decode() == TEXT, "written behind the editor's back"
        assert editor.hidden[closed.as_uri()] == "alpha\ngamma\n"
        assert closed.read_bytes() == b"alpha\nbeta\n"
        new = fixing.folder / "new" / "file.txt"
        assert editor.hidden.get(new.as_uri(), new.read_bytes().decode()) == "fresh\n"
        assert {edit["state"] for edit in result["edits"]} == {"applied"}
        states = [event["state"] for event in editor.events("s") if event["kind"] == "edit"]
        assert states == ["applied"] * 3
        for params in editor.asked("workspace/applyEdit"):
            self_described = "documentChanges" in params["edit"]
            assert self_described or client in ("neovim", "helix")


@pytest.mark.parametrize("client", [NEOVIM, VSCODE], ids=["changes", "document changes"])
async def test_what_was_applied_and_not_saved_is_what_the_agent_reads_next(fixing, client):
    fixing.settings["edits"] = "apply"
    fixing.file("closed.txt", "alpha\nbeta\n")
    fixing.server.play(replace("closed.txt", ("beta", "gamma")))
    fixing.server.play(replace("closed.txt", ("gamma", "delta")))
    async with open_editor(fixing.folder, **fixing.how(client)) as editor:
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        result = await editor.ended(started["runId"])

        assert [edit["state"] for edit in result["edits"]] == ["applied"]
        (text,) = editor.hidden.values()
        assert text == "alpha\ndelta\n"


@pytest.mark.parametrize("edits", ["apply", "review"])
async def test_a_buffer_that_lost_characters_is_not_changed_and_they_can_be_read_first(
    fixing, edits
):
    fixing.settings["edits"] = edits
    content = "# Grüße\ntwo\n"
    path = fixing.file("latin.txt", "")
    path.write_bytes(content.encode("latin-1"))
    fixing.server.play(replace("latin.txt", ("two", "three")))
    async with open_editor(fixing.folder, **fixing.how(VSCODE)) as editor:
        uri = editor.open(path, text=content.replace("ü", "\ufffd").replace("ß", "\ufffd"))
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        result = await editor.ended(started["runId"])
        if edits == "apply":
            assert [each["state"] for each in result["edits"]] == ["rejected"]
            assert editor.buffers[uri] == "# Gr\ufffd\ufffde\ntwo\n"
            return
        answer = await editor.command("inhouse.edits.apply", {})
        assert answer["applied"] == []
        assert "reopen it with its own encoding (cp1252)" in answer["problems"][0]

        editor.change(uri, content)  # Reopen with Encoding.
        answer = await editor.command("inhouse.edits.apply", {})
        assert len(answer["applied"]) == 1
        assert editor.buffers[uri] == content.replace("two", "three")


@pytest.mark.parametrize(
    "content",
    [
        b"one\r\ntwo\nthree\n",
        "我们在这里说的是中文他们不知道这个人\ntwo\n".encode("gb18030"),
        "Grüße\ntwo\n".encode() + b"caf\xe9\n",
    ],
    ids=["two line ends", "gbk", "a stray byte"],
)
async def test_a_closed_file_that_an_editor_would_load_as_another_text_is_changed_on_disk(
    fixing, content
):
    fixing.settings["edits"] = "apply"
    path = fixing.folder / "closed.txt"
    path.write_bytes(content)
    fixing.server.play(replace("closed.txt", ("two", "TWO")))
    async with open_editor(fixing.folder, **fixing.how(VSCODE)) as editor:
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        await editor.ended(started["runId"])

        assert path.read_bytes() == content.replace(b"two", b"TWO")
        assert editor.asked("workspace/applyEdit") == []
        assert "Applied on disk" in str(fixing.server.chats[-1].body["messages"])


async def test_a_buffer_that_nobody_told_of_gets_no_change_made_for_another_text(fixing):
    fixing.settings["edits"] = "apply"
    path = fixing.file("closed.txt", "alpha\nbeta\n")
    fixing.server.play(replace("closed.txt", ("alpha", "ALPHA")))
    fixing.server.play("done")
    async with open_editor(fixing.folder, **fixing.how(NEOVIM)) as editor:
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        await editor.ended(started["runId"])
        path.write_text("another program's\nalpha\nbeta\n")
        fixing.server.play(replace("closed.txt", ("beta", "BETA")))
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        await editor.ended(started["runId"])

        assert editor.hidden[path.as_uri()] == "ALPHA\nbeta\n"
        assert path.read_text() == "another program's\nalpha\nBETA\n"


async def test_a_proposal_for_a_closed_file_that_is_gone_does_not_fit(fixing):
    path = fixing.file("a.txt", "one\n")
    fixing.server.play(replace("a.txt", ("one", "two")))
    async with open_editor(fixing.folder, **fixing.how(VSCODE)) as editor:
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        await editor.ended(started["runId"])
        assert [each["fits"] for each in await editor.command("inhouse.edits")] == [True]
        path.unlink()
        assert [each["fits"] for each in await editor.command("inhouse.edits")] == [False]
        path.write_text("above\none\n")
        [again] = await editor.command("inhouse.edits")
        assert (again["fits"], again["range"]["start"]["line"]) == (True, 1)


async def test_an_edit_the_editor_refuses_is_told_to_the_model(fixing):
    fixing.settings["edits"] = "apply"
    path = fixing.file("a.txt", "old\n")
    fixing.server.play(replace("a.txt", ("old", "new")))
    async with open_editor(fixing.folder, **fixing.how(VSCODE)) as editor:
        editor.on["workspace/applyEdit"] = lambda _: {
            "applied": False,
            "failureReason": "read-only buffer",
        }
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        result = await editor.ended(started["runId"])

        assert [edit["state"] for edit in result["edits"]] == ["rejected"]
        assert path.read_text() == "old\n"
        assert "read-only buffer" in str(fixing.server.chats[-1].body["messages"])


@pytest.mark.parametrize("client", CLIENTS)
async def test_review_keeps_each_hunk_until_the_user_decides(fixing, client):
    text = "".join(f"line {number}\n" for number in range(1, 31))
    path = fixing.file("a.txt", text)
    fixing.server.play(replace("a.txt", ("line 3\n", "line three\n"), ("line 25\n", "")))
    fixing.server.play(replace("a.txt", ("line 12\n", "line 12\nnew\n")))
    async with open_editor(fixing.folder, **fixing.how(CLIENTS[client])) as editor:
        uri = editor.open(path)
        started = await editor.command("inhouse.run", {"agent": "fixer", "streamToken": "s"})
        result = await editor.ended(started["runId"])
        assert result["edits"] == [{"uri": uri, "state": "proposed"}]
        assert editor.buffers[uri] == text
        await editor.until(lambda: len(editor.diagnostics(uri)) == 3)
        assert {each["source"] for each in editor.diagnostics(uri)} == {"inhouse"}
        assert [each["range"]["start"]["line"] for each in editor.diagnostics(uri)] == [2, 12, 24]

        # The document changes meanwhile: above every hunk.
        start = {"line": 0, "character": 0}
        editor.change_range(uri, {"start": start, "end": start}, "typed\n")
        await editor.until(
            lambda: [d["range"]["start"]["line"] for d in editor.diagnostics(uri)] == [3, 13, 25]
        )

        await act(editor, uri, 25, "Apply this hunk")
        await act(editor, uri, 13, "Reject this hunk")
        await act(editor, uri, 3, "Apply this hunk")
        await editor.until(lambda: editor.diagnostics(uri) == [])
        expected = "typed\n" + text.replace("line 3\n", "line three\n").replace("line 25\n", "")
        assert editor.buffers[uri] == expected
        assert path.read_text() == text
        result = await editor.command("inhouse.result", {"runId": started["runId"]})
        assert result["edits"] == [{"uri": uri, "state": "applied"}]


async def act(editor, uri, line, title):
    where = {"line": line, "character": 0}
    actions = await editor.request(
        "textDocument/codeAction",
        {
            "textDocument": {"uri": uri},
            "range": {"start": where, "end": where},
            "context": {"diagnostics": []},
        },
    )
    command = next(each["command"] for each in actions if each["title"] == title)
    return await editor.command(command["command"], *command["arguments"])


async def test_apply_all_reject_all_and_what_does_not_fit(fixing):
    a, b = fixing.file("a.txt", "one\ntwo\nthree\n"), fixing.file("b.txt", "b\n")
    fixing.server.play(
        replace("a.txt", ("two", "TWO")),
        replace("b.txt", ("b", "B")),
        call("write_file", path="c.txt", instructions="new", content="c\n"),
    )
    async with open_editor(fixing.folder, **fixing.how(VSCODE)) as editor:
        uri = editor.open(a)
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        await editor.ended(started["runId"])
        waiting = await editor.command("inhouse.edits")
        assert sorted((each["kind"], each["fits"]) for each in waiting) == [
            ("change", True),
            ("change", True),
            ("create", True),
        ]
        preview = await editor.command("inhouse.edits.preview", {"uri": uri})
        assert (preview["original"], preview["proposed"]) == (
            "one\ntwo\nthree\n",
            "one\nTWO\nthree\n",
        )
        shown = await editor.command("inhouse.edits.show", {})
        assert shown["uri"].startswith("file:")

        editor.change(uri, "one\ntwo, typed over\nthree\n")
        answer = await editor.command("inhouse.edits.apply", {})
        assert len(answer["applied"]) == 2
        assert "a.txt: the text has changed" in answer["problems"][0]
        assert editor.messages("window/showMessage")
        assert (fixing.folder / "c.txt").exists()
        assert editor.hidden[b.as_uri()] == "B\n"
        assert editor.buffers[uri] == "one\ntwo, typed over\nthree\n"

        editor.change(uri, "one\ntwo\nthree\n")  # The user takes it back: it fits again.
        assert [each["fits"] for each in await editor.command("inhouse.edits")] == [True]
        answer = await editor.command("inhouse.edits.reject", {})
        assert len(answer["rejected"]) == 1
        assert await editor.command("inhouse.edits") == []
        assert editor.buffers[uri] == "one\ntwo\nthree\n"


@pytest.mark.parametrize("mode", ["apply", "review"])
async def test_new_files_are_saved_and_no_editor_opens_them(fixing, mode):
    fixing.settings["edits"] = mode
    names = ["new/a.txt", "new/b.txt", "c.txt"]
    fixing.server.play(
        *(call("write_file", path=each, instructions="new", content=f"{each}\n") for each in names)
    )
    async with open_editor(fixing.folder, **fixing.how(VSCODE)) as editor:
        started = await editor.command("inhouse.run", {"agent": "fixer", "session": "new"})
        await editor.ended(started["runId"])
        if mode == "review":
            told = await editor.command("inhouse.edits.apply", {})
            assert (len(told["applied"]), told["problems"]) == (3, [])
        texts = [(fixing.folder / each).read_text() for each in names]
        assert texts == [f"{each}\n" for each in names]
        assert [each["method"] for each in editor.requests].count("workspace/applyEdit") == 0

        done = await editor.command("inhouse.session.undo", {"session": started["session"]})
        assert (len(done["restored"]), done["problems"]) == (3, [])
        assert not any((fixing.folder / each).exists() for each in names)


async def test_a_later_run_sees_and_stacks_on_what_waits(fixing):
    path = fixing.file("a.txt", "one\n")
    fixing.server.play(replace("a.txt", ("one", "two")))
    fixing.server.play("done")
    async with open_editor(fixing.folder, **fixing.how(EGLOT)) as editor:
        uri = editor.open(path)
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        await editor.ended(started["runId"])
        fixing.server.play(replace("a.txt", ("two", "three")))
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        await editor.ended(started["runId"])

        await editor.command("inhouse.edits.apply", {"uri": uri})
        assert editor.buffers[uri] == "three\n"


async def test_a_client_that_takes_no_changes_keeps_its_open_files(fixing):
    fixing.settings["edits"] = "apply"
    opened, closed = fixing.file("open.txt", "one\n"), fixing.file("closed.txt", "one\n")
    fixing.server.play(replace("open.txt", ("one", "two")), replace("closed.txt", ("one", "two")))
    async with open_editor(fixing.folder, **fixing.how({})) as editor:
        uri = editor.open(opened)
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        result = await editor.ended(started["runId"])

        states = {edit["uri"]: edit["state"] for edit in result["edits"]}
        assert states == {uri: "rejected", closed.as_uri(): "applied"}
        assert opened.read_text() == "one\n"
        assert closed.read_text() == "two\n"


async def test_a_workspace_behind_a_link_is_reviewed_by_the_editors_own_names(fixing, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(fixing.folder)
    fixing.file("a.txt", "one\n")
    fixing.server.play(replace("a.txt", ("one", "two")))
    async with open_editor(link, **fixing.how(VSCODE)) as editor:
        uri = editor.open(link / "a.txt")
        started = await editor.command(
            "inhouse.run", {"agent": "fixer", "uri": uri, "streamToken": "s"}
        )
        result = await editor.ended(started["runId"])
        assert result["edits"] == [{"uri": uri, "state": "proposed"}]
        await editor.until(lambda: editor.diagnostics(uri))
        assert [each["uri"] for each in await editor.command("inhouse.edits")] == [uri]
        await act(editor, uri, 0, "Apply this hunk")
        assert editor.buffers[uri] == "two\n"
        result = await editor.command("inhouse.result", {"runId": started["runId"]})
        assert result["edits"] == [{"uri": uri, "state": "applied"}]

        definition = link / ".agents" / "fixer.ts"
        other = editor.open(definition, language="typescript")
        editor.change(other, editor.buffers[other].replace('"model": "test-model",', '"model": 5,'))
        await editor.until(lambda: editor.diagnostics(other))


async def test_searching_sees_what_is_unsaved_and_what_the_agent_itself_proposed(fixing):
    fixing.agent("fixer", "str_replace", "write_file", "code_search", "glob", "list_directory")
    dirty = fixing.file("dirty.txt", "on disk\n")
    fixing.file("edited.txt", "plain\n")
    fixing.file("saved.txt", "needle saved\n")
    fixing.server.play(
        replace("edited.txt", ("plain", "needle proposed")),
        call("write_file", path="sub/new.txt", instructions="new", content="needle created\n"),
    )
    fixing.server.play(
        call("code_search", pattern=r"needle \w+|on disk"),
        call("glob", pattern="**/*.txt"),
    )
    async with open_editor(fixing.folder, **fixing.how(VSCODE)) as editor:
        uri = editor.open(dirty)
        editor.open(fixing.folder / "saved.txt")
        editor.open(fixing.folder / "never_saved.txt", "needle never saved\n")
        editor.open(fixing.folder / ".env", "KEY=needle canary\n")
        editor.change(uri, "needle unsaved 😀\n")
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        result = await editor.ended(started["runId"])

        assert result["status"] == "completed", result
        results = [
            message["content"]
            for message in fixing.server.chats[-1].body["messages"]
            if message["role"] == "tool"
        ]
        found = json.loads(results[-2])["stdout"]
        assert found == (
            "Found 5 matches\n./dirty.txt:\n  Line 1: needle unsaved 😀\n\n"
            "./edited.txt:\n  Line 1: needle proposed\n\n"
            "./never_saved.txt:\n  Line 1: needle never saved\n\n"
            "./saved.txt:\n  Line 1: needle saved\n\n"
            "./sub/new.txt:\n  Line 1: needle created"
        )
        listed = json.loads(results[-1])["files"]
        assert {"sub/new.txt", "never_saved.txt"} < set(listed)
        assert "canary" not in str([request.body for request in fixing.server.chats])


async def test_a_run_started_in_another_folder_of_the_workspace_works_from_there(fixing, tmp_path):
    """Its sub-agents too; and every other folder stays in reach."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.txt").write_text("in other\n")
    fixing.file("a.txt", "in work\n")
    tools = ("read_files", "code_search", "spawn_agents")
    fixing.agent("boss", *tools, spawnableAgents=["fixer"], model="boss-model")
    fixing.server.play(
        call("read_files", paths=["b.txt", "work/a.txt", str(fixing.folder / "a.txt")]),
        call("code_search", pattern="in (work|other)", flags="-l"),
        call("spawn_agents", agents=[{"agent_type": "fixer", "prompt": "go"}]),
        model="boss-model",
    )
    fixing.server.play(call("read_files", paths=["b.txt"]), replace("b.txt", ("in", "IN")))
    folders = [{"uri": each.as_uri(), "name": each.name} for each in (fixing.folder, other)]
    how = fixing.how(VSCODE, workspaceFolders=folders)
    async with open_editor(fixing.folder, **how) as editor:
        uri = editor.open(other / "b.txt")
        started = await editor.command("inhouse.run", {"agent": "boss", "uri": uri})
        result = await editor.ended(started["runId"])

        assert result["status"] == "completed", result
        told = [
            message["content"]
            for message in fixing.server.chats[-1].body["messages"]
            if message["role"] == "tool"
        ]
        assert [line for line in told[0].splitlines() if line.startswith("in ")] == [
            *("in other", "in work", "in work")
        ]
        assert json.loads(told[1])["stdout"] == "Found 2 files\n./b.txt\n./work/a.txt"
        childs = str(
            [chat.body for chat in fixing.server.chats if chat.body["model"] != "boss-model"]
        )
        assert "in other" in childs
        assert [each["uri"] for each in result["edits"]] == [uri]


def delete(path):
    return call("apply_patch", operation={"type": "delete_file", "path": path})


@pytest.mark.parametrize("mode", ["apply", "review"])
@pytest.mark.parametrize("client", ["neovim", "eglot"])
async def test_files_are_deleted_by_the_editor_or_by_nobody_while_it_has_them_open(
    fixing, client, mode
):
    fixing.agent("fixer", "apply_patch")
    fixing.settings["edits"] = mode
    opened, closed = fixing.file("open.txt", "one\n"), fixing.file("closed.txt", "one\n")
    fixing.server.play(delete("open.txt"), delete("closed.txt"))
    async with open_editor(fixing.folder, **fixing.how(CLIENTS[client])) as editor:
        uri = editor.open(opened)
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        result = await editor.ended(started["runId"])
        problems = []
        if mode == "review":
            assert [each["state"] for each in result["edits"]] == ["proposed", "proposed"]
            assert opened.exists()
            assert closed.exists()
            problems = (await editor.command("inhouse.edits.apply", {}))["problems"]
            result = await editor.command("inhouse.result", {"runId": started["runId"]})

        can_delete = client != "eglot"
        states = {each["uri"]: each["state"] for each in result["edits"]}
        left = "rejected" if mode == "apply" else "proposed"
        assert states == {uri: "applied" if can_delete else left, closed.as_uri(): "applied"}
        assert opened.exists() is not can_delete
        assert not closed.exists()
        told = str(fixing.server.chats[-1].body["messages"]) + str(problems)
        assert ("has the file open" in told) is not can_delete


@pytest.mark.parametrize("mode", ["apply", "review"])
async def test_what_is_typed_while_a_change_is_on_its_way_is_kept(fixing, mode):
    fixing.settings["edits"] = mode
    path = fixing.file("a.txt", "one\ntwo\nthree\n")
    fixing.server.play(replace("a.txt", ("three", "THREE")))
    async with open_editor(fixing.folder, **fixing.how(VSCODE)) as editor:
        uri = editor.open(path)
        tries = []

        def typed_meanwhile(params):
            tries.append(params)
            if len(tries) == 1:
                editor.change(uri, "typed\n" + editor.buffers[uri])
            return editor.apply(params)

        editor.on["workspace/applyEdit"] = typed_meanwhile
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        result = await editor.ended(started["runId"])
        if mode == "review":
            answer = await editor.command("inhouse.edits.apply", {})
            assert answer["problems"] == []
            result = await editor.command("inhouse.result", {"runId": started["runId"]})

        assert [each["state"] for each in result["edits"]] == ["applied"]
        assert editor.buffers[uri] == "typed\none\ntwo\nTHREE\n"
        assert len(tries) == 2


async def test_an_editor_that_always_says_no_is_not_asked_for_ever(fixing):
    fixing.settings["edits"] = "apply"
    path = fixing.file("a.txt", "one\n")
    fixing.server.play(replace("a.txt", ("one", "two")))
    async with open_editor(fixing.folder, **fixing.how(VSCODE)) as editor:
        uri = editor.open(path)

        def never(_):
            editor.change(uri, "typed\n" + editor.buffers[uri])
            return {"applied": False, "failureReason": "never"}

        editor.on["workspace/applyEdit"] = never
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        result = await editor.ended(started["runId"])

        assert [each["state"] for each in result["edits"]] == ["rejected"]
        assert len(editor.asked("workspace/applyEdit")) == 3


@pytest.mark.parametrize("gone", ["deleted", "renamed"])
@pytest.mark.parametrize("was_open", [True, False])
async def test_a_file_that_goes_while_its_edit_waits_is_told_and_not_made_anew(
    fixing, gone, was_open
):
    path = fixing.file("a.txt", "one\n")
    fixing.server.play(replace("a.txt", ("one", "two")))
    async with open_editor(fixing.folder, **fixing.how(VSCODE)) as editor:
        uri = editor.open(path) if was_open else path.as_uri()
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        await editor.ended(started["runId"])
        if was_open:
            editor.close(uri)
        if gone == "deleted":
            path.unlink()
        else:
            path.rename(path.with_name("b.txt"))

        (waiting,) = await editor.command("inhouse.edits")
        answer = await editor.command("inhouse.edits.apply", {})

        assert answer["applied"] == []
        assert "a.txt: there is no such file any more" in answer["problems"][0]
        assert not path.exists()
        assert editor.asked("workspace/applyEdit") == []
        preview = await editor.command("inhouse.edits.preview", {"uri": waiting["uri"]})
        assert (preview["original"], preview["proposed"]) == (None, None)
        await editor.command("inhouse.edits.reject", {})
        assert await editor.command("inhouse.edits") == []


BYTES = {
    "crlf": b"one\r\ntwo teh\r\nthree\r\n",
    "mixed": b"one\r\ntwo teh\nthree\r\n",
    "bom": "one\r\ntwo teh\r\n".encode("utf-8-sig"),
    "no_end": b"one\ntwo teh",
    "astral": "one 😀\n😀😀 teh 😀\n\u2028\n end".encode(),
    "utf16": "one\r\ntwo teh 😀\r\n".encode("utf-16"),
    "latin": "café\nteh é\n".encode("latin-1"),
    "odd_lines": "one\n\x0cteh\x0b\u0085 two\rthree\n".encode(),
}
CODECS = {"utf16": "utf-16-le", "latin": "latin-1"}


@pytest.mark.parametrize("client", ["none", "vscode"])
async def test_bytes_that_no_edit_is_about_stay_as_they_were(fixing, client):
    """On disk where the client changes no files, in its buffers where it does."""
    fixing.settings["edits"] = "apply"
    for name, content in BYTES.items():
        (fixing.folder / name).write_bytes(content)
    fixing.server.play(*(replace(name, ("teh", "thé")) for name in BYTES))
    capabilities = CLIENTS.get(client, {})
    async with open_editor(fixing.folder, **fixing.how(capabilities)) as editor:
        uris = {}
        if client == "vscode":
            texts = {
                name: content.decode({"utf16": "utf-16", "latin": "latin-1"}.get(name, "utf-8-sig"))
                for name, content in BYTES.items()
            }
            uris = {name: editor.open(fixing.folder / name, text) for name, text in texts.items()}
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        result = await editor.ended(started["runId"])

        assert {each["state"] for each in result["edits"]} == {"applied"}, result
        for name, content in BYTES.items():
            on_disk = (fixing.folder / name).read_bytes()
            if client == "vscode":
                assert editor.buffers[uris[name]] == texts[name].replace("teh", "thé"), name
                assert on_disk == content, "written behind the editor's back"
            else:
                old, new = (text.encode(CODECS.get(name, "utf-8")) for text in ("teh", "thé"))
                assert on_disk == content.replace(old, new), name
