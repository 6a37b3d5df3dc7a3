"""A model that attacks through a whole server: the corpus of hostile calls, from answer to disk."""

import json
import os
import sys
from pathlib import Path

import pytest

from support.editor import VSCODE, open_editor
from support.model_server import Call

CORPUS = Path(__file__).parents[1] / "tools" / "hostile_calls.json"
CANARY = "canary-91c4"
SECRETS = (".env", "src/.env.local", "server.pem", ".git/config", "build/out.txt", ".npmrc")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")


@pytest.fixture
def hostile(project, tmp_path):
    """A workspace with secrets in it, around it and in the environment."""
    outside = tmp_path / "outside"
    (outside / "more").mkdir(parents=True)
    for name in ("secret.txt", "more/secret.txt"):
        (outside / name).write_text(CANARY)
    for name in SECRETS:
        project.file(name, f"{CANARY}\n")
    project.file(".gitignore", "build/\n")
    project.file("src/a.py", "def a(): pass\n")
    (project.home / ".ssh").mkdir()
    (project.home / ".ssh" / "id_rsa").write_text(CANARY)
    (project.folder / "link-file").symlink_to(outside / "secret.txt")
    (project.folder / "link-folder").symlink_to(outside)
    (project.folder / "innocent.txt").symlink_to(".env")
    os.mkfifo(project.folder / "pipe")
    return project


def files(folder):
    return {
        str(path): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def secrets(project):
    return {name: (project.folder / name).read_bytes() for name in SECRETS}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mode", ["review", "apply"])
async def test_nothing_gets_out_in_or_through(hostile, tmp_path, mode):
    corpus = CORPUS.read_text(encoding="utf-8").replace("{outside}", str(tmp_path / "outside"))
    calls = [
        Call(each["tool"], json.dumps(each["input"]), f"call_{number}")
        for number, each in enumerate(json.loads(corpus))
    ]
    for start in range(0, len(calls), 90):
        hostile.server.play(*calls[start : start + 90])
    names = sorted({call.name for call in calls})
    prompts = "{CODEBUFF_FILE_TREE_PROMPT} {CODEBUFF_GIT_CHANGES_PROMPT} "
    prompts += "{CODEBUFF_KNOWLEDGE_FILES_CONTENTS} {CODEBUFF_SYSTEM_INFO_PROMPT}"
    hostile.agent("evil", *names, systemPrompt=prompts)
    hostile.settings |= {"edits": mode, "trace": "verbose"}
    before = files(tmp_path / "outside"), secrets(hostile)
    environ = hostile.environ | {"SOME_TOKEN": CANARY, "AWS_SECRET_ACCESS_KEY": CANARY}
    async with open_editor(hostile.folder, **hostile.how(VSCODE, environ=environ)) as editor:
        editor.open(hostile.folder / ".env", f"{CANARY} unsaved\n")
        editor.on["window/showMessageRequest"] = lambda params: next(
            (each for each in params["actions"] if each["title"] == "Let it continue"), None
        )
        started = await editor.command("inhouse.run", {"agent": "evil", "streamToken": "s"})
        result = await editor.ended(started["runId"], seconds=200)
        assert result["status"] == "completed", result.get("error")
        told = [event for event in editor.events("s") if event["kind"] == "tool_result"]
        assert len(told) == len(calls)
        if await editor.command("inhouse.edits"):
            await editor.command("inhouse.edits.show", {})
            await editor.command("inhouse.edits.apply", {})
        await editor.command("inhouse.transcript", {"runId": started["runId"]})
        await editor.request("shutdown", None)
        seen = json.dumps([editor.notifications, editor.requests, editor.hidden])
        stderr = editor.stderr.decode()
        editor.notify("exit", None)
        await editor.process.wait()

    assert (files(tmp_path / "outside"), secrets(hostile)) == before
    assert (hostile.folder / "innocent.txt").is_symlink()
    assert not (tmp_path / "made").exists()
    requests = json.dumps([[chat.body, chat.headers] for chat in hostile.server.requests])
    state = b"".join(
        content for name, content in files(hostile.home).items() if not name.endswith("id_rsa")
    )
    for place in (requests, seen, stderr, state.decode(errors="replace"), json.dumps(result)):
        assert CANARY not in place
    assert "Traceback" not in stderr + requests


async def test_agents_that_spawn_agents_do_not_multiply_for_ever(project):
    project.agent("kid", "spawn_agents", spawnableAgents=["kid"])
    many = [{"agent_type": "kid", "prompt": str(number)} for number in range(32)]
    for number in range(40):
        project.server.play(Call("spawn_agents", json.dumps({"agents": many}), f"call_{number}"))
    async with open_editor(project.folder, **project.how(VSCODE)) as editor:
        started = await editor.command("inhouse.run", {"agent": "kid", "streamToken": "s"})
        result = await editor.ended(started["runId"], seconds=100)

        assert result["status"] == "completed", result
        at_work = most = 0
        for event in editor.events("s"):
            at_work += {"start": 1, "finish": -1}.get(event["kind"], 0)
            most = max(most, at_work)
        assert 32 < most <= 101
        told = json.dumps([chat.body for chat in project.server.chats])
        assert "100 agents of this run are at work already" in told
