"""Real handleSteps sources, in the real sandbox, led through the real loop."""

from functools import partial

import pytest

from inhouse.core.events import Notice
from inhouse.definitions.sandbox import Sandbox
from inhouse.providers.scripted import call, say
from support.family import Family
from support.play import agent, play, tool


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Where the engine is kept once it is compiled: that takes seconds."""
    return tmp_path_factory.mktemp("sandbox")


@pytest.fixture
async def sandbox(compiled):
    box = Sandbox(cache=compiled)
    yield box
    await box.aclose()


async def lead(sandbox, source, turns=(), **changes):
    return await play(turns, steps=partial(sandbox.steps, source), **changes)


async def test_a_script_reads_searches_and_lets_the_model_answer(sandbox):
    source = """function* ({ agentState, prompt, params, logger }) {
      logger.info({ prompt }, 'starting')
      const { toolResult } = yield { toolName: 'read', input: { path: params.path } }
      const text = toolResult[0].value.content
      yield {
        toolName: 'add_message',
        input: { role: 'user', content: `The file says ${text}` },
        includeToolCall: false,
      }
      yield 'STEP_ALL'
    }"""

    played = await lead(
        sandbox,
        source,
        [say("I see")],
        params={"path": "a"},
        tools=[tool("read", lambda given: {"content": given["path"] * 3})],
    )

    assert played.texts()[-1] == "The file says aaa"
    assert played.result.text == "I see"
    assert played.of(Notice)[0].code == "handle_steps"


async def test_a_script_loops_until_the_model_is_done(sandbox):
    source = """function* ({ params }) {
      let rounds = 0
      while (true) {
        const { stepsComplete } = yield 'STEP'
        rounds++
        if (stepsComplete) break
      }
      yield { toolName: 'set_output', input: { rounds } }
    }"""
    turns = [[call("look", '{"n": 1}')], [call("look", '{"n": 2}')], say("done")]

    played = await lead(sandbox, source, turns, tools=[tool("look")])

    assert played.result.output == {"rounds": 3}


async def test_a_script_prunes_the_history(sandbox):
    source = """function* ({ agentState }) {
      const messages = agentState.messageHistory
      const summary = messages
        .map((m) => `${m.role}: ${Array.isArray(m.content)
          ? m.content.map((p) => p.text ?? JSON.stringify(p.value ?? p.input ?? '')).join(' ')
          : m.content}`)
        .join('\\n')
      yield {
        toolName: 'set_messages',
        input: { messages: [{ role: 'user', content: [{ type: 'text', text: summary }] }] },
        includeToolCall: false,
      }
    }"""
    boss = agent(id="boss", spawnable_agents=("pruner",), tool_names=("spawn_agent_inline", "look"))
    family = Family(boss, agent(id="pruner"), tools=(tool("look", {"seen": 7}),))
    family.sources = {"pruner": partial(sandbox.steps, source)}
    family.scripts = {
        "boss": [
            [call("look")],
            [call("spawn_agent_inline", '{"agent_type": "pruner"}')],
            say("done"),
        ]
    }

    await family.run("boss", "the story")

    summary = family.prompts("boss")[2].messages[0].text
    assert "user: the story" in summary
    assert '{"seen":7}' in summary


async def test_a_script_collects_what_sub_agents_say(sandbox):
    source = """function* ({ prompt }) {
      const { toolResult } = yield {
        toolName: 'spawn_agents',
        input: { agents: ['a', 'b'].map((p) => ({ agent_type: 'kid', prompt: p })) },
      }
      const texts = toolResult[0].value.map((r) => r.value)
        .filter((v) => v.type === 'lastMessage')
        .map((v) => v.value.findLast((m) => m.role === 'assistant').content[0].text)
      yield { toolName: 'set_output', input: { texts }, includeToolCall: false }
    }"""
    family = Family(agent(id="boss", spawnable_agents=("kid",)), agent(id="kid"))
    family.sources = {"boss": partial(sandbox.steps, source)}
    family.scripts = {"kid": lambda: [say("hello")]}

    result = await family.run("boss")

    assert result.output == {"texts": ["hello", "hello"]}


async def test_a_script_that_throws_ends_the_turn_with_its_error(sandbox):
    source = "function* () { yield 'STEP'; throw new Error('my mistake') }"

    played = await lead(sandbox, source, [say("hm")])

    assert "my mistake" in played.result.output["error"]
    assert played.result.stop_reason == "end_turn"


async def test_a_script_that_never_yields_is_stopped(compiled):
    box = Sandbox(time_limit=0.3, cache=compiled)
    try:
        played = await lead(box, "function* () { while (true) {} }")
    finally:
        await box.aclose()

    assert "Error executing handleSteps" in played.result.output["error"]


async def test_generate_n_gives_its_answers_to_the_script(sandbox):
    source = """function* () {
      const { nResponses } = yield { type: 'GENERATE_N', n: 2 }
      yield { toolName: 'set_output', input: { nResponses } }
    }"""

    played = await lead(sandbox, source, [say("a"), say("a")])

    assert played.result.output == {"nResponses": ["a", "a"]}


async def test_step_text_runs_the_calls_in_it(sandbox):
    source = """function* () {
      const call = JSON.stringify({ cb_tool_name: 'look', n: 1 })
      const text = `Now\\n<codebuff_tool_call>\\n${call}\\n</codebuff_tool_call>`
      const { agentState } = yield { type: 'STEP_TEXT', text }
      const results = agentState.messageHistory.filter((m) => m.role === 'tool')
      yield { toolName: 'set_output', input: { found: results[0].content[0].value } }
    }"""

    played = await lead(sandbox, source, tools=[tool("look", lambda given: {"n": given["n"]})])

    assert played.result.output == {"found": {"n": 1}}
