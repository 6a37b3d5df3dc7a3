import asyncio

import pytest

from inhouse.core.errors import ContextOverflowError, ProviderError, ToolError
from inhouse.core.events import (
    Answered,
    Notice,
    ReasoningDelta,
    StopReason,
    TextDelta,
    ToolFinished,
    ToolStarted,
    UsageReported,
)
from inhouse.core.limits import Limits
from inhouse.core.messages import AssistantMessage, ToolMessage, UserMessage
from inhouse.loop import RunState
from inhouse.loop.history import repaired
from inhouse.providers.scripted import Fail, Pause, ScriptedModel, call, say
from support.play import Answers, agent, play, tool


async def test_a_turn_ends_when_the_model_calls_no_tool():
    played = await play([say("he", "llo")])

    assert played.result.stop_reason is StopReason.END_TURN
    assert played.result.text == "hello"
    assert played.of(TextDelta) == [TextDelta("he"), TextDelta("llo")]


async def test_messages_come_in_codebuffs_order():
    played = await play(
        [say("ok")],
        prompt="the prompt",
        params={"a": 1},
        history=(UserMessage("before"), AssistantMessage("said before")),
        system_prompt="the system",
        instructions_prompt="the instructions",
        step_prompt="the step",
    )

    assert played.prompt().system == "the system"
    assert played.texts() == [
        "before",
        "said before",
        'the prompt\n\n{\n  "a": 1\n}',
        "the instructions",
        "the step",
    ]


async def test_the_step_prompt_lives_for_one_step():
    played = await play(
        [[call("look")], say("done")],
        tools=[tool("look")],
        step_prompt="step {CODEBUFF_REMAINING_STEPS}",
    )

    assert [text for text in played.texts(1) if "step" in str(text)] == ["step 199"]
    assert not any("step" in str(message) for message in played.result.messages)


async def test_a_run_without_any_prompt_still_asks_something():
    played = await play([say("hello")], prompt=None)

    assert len(played.prompt().messages) == 1
    assert played.result.messages == (AssistantMessage("hello"),)


async def test_a_tools_result_goes_back_to_the_model():
    played = await play(
        [[TextDelta("let me look"), call("look")], say("done")], tools=[tool("look", {"seen": 1})]
    )

    assert played.prompt(1).messages[-1] == ToolMessage("call-look", "look", {"seen": 1})
    assert played.prompt(1).messages[-2].text == "let me look"
    assert played.of(ToolStarted) == [ToolStarted("call-look", "look", {})]
    assert played.of(ToolFinished) == [ToolFinished("call-look", ok=True, summary="seen")]


async def test_tools_of_one_answer_run_in_order():
    seen = []
    tools = [
        tool("one", lambda _: seen.append(1) or {}),
        tool("two", lambda _: seen.append(2) or {}),
    ]

    await play([[call("two"), call("one")], say("done")], tools=tools)

    assert seen == [2, 1]


async def test_an_unknown_tool_is_the_models_problem():
    played = await play([[call("fly")], say("sorry")], tools=[tool("look")])

    result = played.prompt(1).messages[-1]
    assert result.failed
    assert result.output == {"errorMessage": "No tool 'fly'.  Tools: look"}
    assert played.result.text == "sorry"


async def test_a_tool_the_definition_does_not_name_is_refused():
    played = await play(
        [[call("write")], say("sorry")], tools=[tool("look"), tool("write")], tool_names=("look",)
    )

    assert played.prompt(1).messages[-1].failed
    assert [spec.name for spec in played.prompt().tools] == ["look"]


async def test_wrong_input_is_the_models_problem():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    played = await play(
        [[call("count", '{"n": "x"}')], say("sorry")], tools=[tool("count", parameters=schema)]
    )

    message = played.prompt(1).messages[-1].output["errorMessage"]
    assert message == 'Wrong input for count: n is "x", not an integer.  Send {"n": integer}'


