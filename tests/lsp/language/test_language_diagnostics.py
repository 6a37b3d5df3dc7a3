"""Problems: pushed to every client, pulled by those that pull, never both."""

from support.editor import NEOVIM, VSCODE

BAD = "export default { id: 'boss', displayName: 'Boss', model: 'm', outputMode: '|nothing' }\n"
GOOD = BAD.replace("nothing", "all_messages")
PULLING = {
    "textDocument": {"diagnostic": {"dynamicRegistration": False}},
    "workspace": {"diagnostics": {"refreshSupport": True}},
}


async def test_problems_are_pushed_about_unsaved_text(writing):
    async with writing.editor(NEOVIM) as editor:
        assert "diagnosticProvider" not in editor.result["capabilities"]
        at = writing.open(editor, "boss.ts", BAD)

        await editor.until(lambda: editor.diagnostics(at.uri))
        editor.change(at.uri, GOOD.replace("|", ""))
        await editor.until(lambda: not editor.diagnostics(at.uri))


async def test_a_client_that_pulls_is_not_told_twice(writing):
    async with writing.editor(VSCODE, PULLING) as editor:
        assert editor.result["capabilities"]["diagnosticProvider"]["interFileDependencies"]
        at = writing.open(editor, "boss.ts", BAD)

        report = await at.ask("diagnostic")

        assert report["kind"] == "full"
        assert [each["source"] for each in report["items"]] == ["inhouse"]
        assert not editor.diagnostics(at.uri)
        editor.change(at.uri, GOOD.replace("|", ""))
        assert (await at.ask("diagnostic"))["items"] == []
        await editor.until(lambda: editor.asked("workspace/diagnostic/refresh"))
        editor.change(at.uri, BAD.replace("|", ""))
        again = (await at.ask("diagnostic"))["items"]
        assert {each["code"] for each in again} == {"wrong-type", "last-good"}
        assert not editor.diagnostics(at.uri)


async def test_what_is_no_definition_has_no_problems_to_pull(writing):
    async with writing.editor(VSCODE, PULLING) as editor:
        at = writing.open(editor, "src/a.py", "x = 1|\n")

        assert await at.ask("diagnostic") == {"kind": "full", "items": []}
