"""``initialize`` is answered before the slow parts of the server are imported."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from support.editor import HELIX, VSCODE, open_editor, start_server

SLOW = {
    *("asyncio", "attr", "cattrs", "concurrent.futures", "inspect", "logging", "ssl", "subprocess"),
    *("argparse", "lsprotocol", "openai", "pygls.lsp.server", "tree_sitter", "wasmtime"),
    *("inhouse.definitions", "inhouse.host", "inhouse.core.errors"),
}
TOLD = f"""
import os, sys
from inhouse.lsp.initialize import begin
answers, target = os.pipe()
beginning = begin(0, target)
print(len(os.read(answers, 1 << 16)) if beginning.answered else "left alone")
print(sorted({SLOW!r} & sys.modules.keys()))
"""


def initialize(project, capabilities):
    params = {
        "processId": None,
        "rootUri": project.folder.as_uri(),
        "capabilities": capabilities,
        "initializationOptions": project.options,
    }
    return {"jsonrpc": "2.0", "id": "first", "method": "initialize", "params": params}


def framed(*messages):
    bodies = [json.dumps(message).encode() for message in messages]
    return b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies)


async def told(project, message):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", TOLD),
        stdin=-1,
        stdout=-1,
        stderr=-1,
        env={**os.environ, **project.environ},
    )
    out, errors = await process.communicate(framed(message))
    assert errors == b""
    return out.decode().split("\n")[:2]


async def agents_kept(project):
    while not list(project.home.rglob("agent-ids/*.json")):  # noqa: ASYNC110  another process
        await asyncio.sleep(0.02)


async def test_the_answer_waits_for_nothing_slow(project):
    async with open_editor(project.folder, **project.how(HELIX)):
        await agents_kept(project)
    for capabilities in (VSCODE, HELIX):
        answered, slow = await told(project, initialize(project, capabilities))
        assert answered.isdigit()
        assert slow == "[]"


async def test_an_address_that_is_none_costs_nothing_but_itself(project):
    message = initialize(project, VSCODE)
    broken = "file://[/x"
    message["params"] |= {"rootUri": broken, "workspaceFolders": [{"uri": broken, "name": "x"}]}

    assert (await told(project, message))[0].isdigit()


@pytest.mark.parametrize("change", ["a file", "a folder", "less", "another folder"])
async def test_kept_agents_are_not_told_once_something_is_different(project, change):
    more = project.folder / ".agents" / "more.ts"
    more.write_text("export default {}\n")
    async with open_editor(project.folder, **project.how(HELIX)):
        await agents_kept(project)
    message = initialize(project, HELIX)
    match change:
        case "a file":
            more.write_text("export default { id: 'more' }\n")
        case "a folder":
            (project.folder / ".claude" / "agents").mkdir(parents=True)
        case "less":
            more.unlink()
        case _:
            project.settings["agentFolders"] = ["elsewhere"]
            message = initialize(project, HELIX)

    assert (await told(project, message))[0] == "left alone"


@pytest.mark.parametrize("capabilities", [VSCODE, HELIX], ids=["registers", "does not"])
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
async def test_what_comes_right_behind_initialize_is_answered_in_order(project, capabilities, size):
    asked = [
        initialize(project, capabilities),
        {"jsonrpc": "2.0", "method": "initialized", "params": {}},
        *(
            {
                "jsonrpc": "2.0",
                "id": number,
                "method": "workspace/executeCommand",
                "params": {"command": "inhouse.runs"},
            }
            for number in range(3)
        ),
    ]
    data = framed(*asked)
    async with start_server(environ=project.environ) as editor:
        answers = [asyncio.get_running_loop().create_future() for _ in range(4)]
        editor._open = dict(zip(["first", 0, 1, 2], answers, strict=True))
        for at in range(0, len(data), size):
            editor.writer.write(data[at : at + size])
            await asyncio.sleep(0)
        first, *others = await asyncio.wait_for(asyncio.gather(*answers), 30)
        commands = first["capabilities"]["executeCommandProvider"]["commands"]
        assert ("inhouse.run.writer" in commands) is (capabilities is HELIX)
        assert others == [[], [], []]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_who_stops_a_server_that_was_told_nothing_sees_no_traceback(project, number):
    import fcntl
    import termios

    # Tests that run in the background of a shell ignore Ctrl-C, and so would their children.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "inhouse", "lsp"],
            env={**os.environ, **project.environ},
            **dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE),
        )
    finally:
        signal.signal(signal.SIGINT, before)
    process.stdin.write(b"Content-Length: ")
    process.stdin.flush()
    while fcntl.ioctl(process.stdin.fileno(), termios.FIONREAD, bytes(4)) != bytes(4):
        time.sleep(0.01)
    process.send_signal(getattr(signal, number))

    assert process.communicate(timeout=20) == (b"", b"")
    assert process.returncode == 0