async def test_a_tool_error_goes_back_to_the_model():
    played = await play(
        [[call("look")], say("ok")], tools=[tool("look", ToolError("no such file"))]
    )

    assert played.prompt(1).messages[-1] == ToolMessage(
        "call-look", "look", {"errorMessage": "no such file"}, failed=True
    )
    assert played.of(ToolFinished)[0].ok is False


async def test_end_turn_ends_the_turn():
    played = await play([[call("end_turn")], say("never")], tool_names=("end_turn",))

    assert played.result.stop_reason is StopReason.END_TURN
    assert len(played.model.prompts) == 1


async def test_a_quiet_tool_asks_for_no_other_answer():
    played = await play(
        [[call("think_deeply", '{"thought": "hm"}')], say("never")], tool_names=("think_deeply",)
    )

    assert len(played.model.prompts) == 1


async def test_an_answer_of_thoughts_alone_is_followed_by_another():
    played = await play([[ReasoningDelta("hm")], say("<think>hm</think>"), say("hello")])

    assert played.result.text == "hello"
    assert len(played.model.prompts) == 3


async def test_thinking_for_ever_ends():
    played = await play([[ReasoningDelta("hm")]] * 10)

    assert played.result.stop_reason is StopReason.END_TURN
    assert len(played.model.prompts) == 3
    assert played.of(Notice)[0].code == "idle"


async def test_with_task_completed_only_an_explicit_end_counts():
    played = await play(
        [say("so far"), say("more"), [call("task_completed")]], tool_names=("task_completed",)
    )

    assert len(played.model.prompts) == 3
    assert "Continue" in played.texts(1)[-1]


async def test_with_task_completed_doing_nothing_for_ever_ends():
    played = await play([say("")] * 50, tool_names=("task_completed",))

    assert played.result.stop_reason is StopReason.END_TURN
    assert len(played.model.prompts) == 3


async def test_the_step_limit_stops_a_run():
    turns = ([call("look", f'{{"n": {number}}}')] for number in range(100))

    played = await play(turns, tools=[tool("look")], limits=Limits(max_steps=5))

    assert played.result.stop_reason is StopReason.MAX_TURN_REQUESTS
    assert len(played.model.prompts) == 5


@pytest.mark.parametrize(
    ("finish_reason", "stop_reason"),
    [("length", StopReason.MAX_TOKENS), ("content_filter", StopReason.REFUSAL)],
)
async def test_an_answer_that_was_cut_off_runs_no_tool(finish_reason, stop_reason):
    calls = []

    played = await play(
        [[TextDelta("so"), call("write"), Answered(finish_reason)]],
        tools=[tool("write", calls=calls)],
    )

    assert played.result.stop_reason is stop_reason
    assert [notice.code for notice in played.of(Notice)] == [stop_reason.value]
    assert played.result.text == "so"
    assert calls == []
    assert played.result.messages[-1] == AssistantMessage("so")


async def test_an_answer_of_nothing_is_told():
    played = await play([[Answered("stop")]])

    assert played.result.stop_reason is StopReason.END_TURN
    assert [notice.code for notice in played.of(Notice)] == ["empty_answer"]


async def test_what_was_said_is_kept_when_the_endpoint_breaks():
    played = await play([[TextDelta("half a sen"), Fail(ProviderError("broken"))]])

    assert str(played.error) == "broken"
    assert played.state.text == "half a sen"
    assert played.state.messages[-1] == AssistantMessage("half a sen")


async def test_a_stream_without_an_end_is_an_error():
    class Broken(ScriptedModel):
        def stream(self, prompt):
            stream = super().stream(prompt)
            return _WithoutEnd(stream)

    class _WithoutEnd:
        def __init__(self, stream):
            self._stream = stream

        async def __aenter__(self):
            batches = await self._stream.__aenter__()
            return (chunks async for chunks in batches if not isinstance(chunks[0], Answered))

        async def __aexit__(self, *problem):
            return await self._stream.__aexit__(*problem)

    played = await play(model=Broken(say("half")))

    assert played.error.code == "incomplete"
    assert played.state.text == "half"


