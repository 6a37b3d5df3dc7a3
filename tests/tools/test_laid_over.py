"""A command runs on the files as the agent sees them, and the files on disk stay as they are."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import filelock
import pytest
from attrs import evolve

from inhouse.core.events import EditState
from inhouse.core.ports import Edit, EditOutcome
from inhouse.core.route import Privacy
from inhouse.core.settings import EditMode
from inhouse.tools.edit.disk_workspace import DiskWorkspace
from inhouse.tools.shell.laid_over import LaidOver, Waiting, can_lay_over, lay_over
from support.workspaces import bench

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="an overlay of Linux")

YES = (("Allow for this run",),)
BROKEN = "def add(a, b):\n    return a - b\n"
TEST = "from calc import add\nassert add(2, 2) == 4, add(2, 2)\nprint('passed')\n"


def layers_with(name: str) -> list[Path]:
    """Only a test's own: others lay their files over others at the same time."""
    return [*Path("/var/tmp").glob(f"inhouse-laid-over-*/upper/{name}")]


async def place(tmp_path: Path, files=None, **more):
    answers = more.pop("answers", YES)
    here = bench(tmp_path, files or {}, answers=answers, edits=EditMode.REVIEW, **more)
    if not await can_lay_over(here.context):
        pytest.skip("this system cannot lay files over others")
    return here


def texts(here) -> dict[str, str | None]:
    return {
        each.edit.path.relative_to(here.root).as_posix(): each.edit.new
        for each in here.workspace.proposals
    }


def on_disk(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and ".git" not in path.parts
    }


@pytest.mark.parametrize("privacy", [Privacy.ANY, Privacy.LOCAL_ONLY])
async def test_fix_test_iterate_works_on_proposals(tmp_path: Path, privacy: Privacy):
    files = {"calc.py": BROKEN, "test_calc.py": TEST, ".gitignore": "__pycache__/\n"}
    here = await place(tmp_path, files, privacy=privacy)
    run = f"{sys.executable} test_calc.py"
    replace = "propose_str_replace"

    before = await here.call("run_terminal_command", command=run)
    for wrong in ("a * b - 1", "a ^ b + 0"):  # The same length, within the same second.
        old = "a - b" if wrong == "a * b - 1" else "a * b - 1"
        change = [{"oldString": old, "newString": wrong}]
        await here.call(replace, path="calc.py", replacements=change)
        failed = await here.call("run_terminal_command", command=run)
        assert "AssertionError" in failed["stderr"]
    change = [{"oldString": "a ^ b + 0", "newString": "a + b + 0"}]
    await here.call(replace, path="calc.py", replacements=change)
    after = await here.call("run_terminal_command", command=run)

    assert before["exitCode"] == 1
    assert after["stdout"] == "passed\n"
    assert "laid over them: calc.py" in after["message"]
    assert on_disk(tmp_path) == files


async def test_what_a_formatter_changes_becomes_edits(tmp_path: Path):
    files = {"a.txt": "b\na\n", "sub/b.txt": "2\n", "gone.txt": "x\n", "folder/c.txt": "c\n"}
    here = await place(tmp_path, files, answers=(*YES, ("Reject",)))
    script = (
        "sort -o a.txt a.txt; echo new > sub/new.txt; rm gone.txt; rm -r folder;"
        " mkdir folder; echo other > folder/d.txt; echo same > sub/b.txt; echo 2 > sub/b.txt"
    )

    result = await here.call("run_terminal_command", command=script)

    asked = {each.text for each in here.approver.questions if each.kind == "edit"}
    assert asked == {
        f"Apply this change to {name}?"
        for name in ("a.txt", "sub/new.txt", "gone.txt", "folder/c.txt", "folder/d.txt")
    }
    assert "Not kept, because the edit was refused: a.txt, folder/c.txt" in result["message"]
    assert on_disk(tmp_path) == files


