"""The worker processes: what they are stripped of, when they start, and that they end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from inhouse import processes
from inhouse.core.ports import StepContext, StepYield
from inhouse.definitions.sandbox import Sandbox
from inhouse.definitions.sandbox.worker_process import Worker, WorkerLost

COUNTER = "function* () { for (let i = 0; ; i++) yield i }"
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")

pytestmark = pytest.mark.asyncio(loop_scope="session")


def definition(folder: Path, text: str = "export default { id: 'x' + 1 }") -> Path:
    path = folder / "x.ts"
    path.write_text(text)
    return path


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


async def gone(pids) -> bool:
    for _ in range(100):
        if not any(psutil.pid_exists(pid) and not zombie(pid) for pid in pids):
            return True
        await asyncio.sleep(0.1)
    return False


def zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_no_process_is_started_before_there_is_something_to_do(cache):
    before = children()
    sandbox = Sandbox(cache=cache)

    assert sandbox.status().workers == ()
    await sandbox.aclose()
    assert children() == before


async def test_the_engine_is_never_loaded_in_our_own_process(cache):
    code = f"""
        import asyncio, sys, tempfile
        from pathlib import Path
        from inhouse.definitions.sandbox import Sandbox
        async def main():
            folder = Path(tempfile.mkdtemp())
            (folder / "x.ts").write_text("export default {{ id: 'x' + 1 }}")
            sandbox = Sandbox(cache=Path({str(cache)!r}))
            result = await sandbox.evaluate(folder / "x.ts", roots=[], texts={{}})
            await sandbox.aclose()
            print(result.exports["default"]["id"], *sorted(sys.modules))
        asyncio.run(main())
    """

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(code), stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()

    first, *modules = output.decode().split()
    assert first == "x1"
    assert not {"quickjs_rs", "wasmtime", "tree_sitter", "psutil"} & set(modules)


@linux
async def test_a_worker_has_no_environment_no_files_and_no_way_to_get_any(tmp_path, sandbox):
    await sandbox.evaluate(definition(tmp_path), roots=[], texts={})

    for worker in sandbox.status().workers:
        proc = Path(f"/proc/{worker.pid}")
        limits = {
            line[:26].strip(): line[26:].split()[0]
            for line in (proc / "limits").read_text().splitlines()[1:]
        }
        status = (proc / "status").read_text()
        assert limits["Max open files"] == "0"
        assert limits["Max processes"] == "0"
        assert limits["Max file size"] == "0"
        assert limits["Max core file size"] == "0"
        assert limits["Max data size"] != "unlimited"
        assert limits["Max cpu time"] != "unlimited"
        assert "NoNewPrivs:\t1" in status
        assert os.getpgid(worker.pid) == worker.pid
        assert os.getsid(worker.pid) == worker.pid
        environment = (proc / "environ").read_bytes().split(b"\0")
        assert {entry.split(b"=")[0] for entry in environment} <= {
            b"",
            b"LD_LIBRARY_PATH",
            b"INHOUSE_PROCESS",
        }
        opened = [str(entry.readlink()) for entry in (proc / "fd").iterdir()]
        assert {target.split(":")[0] for target in opened} <= {
            "pipe",
            "socket",
            "/dev/null",
            "/memfd",
        }


async def test_no_process_is_left_after_closing(tmp_path, cache):
    before = children()
    sandbox = Sandbox(cache=cache)
    path = definition(tmp_path)
    await sandbox.evaluate_all([path] * 4, roots=[], texts={})
    steps = await sandbox.steps(COUNTER, StepContext(agent_state={}, prompt=None))
    await steps.send({})
    started = {worker.pid for worker in sandbox.status().workers}

    await sandbox.aclose()

    assert started
    assert children() == before


async def test_closing_while_it_works_ends_everything(tmp_path, cache):
    before = children()
    sandbox = Sandbox(cache=cache)
    path = definition(tmp_path, "for (;;) {}")
    running = asyncio.create_task(sandbox.evaluate(path, roots=[], texts={}))
    starting = asyncio.create_task(sandbox.steps(COUNTER, StepContext(agent_state={}, prompt=None)))
    await asyncio.sleep(0.7)

    await sandbox.aclose()

    assert (await running).problem is not None
    await starting
    assert children() == before


async def test_a_cancelled_evaluation_leaves_nothing_running(tmp_path, cache):
    sandbox = Sandbox(cache=cache, time_limit=30)
    path = definition(tmp_path, "for (;;) {}")
    await sandbox.evaluate(definition(tmp_path), roots=[], texts={})
    path = definition(tmp_path, "for (;;) {}")
    running = asyncio.create_task(sandbox.evaluate(path, roots=[], texts={}))
    await asyncio.sleep(0.3)
    pids = {worker.pid for worker in sandbox.status().workers}

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert await gone(pids)
    again = await sandbox.evaluate(definition(tmp_path), roots=[], texts={})
    assert again.exports == {"default": {"id": "x1"}}
    await sandbox.aclose()


@posix
async def test_workers_die_with_a_parent_that_was_killed(tmp_path, cache):
    path = definition(tmp_path)
    code = f"""
        import asyncio, json, sys
        from pathlib import Path
        from inhouse.core.ports import StepContext
        from inhouse.definitions.sandbox import Sandbox
        async def main():
            sandbox = Sandbox(cache=Path({str(cache)!r}))
            await sandbox.evaluate(Path({str(path)!r}), roots=[], texts={{}})
            steps = await sandbox.steps("function* () {{ yield 1; for (;;) {{}} }}",
                                        StepContext(agent_state={{}}, prompt=None))
            await steps.send({{}})
            print(json.dumps([worker.pid for worker in sandbox.status().workers]), flush=True)
            await steps.send({{}})
        asyncio.run(main())
    """
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(code), stdout=subprocess.PIPE
    )
    pids = json.loads(await asyncio.wait_for(parent.stdout.readline(), timeout=30))
    assert pids
    assert all(psutil.pid_exists(pid) for pid in pids)

    parent.kill()
    await parent.wait()

    assert await gone(pids)


@posix
async def test_a_worker_that_is_lost_is_replaced_and_asked_again(tmp_path, cache):
    sandbox = Sandbox(cache=cache, time_limit=3)
    await sandbox.evaluate(definition(tmp_path), roots=[], texts={})
    text = (
        "let n = 0; const end = Date.now() + 1000; while (Date.now() < end) n++; export default 1"
    )
    running = asyncio.create_task(sandbox.evaluate(definition(tmp_path, text), roots=[], texts={}))
    await asyncio.sleep(0.3)

    os.kill(sandbox.status().workers[0].pid, signal.SIGKILL)

    assert (await running).exports == {"default": 1}
    await sandbox.aclose()


@posix
async def test_a_worker_that_is_lost_twice_is_a_problem_and_not_an_exception(tmp_path, cache):
    sandbox = Sandbox(cache=cache, time_limit=5)
    path = definition(tmp_path, "for (;;) {}")
    running = asyncio.create_task(sandbox.evaluate(path, roots=[], texts={}))

    killed = set()
    while not running.done():
        await asyncio.sleep(0.1)
        for worker in sandbox.status().workers:
            if worker.pid not in killed:
                killed.add(worker.pid)
                os.kill(worker.pid, signal.SIGKILL)

    assert (await running).problem.code == "sandbox"
    await sandbox.aclose()


async def test_a_large_parent_does_not_cost_its_workers_their_lives(cache):
    code = f"""
        import asyncio, tempfile
        from pathlib import Path
        from inhouse.definitions.sandbox import Sandbox
        async def main():
            folder = Path(tempfile.mkdtemp())
            (folder / "x.ts").write_text("export default {{ id: 'x' + 1 }}")
            sandbox = Sandbox(cache=Path({str(cache)!r}))
            await sandbox.evaluate(folder / "x.ts", roots=[], texts={{}})
            print([worker.evaluations for worker in sandbox.status().workers])
            await sandbox.aclose()
        large = b"x" * (600 << 20)
        del large  # its peak stays, and children inherit it
        asyncio.run(main())
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(code), stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()

    assert output.decode().strip() == "[1]"