async def test_usage_and_notices_of_the_endpoint_are_passed_on():
    usage, notice = UsageReported(3, 4), Notice("info", "x", "y")

    played = await play([[usage, notice, TextDelta("a")]])

    assert played.events[:2] == [usage, notice]


async def test_the_same_call_three_times_asks_the_user():
    approver = Answers(("Let it continue",), ("Stop",))

    played = await play([[call("look")]] * 20, tools=[tool("look")], approver=approver)

    assert [question.kind for question in approver.questions] == ["repeat", "repeat"]
    assert "3 times in a row" in approver.questions[0].text
    assert played.error.code == "repeated_calls"


async def test_the_same_call_for_ever_stops_when_nobody_answers():
    calls = []

    played = await play([[call("look")]] * 20, tools=[tool("look", calls=calls)])

    assert played.error.code == "repeated_calls"
    assert len(calls) == 2


@pytest.mark.parametrize("length", [2, 3, 7])
async def test_calls_that_go_round_in_a_circle_ask_the_user_after_three_rounds(length):
    calls, approver = [], Answers(("Let it continue",), ("Stop",))
    round_ = [[call("look", f'{{"n": {number}}}')] for number in range(length)]

    played = await play(
        [[call("look", '{"n": "first"}')], *round_ * 20],
        tools=[tool("look", calls=calls)],
        approver=approver,
    )

    assert [question.kind for question in approver.questions] == ["repeat", "repeat"]
    assert ", ".join(["look"] * length) + " 3 times in a row" in approver.questions[0].text
    assert played.error.code == "repeated_calls"
    assert len(calls) == 1 + 2 * 3 * length - 1  # The call that was not allowed is not made.


async def test_a_circle_in_one_answer_is_found_too():
    calls = []
    answer = [call(name, call_id=f"{name}{n}") for n in range(9) for name in ("look", "see")]

    played = await play([answer], tools=[tool("look", calls=calls), tool("see", calls=calls)])

    assert played.error.code == "repeated_calls"
    assert len(calls) == 5


async def test_doing_again_what_was_done_after_something_new_is_no_circle():
    """Test, edit, test, edit: the edits differ."""
    turns = [
        [call(name, arguments)]
        for number in range(10)
        for name, arguments in (("look", "{}"), ("edit", f'{{"n": {number}}}'))
    ]

    played = await play([*turns, say("done")], tools=[tool("look"), tool("edit")])

    assert played.result.text == "done"


async def test_different_calls_are_no_repetition():
    turns = [[call("look", f'{{"n": {number}}}')] for number in range(6)]

    played = await play([*turns, say("done")], tools=[tool("look")])

    assert played.result.text == "done"


async def test_a_thousand_calls_in_one_answer_are_bounded():
    calls = []
    many = [call("look", f'{{"n": {number}}}', call_id=str(number)) for number in range(1500)]

    played = await play([many, say("done")], tools=[tool("look", calls=calls)])

    assert len(calls) == 100
    results = [m for m in played.prompt(1).messages if isinstance(m, ToolMessage)]
    assert len(results) == 1000
    assert "Not run" in results[-1].output["errorMessage"]
    assert played.of(Notice)[0].code == "too_many_calls"


async def test_calls_with_the_same_id_get_their_own():
    played = await play(
        [
            [call("look", '{"n": 1}', call_id="x"), call("look", '{"n": 2}', call_id="x")],
            say("done"),
        ],
        tools=[tool("look", lambda given: {"n": given["n"]})],
    )

    results = [m for m in played.prompt(1).messages if isinstance(m, ToolMessage)]
    assert [result.output["n"] for result in results] == [1, 2]
    assert len({result.call_id for result in results}) == 2


async def test_a_prompt_that_does_not_fit_is_trimmed_once():
    long = {"text": "x" * 40_000}
    overflow = Fail(ContextOverflowError("12000 tokens, 8000 fit", needed=12_000, window=8_000))

    played = await play([[call("look")], [overflow], say("done")], tools=[tool("look", long)])

    assert played.result.text == "done"
    assert "shortened: 40012 characters" in played.prompt(2).messages[-1].output
    assert played.of(Notice)[0].code == "trimmed"


