import asyncio
import itertools
import json

import pytest

from inhouse.core.definition import OutputMode
from inhouse.core.errors import ProviderError
from inhouse.core.limits import Limits, for_child
from inhouse.core.messages import AssistantMessage, ToolMessage
from inhouse.core.route import Privacy, ToolMode
from inhouse.providers.dialect.chat_request import chat_messages
from inhouse.providers.scripted import Fail, Pause, call, say
from inhouse.providers.tool_calls.modes import in_mode
from support.family import Family, soon
from support.play import agent, tool


def boss(**changes):
    changes.setdefault("spawnable_agents", ("kid",))
    changes.setdefault("tool_names", ("spawn_agents", "spawn_agent_inline"))
    return agent(id="boss", **changes)


def spawning(*agents):
    return call("spawn_agents", json.dumps({"agents": list(agents)}))


def results(family):
    """What the last request of the boss says the spawning gave."""
    messages = family.prompts("boss")[-1].messages
    return next(m for m in reversed(messages) if isinstance(m, ToolMessage)).output


async def test_a_sub_agent_gives_its_last_message():
    family = Family(boss(), agent(id="kid", display_name="The Kid"))
    family.scripts = {
        "boss": [[spawning({"agent_type": "kid", "prompt": "hi"})], say("done")],
        "kid": [say("hello boss")],
    }

    await family.run("boss")

    [report] = results(family)
    assert report["agentName"] == "The Kid"
    assert report["agentType"] == "kid"
    assert report["value"] == {
        "type": "lastMessage",
        "value": [{"role": "assistant", "content": [{"type": "text", "text": "hello boss"}]}],
    }
    assert family.prompts("kid")[0].messages[0].text == "hi"


async def test_each_spawnable_agent_is_a_tool_of_its_own():
    kid = agent(
        id="file-kid", spawner_prompt="Finds kids.", input_schema={"prompt": {"type": "string"}}
    )
    family = Family(boss(spawnable_agents=("codebuff/file-kid@1.0.0",)), kid)
    family.scripts = {
        "boss": [[call("file_kid", '{"prompt": "hi"}')], say("done")],
        "file-kid": [say("hello")],
    }

    await family.run("boss")

    spec = next(spec for spec in family.prompts("boss")[0].tools if spec.name == "file_kid")
    assert spec.description == "Finds kids."
    assert spec.parameters["required"] == ["prompt"]
    assert results(family)[0]["agentType"] == "codebuff/file-kid@1.0.0"


async def test_the_instructions_tell_which_agents_may_be_spawned():
    family = Family(boss(instructions_prompt="Do."), agent(id="kid", spawner_prompt="For play."))
    family.scripts = {"boss": [say("done")]}

    await family.run("boss")

    assert family.prompts("boss")[0].messages[1].text == (
        "Do.\n\nYou can spawn the following agents:\n\n- kid: For play."
    )


async def test_one_failure_does_not_stop_the_others():
    family = Family(boss(spawnable_agents=("kid", "bad")), agent(id="kid"), agent(id="bad"))
    family.scripts = {
        "boss": [
            [spawning({"agent_type": "bad"}, {"agent_type": "kid"}, {"agent_type": "none"})],
            say("done"),
        ],
        "bad": [[Fail(ProviderError("server down"))]],
        "kid": [[Pause(0.02), *say("hello")]],
    }

    await family.run("boss")

    bad, kid, none = results(family)
    assert bad["value"] == {"errorMessage": "server down"}
    assert kid["value"]["type"] == "lastMessage"
    assert "may not spawn 'none'.  Agents it may spawn: kid, bad" in none["value"]["errorMessage"]


async def test_sub_agents_work_at_the_same_time():
    family = Family(boss(), agent(id="kid"))
    family.scripts = {
        "boss": [[spawning(*[{"agent_type": "kid"}] * 10)], say("done")],
        "kid": lambda: [[Pause(0.2), *say("hello")]],
    }

    async with asyncio.timeout(1.5):
        await family.run("boss")

    assert len(results(family)) == 10


