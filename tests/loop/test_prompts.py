from inhouse.core.messages import UserMessage
from inhouse.providers.scripted import say
from support.play import agent, play


async def value(text):
    return text


async def test_placeholders_are_filled_in_where_they_stand():
    played = await play(
        [say("ok")],
        prompt='say "hi"\nnow',
        system_prompt="{CODEBUFF_AGENT_NAME} at {CODEBUFF_PROJECT_ROOT}",
        instructions_prompt="You were asked: {CODEBUFF_USER_INPUT_PROMPT}",
        step_prompt="{CODEBUFF_REMAINING_STEPS} left, {CODEBUFF_UNKNOWN} {OTHER}",
        placeholders={"CODEBUFF_PROJECT_ROOT": lambda: value("/project {CODEBUFF_AGENT_NAME}")},
    )

    assert played.prompt().system == "Tester at /project {CODEBUFF_AGENT_NAME}"
    assert played.texts()[1:] == [
        'You were asked: say \\"hi\\"\\nnow',
        "200 left, {CODEBUFF_UNKNOWN} {OTHER}",
    ]


async def test_placeholders_are_asked_for_only_where_they_stand():
    asked = []

    async def tree():
        asked.append("tree")
        return "the tree"

    await play([say("ok")], system_prompt="no", placeholders={"CODEBUFF_FILE_TREE_PROMPT": tree})

    assert asked == []


async def test_the_output_schema_is_told():
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}

    played = await play([say("ok")], output_schema=schema, instructions_prompt="Do.")

    told = played.texts()[1]
    assert told.startswith("Do.\n\n## Output Schema")
    assert '"integer"' in told


async def test_agents_that_can_not_be_found_are_named_all_the_same():
    played = await play(
        [say("ok")],
        spawnable_agents=("codebuff/thinker@1.0.0", "lost"),
        spawnable=[agent(id="thinker", spawner_prompt="Thinks.")],
    )

    assert "- codebuff/thinker@1.0.0: Thinks.\n- lost" in played.texts()[1]


async def test_history_that_ends_with_the_model_is_followed_by_a_user_message():
    played = await play([say("<think>hm</think>"), say("ok")])

    last = played.prompt(1).messages[-1]
    assert isinstance(last, UserMessage)
    assert "Continue" in last.text
    assert not any("Continue" in str(message) for message in played.result.messages)
