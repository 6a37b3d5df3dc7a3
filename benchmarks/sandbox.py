"""What the sandbox costs: starts, evaluations, yields, memory.

    python benchmarks/sandbox.py [--json FILE]

Everything is measured in one run on the same machine, and beside a floor: what it costs to
start Python, and to do nothing over the same pipe.  Peers are run where they can be: Node with
its own type stripping and no protection whatever, which is what Codebuff's loader amounts to.
"""

import argparse
import asyncio
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import sections

from inhouse.core.ports import StepContext
from inhouse.definitions.sandbox import Sandbox

DEFINITIONS = 500
YIELDS = 10_000
ROUNDS = 5
COUNTER = "function* () { for (let i = 0; ; i++) yield { toolName: 'read_files', input: { i } } }"
COMPUTED = """import type {{ AgentDefinition }} from './types/agent-definition'
import {{ base, TOOLS }} from './shared'

const prompt = ['You are agent {number}.', 'Be brief.'].join('\\n')

const definition: AgentDefinition = {{
  ...base('agent-{number}'),
  toolNames: [...TOOLS, 'end_turn'],
  systemPrompt: prompt,
  handleSteps: function* ({{ prompt, params }}) {{
    yield {{ toolName: 'read_files', input: {{ paths: [prompt] }} }}
    yield 'STEP_ALL'
  }},
}}

export default definition
"""
SHARED = """export const TOOLS = ['read_files', 'code_search'] as const
export const base = (id: string) => ({ id, displayName: id.toUpperCase(), model: 'a/b' })
"""


def definitions(folder: Path) -> list[Path]:
    agents = folder / ".agents"
    agents.mkdir()
    (agents / "shared.ts").write_text(SHARED)
    paths = [agents / f"agent-{number}.ts" for number in range(DEFINITIONS)]
    for number, path in enumerate(paths):
        path.write_text(COMPUTED.format(number=number))
    return paths


async def timed(awaitable) -> float:
    begin = time.perf_counter()
    await awaitable
    return time.perf_counter() - begin


def empty() -> StepContext:
    return StepContext(agent_state={}, prompt=None)


async def starts(folder: Path, path: Path) -> dict[str, float]:
    """The first evaluation of a fresh sandbox, without and with a compiled interpreter."""
    cold, warm, ready = [], [], []
    for number in range(ROUNDS):
        for times in (cold, warm):
            sandbox = Sandbox(cache=folder / f"cache-{number}")
            times.append(await timed(sandbox.evaluate(path, roots=[folder], texts={})))
            if times is warm:
                first = await sandbox.steps(COUNTER, empty())
                await asyncio.sleep(3)  # more than a spare needs to come up
                ready.append(await timed(sandbox.steps(COUNTER, empty())))
                await first.aclose()
            await sandbox.aclose()
    return {
        "start, nothing compiled (s)": statistics.median(cold),
        "start, compiled (s)": statistics.median(warm),
        "start of a generator, spare ready (s)": statistics.median(ready),
    }


async def evaluations(sandbox: Sandbox, folder: Path, paths: list[Path]) -> dict[str, float]:
    await sandbox.evaluate_all(paths[:20], roots=[folder], texts={})
    all_times, single = [], []
    for _ in range(ROUNDS):
        all_times.append(await timed(sandbox.evaluate_all(paths, roots=[folder], texts={})))
        single.extend(
            [
                await timed(sandbox.evaluate(path, roots=[folder], texts={paths[0]: "// edited"}))
                for path in paths[:20]
            ]
        )
    return {
        f"{DEFINITIONS} computed definitions (s)": statistics.median(all_times),
        "each of them (ms)": 1000 * statistics.median(all_times) / DEFINITIONS,
        "one alone, as after an edit (ms)": 1000 * statistics.median(single),
    }


async def processor(sandbox: Sandbox, folder: Path, paths: list[Path]) -> dict[str, float]:
    """Time of the processors: what is left of the above on a machine that does nothing else."""

    def used() -> float:
        pids = [worker.pid for worker in sandbox.status().workers]
        workers = [psutil.Process(pid).cpu_times() for pid in pids]
        return time.process_time() + sum(times.user + times.system for times in workers)

    begin = used()
    await sandbox.evaluate_all(paths, roots=[folder], texts={})
    evaluating = used() - begin
    steps = await sandbox.steps(COUNTER, empty())
    await steps.send({})
    await asyncio.sleep(3)  # the spare has come up
    begin = used()
    for _ in range(2000):
        await steps.send({"agentState": {}, "toolResult": None, "stepsComplete": False})
    driving = used() - begin
    await steps.aclose()
    return {
        "processor time of one definition (ms)": 1000 * evaluating / DEFINITIONS,
        "processor time of one yield (ms)": driving / 2,
    }


