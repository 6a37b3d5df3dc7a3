"""What the loop itself costs: steps with tool calls, and sub-agents at once.

    python benchmarks/loop.py [--json FILE]

The models are scripted, so that all the time measured is ours, but for the pauses of the
sub-agents, which stand for models that work.
"""

import argparse
import asyncio
import json
import statistics
import time
from pathlib import Path

import sections

from inhouse.core.definition import AgentDefinition
from inhouse.core.events import TextDelta
from inhouse.core.limits import Limits, for_child
from inhouse.core.ports import StepYield, Tool, ToolSpec
from inhouse.loop import LoopContext, RunState, run_agent
from inhouse.providers.scripted import Pause, ScriptedModel, call, say
from inhouse.tools.agent.control import control_tools
from inhouse.tools.agent.spawn_agents import spawn_tools
from inhouse.tools.input.check_input import check_input, problem_with
from inhouse.tools.tool_set import ToolSet

STEPS = 200
CHILDREN = 10
CHILD_SECONDS = 0.5
ROUNDS = 5
RESULT = {"path": "a.py", "content": "def f():\n    return 1\n" * 100}


async def run(definition, model, tools, *, limits=None, parent=None, steps=None):
    state = RunState("run")
    control = control_tools(memory=state, definition=definition, find=lambda _: None)
    more = tools(state) if callable(tools) else tools
    return await run_agent(
        LoopContext(
            model=model,
            definition=definition,
            tools=ToolSet(control | more),
            check=check_input,
            check_value=problem_with,
            limits=limits or Limits(max_steps=STEPS + 1),
            state=state,
            emit=lambda _: None,
            prompt="go",
            parent=parent,
            start_steps=steps,
        )
    )


def look():
    async def answer(_, __):
        return RESULT

    schema = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    return Tool(ToolSpec("look", "Look at a file.", schema), answer)


async def milliseconds_a_step(steps=None):
    definition = AgentDefinition(
        "bench", "Bench", "m", tool_names=("look", "end_turn"), step_prompt="Step by step."
    )
    turns = [
        [TextDelta("I look."), call("look", json.dumps({"path": f"{number}.py"}))]
        for number in range(STEPS)
    ]
    model = ScriptedModel(*turns, say("done"))
    began = time.perf_counter()
    await run(definition, model, {"look": look}, steps=steps)
    assert len(model.prompts) == STEPS + 1
    return (time.perf_counter() - began) * 1000 / STEPS


class StepByStep:
    """A script that says STEP each time, so that the state goes to it and back.

    It writes what the sandbox writes: of the history only the new messages.
    """

    def __init__(self):
        self._sent = 0

    async def send(self, value):
        state = dict(value["agentState"])
        history = state.pop("messageHistory")
        json.dumps([state, history[self._sent :], value["toolResult"]])
        self._sent = len(history)
        return StepYield("STEP_ALL" if value["stepsComplete"] else "STEP")

    async def aclose(self):
        pass


async def start_script(_context, _log):
    return StepByStep()


async def sub_agents_against_the_slowest():
    child = AgentDefinition("kid", "Kid", "m")
    boss = AgentDefinition(
        "boss", "Boss", "m", tool_names=("spawn_agents",), spawnable_agents=("kid",)
    )
    slowest = 0.0

    def tools(state):
        async def spawn(request):
            nonlocal slowest
            began = time.perf_counter()
            model = ScriptedModel([Pause(CHILD_SECONDS), *say("hello")])
            limits = for_child(Limits())
            result = await run(request.definition, model, {}, limits=limits, parent=state)
            slowest = max(slowest, time.perf_counter() - began)
            return result.value

        return spawn_tools(definition=boss, find=lambda _: child, spawn=spawn)

    agents = json.dumps({"agents": [{"agent_type": "kid", "prompt": "hi"}] * CHILDREN})
    began = time.perf_counter()
    await run(boss, ScriptedModel([call("spawn_agents", agents)], say("done")), tools)
    return (time.perf_counter() - began) / slowest


async def measure():
    await milliseconds_a_step()  # Imports and caches.
    plain = [await milliseconds_a_step() for _ in range(ROUNDS)]
    led = [await milliseconds_a_step(start_script) for _ in range(ROUNDS)]
    return {
        "ms_per_step": statistics.median(plain),
        "ms_per_step_with_script": statistics.median(led),
        "sub_agents_over_slowest": await sub_agents_against_the_slowest(),
    }


TARGETS = {"ms_per_step": 5.0, "sub_agents_over_slowest": 1.3}
NAMES = {
    "ms_per_step": f"our share of a step, ms ({STEPS} steps, {STEPS} tool calls)",
    "ms_per_step_with_script": "the same, led by a script that says STEP each time",
    "sub_agents_over_slowest": f"{CHILDREN} sub-agents at once, times the slowest",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    figures = asyncio.run(measure())
    rows = [
        (NAMES[key], f"{figure:.3f}", f"≤ {TARGETS[key]}" if key in TARGETS else "")
        for key, figure in figures.items()
    ]
    sections.write("What the loop costs", "python benchmarks/loop.py", rows)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