async def test_what_a_command_changes_builds_on_what_waits(tmp_path: Path):
    here = await place(tmp_path, {"a.txt": "b\na\n"}, answers=(*YES, ("Apply",)))
    await here.call(
        "propose_str_replace",
        path="a.txt",
        replacements=[{"oldString": "b", "newString": "c"}],
    )

    result = await here.call("run_terminal_command", command="cat a.txt; echo d >> a.txt")

    assert result["stdout"] == "c\na\n"
    assert "reviews what it changed: a.txt" in result["message"]
    assert (tmp_path / "a.txt").read_text() == "c\na\nd\n"


async def test_ignored_files_and_git_are_written_through_and_no_link_becomes_an_edit(
    tmp_path: Path,
):
    files = {".gitignore": "build/\n*.log\nout/\n", "build/old": "1\n", "a.txt": "a\n"}
    here = await place(tmp_path, files)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)  # noqa: ASYNC221  a moment
    script = (
        "echo 2 > build/new; rm build/old; echo l > x.log; mkdir -p out/deep; echo o > out/deep/f;"
        " ln -s deep out/link; git config a.b c; printf 'a\\0b' > picture.png; ln -s a.txt link"
    )

    result = await here.call("run_terminal_command", command=script)

    assert result["exitCode"] == 0
    assert (tmp_path / "build/new").read_text() == "2\n"
    assert not (tmp_path / "build/old").exists()
    assert (tmp_path / "x.log").read_text() == "l\n"
    assert (tmp_path / "out/link/f").read_text() == "o\n"
    assert "b = c" in (tmp_path / ".git/config").read_text()
    assert not (tmp_path / "link").is_symlink()
    assert not (tmp_path / "picture.png").exists()
    assert "it cannot be an edit: link, picture.png" in result["message"]


async def test_what_the_user_saves_while_a_command_runs_is_not_undone(tmp_path: Path):
    here = await place(tmp_path, {"a.txt": "a\n", "b.txt": "b\n"}, answers=(*YES, ("Apply",)))
    script = "echo command >> a.txt; echo command >> b.txt; sleep 2"
    task = asyncio.create_task(here.call("run_terminal_command", command=script))
    await asyncio.sleep(1)
    (tmp_path / "a.txt").write_text("the user's own\n")

    result = await task

    assert (tmp_path / "a.txt").read_text() == "the user's own\n"
    assert (tmp_path / "b.txt").read_text() == "b\ncommand\n"
    assert "changed on disk meanwhile: a.txt" in result["message"]


async def test_proposed_files_and_deletions_are_seen(tmp_path: Path):
    here = await place(tmp_path, {"old, odd:name.txt": "x\n"}, answers=(*YES,))
    await here.call("propose_write_file", path="new/deep/f.py", content="print(1)\n")
    patch = {"type": "delete_file", "path": "old, odd:name.txt"}
    here.workspace.mode = EditMode.REVIEW
    path = tmp_path / "old, odd:name.txt"

    await here.workspace.propose(Edit(path, "x\n", None))
    assert patch

    result = await here.call("run_terminal_command", command="cat new/deep/f.py; ls")

    assert result["stdout"] == "print(1)\nnew\n"
    assert path.exists()
    assert not (tmp_path / "new").exists()


async def test_real_files_have_no_other_name_for_the_command(tmp_path: Path):
    name = f"{uuid.uuid4()}.txt"  # Other tests lay their files over others at the same time.
    here = await place(tmp_path, {name: "a\n"}, answers=(*YES, ("Reject",)))
    script = (
        f"find /var/tmp /tmp -name {name} -path '*laid*' 2>/dev/null; umount . 2>/dev/null; id -u"
    )

    result = await here.call("run_terminal_command", command=script, timeout_seconds=60)

    assert name not in result["stdout"]


