"""What small models get wrong: calls that are none, turns that do nothing, runs in a circle."""

import itertools
import json

import pytest
from attrs import evolve

from inhouse.core.events import REPETITION, Answered, Notice, StopReason, TextDelta, ToolFinished
from inhouse.core.messages import AssistantMessage, ToolCall, ToolMessage
from inhouse.loop import SmallModel
from inhouse.providers.scripted import call, say
from inhouse.providers.tool_calls.runaway import Runaway, repeats_itself
from support.play import agent, play, tool

EDIT = tool("write_file", writes=True)
FAILING = tool("write_file", OSError("disk full"), writes=True)
LOOK = tool("read_files", "text")


def in_text(*calls):
    return (*calls, Answered("tool_calls", in_text=True))


def unread(text, said="This call cannot be read.", form="Write it so."):
    return (TextDelta(text), Answered("stop", unread=said, form=form))


def codes(played):
    return [notice.code for notice in played.of(Notice)]


async def test_what_looks_like_a_call_and_is_none_is_told_to_model_and_user():
    played = await play([unread("<tool_call>what"), [call("read_files")]], tools=[LOOK])

    assert codes(played) == ["unread_call"]
    assert "This call cannot be read.\n\nWrite it so." in str(played.texts(1)[-1])
    assert len(played.of(ToolFinished)) == 1


async def test_a_model_that_never_finds_the_form_is_not_told_for_ever():
    other = await play([unread(f"<tool_call>{n}") for n in range(9)], tools=[LOOK])
    same = await play([unread("<tool_call>")] * 9, tools=[LOOK])

    assert other.result.stop_reason is same.result.stop_reason is StopReason.END_TURN
    assert len(other.model.prompts) == 3
    assert len(same.model.prompts) == 2


@pytest.mark.parametrize(
    ("names", "run"),
    [
        (("read_files", "write_file", "end_turn"), ["read_files"]),
        (("read_files", "read_files", "write_file"), ["read_files", "read_files"]),
        (("write_file", "end_turn"), ["write_file", "end_turn"]),
        (("run_terminal_command", "write_file"), ["run_terminal_command"]),
    ],
)
async def test_calls_in_a_text_run_up_to_the_first_whose_result_must_be_read(names, run):
    made = []

    def noted(name, **more):
        return tool(name, lambda _: made.append(name) or "ok", **more)

    tools = [
        noted("read_files"),
        evolve(noted("write_file", writes=True), ends_step=False),
        noted("run_terminal_command", writes=True),
    ]
    await play([in_text(*(call(name) for name in names))], tools=tools, tool_names=(*{*names},))

    assert made == [name for name in run if name != "end_turn"]


async def test_end_turn_beside_a_call_whose_result_nobody_has_seen_does_not_end_the_turn():
    played = await play(
        [[call("read_files"), call("end_turn")], say("It says: text")],
        tools=[LOOK],
        tool_names=("read_files", "end_turn"),
    )

    assert played.result.text == "It says: text"


@pytest.mark.parametrize(
    "text",
    [
        *("I have fixed the bug in calc.py.", "I've now updated both files.", "Fixed."),
        *("The function has been renamed.", "Here is the updated code:\n```\nx = 1\n```"),
    ],
)
async def test_a_run_that_only_says_it_changed_something_is_asked_once_and_then_told(text):
    played = await play(
        [(TextDelta(text), Answered("stop", form="Write it so."))] * 2, tools=[EDIT]
    )

    assert len(played.model.prompts) == 2
    assert "No file was changed" in str(played.texts(1)[-1])
    assert "Write it so." in str(played.texts(1)[-1])
    assert codes(played) == ["nothing_changed"]


async def test_the_second_chance_is_taken():
    played = await play(
        [say("I fixed it."), [call("write_file")], say("I fixed it.")], tools=[EDIT]
    )

    assert codes(played) == []
    assert played.result.text == "I fixed it."


