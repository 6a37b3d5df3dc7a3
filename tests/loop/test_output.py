from inhouse.core.definition import OutputMode
from inhouse.core.events import Notice
from inhouse.providers.scripted import call, say
from support.play import play

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


async def structured(*turns, **changes):
    changes.setdefault("tool_names", ("set_output", "end_turn"))
    return await play(
        turns, output_mode=OutputMode.STRUCTURED_OUTPUT, output_schema=SCHEMA, **changes
    )


async def test_output_that_fits_is_kept():
    played = await structured([call("set_output", '{"a": 1}')])

    assert played.result.output == {"a": 1}
    assert played.result.value == {"type": "structuredOutput", "value": {"a": 1}}


async def test_output_may_stand_in_data():
    played = await structured([call("set_output", '{"data": {"a": 1}}')])

    assert played.result.output == {"a": 1}


async def test_output_is_repaired_like_any_input():
    played = await structured([call("set_output", '{"a": "7"}')])

    assert played.prompt().tools[0].parameters["properties"] == SCHEMA["properties"]
    assert played.result.output == {"a": 7}


async def test_output_that_does_not_fit_is_sent_back():
    played = await structured([call("set_output", '{"a": "x"}')], [call("set_output", '{"a": 2}')])

    message = played.prompt(1).messages[-1].output["errorMessage"]
    assert message.startswith('Wrong input for set_output: a is "x", not an integer')
    assert played.result.output == {"a": 2}


async def test_output_that_lacks_something_is_sent_back():
    played = await structured([call("set_output", "{}")], [call("set_output", '{"a": 2}')])

    message = played.prompt(1).messages[-1].output["errorMessage"]
    assert message.startswith("The output does not fit its schema and was not set: 'a' is missing")
    assert played.result.output == {"a": 2}


async def test_output_that_is_missing_is_asked_for_once():
    played = await structured(say("all done"), say("really"), say("never"))

    assert "output is still missing" in played.texts(1)[-1]
    assert played.result.output is None
    assert len(played.model.prompts) == 2
    assert [notice.code for notice in played.of(Notice)] == ["no_output"]
    assert played.result.value == {"type": "structuredOutput", "value": None}


async def test_output_written_as_text_when_it_was_asked_for_is_taken_too():
    played = await structured(say('{"a": "not a number"}'), say('```json\n{"a": 3}\n```'))

    assert 'a is "not a number", not an integer' in played.texts(1)[-1]
    assert played.result.output == {"a": 3}
    assert played.of(Notice) == []


async def test_output_written_as_text_is_taken():
    played = await structured(say('Here:\n```json\n{"a": 3}\n```'))

    assert played.result.output == {"a": 3}
    assert len(played.model.prompts) == 1


async def test_output_is_asked_for_after_a_script_too():
    def script(context):
        yield "STEP"

    played = await structured(say("hm"), [call("set_output", '{"a": 4}')], script=script)

    assert played.result.output == {"a": 4}


async def test_the_tool_is_offered_where_the_definition_forgot_it():
    played = await structured([call("set_output", '{"a": 5}')], tool_names=("end_turn",))

    assert played.result.output == {"a": 5}


async def test_without_a_schema_any_output_will_do():
    played = await play([[call("set_output", '{"data": {"x": [1]}}')]], tool_names=("set_output",))

    assert played.result.output == {"x": [1]}


async def test_the_last_message_is_what_a_parent_gets():
    played = await play([say("one")])

    assert played.result.value == {
        "type": "lastMessage",
        "value": [{"role": "assistant", "content": [{"type": "text", "text": "one"}]}],
    }


async def test_an_agent_that_said_nothing_gives_an_error():
    played = await play([[call("end_turn")]], tool_names=("end_turn",), prompt=None, history=())

    assert played.result.text == ""
