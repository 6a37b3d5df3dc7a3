"""Agents that spawn each other on scripted models, wired as the host wires them.

family = Family(agent(id="boss", spawnable_agents=("kid",), …), agent(id="kid"))
family.scripts["boss"] = [[call("kid", '{"prompt": "hi"}')], say("done")]
result = await family.run("boss", "go")
"""

import asyncio
from collections import defaultdict

from inhouse.core.agent_names import names_the_same
from inhouse.core.limits import Limits, for_child
from inhouse.loop import LoopContext, RunState, run_agent
from inhouse.providers.scripted import ScriptedModel
from inhouse.tools.agent.control import control_tools
from inhouse.tools.agent.spawn_agents import spawn_tools
from inhouse.tools.input.check_input import check_input, problem_with
from inhouse.tools.tool_set import ToolSet
from support.play import ScriptedSteps


class Family:
    def __init__(self, *definitions, tools=(), limits=None):
        self.definitions = definitions
        self.tools = tools
        self.limits = limits or Limits()
        self.scripts = {}
        self.steps = {}
        """Agent → a generator function in Python."""
        self.sources = {}
        """Agent → what starts its real handleSteps."""
        self.models = defaultdict(list)
        self.states = defaultdict(list)
        self.events = []
        self._count = 0

    def find(self, name):
        return next((one for one in self.definitions if names_the_same(one.id, name)), None)

    def prompts(self, name):
        return [prompt for model in self.models[name] for prompt in model.prompts]

    async def run(self, name, prompt="go", params=None, *, limits=None, parent=None, inline=False):
        definition = self.find(name)
        self._count += 1
        state = RunState(f"run-{self._count}")
        limits = limits or self.limits
        script = self.scripts.get(name, ())
        model = ScriptedModel(*(script() if callable(script) else script))
        self.models[name].append(model)
        self.states[name].append(state)

        async def spawn(request):
            result = await self.run(
                request.definition.id,
                request.prompt,
                request.params,
                limits=for_child(limits),
                parent=state,
                inline=request.inline,
            )
            return result.value

        async def start(context, on_log):
            return ScriptedSteps(self.steps[name], context)

        return await run_agent(
            LoopContext(
                model=model,
                definition=definition,
                tools=ToolSet(
                    control_tools(memory=state, definition=definition, find=self.find)
                    | spawn_tools(definition=definition, find=self.find, spawn=spawn),
                    self.tools,
                ),
                check=check_input,
                check_value=problem_with,
                limits=limits,
                state=state,
                emit=self.events.append,
                prompt=prompt,
                params=params,
                start_steps=start if name in self.steps else self.sources.get(name),
                spawnable=tuple(filter(None, map(self.find, definition.spawnable_agents))),
                parent=parent,
                inline=inline,
            )
        )


async def soon():
    """Let what is ready run."""
    await asyncio.sleep(0.05)