async def test_an_edit_that_failed_is_no_change():
    played = await play(
        [[call("write_file")], say("I fixed it."), say("I have fixed it.")], tools=[FAILING]
    )

    assert codes(played) == ["nothing_changed"]


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("The bug is in line 3: it should be a - b.", {}),
        ("I have not changed anything.", {}),
        ("I could not fix it, and nothing was changed.", {}),
        ("I fixed it.", {"tools": [LOOK]}),
        (
            "I have fixed it, as I said.",
            {
                "history": (
                    AssistantMessage("", (ToolCall("1", "write_file", "{}"),)),
                    ToolMessage("1", "write_file", "ok"),
                )
            },
        ),
    ],
)
async def test_an_answer_that_claims_no_change_of_this_run_ends_the_turn(text, more):
    played = await play([say(text)], **{"tools": [EDIT], **more})

    assert len(played.model.prompts) == 1
    assert codes(played) == []


async def test_a_small_model_has_its_instructions_in_the_system_prompt_and_files_behind_the_task():
    small = SmallModel("# Files\na.py f", "a.py\n```\nx\n```", instructions_first=True)
    played = await play(
        [say("ok")],
        small=small,
        prompt="fix a.py",
        system_prompt="You are.",
        instructions_prompt="Do it.",
    )

    assert played.prompt().system == "You are.\n\nDo it.\n\n# Files\na.py f"
    assert played.texts() == ["fix a.py", "a.py\n```\nx\n```"]


async def test_each_request_begins_with_the_one_before_to_the_letter():
    played = await play(
        [
            [call("read_files", call_id="1")],
            say("<think>hm</think>"),
            unread("<tool_call>"),
            [call("read_files", call_id="2")],
            say("done"),
        ],
        tools=[LOOK],
    )

    prompts = played.model.prompts
    assert len(prompts) == 5
    for before, after in itertools.pairwise(prompts):
        assert (before.system, before.tools) == (after.system, after.tools)
        assert after.messages[: len(before.messages)] == before.messages


async def test_an_answer_that_was_cut_since_it_repeated_itself_runs_nothing_and_says_so():
    played = await play([[call("write_file"), Answered(REPETITION)]], tools=[EDIT])

    assert played.result.stop_reason is StopReason.MAX_TOKENS
    assert "repeated itself" in played.of(Notice)[0].message
    assert played.of(ToolFinished) == []


def test_a_circle_that_grows_with_each_round_is_found():
    lines = [f'assert slug("Hi{" 12!" * n}") == "hi{"-12" * n}"\n' for n in range(60)]
    watched = Runaway()

    found = [watched.goes_on(word) for line in lines for word in line.split(" ")]

    assert any(found)


def test_a_list_that_counts_the_same_item_for_ever_is_found():
    item = (
        "**Update `calc.py`:**\n\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n\n"
    )
    text = "".join(f"{n}. {' ' * (n > 9)}{item}" for n in range(1, 60))
    watched = Runaway()

    assert any(watched.goes_on(piece) for piece in text.split(" "))
    assert not repeats_itself("".join(f"{n}. Step {n * n} of {n}\n" for n in range(400)))


@pytest.mark.parametrize("circle", ["I will fix it. ", "x = x + 1\n", "ab cd " * 40 + "\n"])
def test_a_text_that_goes_round_in_a_circle_is_found_while_it_streams(circle):
    watched = Runaway()
    pieces = ["It begins well. "] * 1 + [circle] * 400

    assert any(watched.goes_on(piece) for piece in pieces)


@pytest.mark.parametrize(
    "text",
    [
        "-" * 5_000,
        "0, " * 2_000,
        "\n".join(f"line {number} of the list" for number in range(400)),
        "| a | b |\n" * 3,
        "\n".join(f"0x{n:04x}, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00," for n in range(400)),
        "".join(f"    case {number}:\n        return {number * 7}\n" for number in range(200)),
    ],
)
def test_long_regular_texts_are_no_circle(text):
    assert not repeats_itself(text)


async def test_an_error_names_only_tools_that_the_model_has():
    said = (
        "There is no file 'a'.  list_directory, glob or find_files show which files there are.  "
        "Use run_terminal_command.  Or give another path."
    )
    tools = [tool("read_files", {"errorMessage": said}), tool("list_directory"), tool("glob")]
    tools += [tool("find_files"), tool("run_terminal_command")]
    had = ("read_files", "list_directory", "glob")

    some = await play([[call("read_files")], say("ok")], tools=tools, tool_names=had)
    alone = await play([[call("read_files")], say("ok")], tools=tools, tool_names=("read_files",))

    assert some.prompt(1).messages[-1].output["errorMessage"] == (
        "There is no file 'a'.  list_directory or glob show which files there are.  "
        "Or give another path."
    )
    assert alone.prompt(1).messages[-1].output["errorMessage"] == (
        "There is no file 'a'.  Or give another path."
    )