async def test_cancelling_reaches_every_sub_agent():
    family = Family(
        boss(),
        agent(id="kid", spawnable_agents=("grandkid",), tool_names=("spawn_agents",)),
        agent(id="grandkid"),
    )
    family.scripts = {
        "boss": [[spawning({"agent_type": "kid"}, {"agent_type": "kid"})]],
        "kid": lambda: [[call("grandkid")]],
        "grandkid": lambda: [[*say("half")[:1], Pause(60)]],
    }
    task = asyncio.create_task(family.run("boss"))
    await soon()
    assert [model.open_streams for model in family.models["grandkid"]] == [1, 1]

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert [model.open_streams for model in family.models["grandkid"]] == [0, 0]
    assert [state.text for state in family.states["grandkid"]] == ["half", "half"]


async def test_a_sub_agent_that_is_cancelled_alone_is_a_result():
    family = Family(boss(), agent(id="kid"))
    family.scripts = {
        "boss": [[spawning({"agent_type": "kid"})], say("done")],
        "kid": [[Pause(60)]],
    }
    task = asyncio.create_task(family.run("boss"))
    await soon()
    kid = next(one for one in asyncio.all_tasks() if one.get_name() == "sub-agent kid")

    kid.cancel()

    assert (await task).text == "done"
    assert results(family)[0]["value"] == {"errorMessage": "The agent was cancelled."}


async def test_a_sub_agent_sees_its_parents_history_where_it_asks_to():
    family = Family(boss(instructions_prompt="I."), agent(id="kid", include_message_history=True))
    family.scripts = {"boss": [[spawning({"agent_type": "kid", "prompt": "hi"})], say("done")]}

    await family.run("boss", "the prompt")

    texts = [message.text for message in family.prompts("kid")[0].messages]
    assert texts[0] == "the prompt"
    assert texts[-2:] == ["<system>Sub-agent kid has been spawned.</system>", "hi"]


async def test_a_sub_agent_has_its_own_history_otherwise():
    family = Family(boss(), agent(id="kid"))
    family.scripts = {"boss": [[spawning({"agent_type": "kid", "prompt": "hi"})], say("done")]}

    await family.run("boss", "the prompt")

    assert [message.text for message in family.prompts("kid")[0].messages] == ["hi"]


async def test_a_sub_agent_may_inherit_system_prompt_and_tools():
    kid = agent(id="kid", inherit_parent_system_prompt=True, tool_names=("look",))
    family = Family(
        boss(system_prompt="I am {CODEBUFF_AGENT_NAME}", tool_names=("spawn_agents", "write")),
        kid,
        tools=(tool("look"), tool("write")),
    )
    family.scripts = {
        "boss": [[spawning({"agent_type": "kid", "prompt": "hi"})], say("done")],
        "kid": [[call("write")], say("sorry")],
    }

    await family.run("boss")

    first, second = family.prompts("kid")
    assert first.system == family.prompts("boss")[0].system == "I am Tester"
    parents = [spec.name for spec in family.prompts("boss")[0].tools]
    assert [spec.name for spec in first.tools] == [*parents, "look"]
    assert second.messages[-1].output == {"errorMessage": "No tool 'write'.  Tools: look"}


@pytest.mark.parametrize("mode", ToolMode)
@pytest.mark.parametrize("heir", [True, False])
async def test_each_request_of_parent_and_child_begins_with_the_one_before(mode, heir):
    kid = agent(
        id="kid",
        inherit_parent_system_prompt=heir,
        include_message_history=heir,
        tool_names=("look",),
    )
    family = Family(boss(), kid, tools=(tool("look"),))
    task = spawning({"agent_type": "kid", "prompt": "hi"})
    family.scripts = {
        "boss": [[task], [task], say("done")],
        "kid": lambda: [[call("look", call_id="1")], [call("look", call_id="2")], say("seen")],
    }

    await family.run("boss")

    asked = [family.prompts("boss"), *(model.prompts for model in family.models["kid"])]
    assert list(map(len, asked)) == [3, 3, 3]
    for prompts in asked:
        sent = [in_mode(one, mode) for one in prompts]
        for before, after in itertools.pairwise(sent):
            assert (after.system, after.tools) == (before.system, before.tools)
            said = chat_messages(before)
            assert chat_messages(after)[: len(said)] == said


async def test_an_inline_agent_works_in_its_parents_conversation():
    family = Family(boss(), agent(id="kid", tool_names=("add_message",)))
    family.scripts = {
        "boss": [
            [call("spawn_agent_inline", '{"agent_type": "kid", "prompt": "hi"}')],
            say("done"),
        ],
        "kid": [
            [
                *say("I was here")[:1],
                call("add_message", '{"role": "user", "content": "left by the kid"}'),
            ]
        ],
    }

    await family.run("boss", "the prompt")

    texts = [getattr(m, "text", m) for m in family.prompts("boss")[1].messages]
    assert texts[0] == "the prompt"
    assert "I was here" in texts
    assert "left by the kid" in texts
    assert results(family) == {"message": "Agent spawned."}


