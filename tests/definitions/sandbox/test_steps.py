"""handleSteps: whole dialogues, limits, and generators that do not disturb each other."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from inhouse.core.ports import StepContext, StepDone, StepFailed, StepLog, StepYield
from inhouse.definitions.sandbox import Sandbox

DIALOGUES = YAML(typ="safe").load(
    (Path(__file__).parent / "dialogues.yaml").read_text(encoding="utf-8")
)
COUNTER = "function* () { for (let i = 0; ; i++) yield i }"
LOOP = "function* () { yield 1; for (;;) {} }"

pytestmark = pytest.mark.asyncio(loop_scope="session")


def context(**values) -> StepContext:
    return StepContext(**{"agent_state": {}, "prompt": None, **values})


async def test_a_whole_dialogue(sandbox):
    source = """function* handleSteps({ agentState, prompt, logger }: AgentStepContext) {
      logger.info({ prompt }, 'reading')
      const { toolResult } = yield { toolName: 'read_files', input: { paths: [prompt] } }
      const { agentState: now, stepsComplete } = yield 'STEP'
      return { read: toolResult[0].value, messages: now.messageHistory.length, stepsComplete }
    }"""
    state = {"agentId": "one", "messageHistory": [{"role": "user", "content": "go"}]}
    logged = []

    steps = await sandbox.steps(source, context(agent_state=state, prompt="a.md"), logged.append)
    first = await steps.send({"agentState": state})
    second = await steps.send(
        {"agentState": state, "toolResult": [{"type": "json", "value": "# A"}]}
    )
    grown = {
        **state,
        "messageHistory": [*state["messageHistory"], {"role": "assistant", "content": "done"}],
    }
    last = await steps.send({"agentState": grown, "toolResult": None, "stepsComplete": True})
    await steps.aclose()

    assert first == StepYield({"toolName": "read_files", "input": {"paths": ["a.md"]}})
    assert second == StepYield("STEP")
    assert last == StepDone({"read": "# A", "messages": 2, "stepsComplete": True})
    assert logged == [StepLog("info", '{"prompt":"a.md"} reading')]


@pytest.mark.parametrize("case", DIALOGUES, ids=lambda case: case["name"])
async def test_a_body_as_people_write_it_runs_to_its_end(case, sandbox):
    logged = []
    given = {name: case[name] for name in ("prompt", "params", "model") if name in case}
    state = case.get("state", {})
    steps = await sandbox.steps(case["source"], context(agent_state=state, **given), logged.append)

    answer = await steps.send({"agentState": state})
    for expected, reply in case["talk"]:
        assert answer == StepYield(expected)
        answer = await steps.send(reply)

    if "fails" in case:
        assert isinstance(answer, StepFailed)
        assert case["fails"] in answer.message
    else:
        assert answer == StepDone(case.get("returns"))
    assert await steps.send({}) == answer
    if "logs" in case:
        assert logged == [StepLog(*line) for line in case["logs"]]
    await steps.aclose()


async def test_there_are_enough_bodies():
    assert len(DIALOGUES) >= 40


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("function* () { for (;;) {} }", "did not yield within"),
        ("function* () { try { for (;;) {} } finally { for (;;) {} } }", "did not yield within"),
        ("function* () { /^(a+)+$/.test('a'.repeat(40) + '!') }", "did not yield within"),
        ("function* () { const a = []; for (;;) a.push(new Array(1e5).fill(1)) }", "memory"),
        ("function* () { yield 'x'.repeat(2e7) }", "yielded 20000002 characters"),
        ("function* () { const f = () => f() + 1; yield f() }", "Maximum call stack"),
        ("function* () { let a = []; for (let i = 0; i < 1e5; i++) a = [a]; yield a }", "stack"),
        ("function* () { yield { toJSON() { for (;;) {} } } }", "did not yield within"),
        ("(() => { for (;;) {} })()", "did not yield within"),
        ("function* () { throw { get message() { for (;;) {} } } }", "handleSteps"),
        ("function* () { logger.info(new Proxy({}, { get() { throw 1 } })) }", "logger is not"),
    ],
)
async def test_a_body_that_goes_wrong_ends_with_a_message(source, says, cache):
    # Those that end by themselves get time to do so on a busy machine.
    endless = "within" in says or "for (;;)" in source.partition("message")[2]
    sandbox = Sandbox(cache=cache, time_limit=1.0 if endless else 20.0)
    steps = await sandbox.steps(source, context())

    answer = await asyncio.wait_for(steps.send({}), timeout=50)

    assert isinstance(answer, StepFailed)
    assert says in answer.message
    await sandbox.aclose()


async def test_many_log_lines_are_cut_and_never_fail_the_step(sandbox):
    source = """function* ({ logger }) {
      for (let i = 0; i < 5000; i++) logger.info('x'.repeat(i < 2 ? 1e6 : 1))
      yield 1
    }"""
    logged = []
    steps = await sandbox.steps(source, context(), logged.append)

    assert await steps.send({}) == StepYield(1)
    assert len(logged) == 200
    assert max(len(line.text) for line in logged) <= 20_000
    await steps.aclose()


async def test_ten_thousand_yields(sandbox):
    steps = await sandbox.steps(COUNTER, context())
    begin = time.perf_counter()

    for number in range(10_000):
        assert await steps.send({"agentState": {}, "toolResult": None}) == StepYield(number)

    # Two milliseconds each are promised; a busy machine may take a while longer.
    assert time.perf_counter() - begin < 60
    await steps.aclose()


async def test_a_long_history_is_not_sent_again_and_again(sandbox):
    history = [{"role": "user", "content": f"{number} " + "x" * 5000} for number in range(1000)]
    steps = await sandbox.steps(COUNTER, context(agent_state={"messageHistory": history}))
    begin = time.perf_counter()

    for number in range(300):
        history = [*history, {"role": "assistant", "content": str(number)}]
        answer = await steps.send({"agentState": {"messageHistory": history}})
        assert answer == StepYield(number)

    assert time.perf_counter() - begin < 20
    await steps.aclose()


async def test_a_long_history_is_there_when_it_is_looked_at(sandbox):
    source = """function* ({ agentState }) {
      const count = (state) => state.messageHistory.reduce((sum, m) => sum + m.content.length, 0)
      const { agentState: next } = yield count(agentState)
      yield count(next)
    }"""
    history = [{"role": "user", "content": "x" * 1000} for _ in range(1000)]
    steps = await sandbox.steps(source, context(agent_state={"messageHistory": history}))

    assert await steps.send({}) == StepYield(1_000_000)
    more = {"messageHistory": [*history, {"role": "user", "content": "yy"}]}
    assert await steps.send({"agentState": more}) == StepYield(1_000_002)
    await steps.aclose()


async def test_a_state_without_end_is_a_failure_and_not_a_crash(sandbox):
    steps = await sandbox.steps(COUNTER, context())
    await steps.send({})

    answer = await steps.send({"agentState": {"messageHistory": ["x" * (60 << 20)]}})

    assert isinstance(answer, StepFailed)
    assert "agentState" in answer.message


async def test_what_is_no_json_is_a_failure(sandbox):
    steps = await sandbox.steps(COUNTER, context())
    await steps.send({})

    assert isinstance(await steps.send({"toolResult": object()}), StepFailed)


async def test_what_cannot_start_is_told_by_the_first_send(sandbox):
    steps = await sandbox.steps("function* () {", context(agent_state={"x": object()}))

    assert isinstance(await steps.send({}), StepFailed)


async def test_many_generators_at_once_keep_apart(sandbox):
    source = """function* ({ params }) {
      for (;;) { globalThis.seen = (globalThis.seen ?? 0) + 1; yield [params.n, globalThis.seen] }
    }"""
    generators = await asyncio.gather(
        *(sandbox.steps(source, context(params={"n": number})) for number in range(20))
    )

    for turn in range(1, 4):
        answers = await asyncio.gather(*(steps.send({}) for steps in generators))
        assert answers == [StepYield([number, turn]) for number in range(20)]
    assert len(sandbox.status().workers) <= 6
    assert sum(worker.generators for worker in sandbox.status().workers) == 20
    await asyncio.gather(*(steps.aclose() for steps in generators))
    assert sum(worker.generators for worker in sandbox.status().workers) == 0


async def test_one_that_hangs_does_not_hold_up_the_others(cache):
    sandbox = Sandbox(cache=cache, time_limit=1.5)
    # More than there are processes, so that some share one.
    counters = [await sandbox.steps(COUNTER, context()) for _ in range(8)]
    hangs = [await sandbox.steps(LOOP, context()) for _ in range(2)]
    for steps in (*counters, *hangs):
        await steps.send({})
    hanging = [asyncio.create_task(steps.send({})) for steps in hangs]
    await asyncio.sleep(0.1)

    answers = await asyncio.gather(*(steps.send({}) for steps in counters))

    assert answers == [StepYield(1)] * 8
    assert not any(task.done() for task in hanging)
    assert all(isinstance(answer, StepFailed) for answer in await asyncio.gather(*hanging))
    assert await asyncio.gather(*(steps.send({}) for steps in counters)) == [StepYield(2)] * 8
    await sandbox.aclose()


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
async def test_a_lost_worker_fails_its_generator_and_no_other(cache):
    sandbox = Sandbox(cache=cache)
    first = await sandbox.steps(COUNTER, context())
    before = {worker.pid for worker in sandbox.status().workers if worker.generators}
    second = await sandbox.steps(COUNTER, context())
    await first.send({})
    await second.send({})

    (pid,) = before
    os.kill(pid, signal.SIGKILL)
    lost = await first.send({})

    assert isinstance(lost, StepFailed)
    assert await second.send({}) == StepYield(1)
    third = await sandbox.steps(COUNTER, context())
    assert await third.send({}) == StepYield(0)
    await sandbox.aclose()


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
async def test_a_worker_that_does_not_answer_is_killed(cache):
    sandbox = Sandbox(cache=cache, time_limit=0.3)
    steps = await sandbox.steps(COUNTER, context())
    await steps.send({})
    (worker,) = [worker for worker in sandbox.status().workers if worker.generators]
    os.kill(worker.pid, signal.SIGSTOP)

    answer = await asyncio.wait_for(steps.send({}), timeout=15)

    assert isinstance(answer, StepFailed)
    assert worker.pid not in {worker.pid for worker in sandbox.status().workers}
    await sandbox.aclose()


async def test_cancelling_frees_the_generator(sandbox):
    steps = await sandbox.steps(LOOP, context())
    await steps.send({})
    task = asyncio.create_task(steps.send({}))
    await asyncio.sleep(0.1)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert sum(worker.generators for worker in sandbox.status().workers) == 0
    assert isinstance(await steps.send({}), StepFailed)
    other = await sandbox.steps(COUNTER, context())
    assert await other.send({}) == StepYield(0)
    await other.aclose()


async def test_closing_while_it_is_suspended_frees_it_and_may_be_done_twice(sandbox):
    steps = await sandbox.steps(COUNTER, context())
    await steps.send({})

    await steps.aclose()
    await steps.aclose()

    assert sum(worker.generators for worker in sandbox.status().workers) == 0
    assert await steps.send({}) == StepFailed("handleSteps was closed")


async def test_closing_the_sandbox_ends_its_generators(cache):
    sandbox = Sandbox(cache=cache)
    steps = await sandbox.steps(COUNTER, context())
    await steps.send({})

    await sandbox.aclose()

    assert isinstance(await steps.send({}), StepFailed)
    assert sandbox.status().workers == ()
