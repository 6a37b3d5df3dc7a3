"""Commands: asked for, held to time and output, and gone with all they started."""

import asyncio
import socket
import sys
import time
from pathlib import Path

import pytest
from attrs import define, field

from inhouse.core.events import ToolOutput
from inhouse.core.route import Privacy
from inhouse.core.settings import CommandMode
from inhouse.tools.shell.environment import inherited
from inhouse.tools.shell.missing import Place, explanation
from inhouse.tools.shell.offline import offline_way
from support.workspaces import bench

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these commands are POSIX")

ONCE, THIS_RUN, ALWAYS, DENY = (
    ("Run once",),
    ("Allow for this run",),
    ("Always allow this exact command",),
    ("Deny",),
)


@define
class Remembered:
    commands: set[tuple[Path, tuple[str, ...]]] = field(factory=set)

    def is_allowed(self, cwd: Path, argv: tuple[str, ...]) -> bool:
        return (cwd, argv) in self.commands

    def allow(self, cwd: Path, argv: tuple[str, ...]) -> None:
        self.commands.add((cwd, argv))


def running(words: str) -> list[str]:
    """The processes whose command line has *words* in it, without those being waited for."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if words in line:
                found.append(line)
    return found


async def started(words: str, count: int) -> bool:
    for _ in range(200):
        if len(running(words)) >= count:
            return True
        await asyncio.sleep(0.05)
    return False


async def gone(words: str) -> bool:
    for _ in range(100):
        if not running(words):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_command_runs_after_a_yes(tmp_path: Path):
    here = bench(tmp_path, {"src/a": ""}, answers=(ONCE,))

    result = await here.call(
        "run_terminal_command", command="pwd; echo hey; echo oh >&2; exit 3", cwd="src"
    )

    assert result == {
        "command": "pwd; echo hey; echo oh >&2; exit 3",
        "startingCwd": "src",
        "stdout": f"{tmp_path / 'src'}\nhey\n",
        "stderr": "oh\n",
        "exitCode": 3,
    }
    [question] = here.approver.questions
    assert question.kind == "command"
    assert "Run this command in src?\npwd; echo hey" in question.text
    assert question.choices == (*DENY, *ONCE, *THIS_RUN, *ALWAYS)
    live = "".join(each.text for each in here.happenings if isinstance(each, ToolOutput))
    assert "hey\n" in live


@pytest.mark.parametrize(("answer", "words"), [(DENY, "The user denied"), ((), "Nobody allowed")])
async def test_without_a_yes_nothing_runs(tmp_path: Path, answer: tuple[str, ...], words: str):
    here = bench(tmp_path, answers=(answer,))

    result = await here.call("run_terminal_command", command="touch made")

    assert words in result["errorMessage"]
    assert not (tmp_path / "made").exists()


async def test_once_asks_again_and_for_this_run_does_not(tmp_path: Path):
    here = bench(tmp_path, answers=(ONCE, THIS_RUN, DENY))

    for command in ("true", "true", "true", "echo other"):
        assert "exitCode" in await here.call("run_terminal_command", command=command)

    assert len(here.approver.questions) == 2


async def test_always_is_for_the_exact_command_and_is_remembered(tmp_path: Path):
    kept = Remembered()
    here = bench(tmp_path, answers=(ALWAYS, DENY), approvals=kept)

    await here.call("run_terminal_command", command="echo one")
    later = bench(tmp_path, approvals=kept)
    same = await later.call("run_terminal_command", command="echo one")
    other = await later.call("run_terminal_command", command="echo one two")

    assert same["exitCode"] == 0
    assert "errorMessage" in other


async def test_an_answer_for_one_folder_is_none_for_a_command_that_looks_like_it(tmp_path: Path):
    kept = Remembered()
    odd = "a && touch made; cd b"
    here = bench(tmp_path, {f"{odd}/x": ""}, answers=(ALWAYS, DENY), approvals=kept)

    await here.call("run_terminal_command", command="true", cwd=odd)
    later = bench(tmp_path, approvals=kept)
    result = await later.call("run_terminal_command", command=f"cd {odd} && true")

    assert "errorMessage" in result
    assert not (tmp_path / "made").exists()


async def test_parallel_commands_ask_one_after_the_other(tmp_path: Path):
    here = bench(tmp_path, answers=(THIS_RUN, DENY))

    results = await asyncio.gather(
        *(here.call("run_terminal_command", command=f"echo {n}") for n in range(4))
    )

    assert [each["exitCode"] for each in results] == [0] * 4
    assert len(here.approver.questions) == 1


async def test_never_means_never(tmp_path: Path):
    here = bench(tmp_path, answers=(ONCE,), commands=CommandMode.NEVER, allowed_commands=("true",))

    result = await here.call("run_terminal_command", command="true")

    assert "turned off" in result["errorMessage"]
    assert here.approver.questions == []


async def test_listed_commands_run_and_others_are_refused_without_a_question(tmp_path: Path):
    here = bench(
        tmp_path,
        answers=(ONCE,),
        commands=CommandMode.ALLOW_LISTED,
        allowed_commands=("echo",),
    )

    listed = await here.call("run_terminal_command", command="echo hi")
    joined = await here.call("run_terminal_command", command="echo hi; touch made")
    secret = await here.call("run_terminal_command", command="echo ../x")

    assert listed["stdout"] == "hi\n"
    assert "only listed commands" in joined["errorMessage"]
    assert "only listed commands" in secret["errorMessage"]
    assert not (tmp_path / "made").exists()
    assert here.approver.questions == []


async def test_keys_do_not_reach_a_command(tmp_path: Path):
    environment = {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C",
        "OPENROUTER_API_KEY": "canary",
        "AWS_SECRET_ACCESS_KEY": "canary",
        "SSH_AUTH_SOCK": "canary",
        "https_proxy": "http://user:canary@proxy:1",
        "BASH_ENV": "canary",
        "LD_PRELOAD": "canary",
    }
    here = bench(tmp_path, answers=(ONCE,), environment=environment)

    result = await here.call("run_terminal_command", command="env")

    assert "canary" not in result["stdout"]
    assert "LC_ALL=C" in result["stdout"]


async def test_what_a_failed_command_missed_is_said(tmp_path: Path):
    environment = {"PATH": "/usr/bin:/bin", "DATABASE_NAME": "canary", "OTHER": "x"}
    here = bench(tmp_path, answers=(THIS_RUN,), environment=environment)
    asking = bench(
        tmp_path, answers=(ONCE,), environment=environment, allowed_environment=("DATABASE_NAME",)
    )

    program = await here.call("run_terminal_command", command="no-such-program --version")
    variable = await here.call(
        "run_terminal_command", command="echo 'DATABASE_NAME and OTHER_NAME are missing'; exit 1"
    )
    fine = await here.call("run_terminal_command", command="echo DATABASE_NAME")
    given = await asking.call("run_terminal_command", command="echo $DATABASE_NAME $OTHER")

    assert "Not on the PATH that Inhouse was started with: 'no-such-program'" in program["message"]
    assert 'allowedEnvironment = ["DATABASE_NAME"]' in variable["message"]
    assert "message" not in fine
    assert given["stdout"] == "canary\n"


MODULE = "echo \"ModuleNotFoundError: No module named 'left_pad'\" >&2; exit 1"
KEY = "echo \"KeyError: 'API_KEY'\" >&2; exit 1"
VENV = {".venv/pyvenv.cfg": "", ".venv/lib/python3.12/site-packages/left_pad/__init__.py": ""}


@pytest.mark.parametrize(
    ("files", "command", "words"),
    [
        ({".venv/bin/lint-it": ""}, "lint-it", "`../.venv/bin/lint-it`: call it by that path"),
        ({"sub/node_modules/.bin/tsc": ""}, "tsc", "`node_modules/.bin/tsc`"),
        ({"../home/.asdf/shims/npm": ""}, "npm test", "`~/.asdf/shims/npm` is there"),
        ({".nvmrc": "20"}, "npm test", "`../.nvmrc` asks for versions that nvm puts on the PATH"),
        ({".tool-versions": "elixir 1"}, "mix test", "asdf or mise puts on the PATH"),
        ({".nvmrc": "20"}, "cargo test", "an editor that a desktop started"),
        ({".venv/bin/lint-it": ""}, "lint-it | :", "`../.venv/bin/lint-it`"),
        (VENV, MODULE, "`../.venv`, which has left_pad, is not on the PATH: `../.venv/bin/python`"),
        ({"uv.lock": ""}, MODULE, "`uv run COMMAND`"),
        ({}, MODULE, None),
        (
            {".envrc": "export API_KEY=canary"},
            KEY,
            "variables in `../.envrc` (direnv), which tools",
        ),
        ({".env": "API_KEY=canary"}, KEY, 'allowedEnvironment = ["API_KEY"]'),
        ({".env.example": "API_KEY=canary"}, KEY, "Named in `../.env.example`"),
        ({"mise.toml": '[env]\nAPI_KEY = "canary"'}, KEY, "Named in `../mise.toml`"),
        ({"mise.toml": "API_KEY = 1", ".gitignore": "mise.toml"}, KEY, None),
        ({".env": ""}, "echo 'API_KEY: unbound variable'; exit 1", "API_KEY is not set"),
        ({".env": ""}, "echo 'Please set API_KEY first'; exit 1", "API_KEY is not set"),
        ({".env": ""}, "echo 'API_KEY and ERROR set nothing'; exit 1", None),
        ({".env": ""}, "echo 'PORT environment variable is missing'; exit 1", "PORT is not set"),
        ({".env": ""}, "echo 'CMAKE_C_COMPILER not set, after EnableLanguage'; exit 1", None),
        ({".env": ""}, "echo 'ERROR: TABLE USERS not found'; exit 1", None),
        ({".env": ""}, "echo 'TABLE USERS is missing'; exit 1", None),
        ({".env": ""}, """echo "name 'MOST_BYTES' is not defined"; exit 1""", None),
        (
            {f"../home/.nvm/versions/node/{each}/bin/node": "" for each in ("v9.1.0", "v20.1.0")},
            "node --version",
            "`~/.nvm/versions/node/v20.1.0/bin/node` is there",
        ),
        ({".env": ""}, "echo 'API_KEY is not set'", None),
        ({}, KEY, None),
    ],
)
async def test_what_the_project_would_have_set_is_named_and_no_value_of_it(
    tmp_path: Path, files, command, words
):
    root, home = tmp_path / "work", tmp_path / "home"
    environment = {"PATH": "/nowhere"}
    here = bench(
        *(root, {"sub/a": "", **files}), answers=(ONCE,), environment=environment, home=home
    )
    for each in files:
        if "bin/" in each or "shims/" in each:
            (root / each).chmod(0o755)

    result = await here.call("run_terminal_command", command=command, cwd="sub")

    told = result.get("message", "")
    assert (words or "").lower() in told.lower()
    assert bool(told) == (words is not None)
    assert "canary" not in told


async def test_a_program_that_cannot_be_run_or_is_on_the_path_is_not_named(tmp_path: Path):
    environment = {"PATH": "/usr/bin:/bin"}
    here = bench(tmp_path, {"bin/deploy": ""}, answers=(THIS_RUN,), environment=environment)

    deploy = await here.call("run_terminal_command", command="deploy")
    shell = await here.call(
        "run_terminal_command", command="echo 'sh: command not found: no-such-program'; exit 127"
    )
    quoted = await here.call("run_terminal_command", command="echo 'sh: cat: command not found'")

    assert "'deploy'" in deploy["message"]
    assert "call it by that path" not in deploy["message"]
    assert "started with: 'no-such-program'." in shell["message"]
    assert "message" not in quoted


async def test_a_hint_that_cannot_be_looked_up_does_not_replace_the_result(tmp_path: Path):
    home = tmp_path / ("x" * 300)  # No system looks at such a name; the error is not "not there".
    here = bench(tmp_path, answers=(ONCE,), environment={"PATH": "/bin"}, home=home)

    result = await here.call("run_terminal_command", command="echo done; no-such-program")

    assert result["stdout"] == "done\n"
    assert result["exitCode"] == 127
    assert "started with: 'no-such-program'" in result["message"]


@pytest.mark.parametrize("word", ["missing ", "is required "])
def test_much_output_in_the_words_of_a_missing_variable_is_read_in_one_pass(tmp_path: Path, word):
    here = bench(tmp_path, {".env": ""})
    place = Place(tmp_path, tmp_path, here.context.access, tmp_path)

    told = explanation(
        f"{word * 60_000}\nKeyError: 'API_KEY'",
        failed=True,
        inherited={},
        environment={},
        offline=False,
        place=place,
    )

    assert "API_KEY" in told


async def test_a_background_command_that_failed_says_what_it_missed(tmp_path: Path):
    here = bench(tmp_path, {".envrc": "export API_KEY=canary"}, answers=(ONCE,))
    begun = await here.call("run_terminal_command", command=KEY, process_type="BACKGROUND")
    process = begun["processId"]

    for _ in range(100):
        told = await here.call("run_terminal_command", command="output", process_id=process)
        if told["backgroundProcessStatus"] == "completed":
            break
        await asyncio.sleep(0.05)

    assert "`.envrc` (direnv)" in told["message"]


def test_a_proxy_without_a_password_is_inherited_where_there_is_a_network():
    environment = {"https_proxy": "http://proxy:1"}

    assert "https_proxy" in inherited(environment, offline=False)
    assert "https_proxy" not in inherited(environment, offline=True)


async def test_a_command_that_takes_too_long_is_stopped_with_what_it_started(tmp_path: Path):
    here = bench(tmp_path, answers=(ONCE,))
    command = "echo before; (setsid sleep 7177 &); sleep 7177"

    result = await here.call("run_terminal_command", command=command, timeout_seconds=1)

    assert "Stopped after 1 seconds" in result["message"]
    assert result["stdout"] == "before\n"
    assert await gone("sleep 7177")


@pytest.mark.parametrize(
    ("command", "words"),
    [("kill -9 $$", "SIGKILL"), ("kill -SEGV $$", "SIGSEGV"), ("exit 7", None)],
)
async def test_a_signal_that_ended_a_command_is_named(tmp_path: Path, command: str, words):
    result = await bench(tmp_path, answers=(ONCE,)).call("run_terminal_command", command=command)

    assert result["exitCode"]
    assert words in result["message"] if words else "message" not in result


async def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path):
    here = bench(tmp_path, answers=(ONCE,))
    script = (
        "import os, time\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork(): os._exit(0)\n"
        "os.environ.clear(); time.sleep(7188)\n"
    )
    (tmp_path / "daemon.py").write_text(script)

    result = await here.call(
        "run_terminal_command", command=f"{sys.executable} daemon.py 7188; echo done"
    )

    assert result["stdout"] == "done\n"
    assert await gone("daemon.py 7188")


async def test_a_cancel_kills_the_whole_tree(tmp_path: Path):
    here = bench(tmp_path, answers=(ONCE,))
    command = "trap '' TERM INT HUP; setsid nohup sleep 7199 & bash -c 'sleep 7199; true'"
    task = asyncio.create_task(here.call("run_terminal_command", command=command))
    assert await started("sleep 7199", 3)

    task.cancel()
    start = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await gone("sleep 7199")
    assert time.monotonic() - start < 5


async def test_a_background_command_lives_as_long_as_its_run(tmp_path: Path):
    here = bench(tmp_path, answers=(ONCE,))

    result = await here.call(
        "run_terminal_command", command="sleep 7166", process_type="BACKGROUND"
    )

    assert result["backgroundProcessStatus"] == "running"
    assert f'With process_id {result["processId"]}, the command "output"' in result["message"]
    assert isinstance(result["processId"], int)
    await asyncio.sleep(0.2)
    assert running("sleep 7166")
    await here.context.memory.aclose()
    assert await gone("sleep 7166")


async def test_much_output_keeps_its_head_and_tail(tmp_path: Path):
    here = bench(tmp_path, answers=(ONCE,))

    result = await here.call(
        "run_terminal_command", command="echo first; yes | head -c 400000; echo last"
    )

    assert result["stdout"].startswith("first\n")
    assert result["stdout"].endswith("last\n")
    assert "characters left out" in result["stdout"]
    assert len(result["stdout"]) < 50_100


async def test_colours_are_taken_out_and_broken_text_is_shown(tmp_path: Path):
    here = bench(tmp_path, answers=(ONCE,))

    result = await here.call(
        "run_terminal_command", command=r"printf '\033[31mred\033[0m \377 \303\251'"
    )

    assert result["stdout"] == "red \ufffd é"


async def test_a_command_reads_nothing_from_the_terminal(tmp_path: Path):
    here = bench(tmp_path, answers=(ONCE,))

    result = await here.call("run_terminal_command", command="cat; read x; echo $?")

    assert result["stdout"] == "1\n"


async def test_a_folder_outside_is_refused_before_the_question(tmp_path: Path):
    here = bench(tmp_path, answers=(ONCE,))

    result = await here.call("run_terminal_command", command="pwd", cwd="../..")

    assert "outside of the workspace" in result["errorMessage"]
    assert here.approver.questions == []


async def test_hidden_characters_are_shown_in_the_question(tmp_path: Path):
    here = bench(tmp_path)

    await here.call("run_terminal_command", command="echo a\u202e\u200b\x1b[8m; rm -rf x")

    [question] = here.approver.questions
    assert "echo a<U+202E><U+200B><U+001B>[8m; rm -rf x" in question.text


async def test_local_only_takes_the_network_away(tmp_path: Path):
    if await offline_way((tmp_path,), {}) is None:
        pytest.skip("this system cannot cut a command off from the network")
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    probe = f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected"
    offline = bench(tmp_path, answers=(ONCE,), privacy=Privacy.LOCAL_ONLY)
    online = bench(tmp_path, answers=(ONCE,))

    cut = await offline.call("run_terminal_command", command=f"{probe}; touch made; pwd")
    open_ = await online.call("run_terminal_command", command=probe)

    listener.close()
    assert cut["stdout"] == f"{tmp_path}\n"
    assert open_["stdout"] == "connected\n"
    assert (tmp_path / "made").exists()
    assert "without a network" in offline.approver.questions[0].text


async def test_a_long_command_without_a_network_is_killed_as_well(tmp_path: Path):
    if await offline_way((tmp_path,), {}) is None:
        pytest.skip("this system cannot cut a command off from the network")
    here = bench(tmp_path, answers=(ONCE,), privacy=Privacy.LOCAL_ONLY)

    await here.call(
        "run_terminal_command", command="setsid sleep 7155 & sleep 7155", timeout_seconds=1
    )

    assert await gone("sleep 7155")
