"""The allow-list lets through what it names and what only reads, and no trick around it."""

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inhouse.core.settings import CommandMode
from inhouse.tools.shell.allow_list import Listed, find_listed
from inhouse.tools.shell.known_options import known
from inhouse.tools.shell.listed_program import prepared
from support.workspaces import bench, write_files

LISTED = ("git status", "npm test", "ls", "make build && make test", "npm run *", "cd sub && make")


@pytest.mark.parametrize(
    "command",
    [
        "git status",
        "  git status  ",
        "git   status --short",
        "git 'status' -s",
        "npm test",
        "ls src",
        "ls -la --color=never src",
        "make build && make test",
        "npm run build",
    ],
)
def test_what_is_listed_runs(command: str):
    assert find_listed(command, LISTED)


TRICKS = [
    *("", " ", "git", "git push", "gitstatus", "npm test -- --watch", "npm run --prefix=/x a"),
    *("git status; rm -rf .", "git status && rm x", "git status || rm x", "git status | sh"),
    *("git status & rm x", "git status\nrm x", "git status\r\nrm x", "git status $(rm x)"),
    *("git status `rm x`", "git status ${IFS}", "git status > out", "git status < in"),
    *("git status <(rm x)", "git status \\\nrm", "git status #", "git status *"),
    *("git status ?", "git status [a]", "git status {a,b}", "git status ~", "git status !x"),
    *("git status 'unclosed", "PATH=. git status", "X+=1 git status", "(git status)"),
    *("! git status", "git status \u2028rm", "git status %PATH%", "git status ^& rm"),
    *("make build && make test && rm x", "make build", "make", "LS", "/bin/ls", "./ls"),
    *("env ls", "sudo ls", "npm", "npm run a=b", "git -c core.pager=x status"),
]


@pytest.mark.parametrize("command", TRICKS)
def test_what_is_not_listed_does_not(command: str):
    assert find_listed(command, LISTED) is None


OPTIONS = [
    *("git grep -O x", "git grep --open-files-in-pager=sh x", "git grep --open x"),
    *(
        "git log --output=x",
        "git log --outp=x",
        "git diff --output x",
        "git diff --no-index a b",
    ),
    *("git diff --ext-diff", "git show --textconv", "git log --show-signature", "git log -O x"),
    *(
        "git branch new",
        "git branch -D main",
        "git tag v1",
        "git tag -l -d v1",
        "git log -L :f:x",
    ),
    *("sort -o out in", "sort -oout in", "sort -ro out in", "sort --output=out in"),
    *("sort --compress-program=sh in", "sort --compress-prog sh in", "sort -T . in"),
    *("sort --files0-from=x", "find . -delete", "find . -exec sh x", "find . -fprint out"),
    *("find . -ok rm x", "find -L . -name x", "find -files0-from x", "grep -rf list src"),
    *("grep -f list x", "grep --file=list x", "grep -R x .", "grep -r x .", "rg --pre sh x"),
    *("rg --pre=sh x", "rg -f list", "rg --hostname-bin sh x", "rg -uuu x", "rg --hidden x"),
    *("rg -L x", "rg --no-ignore x", "rg -z x", "uniq in out", "tree -o out", "tree -l"),
    *("tail -f x", "tail --follow x", "wc --files0-from=x", "du --files0-from=x", "du -L"),
    *("file -f list", "file -m magic x", "file -C", "file -z x", "diff -r a b", "diff -l a b"),
    *("ls -LR", "cat --show=x"),
    *("md5sum -c list", "printf -v x y z", "git remote -v", "git rev-parse --git-path x"),
]


@pytest.mark.parametrize("command", OPTIONS)
def test_no_option_that_writes_runs_or_wanders_is_taken(command: str):
    program, *rest = command.split()
    entries = (program, f"{program} *", f"{program} {rest[0]}", f"{program} {rest[0]} *")

    assert find_listed(command, [each for each in entries if each != command]) is None


@pytest.mark.parametrize("command", ["date -s x", "sed 1wx y", "awk p x", "xargs ls", "tee x"])
def test_more_words_of_an_unknown_program_need_a_star(command: str):
    assert find_listed(command, (command.split(maxsplit=1)[0],)) is None
    assert find_listed("make -f x", ("make *",)) is None


@pytest.mark.parametrize(
    "word", ["../x", "--output=../x", "-o../x", "--a=b=../x", "x=../x", "HEAD:../x"]
)
def test_added_arguments_may_not_name_what_is_refused(word: str):
    def named(path: str) -> bool:
        return path != "../x"

    assert find_listed(f"ls {word}", ("ls",), may_name=named) is None
    assert find_listed(f"npm run {word}", ("npm run *",), may_name=named) is None
    assert find_listed("ls src", LISTED, may_name=lambda path: path == "src")