async def test_calls_beside_an_inline_agent_keep_their_results():
    family = Family(
        boss(tool_names=("spawn_agent_inline", "look")),
        agent(id="kid", tool_names=("look",)),
        tools=(tool("look", lambda given: {"seen": given["n"]}),),
    )
    family.scripts = {
        "boss": [
            [
                call("look", '{"n": 1}', call_id="a"),
                call("spawn_agent_inline", '{"agent_type": "kid"}', call_id="b"),
                call("look", '{"n": 2}', call_id="c"),
            ],
            say("done"),
        ],
        "kid": [[call("look", '{"n": 3}', call_id="c")], say("kid done")],
    }

    await family.run("boss")

    found = [m.output for m in family.prompts("boss")[1].messages if isinstance(m, ToolMessage)]
    assert found == [{"seen": 1}, {"seen": 3}, {"message": "Agent spawned."}, {"seen": 2}]


async def test_an_inline_agent_may_replace_the_history():
    family = Family(boss(), agent(id="pruner", handle_steps="function* () {}"))
    family.definitions = (boss(spawnable_agents=("pruner",)), family.definitions[1])

    def prune(context):
        yield {
            "toolName": "set_messages",
            "input": {"messages": [{"role": "user", "content": "summary"}]},
            "includeToolCall": False,
        }

    family.steps = {"pruner": prune}
    family.scripts = {
        "boss": [[call("spawn_agent_inline", '{"agent_type": "pruner"}')], say("done")],
    }

    await family.run("boss", "a long story")

    messages = family.prompts("boss")[1].messages
    assert messages[0].text == "summary"
    assert len(messages) == 3
    assert messages[-1].output == {"message": "Agent spawned."}


async def test_params_are_checked_before_an_agent_starts():
    schema = {
        "params": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    }
    family = Family(boss(), agent(id="kid", input_schema=schema))
    family.scripts = {
        "boss": [
            [
                spawning(
                    {"agent_type": "kid", "params": {"n": "x"}},
                    {"agent_type": "kid", "params": {"n": "7"}},
                )
            ],
            say("done"),
        ],
        "kid": [say("ok")],
    }

    await family.run("boss")

    wrong, right = results(family)
    assert wrong["value"]["errorMessage"].startswith("Wrong params for agent kid: n is")
    assert right["value"]["type"] == "lastMessage"
    assert family.prompts("kid")[0].messages[0].text == '{\n  "n": 7\n}'


async def test_a_tool_is_not_an_agent():
    family = Family(boss(), agent(id="kid"))
    family.scripts = {"boss": [[spawning({"agent_type": "read_files"})], say("done")]}

    await family.run("boss")

    assert results(family)[0]["value"]["errorMessage"] == (
        "'read_files' is a tool, not an agent.  Call it as a tool."
    )


async def test_agents_are_not_nested_for_ever():
    family = Family(boss(spawnable_agents=("boss",)), limits=Limits(max_depth=3))
    family.scripts = {"boss": lambda: [[call("boss")], say("done")]}

    await family.run("boss")

    assert len(family.models["boss"]) == 4
    deepest = family.models["boss"][3].prompts[1].messages[-1].output
    assert "nested 3 deep" in deepest[0]["value"]["errorMessage"]


async def test_too_many_agents_at_once_are_refused():
    family = Family(boss(), agent(id="kid"))
    family.scripts = {"boss": [[spawning(*[{"agent_type": "kid"}] * 1_000)], say("done")]}

    await family.run("boss")

    assert "32 at most" in results(family)["errorMessage"]
    assert family.models["kid"] == []


async def test_structured_output_and_all_messages_have_codebuffs_shape():
    family = Family(
        boss(spawnable_agents=("struct", "all")),
        agent(id="struct", output_mode=OutputMode.STRUCTURED_OUTPUT, tool_names=("set_output",)),
        agent(id="all", output_mode=OutputMode.ALL_MESSAGES),
    )
    family.scripts = {
        "boss": [
            [spawning({"agent_type": "struct"}, {"agent_type": "all", "prompt": "p"})],
            say("done"),
        ],
        "struct": [[call("set_output", '{"a": 1}')]],
        "all": [say("hello")],
    }

    await family.run("boss")

    struct, everything = results(family)
    assert struct["value"] == {"type": "structuredOutput", "value": {"a": 1}}
    assert everything["value"]["type"] == "allMessages"
    assert [message["role"] for message in everything["value"]["value"]] == ["user", "assistant"]