@pytest.mark.parametrize("small", [None, SmallModel(instructions_first=True)])
async def test_an_agent_that_may_be_spawned_is_offered_to_a_small_model_once(small):
    helper = agent(id="helper", spawner_prompt="Helps.")
    tools = [tool("spawn_agents"), tool("helper")]

    played = await play(
        [say("ok")],
        tools=tools,
        tool_names=("spawn_agents",),
        spawnable_agents=("helper",),
        spawnable=(helper,),
        small=small,
    )

    offered = [spec.name for spec in played.prompt().tools]
    told = "You can spawn" in played.prompt().system + str(played.texts())
    assert (offered, told) == ((["helper"], False) if small else (["spawn_agents", "helper"], True))


TASK = {"tools": [EDIT, LOOK], "small": SmallModel(instructions_first=True)}


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("Behebe den Fehler in calc.py.", "Ich habe den Fehler in calc.py behoben."),
        ("calc.py を直して。", "calc.py を修正しました。"),
        ("Set the limit to 7.", "To do that, open a.py and change the number."),
    ],
)
async def test_a_small_model_that_only_talks_about_its_task_is_asked_once_in_any_language(
    task, said
):
    answer = (TextDelta(said), Answered("stop", form="Write it so."))
    twice = await play([answer] * 2, prompt=task, **TASK)
    done = await play([answer, [call("write_file")], say("ok")], prompt=task, **TASK)

    assert len(twice.model.prompts) == 2
    assert "Write it so." in str(twice.texts(1)[-1])
    assert [(one.code, one.level) for one in twice.of(Notice)] == [("nothing_changed", "info")]
    assert (codes(done), done.result.text[-2:]) == ([], "ok")


@pytest.mark.parametrize(
    ("task", "script", "more"),
    [
        ("Was macht merge?", [say("Es fügt zusammen.")], {}),
        ("merge は何をしますか\uff1f", [say("結合します。")], {}),
        ("ماذا يفعل هذا؟", [say("يدمج.")], {}),
        ("Behebe den Fehler.", [say("Welchen Fehler?")], {}),
        ("Erkläre a.py.", [[call("read_files")], say("Es fügt zusammen.")], {}),
        ("Erkläre merge.", [say("Es fügt zusammen.")], {"tools": [LOOK]}),
        ("Erkläre merge.", [say("Es fügt zusammen.")], {"small": None}),
    ],
)
async def test_questions_and_answers_from_what_was_read_are_not_disturbed(task, script, more):
    played = await play(script, prompt=task, **{**TASK, **more})

    assert len(played.model.prompts) == len(script)
    assert codes(played) == []


WRITE = evolve(EDIT, ends_step=False)
RUN = tool("run_terminal_command", writes=True)
BOTH = SmallModel(named=("a.py", "b.py"), instructions_first=True)


def wrote(*paths):
    calls = (call("write_file", json.dumps({"path": path}), call_id=path) for path in paths)
    return in_text(TextDelta("So."), *calls)


@pytest.mark.parametrize(
    ("script", "more"),
    [
        ([wrote("a.py", "b.py")], {}),
        ([wrote("a.py"), say("done")], {}),
        ([wrote("a.py"), wrote("b.py")], {}),
        ([[*wrote("a.py", "b.py")[:-1], Answered("tool_calls")], say("done")], {}),
        ([wrote("a.py", "b.py"), say("done")], {"small": SmallModel(instructions_first=True)}),
        ([wrote("a.py", "b.py"), say("done")], {"small": None}),
        ([wrote("a.py", "b.py"), say("done")], {"tools": [WRITE, RUN]}),
        ([wrote("a.py", "b.py"), say("done")], {"tools": [evolve(FAILING, ends_step=False)]}),
    ],
)
async def test_a_turn_ends_where_a_small_model_wrote_every_file_that_the_task_names(script, more):
    given = {"tools": [WRITE, LOOK], "small": BOTH, **more}
    played = await play(script, prompt="Rename f in a.py and b.py.", **given)

    assert len(played.model.prompts) == len(script)
    assert played.result.stop_reason is StopReason.END_TURN