async def test_layers_of_a_killed_process_are_removed_and_those_in_use_stay(tmp_path: Path):
    left, used = (
        Path(tempfile.mkdtemp(prefix="inhouse-laid-over-", dir="/var/tmp")) for _ in range(2)
    )
    for scratch in (left, used):
        (scratch / "upper").mkdir()
        (scratch / "upper" / "a.txt").write_text("somebody's\n")
        (scratch / "owner.lock").touch()
        os.utime(scratch, (time.time() - 3600,) * 2)
    try:
        with filelock.FileLock(used / "owner.lock"):
            await place(tmp_path)

        assert not left.exists()
        assert (used / "upper" / "a.txt").read_text() == "somebody's\n"
    finally:
        shutil.rmtree(used)


async def test_layers_without_a_lock_are_removed_once_they_are_old(tmp_path: Path):
    young, old = (
        Path(tempfile.mkdtemp(prefix="inhouse-laid-over-", dir="/var/tmp")) for _ in range(2)
    )
    for scratch, hours in ((young, 23), (old, 25)):
        os.utime(scratch, (time.time() - hours * 3600,) * 2)
    try:
        await place(tmp_path)

        assert (young.exists(), old.exists()) == (True, False)
    finally:
        shutil.rmtree(young, ignore_errors=True)


async def test_a_layer_that_a_cleaner_removed_deletes_nothing(tmp_path: Path):
    files = {"a.txt": "a\n", "b.txt": "b\n"}
    here = await place(tmp_path, files)
    laid = await lay_over(here.context, Waiting({tmp_path / "a.txt": "a\n"}))
    (layer,) = laid.spec
    shutil.rmtree(layer["scratch"])

    told = await laid.collect()

    assert "Nothing that this command changed was kept" in told
    assert not here.workspace.proposals
    assert on_disk(tmp_path) == files


async def test_of_many_refusals_a_few_different_reasons_are_told(tmp_path: Path):
    files = {f"{number}.txt": "a\n" for number in range(5)}
    here = await place(tmp_path, files)
    laid = await lay_over(here.context, Waiting({}))
    (layer,) = laid.spec
    upper = Path(layer["scratch"], "upper")
    for name in files:
        (upper / name).write_text("b\n")
    reasons = iter(["", "one.", "two.", "three.", "four."])

    class Refusing(DiskWorkspace):
        async def apply(self, edit: Edit) -> EditOutcome:
            return EditOutcome(EditState.REJECTED, next(reasons))

    told = await LaidOver(
        evolve(here.context, workspace=Refusing(tmp_path, print, here.approver)), laid._layers
    ).collect()

    names = ", ".join(sorted(files))
    assert told == f"Not kept, because the edit was refused: {names}.  one.  two.  three."


async def test_a_cancelled_command_leaves_nothing_laid_over(tmp_path: Path):
    name = f"{uuid.uuid4()}.txt"
    here = await place(tmp_path, {name: "a\n"})
    call = here.call("run_terminal_command", command=f"echo b > {name}; sleep 7211")
    task = asyncio.create_task(call)
    while not layers_with(name):  # noqa: ASYNC110  another process makes it
        await asyncio.sleep(0.05)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not layers_with(name)
    assert (tmp_path / name).read_text() == "a\n"


async def test_a_background_command_is_asked_for_its_output_and_its_end(tmp_path: Path):
    here = await place(tmp_path, {"a.txt": "a\n"}, answers=(*YES, ("Apply",)))
    script = "echo one; while [ ! -e go ]; do sleep 0.05; done; echo two; echo b > a.txt; exit 3"
    started = await here.call("run_terminal_command", command=script, process_type="BACKGROUND")
    pid = started["processId"]

    async def output() -> dict:
        return await here.call("run_terminal_command", command="output", process_id=pid)

    for _ in range(100):
        first = await output()
        if first["stdout"]:
            break
        await asyncio.sleep(0.05)
    nobody = await here.call("run_terminal_command", command="output", process_id=1)
    stopped = await here.call("run_terminal_command", command="stop", process_id=pid)

    assert first["stdout"] == "one\n"
    assert first["backgroundProcessStatus"] == "running"
    assert str(pid) in nobody["errorMessage"]
    assert stopped["backgroundProcessStatus"] == "completed"
    assert stopped["stdout"] == ""