async def yields(sandbox: Sandbox) -> dict[str, float]:
    steps = await sandbox.steps(COUNTER, empty())
    await steps.send({})
    begin = time.perf_counter()
    for _ in range(YIELDS):
        await steps.send({"agentState": {}, "toolResult": None, "stepsComplete": False})
    plain = (time.perf_counter() - begin) / YIELDS
    await steps.aclose()

    history = [{"role": "user", "content": "x" * 1000} for _ in range(1000)]
    steps = await sandbox.steps(COUNTER, empty())
    await steps.send({})
    begin = time.perf_counter()
    for number in range(500):
        history = [*history, {"role": "assistant", "content": str(number)}]
        await steps.send({"agentState": {"messageHistory": history}, "toolResult": None})
    long = (time.perf_counter() - begin) / 500
    await steps.aclose()

    looking = "function* () { for (;;) { const r = yield 1; r?.agentState.messageHistory.length } }"
    steps = await sandbox.steps(looking, empty())
    await steps.send({})
    begin = time.perf_counter()
    for _ in range(50):
        await steps.send({"agentState": {"messageHistory": history}, "toolResult": None})
    looked = (time.perf_counter() - begin) / 50
    await steps.aclose()

    begin = time.perf_counter()
    for _ in range(1000):
        json.loads(json.dumps({"agentState": {}, "toolResult": None}))
    floor = (time.perf_counter() - begin) / 1000
    return {
        f"a yield, {YIELDS} in a row (ms)": 1000 * plain,
        "a yield, history of 1 MB that grows (ms)": 1000 * long,
        "a yield, history of 1 MB that is read (ms)": 1000 * looked,
        "floor: the same JSON there and back (ms)": 1000 * floor,
    }


async def memory(sandbox: Sandbox) -> dict[str, float]:
    generators = [await sandbox.steps(COUNTER, empty()) for _ in range(20)]
    for steps in generators:
        await steps.send({})
    status = sandbox.status()
    for steps in generators:
        await steps.aclose()
    return {
        "workers with 20 generators": len(status.workers),
        "memory of all of them (MB)": status.memory / (1 << 20),
        "memory of the smallest (MB)": min(worker.memory for worker in status.workers) / (1 << 20),
        "limit of one definition (MB)": status.memory_limit / (1 << 20),
    }


TARGETS = {
    "start of a generator, spare ready (s)": "< 0.05",
    "a yield, 10000 in a row (ms)": "< 2",
    "a yield, history of 1 MB that grows (ms)": "< 2",
}


def floor() -> dict[str, float]:
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-S", "-c", ""], check=True)
        times.append(time.perf_counter() - begin)
    return {"floor: start of Python (s)": statistics.median(times)}


def peer(paths: list[Path]) -> dict[str, float]:
    """Node importing the same files in its own process: no sandbox, no types checked."""
    node = shutil.which("node")
    if node is None:
        return {}
    script = f"for (const path of {json.dumps([str(path) for path in paths])}) await import(path)"
    begin = time.perf_counter()
    done = subprocess.run(
        [node, "--experimental-strip-types", "--no-warnings", "--input-type=module", "-e", script],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        return {}
    return {"peer: Node without a sandbox, with its start (s)": time.perf_counter() - begin}


async def measured(folder: Path, paths: list[Path]) -> dict[str, float]:
    result = await starts(folder, paths[0])
    sandbox = Sandbox(cache=folder / "cache-0")
    try:
        result |= await evaluations(sandbox, folder, paths)
        result |= await processor(sandbox, folder, paths)
        result |= await yields(sandbox)
        result |= await memory(sandbox)
    finally:
        await sandbox.aclose()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        paths = definitions(folder)
        result = floor() | asyncio.run(measured(folder, paths)) | peer(paths)
    rows = [(name, f"{value:.3f}", TARGETS.get(name, "")) for name, value in result.items()]
    sections.write("The sandbox", "python benchmarks/sandbox.py", rows)
    if arguments.json:
        about = {"python": platform.python_version(), "machine": platform.platform()}
        arguments.json.write_text(json.dumps({"results": result, **about}, indent=2) + "\n")


if __name__ == "__main__":
    main()
