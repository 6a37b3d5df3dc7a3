"""What it costs to load 1,000 definitions and to see an edit of one.

`python benchmarks/definitions.py [--count 1000] [--json FILE] [--page]`
"""

import argparse
import asyncio
import json
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil
import sections

from inhouse.definitions.catalog.catalog import Catalog, agent_folders
from inhouse.definitions.sandbox import Sandbox

PROMPT = "You are careful. Read before you write, and say what you did.\n" * 40
LITERAL = """import type {{ AgentDefinition }} from './types/agent-definition'

const TOOLS = ['read_files', 'code_search'] as const

const definition: AgentDefinition = {{
  id: 'literal-{number}',
  displayName: 'Literal {number}',
  model: 'anthropic/claude-sonnet-4.5',
  toolNames: [...TOOLS, 'end_turn'],
  inputSchema: {{ prompt: {{ type: 'string', description: 'What to do' }} }},
  systemPrompt: `{prompt}`,
  handleSteps: function* ({{ prompt }}) {{
    yield {{ toolName: 'read_files', input: {{ paths: ['README.md'] }} }}
    yield 'STEP_ALL'
  }},
}}

export default definition
"""
COMPUTED = """import {{ publisher }} from './lib/constants'
import {{ createBase }} from './lib/base'

export default {{
  ...createBase('mode-{number}'),
  publisher,
  id: 'computed-{number}',
  systemPrompt: [`{prompt}`, 'Number {number}.'].join('\\n'),
}}
"""
LIBRARY = {
    "lib/constants.ts": "export const publisher = 'bench'\n",
    "lib/base.ts": "export const createBase = (mode: string) => ({\n"
    "  displayName: mode.toUpperCase(), model: 'a/b', toolNames: ['read_files'],\n})\n",
}
TARGETS = (("load, warm (s)", "< 2"), ("edit of", "< 100"))
EDITS = 15
WARM = 3


def lay_out(root: Path, count: int) -> None:
    folder = root / ".agents"
    for name, text in LIBRARY.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for number in range(count):
        form = LITERAL if number % 2 else COMPUTED
        text = form.format(number=number, prompt=PROMPT)
        (folder / f"agent-{number}.ts").write_text(text)


async def load(root: Path, sandbox: Sandbox) -> tuple[float, Catalog]:
    catalog = Catalog(agent_folders([root], None), sandbox)
    begin = time.perf_counter()
    await catalog.load()
    return time.perf_counter() - begin, catalog


async def edit(catalog: Catalog, path: Path) -> list[float]:
    """From the change on disk to the agent that has it."""
    text = await asyncio.to_thread(path.read_text)
    took: list[float] = []
    for number in range(EDITS):
        changed = text.replace("Read before", f"Edit {number}: read before")
        await asyncio.to_thread(path.write_text, changed)
        begin = time.perf_counter()
        await catalog.update([path], {})
        took.append(time.perf_counter() - begin)
    await asyncio.to_thread(path.write_text, text)
    await catalog.update([path], {})
    return took


async def measure(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lay_out(root, count)
        sandbox = Sandbox()
        try:
            cold, catalog = await load(root, sandbox)
            good = sum(agent.definition is not None for agent in catalog.all)
            assert good == count, f"{good} of {count} definitions loaded"
            warm, own, theirs = [], [], []
            for _ in range(WARM):
                before = time.process_time(), sandbox_seconds(sandbox)
                warm.append((await load(root, sandbox))[0])
                own.append(time.process_time() - before[0])
                theirs.append(sandbox_seconds(sandbox) - before[1])
            again = await again_and_again(catalog)
            agents = root / ".agents"
            literal = await edit(catalog, agents / "agent-1.ts")
            computed = await edit(catalog, agents / "agent-0.ts")
            untrusted = Catalog(agent_folders([root], None), None)
            begin = time.perf_counter()
            await untrusted.load()
            read_only = time.perf_counter() - begin
        finally:
            await sandbox.aclose()
    return {
        "definitions": count,
        "load, cold sandbox (s)": cold,
        "load, warm (s)": statistics.median(warm),
        "load, warm: CPU of this process (s)": statistics.median(own),
        "load, warm: CPU of the sandbox (s)": statistics.median(theirs),
        "load again, nothing changed (s)": again,
        "read only, no evaluation (s)": read_only,
        "edit of a literal visible (ms, median)": statistics.median(literal) * 1000,
        "edit of a literal visible (ms, worst)": max(literal) * 1000,
        "edit of a computed one visible (ms, median)": statistics.median(computed) * 1000,
        "edit of a computed one visible (ms, worst)": max(computed) * 1000,
        "peak memory of this process (MB)": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        / 1024,
    }


def sandbox_seconds(sandbox: Sandbox) -> float:
    times = [psutil.Process(worker.pid).cpu_times() for worker in sandbox.status().workers]
    return sum(each.user + each.system for each in times)


async def again_and_again(catalog: Catalog) -> float:
    """What a reload of everything costs that has just been loaded."""
    begin = time.perf_counter()
    await catalog.load()
    return time.perf_counter() - begin


def write_section(figures: dict[str, float]) -> None:
    rows = [("what else the machine had to do (load average)", f"{os.getloadavg()[0]:.1f}", "")]
    for name, value in figures.items():
        target = next((text for start, text in TARGETS if name.startswith(start)), "")
        rows.append((name, f"{value:,.0f}" if value >= 100 else f"{value:.3g}", target))
    sections.write("Loading definitions", "python benchmarks/definitions.py", rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.count))
    write_section(figures)
    if arguments.json is not None:
        about = {"machine": platform.platform(), "at": datetime.now(UTC).isoformat()}
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({**about, **figures}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
