"""A server that has been at work for long holds no more than one that has just begun."""

import psutil

from support.editor import VSCODE, open_editor

BIG = "x" * 500_000


async def run(editor, prompt="go"):
    started = await editor.command("inhouse.run", {"agent": "writer", "prompt": prompt})
    await editor.ended(started["runId"])
    return started["runId"]


async def test_runs_that_are_over_leave_no_texts_in_memory(project):
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        server = psutil.Process(editor.process.pid)
        held = []
        for _ in range(2):
            for _ in range(20):
                project.server.play(BIG)
                await run(editor)
            held.append(server.memory_info().rss / 1e6)

        assert held[1] - held[0] < 15, held  # Their texts are 10 MB, and were held thrice.


async def test_the_text_of_an_old_run_comes_from_its_transcript(project):
    project.settings |= {"keptTranscripts": 2}
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        ids = []
        for number in range(3):
            project.server.play(f"answer {number} 🐈")
            ids.append(await run(editor, f"question {number}"))

        async def result(run_id):
            return await editor.command("inhouse.result", {"runId": run_id})

        assert (await result(ids[2]))["text"] == "answer 2 🐈"
        assert (await result(ids[1]))["text"] == "answer 1 🐈"
        for _ in range(100):
            if "textDropped" in (oldest := await result(ids[0])):
                break
        assert oldest["text"] == ""
        assert oldest["status"] == "completed"
        shown = await editor.command("inhouse.transcript", {"runId": ids[1]})
        text = await editor.request("workspace/textDocumentContent", {"uri": shown["uri"]})
        assert "answer 1 🐈" in text["text"]
        assert len(await editor.command("inhouse.runs", {"earlier": True})) == 3
