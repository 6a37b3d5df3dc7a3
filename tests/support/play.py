"""Run an agent on a scripted model: hides the loop's API, so that the API may change.

played = await play([say("hello")], tool_names=("read_files",), tools=(reader,))
assert played.result.text == "hello"
"""

from dataclasses import dataclass, field

from attrs import evolve

from inhouse.core.definition import AgentDefinition
from inhouse.core.errors import InhouseError
from inhouse.core.events import TextDelta
from inhouse.core.limits import Limits
from inhouse.core.messages import ToolCall
from inhouse.core.ports import StepDone, StepFailed, StepYield, Tool, ToolSpec
from inhouse.loop import LoopContext, RunState, run_agent
from inhouse.providers.scripted import ScriptedModel
from inhouse.tools.agent.control import control_tools
from inhouse.tools.input.check_input import check_input, problem_with
from inhouse.tools.tool_set import ToolSet


@dataclass
class Played:
    result: object
    error: InhouseError | None
    events: list
    model: ScriptedModel
    state: RunState
    sent: list = field(default_factory=list)
    """What a script of handleSteps was resumed with."""

    def prompt(self, index=-1):
        return self.model.prompts[index]

    def texts(self, index=-1):
        """The user's and the model's texts of one request."""
        return [getattr(message, "text", message) for message in self.prompt(index).messages]

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def text(self):
        return "".join(event.text for event in self.of(TextDelta))


def agent(**changes):
    changes.setdefault("id", "tester")
    changes.setdefault("display_name", "Tester")
    changes.setdefault("model", "some/model")
    return AgentDefinition(**changes)


def tool(name, answer=None, *, calls=None, parameters=None, writes=False):
    """Make a tool that gives *answer*: a value, an exception to raise or a function."""

    async def run(call_id, given):
        if calls is not None:
            calls.append(dict(given))
        value = answer(given) if callable(answer) else answer
        if hasattr(value, "__await__"):
            value = await value
        if isinstance(value, BaseException):
            raise value
        return {"message": f"{name} done"} if value is None else value

    spec = ToolSpec(name, f"The tool {name}.", parameters or {"type": "object", "properties": {}})
    return Tool(spec, run, writes=writes)


class ScriptedSteps:
    """A handleSteps generator written in Python: a generator function of the sent values."""

    def __init__(self, make, context):
        self._generator = make(context)
        self._begun = False
        self.sent = []
        self.closed = False

    async def send(self, value):
        self.sent.append(value)
        try:
            if not self._begun:
                self._begun = True
                return StepYield(next(self._generator))
            return StepYield(self._generator.send(value))
        except StopIteration as end:
            return StepDone(end.value)
        except Exception as error:
            return StepFailed(str(error))

    async def aclose(self):
        self.closed = True


class Answers:
    """An approver that gives what it was told, and keeps the questions."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.questions = []

    async def ask(self, question):
        self.questions.append(question)
        return self._answers.pop(0) if self._answers else ()


async def play(
    turns=(),
    *,
    prompt="go",
    tools=(),
    script=None,
    steps=None,
    model=None,
    state=None,
    limits=None,
    find=lambda name: None,
    placeholders=None,
    params=None,
    history=(),
    spawnable=(),
    approver=None,
    parent=None,
    inline=False,
    small=None,
    need=None,
    idle_s=None,
    **changes,
):
    definition = changes.pop("definition", None) or agent(**changes)
    changes_names = definition.tool_names or tuple(one.spec.name for one in tools)
    definition = evolve(definition, tool_names=changes_names)
    model = model or ScriptedModel(*turns)
    state = state or RunState("run-1")
    events, started = [], []

    async def start(context, on_log):
        started.append(ScriptedSteps(script, context))
        return started[-1]

    result = error = None
    control = control_tools(memory=state, definition=definition, find=find)
    try:
        result = await run_agent(
            LoopContext(
                model=model,
                definition=definition,
                tools=ToolSet(control, tools),
                check=check_input,
                check_value=problem_with,
                limits=limits or Limits(),
                state=state,
                emit=events.append,
                prompt=prompt,
                params=params,
                history=history,
                need=need,
                idle_s=idle_s,
                start_steps=start if script else steps,
                placeholders=placeholders or {},
                spawnable=spawnable,
                approver=approver,
                parent=parent,
                inline=inline,
                small=small,
            )
        )
    except InhouseError as problem:
        error = problem
    assert all(one.closed for one in started)
    return Played(result, error, events, model, state, started[0].sent if started else [])


def called(name, arguments="{}", call_id="1"):
    return ToolCall(call_id, name, arguments)
