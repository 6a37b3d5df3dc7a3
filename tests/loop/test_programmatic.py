import asyncio

import pytest

from inhouse.core.errors import ProviderError
from inhouse.core.events import Notice, StopReason, TextDelta, ToolStarted
from inhouse.core.limits import Limits
from inhouse.core.messages import AssistantMessage, ToolMessage, UserMessage
from inhouse.providers.scripted import Fail, Pause, ScriptedModel, call, say
from support.play import play, tool


async def test_a_script_may_lead_without_any_model():
    def script(context):
        yield {"toolName": "set_output", "input": {"said": context.prompt}}

    played = await play(script=script, prompt="hi")

    assert played.result.output == {"said": "hi"}
    assert played.result.stop_reason is StopReason.END_TURN
    assert played.model.prompts == []


async def test_step_is_one_answer():
    def script(context):
        first = yield "STEP"
        assert first["stepsComplete"] is False
        second = yield "STEP"
        assert second["stepsComplete"] is True

    played = await play(
        [[call("look")], say("done"), say("never")], script=script, tools=[tool("look")]
    )

    assert played.result.text == "done"
    assert len(played.model.prompts) == 2


async def test_step_all_runs_until_the_turn_ends():
    def script(context):
        resumed = yield "STEP_ALL"
        yield {"toolName": "set_output", "input": {"complete": resumed["stepsComplete"]}}

    turns = [
        [call("look", '{"n": 1}')],
        [call("look", '{"n": 2}')],
        [call("end_turn")],
        say("never"),
    ]
    played = await play(turns, script=script, tools=[tool("look")], tool_names=("look", "end_turn"))

    assert len(played.model.prompts) == 3
    assert played.result.output == {"complete": True}


async def test_the_models_own_end_only_resumes_the_script():
    def script(context):
        yield "STEP_ALL"
        yield {"toolName": "add_message", "input": {"role": "user", "content": "once more"}}
        yield "STEP"

    played = await play([say("one"), say("two")], script=script)

    assert played.result.text == "two"
    assert "once more" in played.texts(1)


async def test_a_script_may_call_any_tool():
    calls = []

    def script(context):
        resumed = yield {"toolName": "secret", "input": {"a": 1}}
        assert resumed["toolResult"] == [{"type": "json", "value": {"found": 7}}]

    played = await play(
        script=script, tools=[tool("secret", {"found": 7}, calls=calls)], tool_names=("end_turn",)
    )

    assert calls == [{"a": 1}]
    assert played.of(ToolStarted)[0].tool == "secret"
    assert [type(m) for m in played.result.messages] == [UserMessage, AssistantMessage, ToolMessage]


async def test_a_call_that_is_not_included_stays_out_of_history():
    def script(context):
        yield {"toolName": "look", "input": {}, "includeToolCall": False}

    played = await play(script=script, tools=[tool("look")])

    assert played.result.messages == (UserMessage("go", ("USER_PROMPT",)),)


async def test_an_unknown_tool_or_wrong_input_is_the_scripts_problem():
    def script(context):
        resumed = yield {"toolName": "fly", "input": {}}
        assert "No tool 'fly'" in resumed["toolResult"][0]["value"]["errorMessage"]
        resumed = yield {"toolName": "add_message", "input": {"role": "robot"}}
        assert "Wrong input" in resumed["toolResult"][0]["value"]["errorMessage"]
        yield {"toolName": "set_output", "input": {"ok": True}}

    played = await play(script=script)

    assert played.result.output == {"ok": True}


async def test_step_text_is_said_and_its_tools_are_called_in_order():
    def script(context):
        made = '<codebuff_tool_call>\n{"cb_tool_name": "look", "n": 1}\n</codebuff_tool_call>'
        resumed = yield {"type": "STEP_TEXT", "text": f"Before\n{made}\nAfter"}
        assert resumed["toolResult"] == [{"type": "json", "value": {"seen": 1}}]

    played = await play(script=script, tools=[tool("look", lambda given: {"seen": given["n"]})])

    kinds = [type(m).__name__ for m in played.result.messages]
    assert kinds == [
        "UserMessage",
        "AssistantMessage",
        "AssistantMessage",
        "ToolMessage",
        "AssistantMessage",
    ]
    assert [event.text for event in played.of(TextDelta)] == ["Before", "After"]
    assert played.result.text == "After"


async def test_a_broken_call_in_step_text_is_an_error_the_script_sees():
    def script(context):
        text = "<codebuff_tool_call>what</codebuff_tool_call>"
        resumed = yield {"type": "STEP_TEXT", "text": text}
        assert "No tool ''" in resumed["toolResult"][0]["value"]["errorMessage"]
        yield {"toolName": "set_output", "input": {"ok": True}}

    played = await play(script=script)

    assert played.result.output == {"ok": True}