def test_a_childs_limits_only_get_narrower():
    parent = Limits(may_write=False, privacy=Privacy.LOCAL_ONLY, budget_usd=1.0)

    child = for_child(parent, may_write=True, privacy=Privacy.ANY, budget_usd=5.0)

    assert child == Limits(may_write=False, privacy=Privacy.LOCAL_ONLY, budget_usd=1.0, depth=1)
    assert for_child(Limits(), privacy=Privacy.ASK, budget_usd=2.0).budget_usd == 2.0


async def test_an_inline_agent_that_cannot_start_is_a_result():
    family = Family(boss(), agent(id="kid"))
    family.scripts = {
        "boss": [
            [call("spawn_agent_inline", '{"agent_type": "kid", "prompt": "hi"}')],
            say("went on"),
        ],
        "kid": [[Fail(ProviderError("is out of order"))]],
    }

    outcome = await family.run("boss")

    assert "out of order" in str(results(family))
    assert outcome is not None


@pytest.mark.parametrize(
    "name", ["file_kid", "file-kid", "File_Kid", "acme/file-kid", "acme/file_kid@1.2.0"]
)
@pytest.mark.parametrize(
    "given",
    [
        {"prompt": "hi", "depth": 3},
        {"prompt": "hi", "depth": "3"},
        {"prompt": "hi", "params": {"depth": 3}},
        {"prompt": "hi", "params": '{"depth": 3}'},
        {"depth": 3},
    ],
)
async def test_parameters_beside_the_prompt_are_the_agents_under_any_spelling(name, given):
    params = {
        "type": "object",
        "properties": {"depth": {"type": "number"}},
        "required": ["depth"],
    }
    kid = agent(id="file-kid", input_schema={"params": params})
    family = Family(boss(spawnable_agents=("acme/file-kid@1.2.0",)), kid)
    family.scripts = {
        "boss": [[call(name, json.dumps(given))], say("done")],
        "file-kid": [say("hello")],
    }

    await family.run("boss")

    assert '"depth": 3' in family.prompts("file-kid")[0].messages[0].text
    # The call goes back as it was understood.
    [made] = [m for m in family.prompts("boss")[-1].messages if isinstance(m, AssistantMessage)]
    assert json.loads(made.tool_calls[0].arguments)["params"] == {"depth": 3}


async def test_the_users_own_input_is_filled_in_at_every_depth():
    told = "Asked: {CODEBUFF_USER_INPUT_PROMPT}"
    middle = agent(
        id="kid",
        instructions_prompt=told,
        tool_names=("spawn_agents",),
        spawnable_agents=("grandkid",),
    )
    family = Family(
        boss(instructions_prompt=told), middle, agent(id="grandkid", system_prompt=told)
    )
    family.scripts = {
        "boss": [[spawning({"agent_type": "kid", "prompt": "other words"})], say("done")],
        "kid": [[spawning({"agent_type": "grandkid", "prompt": "third words"})], say("done")],
        "grandkid": [say("hello")],
    }

    await family.run("boss", prompt="What the user wants")

    assert family.prompts("grandkid")[0].system == "Asked: What the user wants"
    assert "Asked: What the user wants" in family.prompts("kid")[0].messages[1].text


@pytest.mark.parametrize("name", ["base", "base-free", "base-max", "base-experimental", "boss"])
async def test_codebuffs_first_agents_may_spawn_every_agent(name):
    parent = agent(id=name, tool_names=("spawn_agents",), spawnable_agents=("kid",))
    family = Family(parent, agent(id="kid"), agent(id="stranger"))
    family.scripts = {
        name: [[spawning({"agent_type": "stranger", "prompt": "hi"})], say("done")],
        "stranger": [say("hello")],
    }

    await family.run(name)

    messages = family.prompts(name)[-1].messages
    shown = str(next(m for m in reversed(messages) if isinstance(m, ToolMessage)).output)
    assert ("hello" in shown) is (name != "boss")