async def test_a_prompt_that_can_not_be_trimmed_is_an_error_with_both_numbers():
    overflow = ContextOverflowError("12000 tokens, 8000 fit", needed=12_000, window=8_000)

    played = await play([[Fail(overflow)]])

    assert (played.error.needed, played.error.window) == (12_000, 8_000)


async def test_a_run_may_not_write_where_its_limits_say_so():
    played = await play(
        [[call("write")], say("sorry")],
        tools=[tool("write", writes=True)],
        limits=Limits(may_write=False),
    )

    assert played.prompt().tools == ()
    assert played.prompt(1).messages[-1].failed


@pytest.mark.parametrize("where", ["before the first piece", "in mid-answer", "in a tool"])
async def test_cancelling_keeps_what_was_said(where):
    turns = {
        "before the first piece": [[call("look")], [Pause(60)]],
        "in mid-answer": [[call("look")], [TextDelta("half"), Pause(60)]],
        "in a tool": [[TextDelta("half"), call("wait")]],
    }[where]
    state, model = RunState("run-1"), ScriptedModel(*turns)
    tools = [tool("look"), tool("wait", lambda _: asyncio.sleep(60))]
    task = asyncio.create_task(play(model=model, state=state, tools=tools))
    await asyncio.sleep(0.05)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.open_streams == 0
    assert state.text == ("" if where == "before the first piece" else "half")
    calls = [c.id for m in state.messages if isinstance(m, AssistantMessage) for c in m.tool_calls]
    results = [m for m in state.messages if isinstance(m, ToolMessage)]
    assert [m.call_id for m in results] == calls
    assert ("Interrupted" in str(results[-1].output)) == (where == "in a tool")


async def everything(state, model):
    """A run with a placeholder, a script, an answer, tools, a question and parallel answers."""

    def script(context):
        yield {"toolName": "wait", "input": {}}
        yield {"type": "GENERATE_N", "n": 2}
        yield "STEP_ALL"

    async def tree():
        await asyncio.sleep(0)
        return "tree"

    class Asker:
        async def ask(self, question):
            await asyncio.sleep(0)
            return ("Let it continue",)

    return await play(
        state=state,
        model=model,
        script=script,
        tools=[tool("wait", lambda _: asyncio.sleep(0, {})), tool("look")],
        system_prompt="{CODEBUFF_FILE_TREE_PROMPT}",
        step_prompt="step",
        placeholders={"CODEBUFF_FILE_TREE_PROMPT": tree},
        approver=Asker(),
    )


async def test_cancelling_at_each_await_leaves_nothing_open():
    cancelled = 0
    for ticks in range(200):
        answers = [[Pause(0), *say("x")]] * 2
        turns = [[TextDelta("a"), Pause(0), call("look"), call("wait")], *[[call("look")]] * 4]
        state, model = RunState("run-1"), ScriptedModel(*answers, *turns, say("done"))
        task = asyncio.create_task(everything(state, model))
        for _ in range(ticks):
            await asyncio.sleep(0)
        if task.done():
            break
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        cancelled += 1
        assert model.open_streams == 0
        assert repaired(state.messages) == state.messages

    assert cancelled > 5
    assert (await task).result.text == "done"


async def test_a_bug_in_a_tool_is_not_hidden_from_us():
    with pytest.raises(ZeroDivisionError):
        await play([[call("look")]], tools=[tool("look", ZeroDivisionError())])


async def test_the_name_of_a_tool_may_be_spelled_nearly_right():
    calls = []

    await play([[call("functions.read-files")], say("ok")], tools=[tool("read_files", calls=calls)])

    assert len(calls) == 1


async def test_lone_surrogates_never_reach_a_server():
    played = await play(
        [[call("look")], say("ok")], prompt="a\ud800b", tools=[tool("look", {"t": "\udfff"})]
    )

    for message in played.prompt(1).messages:
        str(message).encode()


def test_an_agent_helper_makes_a_definition():
    assert agent(id="x").id == "x"