def test_a_star_alone_allows_nothing():
    assert find_listed("rm x", ("*", "", " *")) is None


@pytest.mark.parametrize("command", ["git tag", "git tag --sort=refname", "git tag -l v1"])
def test_a_listing_of_tags_is_started_without_a_shell(command: str):
    assert find_listed(command, ("git tag",)) == Listed(tuple(command.split()))


def test_an_entry_is_of_the_root_unless_it_says_otherwise():
    assert find_listed("ls", LISTED, folder="sub") is None
    assert find_listed("make", LISTED, folder="sub")
    assert find_listed("make", LISTED, folder="other") is None
    assert find_listed("cd sub && make", LISTED) is None


DANGEROUS = [
    "-o",
    "-O",
    "-f",
    "-r",
    "-R",
    "-L",
    "-T",
    "-z",
    "-D",
    "-C",
    "-e",
    "-x",
    "-X",
    "-s",
    "-l",
    "-i",
    "--output",
    "--output=made",
    "--out=made",
    "--outp",
    "made",
    "--open-files-in-pager=./run",
    "--ext-diff",
    "--textconv",
    "--pre=./run",
    "--pre",
    "./run",
    "-exec",
    "./run",
    "{}",
    "-delete",
    "-fprint",
    "-fls",
    "made",
    "-ok",
    "./run",
    "--compress-program=./run",
    "--compress-prog=./run",
    "-S1",
    "--files0-from=list",
    "--exec=./run",
    "--paginate",
    "--pager=./run",
    "--use-askpass=./run",
    "--show-signature",
    "--no-index",
    "--recurse-submodules",
    "--upload-pack=./run",
    "--to-command=./run",
    "--checkpoint-action=exec=./run",
    "--filter=./run",
    "--magic-file=list",
    "-C.",
    "--rsh=./run",
    "--edit",
    "--interactive",
    "--patch",
    "--remerge-diff",
    "--config-env=core.pager=RUN",
    "-c",
    "core.pager=./run",
    "--work-tree=..",
    "--git-dir=bare",
    "made",
    "new",
    "list",
    "data",
    "data.txt",
    "src",
    ".",
    "--",
    "-p",
    "-n",
    "-c",
    "-1",
    "--all",
    "--stat",
    "--cached",
    "-S",
    "x",
    "-G",
    "HEAD",
    "HEAD^",
    "--format=%G?",
    "--pretty=sig",
    "--graph",
    "-name",
    "-type",
    "--sort",
    "--color=always",
    "-ru",
    "-no",
    "-ofmade",
    "-nomade",
]
PROGRAMS = sorted(
    {
        "sort",
        "uniq",
        "find",
        "grep",
        "rg",
        "tree",
        "diff",
        "cat",
        "head",
        "tail",
        "wc",
        "ls",
        "file",
    }
    | {f"git {each}" for each in ("status", "diff", "log", "show", "grep", "blame", "branch")}
    | {f"git {each}" for each in ("tag", "ls-files", "describe", "shortlog", "rev-parse")}
)


@pytest.fixture(scope="module")
def trap() -> Path:
    """A repository in which everything that a program may be told to start leaves a trace."""
    root = Path(tempfile.mkdtemp())
    run = root / "run"
    write_files(root, {"data.txt": "b\na\n", "list": "data.txt\0", "src/x": "x\n", "d.bin": "x\n"})
    run.write_text(f"#!/bin/sh\ntouch {root}/executed\ncat\n")
    run.chmod(0o755)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(root)]
    write_files(root, {".gitattributes": "* diff=evil filter=evil merge=evil\n"})
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True)
    names = """
        core.fsmonitor core.pager core.editor core.sshCommand core.askPass diff.external
        diff.evil.command diff.evil.textconv filter.evil.clean filter.evil.smudge
        filter.evil.process merge.evil.driver gpg.program gpg.ssh.program gpg.x509.program
        gpg.openpgp.program gpg.ssh.defaultKeyCommand pager.log pager.diff pager.status
        interactive.diffFilter credential.helper core.alternateRefsCommand
    """
    for name in names.split():
        subprocess.run([*git, "config", name, str(run)], check=True)
    for name, value in (
        ("log.showSignature", "true"),
        ("format.pretty", "format:%G?"),
        ("pretty.sig", "format:%G?"),
        ("core.hooksPath", str(root)),
    ):
        subprocess.run([*git, "config", name, value], check=True)
    (root / "data.txt").write_text("changed\n")
    (root / "executed").unlink(missing_ok=True)
    return root