async def test_where_nothing_waits_and_edits_are_applied_a_command_runs_on_the_disk(tmp_path: Path):
    here = bench(tmp_path, {"a.txt": "a\n"}, answers=YES)

    result = await here.call("run_terminal_command", command="echo b > a.txt")

    assert "message" not in result
    assert (tmp_path / "a.txt").read_text() == "b\n"


def git(root: Path, words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.invalid")
    done = subprocess.run(
        ["git", "-C", root, *who, *words.split()], capture_output=True, text=True, check=True
    )
    return done.stdout


async def test_git_changes_its_own_folder_and_its_files_become_edits(tmp_path: Path):
    files = {"a.txt": "one\n", "gone.png": b"\0old"}
    here = await place(tmp_path, files, answers=(*YES, ("Apply",)))
    for words in ("init -q -b main", "add .", "commit -qm one", "checkout -qb other"):
        git(tmp_path, words)
    (tmp_path / "a.txt").write_text("other\n")
    (tmp_path / "new.png").write_bytes(b"\0new")
    (tmp_path / "link").symlink_to("a.txt")
    (tmp_path / "gone.png").unlink()
    for words in ("add -A .", "commit -qm two", "checkout -q main"):
        git(tmp_path, words)

    moved = await here.call("run_terminal_command", command="git checkout -q other")

    assert git(tmp_path, "branch --show-current") == "other\n"
    assert (tmp_path / "new.png").read_bytes() == b"\0new"
    assert (tmp_path / "link").is_symlink()
    assert not (tmp_path / "gone.png").exists()
    assert [each.text for each in here.approver.questions[1:]] == ["Apply this change to a.txt?"]
    assert "Git changed its own folder at once (HEAD is now" in moved["message"]
    assert "Thrown away" not in moved["message"]
    assert not git(tmp_path, "status --porcelain")
    looked = await here.call("run_terminal_command", command="git status --short; git diff")
    assert "Git changed" not in looked.get("message", "")


async def test_a_stash_takes_what_waited_and_a_commit_what_the_agent_saw(tmp_path: Path):
    here = await place(tmp_path, {"a.txt": "one\n"}, answers=(*YES, ("Reject",)))
    for words in ("init -q", "add .", "commit -qm one"):
        git(tmp_path, words)
    await here.workspace.propose(Edit(tmp_path / "a.txt", "one\n", "two\n"))
    who = "git -c user.name=a -c user.email=a@b.invalid"

    stashed = await here.call("run_terminal_command", command=f"{who} stash")
    left = texts(here)
    await here.workspace.propose(Edit(tmp_path / "a.txt", "one\n", "three\n"))
    done = await here.call("run_terminal_command", command=f"{who} commit -qam three")

    assert "refs/stash" in stashed["message"]
    assert git(tmp_path, "show stash:a.txt") == "two\n"
    assert left == {}
    assert "HEAD is now" in done["message"]
    assert git(tmp_path, "show HEAD:a.txt") == "three\n"
    assert texts(here) == {"a.txt": "three\n"}
    assert (tmp_path / "a.txt").read_text() == "one\n"


async def test_nothing_that_cannot_be_an_edit_is_lost_in_silence(tmp_path: Path):
    files = {"a.txt": "a\n", "run.sh": "b\n", "old.png": b"\0old", "deep/b.txt": "b\n"}
    here = await place(tmp_path, files, answers=(*YES, ("Apply",)))
    (tmp_path / "folder").symlink_to("deep")

    command = "chmod +x run.sh; rm old.png folder; printf '\\0' > new.png; echo x > new.sh"
    done = await here.call("run_terminal_command", command=f"{command}; chmod +x new.sh")

    for name in ("run.sh (that", "old.png", "folder", "new.png", "new.sh (that"):
        assert name in done["message"].partition("Thrown away")[2], (name, done)
    assert (tmp_path / "new.sh").read_text() == "x\n"
    assert (tmp_path / "deep/b.txt").exists()
