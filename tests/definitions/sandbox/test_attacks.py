"""Definitions that try to get out, to read, to send or to hang: all end in data or a problem."""

import asyncio
import contextlib
import json
import os
import threading
from pathlib import Path

import pytest

ATTACKS = sorted((Path(__file__).parent / "attacks").iterdir())
SECRET = "the-canary-8f1d"
HACKED = ("hacked", "polluted")
# What these export is data like any other, so there is no problem with it.
HARMLESS = {
    "accessor_export.ts": {"id": "x", "__defineGetter__": 1},
    "bigint.ts": {"id": "x", "r": None},
    "date_iso.ts": {"id": "x", "d": {"toJSON": 1, "then": 2, "id": "x"}, "m": {}, "s": {}, "e": {}},
    "date_tricks.ts": {"id": "x", "r": {"id": "hacked"}},
    "error_default.ts": {},
    "export_then.ts": None,
    "env.ts": {"id": "x", "r": None, "got": True},
    "eval_escape.ts": {"id": "x", "r": "objectundefinedundefined"},
    "fn_ctor.ts": {"id": "x", "r": "undefinedobject" + "undefined" * 3},
    "loop_step.ts": {"id": "x", "handleSteps": "*handleSteps() {\n\t\twhile (true) {}\n\t}"},
    "lying_array.ts": {"id": "x", "a": []},
    "lying_iterator.ts": {"id": "x", "tools": ["a"]},
    "lying_proxy.ts": {"id": "x1"},
    "numbers.ts": {"id": "x", "a": [None, None, None, 0, None, 5e-324]},
    "proto_key.ts": {
        "id": "x",
        "__proto__": {"polluted": True},
        "constructor": {"prototype": {"polluted": True}},
    },
    "poisoned_prelude.ts": {"id": "x", "n": 1},
    "poisoned_process.ts": {"id": "x", "cwd": "/etc"},
    "print_noise.ts": {"id": "x"},
    "proto_pollute.ts": {"id": "x"},
    "proto_then.ts": None,
    "proto_reflect.ts": None,
    "proto_array.ts": None,
    "surrogates.ts": {"id": "x", "r": "\ufffd", "\ufffd": "a\ufffdb", "ok": "😀"},
    "symbols.ts": {"id": "x"},
    "timers.ts": {"id": "x"},
    "thenable_fields.ts": {"id": "x", "later": {}, "n": 1},
    "weakref.ts": {"id": "x", "r": "object"},
}

pytestmark = pytest.mark.asyncio(loop_scope="session")


@contextlib.asynccontextmanager
async def listener():
    heard = []
    server = await asyncio.start_server(lambda _, writer: heard.append(writer), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


def workspace(tmp_path: Path, attack: Path, port: int) -> Path:
    """A workspace with traps in it, and a secret beside it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.json").write_text(json.dumps({"key": SECRET}))
    (outside / "secret.md").write_text(SECRET)
    agents = tmp_path / "work" / ".agents"
    agents.mkdir(parents=True)
    for name in (".env", ".env.local", "server.key"):
        (agents / name).write_text(SECRET)
    (agents / "linked").symlink_to(outside)
    (agents / "linked.json").symlink_to(outside / "secret.json")
    packages = tmp_path / "work" / "node_modules"
    packages.mkdir()
    (packages / "evil").symlink_to(outside)
    aliases = {"compilerOptions": {"paths": {"@out/*": ["../outside/*"]}}}
    (tmp_path / "work" / "tsconfig.json").write_text(json.dumps(aliases))
    source = attack.read_text(encoding="utf-8")
    source = source.replace("__SECRET__", (outside / "secret.json").as_posix())
    source = source.replace("__OUTSIDE__", outside.as_posix()).replace("__PORT__", str(port))
    path = agents / attack.name
    path.write_text(source, encoding="utf-8")
    return path


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda path: path.name)
async def test_an_attack_reads_nothing_sends_nothing_and_ends(attack, tmp_path, hasty):
    async with listener() as (port, heard):
        path = workspace(tmp_path, attack, port)

        result = await asyncio.wait_for(
            hasty.evaluate(path, roots=[tmp_path / "work"], texts={}), timeout=20
        )

    assert heard == []
    assert SECRET not in repr(result)
    assert all(module.is_relative_to(tmp_path / "work") for module in result.modules)
    if attack.name in HARMLESS:
        expected = HARMLESS[attack.name]
        assert expected is None or result.exports["default"] == expected
        assert expected is None or result.problem is None
    else:
        assert result.problem is not None
        assert len(result.problem.message) < 2500
        text = path.read_text(encoding="utf-8").splitlines()
        assert result.problem.path == path
        assert 0 <= result.problem.line <= len(text)


async def test_an_attack_does_not_touch_the_next_definition(tmp_path, sandbox):
    first, second = tmp_path / "first.ts", tmp_path / "second.ts"
    first.write_text("Object.prototype.id = 'hacked'; globalThis.x = 1; export default {a: 1}")
    second.write_text("export default {b: typeof x + {}.id}")

    results = await sandbox.evaluate_all([first, second, first, second], roots=[], texts={})

    assert [dict(result.exports) for result in results[:2]] == [
        {"default": {"a": 1}},
        {"default": {"b": "undefinedundefined"}},
    ]
    assert results[2:] == results[:2]


async def test_what_lies_to_the_reader_is_still_only_data(tmp_path, sandbox):
    path = tmp_path / "x.ts"
    path.write_text('export default JSON.parse(\'{"__proto__": {"polluted": 1}, "id": "x"}\')')

    result = await sandbox.evaluate(path, roots=[], texts={})

    assert type(result.exports["default"]) is dict
    assert not hasattr(result.exports["default"], "polluted")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
async def test_a_link_swapped_between_check_and_read_gives_no_secret(tmp_path, sandbox):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "data.json").write_text(json.dumps({"key": SECRET}))
    agents = tmp_path / "work" / ".agents"
    (agents / "real").mkdir(parents=True)
    (agents / "real" / "data.json").write_text('{"key": "fine"}')
    path = agents / "x.ts"
    path.write_text("import d from './folder/data.json'; export default {id: d.key}")
    (agents / "folder").symlink_to(agents / "real")
    over = threading.Event()

    def swap():
        targets = [outside, agents / "real"]
        while not over.is_set():
            fresh = agents / "fresh"
            fresh.symlink_to(targets[0])
            fresh.replace(agents / "folder")
            targets.reverse()

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        results = await sandbox.evaluate_all([path] * 200, roots=[tmp_path / "work"], texts={})
    finally:
        over.set()
        swapper.join()

    assert SECRET not in repr(results)
    assert {result.problem.code for result in results if result.problem} <= {"file", "import"}


async def test_a_pipe_or_a_folder_in_place_of_a_file_does_not_block(tmp_path, sandbox):
    (tmp_path / "folder.ts").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.ts")
    else:
        (tmp_path / "pipe.ts").mkdir()

    results = await asyncio.wait_for(
        sandbox.evaluate_all(
            [tmp_path / "pipe.ts", tmp_path / "folder.ts", tmp_path / "none.ts"],
            roots=[],
            texts={},
        ),
        timeout=20,
    )

    assert [result.problem.code for result in results] == ["file"] * 3