def fingerprint(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.name != "index":
            digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("git"), reason="GNU programs")
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(PROGRAMS), st.lists(st.sampled_from(DANGEROUS), max_size=3), st.booleans())
def test_whatever_is_taken_changes_and_starts_nothing(
    trap: Path, program: str, words: list[str], star: bool
):
    command = " ".join([program, *words])
    found = find_listed(command, (f"{program} *" if star else program,))
    if found is None or found.argv is None:
        assert found is None or known(command.split()) is None
        return
    before = fingerprint(trap)

    async def run() -> None:
        here = {"PATH": os.environ["PATH"], "HOME": str(trap / "src"), "LC_ALL": "C"}
        made = await prepared(found.argv or (), roots=(trap,), cwd=trap, environment=here)
        if made is not None:
            process = await asyncio.create_subprocess_exec(
                *made.argv,
                cwd=trap,
                env=dict(made.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            await asyncio.wait_for(process.communicate(), 10)

    asyncio.run(run())
    assert not (trap / "executed").exists(), command
    assert fingerprint(trap) == before, command


async def test_a_listed_git_runs_nothing_of_the_repository_and_shows_no_secret(trap: Path):
    (trap / ".env").write_text("KEY=canary\n")
    adding = ["git", "-C", str(trap), "-c", "core.fsmonitor=", "add", "-N", "-f", ".env"]
    subprocess.run(adding, check=False)  # noqa: ASYNC221  a moment, before the test begins
    (trap / "executed").unlink(missing_ok=True)
    listed = ("git status", "git diff", "rg", "cat")
    here = bench(trap, commands=CommandMode.ALLOW_LISTED, allowed_commands=listed, trusted=True)

    status = await here.call("run_terminal_command", command="git status -s")
    diff = await here.call("run_terminal_command", command="git diff")
    found = await here.call("run_terminal_command", command="rg -n canary")
    secret = await here.call("run_terminal_command", command="cat .env")

    assert " M data.txt" in status["stdout"]
    assert "+changed" in diff["stdout"]
    assert "canary" not in diff["stdout"] + found["stdout"]
    assert "only listed commands" in secret["errorMessage"]
    assert not (trap / "executed").exists()


@pytest.mark.parametrize(
    "command",
    [
        *("git status", "git diff", "git diff HEAD", "git log -p", "git log --stat", "git show"),
        *("git show HEAD:data.txt", "git blame data.txt", "git grep a", "git ls-files -m"),
        *("git describe --all", "git shortlog HEAD", "git branch -v", "git log --pretty=sig"),
        *("git diff --cached --stat", "git log --graph --all", "git status --ignored"),
    ],
)
async def test_no_listed_subcommand_of_git_starts_what_the_repository_names(
    trap: Path, command: str
):
    here = bench(trap, commands=CommandMode.ALLOW_LISTED, allowed_commands=("git",), trusted=True)
    (trap / "executed").unlink(missing_ok=True)

    result = await here.call("run_terminal_command", command=command)

    assert result.get("exitCode") == 0, result
    assert not (trap / "executed").exists()


async def test_no_git_is_asked_in_a_workspace_that_is_not_trusted(tmp_path: Path):
    here = bench(tmp_path, commands=CommandMode.ALLOW_LISTED, allowed_commands=("git status",))

    result = await here.call("run_terminal_command", command="git status")

    assert "only listed commands" in result["errorMessage"]


async def test_a_program_of_the_workspace_is_not_the_listed_one(tmp_path: Path):
    write_files(tmp_path, {"bin/ls": "#!/bin/sh\ntouch executed\n"})
    (tmp_path / "bin/ls").chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    here = bench(
        tmp_path,
        commands=CommandMode.ALLOW_LISTED,
        allowed_commands=("ls",),
        environment={"PATH": path},
    )

    result = await here.call("run_terminal_command", command="ls")

    assert "bin" in result["stdout"]
    assert not (tmp_path / "executed").exists()


async def test_where_nothing_is_trusted_the_list_runs_only_what_is_known_to_read(tmp_path: Path):
    """`npm test` of a fresh clone runs what its strangers wrote."""
    write_files(tmp_path, {"test": "touch executed\n"})
    listed = ("sh test", "make *", "ls", "cat x || sh test")
    here = bench(tmp_path, commands=CommandMode.ALLOW_LISTED, allowed_commands=listed)

    for command in ("sh test", "make all", "cat x || sh test"):
        result = await here.call("run_terminal_command", command=command)
        assert "only listed commands" in result["errorMessage"]
    assert (await here.call("run_terminal_command", command="ls"))["exitCode"] == 0
    assert not (tmp_path / "executed").exists()
