"""A client that draws our lists hears which of them to ask for again, and what they tell."""

from support.editor import SILENCE, VSCODE, open_editor
from support.model_server import Usage, call

ASK = call("ask_user", questions=[{"question": "Which?", "options": [{"label": "A"}]}])


def lists(editor):
    return [name for each in editor.messages("inhouse/changed") for name in each["lists"]]


async def test_runs_edits_and_agents_are_told_when_they_change(project):
    project.file("a.txt", "one\ntwo\n")
    project.agent("fixer", "str_replace", "ask_user")
    change = {"oldString": "two\n", "newString": "TWO\n"}
    project.settings["endpoints"]["test"]["contextWindow"] = 8000
    project.server.usage = Usage(prompt_tokens=700, completion_tokens=80)
    project.server.play(ASK)
    project.server.play(call("str_replace", path="a.txt", replacements=[change]))
    project.server.play("Done.")
    how = project.how(VSCODE)
    how["options"] |= {"draws": ["lists", "freeText"]}
    async with open_editor(project.folder, **how) as editor:
        editor.on["window/showMessageRequest"] = lambda _: SILENCE
        started = await editor.command("inhouse.run", {"agent": "fixer", "streamToken": "s"})
        await editor.until(lambda: "question" in {each["kind"] for each in editor.events("s")})
        (asking,) = await editor.command("inhouse.runs")
        await editor.command("inhouse.answer", {"choices": ["A"]})
        await editor.ended(started["runId"])
        (ended,) = await editor.command("inhouse.runs")
        (endpoint,) = await editor.command("inhouse.endpoints")
        await editor.until(lambda: {"runs", "sessions", "edits"} <= set(lists(editor)))
        seen = len(lists(editor))
        project.agent("later")
        await editor.command("inhouse.reload")
        await editor.until(lambda: "agents" in lists(editor)[seen:])

    assert (asking["status"], asking["asks"]) == ("running", True)
    assert "waiting for your answer" in asking["doing"]
    assert "asks" not in ended
    assert (ended["contextTokens"], ended["contextWindow"]) == (780, 8000)
    assert ended["inputTokens"] == 3 * 700
    used = {name: endpoint["used"][name] for name in ("requests", "inputTokens", "outputTokens")}
    assert used == {"requests": 3, "inputTokens": 3 * 700, "outputTokens": 3 * 80}
    usage = [each for each in editor.events("s") if each["kind"] == "usage"]
    assert [each["contextWindow"] for each in usage] == [8000] * 3


async def test_a_client_that_draws_choices_is_not_asked_and_may_answer_in_own_words(project):
    project.agent("asker", "ask_user")
    options = [{"label": "A", "description": "the first"}, {"label": "B"}, {"label": "C"}]
    asked = {"question": "Which?", "options": options, "multiSelect": True}
    project.server.play(call("ask_user", questions=[asked]))
    project.server.play("Done.")
    how = project.how(VSCODE)
    how["options"] |= {"draws": ["choices", "freeText"]}
    async with open_editor(project.folder, **how) as editor:
        started = await editor.command("inhouse.run", {"agent": "asker", "streamToken": "s"})
        await editor.until(lambda: "question" in {each["kind"] for each in editor.events("s")})
        (question,) = [each for each in editor.events("s") if each["kind"] == "question"]
        answer = {"questionId": question["questionId"], "choices": ["A", "C"], "text": "and mine"}
        await editor.command("inhouse.answer", answer)
        await editor.ended(started["runId"])

        assert not editor.asked("window/showMessageRequest")
        assert question["detail"] == "A: the first"
        assert question["multiple"] is True
    told = str(project.server.requests[-1].body["messages"][-1])
    assert "['A', 'C']" in told or '["A", "C"]' in told.replace("\\", "")
    assert "and mine" in told


async def test_a_budget_that_is_reached_offers_to_go_on(project):
    project.file("a.txt", "one\n")
    project.agent("reader", "read_files")
    project.settings["endpoints"]["test"]["prices"] = {"*": {"input": 1, "output": 1}}
    project.settings["budgetUsd"] = 0.5
    project.server.usage = Usage(completion_tokens=600_000)
    project.server.play(call("read_files", paths=["a.txt"]))
    project.server.play("It says one.")
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        editor.on["window/showMessageRequest"] = lambda asked: asked["actions"][1]
        started = await editor.command("inhouse.run", {"agent": "reader"})
        result = await editor.ended(started["runId"])

        (question,) = editor.asked("window/showMessageRequest")
        assert [each["title"] for each in question["actions"]] == [
            "Stop",
            "Raise to $1 and continue",
        ]
        assert "The budget of this run is $0.5" in question["message"]
        assert (result["status"], result["text"]) == ("completed", "It says one.")


async def test_a_client_that_draws_no_lists_hears_of_none(project):
    project.server.play("Hello.")
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        started = await editor.command("inhouse.run", {"agent": "writer"})
        await editor.ended(started["runId"])

        assert editor.messages("inhouse/changed") == []
