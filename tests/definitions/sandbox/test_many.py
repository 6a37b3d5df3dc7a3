"""Many definitions in one go: none pays for another, and what they share is read once."""

import asyncio
import os
import signal
import sys

import pytest

from inhouse.definitions.sandbox import Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="session")
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
GOOD = "import { name } from './lib/name'\nexport default { id: `${name}-%s` }\n"
BAD = {
    7: ("for (;;) {}\nexport default {}\n", "time"),
    8: ("import x from './nowhere'\nexport default { x }\n", "import"),
    20: ("export default {\n", "syntax"),
    21: ("const a = []; for (;;) a.push(new Array(1e5).fill(1))\n", "memory"),
    39: ("throw new Error('no')\n", "throws"),
}


def written(root, count=40):
    folder = root / ".agents"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "name.ts").write_text("export const name: string = 'shared'\n")
    paths = [folder / f"{number}.ts" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_text(BAD[number][0] if number in BAD else GOOD % number)
    return paths


async def test_each_gets_its_own_result_whatever_the_others_do(tmp_path, cache):
    root = tmp_path.resolve()
    paths = written(root)
    sandbox = Sandbox(cache=cache, time_limit=2.0)

    results = await sandbox.evaluate_all(paths, roots=[root], texts={})
    await sandbox.aclose()

    for number, (path, result) in enumerate(zip(paths, results, strict=True)):
        if number in BAD:
            assert result.problem is not None
            assert (result.problem.code, result.problem.path) == (BAD[number][1], path)
            continue
        assert result.exports == {"default": {"id": f"shared-{number}"}}, result.problem
        # Trust and reload go by what each was made of, also what was asked for by another.
        assert result.modules == (path, root / ".agents/lib/name.ts")


async def test_what_is_shared_is_read_again_the_next_time(tmp_path, sandbox):
    root = tmp_path.resolve()
    paths = written(root, 6)
    before = await sandbox.evaluate_all(paths, roots=[root], texts={})
    (root / ".agents/lib/name.ts").write_text("export const name = 'other'\n")

    after = await sandbox.evaluate_all(paths, roots=[root], texts={})

    assert before[0].exports == {"default": {"id": "shared-0"}}
    assert [result.exports["default"]["id"] for result in after] == [f"other-{n}" for n in range(6)]


async def test_a_module_of_one_folder_is_not_given_to_those_who_may_not_import_it(
    tmp_path, sandbox
):
    """Both import the same file in the same words; only one of them may."""
    root = tmp_path.resolve()
    for owner in ("one", "two"):
        (root / owner / ".agents").mkdir(parents=True)
        (root / owner / ".agents" / "x.ts").write_text("export * from '../../shared/hub'\n")
    (root / "shared").mkdir()
    (root / "shared" / "hub.ts").write_text("export { a as default } from '../one/.agents/a'\n")
    (root / "one" / ".agents" / "a.ts").write_text("export const a = { id: 'a' }\n")
    paths = [root / owner / ".agents" / "x.ts" for owner in ("one", "two")]

    one, two = await sandbox.evaluate_all([*paths], roots=[root / "one", root / "shared"], texts={})

    assert one.problem is None
    assert two.problem is None  # `one` is a root of both: what follows takes it away.
    alone = await sandbox.evaluate_all(paths, roots=[root / "shared"], texts={})
    assert alone[0].problem is None
    assert alone[1].problem is not None
    assert "outside the workspace" in alone[1].problem.message


@posix
async def test_a_worker_that_is_lost_loses_nobodys_result(tmp_path, cache):
    root = tmp_path.resolve()
    slow = "let n = 0; const end = Date.now() + 300; while (Date.now() < end) n++\n"
    paths = written(root, 6)
    for path in paths:
        path.write_text(slow + path.read_text())
    sandbox = Sandbox(cache=cache, time_limit=5)
    await sandbox.evaluate(paths[0], roots=[root], texts={})
    running = asyncio.create_task(sandbox.evaluate_all(paths, roots=[root], texts={}))
    await asyncio.sleep(0.5)

    for worker in sandbox.status().workers:
        os.kill(worker.pid, signal.SIGKILL)
    results = await running
    await sandbox.aclose()

    assert [result.problem for result in results] == [None] * 6
    assert [result.exports["default"]["id"] for result in results] == [
        f"shared-{n}" for n in range(6)
    ]
