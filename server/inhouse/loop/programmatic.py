"""A definition's ``handleSteps``: it decides when the model speaks, and calls tools itself."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from attrs import define, frozen

from inhouse.core.errors import InhouseError
from inhouse.core.events import Notice, TextDelta
from inhouse.core.json_values import fields, mapping
from inhouse.core.messages import AssistantMessage
from inhouse.core.ports import Prompt, StepDone, StepFailed, StepLog, Steps, StepYield

from .agent_state import AgentStates
from .model_stream import plain_answer
from .prompts import prompt_for_step
from .state import LoopContext
from .step_text import TextCall, segments
from .tool_calls import add_result, make_call, run_call, show_pictures

MAX_YIELDS = 10_000
"""How many tools a generator may call without a step of the model in between."""
MAX_ANSWERS = 50
"""How many answers ``GENERATE_N`` may ask for."""

_SHOWN = 200


@frozen
class Step:
    """The model should answer once."""


@frozen
class Generate:
    """The model should give several answers at once."""

    count: int


@frozen
class Finished:
    """The generator returned, yielded ``end_turn`` or threw."""


@define
class Script:
    """A run's generator, and whether it said ``STEP_ALL``."""

    run: LoopContext
    states: AgentStates
    steps: Steps | None = None
    step_all: bool = False
    yields: int = 0

    def decides(self, *, ended: bool) -> bool:
        """Return whether the generator decides what comes next; ``STEP_ALL`` makes it wait."""
        return ended or not self.step_all

    async def next(
        self, *, steps_complete: bool, responses: list[str] | None
    ) -> Step | Generate | Finished:
        """Resume the generator and obey it until the model's turn comes."""
        self.step_all = False
        results: list[Any] = []
        while True:
            resumed: dict[str, Any] = {
                "agentState": self.states.now(self.run),
                "toolResult": results,
                "stepsComplete": steps_complete,
            }
            if responses is not None:
                resumed["nResponses"] = responses
            outcome = await self._send(resumed)
            match outcome:
                case StepDone():
                    return Finished()
                case StepFailed(message):
                    return self._fail(message)
                case StepYield("STEP"):
                    return Step()
                case StepYield("STEP_ALL"):
                    self.step_all = True
                    return Step()
                case StepYield(value):
                    done = await self._obey(value)
            if not isinstance(done, list):
                return done
            results = done

    def log(self, entry: StepLog) -> None:
        """Emit what the generator logs."""
        if entry.level in {"warn", "warning", "error"}:
            self.run.emit(Notice("warning", "handle_steps", entry.text))
        elif entry.level == "info":
            self.run.emit(Notice("info", "handle_steps", entry.text))

    async def aclose(self) -> None:
        if self.steps is not None:
            await self.steps.aclose()

    async def _send(self, resumed: Mapping[str, Any]) -> StepYield | StepDone | StepFailed:
        self.yields += 1
        if self.yields > MAX_YIELDS:
            return StepFailed(f"it yielded more than {MAX_YIELDS} times")
        return StepDone() if self.steps is None else await self.steps.send(resumed)

    async def _obey(self, value: object) -> list[Any] | Generate | Finished:
        """Do what a yielded object asks for.  A returned list is the ``toolResult``."""
        asked = mapping(value)
        match asked:
            case {"type": "STEP_TEXT", "text": str(text)}:
                return await self._say(text)
            case {"type": "GENERATE_N", "n": int(count) | float(count)} if count >= 1:
                if count > MAX_ANSWERS:
                    return self._fail(f"GENERATE_N asks for {count} answers; {MAX_ANSWERS} at most")
                return Generate(int(count))
            case {"toolName": str(name)}:
                arguments = json.dumps(asked.get("input", {}))
                shown = asked.get("includeToolCall") is not False
                result = await self._call(name, arguments, shown=shown)
                return Finished() if name == "end_turn" else result
            case _:
                return self._fail(
                    f"it yielded {_brief(value)}.  It may yield 'STEP', 'STEP_ALL', "
                    "{type: 'STEP_TEXT', text}, {type: 'GENERATE_N', n} or {toolName, input}"
                )

    async def _say(self, text: str) -> list[Any]:
        """Add a text as if the model had said it, and run the tool calls in it."""
        results: list[Any] = []
        for part in segments(text):
            if isinstance(part, TextCall):
                results += await self._call(part.name, part.arguments, shown=True)
            else:
                self.run.emit(TextDelta(part))
                self.run.state.add(AssistantMessage(part))
                self.run.state.text = part
        return results

    async def _call(self, name: str, arguments: str, *, shown: bool) -> list[Any]:
        run = self.run
        call = make_call(run, name, arguments)
        if shown:
            run.state.add(AssistantMessage("", (call,)))
        result = await run_call(run, call, tuple(run.tools), by_script=True)
        parts = run.state.parts.pop(call.id, None)
        if shown:
            add_result(run, call, result)
            show_pictures(run)
        run.state.pictures = []
        return list(parts) if parts else [{"type": "json", "value": result.output}]

    def _fail(self, message: str) -> Finished:
        run = self.run
        text = f"Error executing handleSteps for agent {run.definition.id}: {message}"
        run.emit(Notice("warning", "handle_steps_failed", text))
        run.state.add(AssistantMessage(text))
        run.state.text = text
        before = run.state.output
        kept = fields(before)
        run.state.output = {**kept, "error": text}
        return Finished()


async def generate(run: LoopContext, count: int) -> list[str]:
    """Ask for several answers to the same prompt at once, and return them."""
    asked = await prompt_for_step(run)
    prompt = Prompt(asked.system, asked.messages)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(plain_answer(run, prompt), name=f"answer {number}")
                for number in range(count)
            ]
    except ExceptionGroup as errors:
        known = errors.subgroup(InhouseError)
        raise known.exceptions[0] if known else errors.exceptions[0] from errors
    return [task.result() for task in tasks]


def _brief(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