@posix
async def test_a_worker_that_no_longer_answers_is_killed(tmp_path, cache):
    sandbox = Sandbox(cache=cache, time_limit=8)
    first = await sandbox.evaluate(definition(tmp_path), roots=[], texts={})
    assert first.problem is None
    (worker,) = sandbox.status().workers
    os.kill(worker.pid, signal.SIGSTOP)

    result = await asyncio.wait_for(
        sandbox.evaluate(definition(tmp_path), roots=[], texts={}), timeout=45
    )

    assert result.problem.code == "time"
    assert await gone({worker.pid})
    await sandbox.aclose()


async def test_memory_is_shown_and_bounded(tmp_path, sandbox):
    path = definition(tmp_path, "const a = []; for (;;) a.push(new Array(1e5).fill(1))")
    await sandbox.evaluate_all([path] * 3, roots=[], texts={})

    status = sandbox.status()

    assert status.memory_limit == 96 << 20
    assert status.memory == sum(worker.memory for worker in status.workers)
    assert all(10 << 20 < worker.memory < 400 << 20 for worker in status.workers)


async def test_a_spare_is_ready_for_the_next_generator(sandbox):
    first = await sandbox.steps(COUNTER, StepContext(agent_state={}, prompt=None))
    for _ in range(200):
        if any(not worker.generators for worker in sandbox.status().workers):
            break
        await asyncio.sleep(0.1)
    pids = {worker.pid for worker in sandbox.status().workers}

    second = await sandbox.steps(COUNTER, StepContext(agent_state={}, prompt=None))

    assert await second.send({}) == StepYield(0)
    used = {worker.pid for worker in sandbox.status().workers if worker.generators}
    assert len(used) == 2
    assert used <= pids
    await first.aclose()
    await second.aclose()


async def test_without_a_folder_for_its_cache_it_only_starts_slower(tmp_path):
    (tmp_path / "file").write_text("")
    sandbox = Sandbox(cache=tmp_path / "file" / "below")

    result = await sandbox.evaluate(definition(tmp_path), roots=[], texts={})

    assert result.exports == {"default": {"id": "x1"}}
    await sandbox.aclose()


async def test_the_event_loop_is_never_held_up(tmp_path, sandbox):
    paths = []
    for number in range(40):
        path = tmp_path / f"x{number}.ts"
        path.write_text("export default { text: 'x'.repeat(300000) }")
        paths.append(path)
    longest, over = 0.0, False

    async def watch():
        nonlocal longest
        loop = asyncio.get_running_loop()
        while not over:
            before = loop.time()
            await asyncio.sleep(0)
            longest = max(longest, loop.time() - before)
            await asyncio.sleep(0.001)

    watching = asyncio.create_task(watch())
    await sandbox.evaluate_all(paths, roots=[], texts={})
    over = True
    await watching

    # Some milliseconds in truth; other work on the machine may add to it.
    assert longest < 1.0


async def test_a_worker_that_floods_what_is_no_answer_is_ended():
    """Asyncio reports the end of a process whose output nobody reads to its end never."""
    flood = "import os\nwhile True: os.write(1, bytes([255]) * 65536)"
    worker = Worker(await processes.start((sys.executable, "-c", flood), stdin=processes.PIPE))
    with pytest.raises(WorkerLost):
        await worker.receive(worker.begin())

    await asyncio.wait_for(worker.aclose(), 20)