async def test_generate_n_asks_for_answers_at_once():
    def script(context):
        resumed = yield {"type": "GENERATE_N", "n": 3}
        yield {"toolName": "set_output", "input": {"answers": sorted(resumed["nResponses"])}}

    turns = [[Pause(0.1), *say(text)] for text in ("c", "a", "b")]
    async with asyncio.timeout(5):
        played = await play(turns, script=script)

    assert played.result.output == {"answers": ["a", "b", "c"]}
    assert played.of(TextDelta) == []
    assert played.result.messages[0] == UserMessage("go", ("USER_PROMPT",))


async def test_generate_n_fails_with_the_endpoints_error():
    def script(context):
        yield {"type": "GENERATE_N", "n": 2}

    played = await play([[Fail(ProviderError("down"))], [Pause(60)]], script=script)

    assert str(played.error) == "down"
    assert played.model.open_streams == 0


async def test_end_turn_ends_the_run():
    def script(context):
        yield {"toolName": "end_turn", "input": {}}
        raise AssertionError

    played = await play(script=script)

    assert played.result.stop_reason is StopReason.END_TURN


async def test_an_error_in_the_script_ends_the_turn_with_an_error_in_the_output():
    def script(context):
        yield {"toolName": "set_output", "input": {"so": "far"}}
        raise ValueError("my mistake")

    played = await play(script=script)

    text = "Error executing handleSteps for agent tester: my mistake"
    assert played.result.output == {"so": "far", "error": text}
    assert played.result.messages[-1] == AssistantMessage(text)
    assert played.of(Notice)[-1].code == "handle_steps_failed"


@pytest.mark.parametrize(
    "value",
    [
        "STOP",
        7,
        None,
        {"type": "WHAT"},
        {"type": "GENERATE_N", "n": 0},
        {"type": "GENERATE_N", "n": 10_000},
        [],
    ],
)
async def test_what_a_script_may_not_yield_is_an_error(value):
    def script(context):
        yield value

    played = await play(script=script)

    assert "Error executing handleSteps" in played.result.output["error"]


async def test_a_script_knows_its_state():
    def script(context):
        assert context.agent_state["messageHistory"][0]["role"] == "user"
        assert context.params == {"a": 1}
        assert context.model == "some/model"
        resumed = yield "STEP"
        state = resumed["agentState"]
        assert state["agentId"] == "run-1"
        assert state["runId"] == "run-1"
        assert "parentId" not in state
        assert "output" not in state
        assert state["systemPrompt"] == "S"
        assert set(state["toolDefinitions"]) == {"look"}
        assert state["contextTokenCount"] > 0
        assert state["messageHistory"][-1] == {
            "role": "assistant",
            "content": [{"type": "text", "text": "hello"}],
        }

    played = await play(
        [say("hello")], script=script, params={"a": 1}, system_prompt="S", tools=[tool("look")]
    )

    assert played.result.output is None


async def test_a_script_may_replace_the_history():
    def script(context):
        resumed = yield {"toolName": "look", "input": {}}
        history = resumed["agentState"]["messageHistory"]
        kept = [message for message in history if message["role"] != "user"]
        yield {
            "toolName": "set_messages",
            "input": {"messages": [{"role": "user", "content": "summary"}, *kept]},
            "includeToolCall": False,
        }
        yield "STEP"

    played = await play([say("done")], script=script, tools=[tool("look", {"seen": 1})])

    user, made, result = played.prompt().messages
    assert user == UserMessage("summary")
    assert made.tool_calls[0].name == "look"
    assert result.output == {"seen": 1}


async def test_the_step_limit_holds_for_scripts_too():
    def script(context):
        while True:
            yield "STEP"

    played = await play([say("x")] * 50, script=script, limits=Limits(max_steps=4))

    assert played.result.stop_reason is StopReason.MAX_TURN_REQUESTS
    assert len(played.model.prompts) == 4


async def test_a_script_that_only_calls_tools_for_ever_ends():
    def script(context):
        while True:
            yield {"toolName": "look", "input": {}, "includeToolCall": False}

    played = await play(script=script, tools=[tool("look")])

    assert "more than 10000 times" in played.result.output["error"]


async def test_an_answer_that_was_cut_off_still_lets_the_script_finish():
    def script(context):
        yield "STEP_ALL"
        yield {"toolName": "set_output", "input": {"kept": True}}

    played = await play([say("half", finish_reason="length")], script=script)

    assert played.result.stop_reason is StopReason.MAX_TOKENS
    assert played.result.output == {"kept": True}


@pytest.mark.parametrize("where", ["in a step", "in a tool", "in generate"])
async def test_cancelling_closes_the_script(where):
    def script(context):
        if where == "in a tool":
            yield {"toolName": "wait", "input": {}}
        yield {"type": "GENERATE_N", "n": 3} if where == "in generate" else "STEP_ALL"

    model = ScriptedModel(*[[Pause(60)]] * 3)
    task = asyncio.create_task(
        play(script=script, model=model, tools=[tool("wait", lambda _: asyncio.sleep(60))])
    )
    await asyncio.sleep(0.05)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.open_streams == 0
