import json

import pytest

from inhouse.core.message_json import messages_to_json
from inhouse.core.messages import ToolMessage
from inhouse.loop import RunState
from inhouse.providers.dialect.chat_request import chat_messages
from inhouse.providers.scripted import call, say
from inhouse.tools import specs
from inhouse.tools.agent.control import control_tools
from inhouse.tools.tool_set import ToolSet
from support.play import agent, play, tool


async def use(name, arguments, **changes):
    """Let a model call one tool and give what it got back."""
    turns = [[call(name, json.dumps(arguments))], say("done")]
    names = (name, "glob")

    played = await play(turns, tool_names=names, **changes)

    results = [m for m in played.result.messages if isinstance(m, ToolMessage)]
    return played, results[-1] if results else None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("end_turn", {}),
        ("task_completed", {}),
        ("think_deeply", {"thought": "hm"}),
        ("write_todos", {"todos": [{"task": "a", "completed": False}]}),
        ("suggest_followups", {"followups": [{"prompt": "more"}]}),
        ("add_message", {"role": "user", "content": "x"}),
        ("set_messages", {"messages": []}),
        ("set_output", {"a": 1}),
        ("add_subgoal", {"id": "1", "objective": "o", "status": "NOT_STARTED"}),
    ],
)
async def test_each_tool_answers_with_a_message(name, arguments):
    _, result = await use(name, arguments)

    assert set(result.output) == {"message"}
    assert not result.failed


async def test_a_message_is_added():
    played, _ = await use("add_message", {"role": "assistant", "content": "I said so"})

    assert any(getattr(message, "text", "") == "I said so" for message in played.result.messages)


async def test_messages_are_replaced_by_the_model_too():
    played, result = await use("set_messages", {"messages": [{"role": "user", "content": "new"}]})

    assert played.result.messages[0].text == "new"
    assert played.result.messages[-1] == result


async def test_messages_that_are_none_are_the_models_problem():
    played, _ = await use("set_messages", {"messages": "no"})

    assert "messages is not a list" in str(played.prompt(1).messages)


async def test_images_stay_in_messages_that_are_set_and_reach_the_model():
    picture = {"type": "image", "image": "aGk=", "mediaType": "image/jpeg"}
    file = {"type": "file", "data": "data:image/png;base64,aGk=", "mediaType": "image/png"}
    elsewhere = {"type": "image", "image": "https://example.com/a.png"}
    content = [{"type": "text", "text": "look"}, picture, file, elsewhere]
    answer = {"role": "assistant", "content": [{"type": "text", "text": "seen"}]}
    messages = [
        {"role": "user", "content": content},
        answer,
        {"role": "user", "content": [picture]},
    ]
    turn = [call("set_messages", json.dumps({"messages": messages})), call("look")]

    played = await play(
        [turn, say("done")], tools=[tool("look")], tool_names=("set_messages", "look")
    )

    first, _, second = messages_to_json(played.prompt(1).messages)[:3]
    assert first["content"][:2] == content[:2]
    assert first["content"][2]["image"] == file["data"]
    assert first["content"][3] == elsewhere
    assert second["content"] == [picture]
    sent = chat_messages(played.prompt(1))
    said = [each["content"] for each in sent if each["role"] == "user"]
    assert said[0] == [
        {"type": "text", "text": "look\n\n[image: https://example.com/a.png]"},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,aGk="}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
    ]


async def test_an_agent_is_looked_up():
    kid = agent(id="kid", spawner_prompt="Plays.")

    _, result = await use("lookup_agent_info", {"agentId": "kid"}, find={"kid": kid}.get)
    _, nobody = await use("lookup_agent_info", {"agentId": "none"})

    assert result.output["found"] is True
    assert result.output["agent"]["spawnerPrompt"] == "Plays."
    assert nobody.output == {"found": False, "error": "Agent 'none' not found"}


async def test_subgoals_are_kept_and_changed():
    turns = [
        [call("add_subgoal", '{"id": "a", "objective": "o", "status": "NOT_STARTED", "log": "1"}')],
        [
            call("update_subgoal", '{"id": "a", "status": "COMPLETE", "log": "2"}'),
            call("update_subgoal", '{"id": "b", "status": "COMPLETE"}'),
        ],
        say("done"),
    ]

    played = await play(turns, tool_names=("add_subgoal", "update_subgoal", "task_completed"))

    assert played.state.subgoals["a"] == {
        "objective": "o",
        "status": "COMPLETE",
        "plan": None,
        "logs": ["1", "2"],
    }
    assert "No subgoal 'b'.  Subgoals: a" in str(played.prompt(2).messages)


def test_every_tool_has_its_schema():
    tools = control_tools(memory=RunState("r"), definition=agent(), find=lambda _: None)

    for name, each in ToolSet(tools).items():
        assert each.spec == specs.spec(name)
        assert each.writes is False
