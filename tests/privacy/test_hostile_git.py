"""A repository that names programs for Git to run: with us, none of them runs.

`HOSTILE` is the corpus: a name, and the lines of a shell script that prepares the repository in
the current folder.  ``$EVIL`` is a program that leaves a file; add what you think of.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inhouse.core.settings import CommandMode
from inhouse.tools.access.own_repository import OwnRepository, look_at_repository
from inhouse.tools.git_changes import git_changes, paths_that_fit
from inhouse.tools.shell.laid_git import repository_at, told
from support.terminal import Terminal
from support.workspaces import bench

COMMIT = "git add -A; git -c user.name=a -c user.email=a@b commit -qm 'A commit'"
HOSTILE = {
    "clean filter": f"""
        echo '* filter=evil' > .gitattributes; echo one > a.txt; {COMMIT}
        git config filter.evil.clean "$EVIL"; echo two > a.txt""",
    "long-running filter, required": f"""
        echo '* filter=evil' > .gitattributes; echo one > a.txt; {COMMIT}
        git config filter.evil.process "$EVIL"; git config filter.evil.required true
        echo two > a.txt""",
    "filter with a = in its name": f"""
        echo one > a.txt; {COMMIT}; echo '* filter=a=b' > .git/info/attributes
        git config 'filter.a=b.clean' "$EVIL"; echo two > a.txt""",
    "filter of many names": f"""
        echo '* filter=x.y.CLEAN' > .gitattributes; echo one > a.txt; {COMMIT}
        git config 'filter.x.y.CLEAN.clean' "$EVIL"; echo two > a.txt""",
    "filter of an included file": f"""
        echo '* filter=evil' > .gitattributes; echo one > a.txt; {COMMIT}
        printf '[filter "evil"]\\n\\tclean = %s\\n' "$EVIL" > .git/more
        git config include.path more; echo two > a.txt""",
    "filter of a worktree's file": f"""
        echo '* filter=evil' > .gitattributes; echo one > a.txt; {COMMIT}
        git config extensions.worktreeConfig true
        git config --worktree filter.evil.clean "$EVIL"; echo two > a.txt""",
    "monitor": f"""
        echo one > a.txt; {COMMIT}; git config core.fsmonitor "$EVIL"; echo two > a.txt""",
    "hooks": f"""
        echo one > a.txt; {COMMIT}; mkdir hooks
        for each in post-index-change fsmonitor-watchman pre-commit reference-transaction; do
        cp "$EVIL" hooks/$each; cp "$EVIL" .git/hooks/$each; done
        git config core.hooksPath "$PWD/hooks"; echo two > a.txt; touch -d '2000-01-01' a.txt""",
    "external diff": f"""
        echo '* diff=evil' > .gitattributes; echo one > a.txt; {COMMIT}
        git config diff.external "$EVIL"; git config diff.evil.command "$EVIL"
        git config diff.evil.textconv "$EVIL"; echo two > a.txt""",
    "pager": f"""
        echo one > a.txt; {COMMIT}; git config core.pager "$EVIL"
        for each in status diff log config; do git config pager.$each "$EVIL"; done""",
    "signature": """
        printf 'tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\\nauthor a <a@b> 1 +0000\\n' > ../c
        printf 'committer a <a@b> 1 +0000\\ngpgsig -----BEGIN PGP SIGNATURE-----\\n' >> ../c
        printf ' x\\n -----END PGP SIGNATURE-----\\n\\nm\\n' >> ../c
        git hash-object -t tree -w --stdin < /dev/null > /dev/null
        git update-ref HEAD $(git hash-object -t commit -w --stdin < ../c)
        git config log.showSignature true; git config gpg.program "$EVIL"
        git config gpg.openpgp.program "$EVIL"; git config gpg.format openpgp
        git config pretty.evil '%G?'; git config format.pretty evil""",
    "lazy fetch": f"""
        echo one > a.txt; {COMMIT}; echo two > a.txt; {COMMIT}
        git config remote.origin.url "ssh://nowhere/x"; git config core.sshCommand "$EVIL"
        git config remote.origin.promisor true; git config extensions.partialClone origin
        git config core.repositoryFormatVersion 1
        rm -f .git/objects/$(git rev-parse HEAD:a.txt | sed 's|^..|&/|')
        echo three > a.txt""",
    "lazy fetch by a helper": f"""
        echo one > a.txt; {COMMIT}; echo two > a.txt; {COMMIT}
        git config remote.origin.url "ext::sh -c $EVIL"; git config protocol.ext.allow always
        git config remote.origin.promisor true; git config extensions.partialClone origin
        git config remote.origin.uploadpack "$EVIL"; git config core.repositoryFormatVersion 1
        rm -f .git/objects/$(git rev-parse HEAD:a.txt | sed 's|^..|&/|')
        echo three > a.txt""",
    "lazy fetch of a folder": f"""
        echo one > a.txt; {COMMIT}; echo two > a.txt; {COMMIT}
        git config remote.origin.url "$PWD/.git"; git config protocol.file.allow always
        git config remote.origin.promisor true; git config extensions.partialClone origin
        git config remote.origin.uploadpack "$EVIL"; git config core.repositoryFormatVersion 1
        rm -f .git/objects/$(git rev-parse HEAD:a.txt | sed 's|^..|&/|')
        echo three > a.txt""",
    "submodule": f"""
        git init -q sub; (cd sub; echo one > b; {COMMIT}; git config core.fsmonitor "$EVIL"
        git config filter.evil.clean "$EVIL"; echo '* filter=evil' > .gitattributes; echo two > b)
        git -c protocol.file.allow=always add sub; git config status.submoduleSummary true
        git config diff.submodule log; git config submodule.recurse true
        git config diff.ignoreSubmodules none; git config submodule.sub.ignore none""",
    "embedded bare repository": f"""
        rm -rf .git; git init -q --bare .; echo one > a.txt
        git config core.bare false; git config core.worktree "$PWD"; {COMMIT}
        git config core.fsmonitor "$EVIL"; git config filter.evil.clean "$EVIL"
        echo '* filter=evil' > info/attributes; echo two > a.txt""",
    "a git folder elsewhere": f"""
        echo '* filter=evil' > .gitattributes; echo one > a.txt; {COMMIT}
        mv .git elsewhere; echo 'gitdir: elsewhere' > .git
        git config core.fsmonitor "$EVIL"; git config filter.evil.clean "$EVIL"
        echo two > a.txt""",
    "alternates": f"""
        echo one > a.txt; {COMMIT}; echo /nowhere > .git/objects/info/alternates
        git config core.alternateRefsCommand "$EVIL"; git config core.gitProxy "$EVIL"
        git config credential.helper "!$EVIL"; git config core.askPass "$EVIL"; echo two > a.txt""",
    "filter included on a condition": f"""
        echo '* filter=evil' > .gitattributes; echo one > a.txt; {COMMIT}
        printf '[filter "evil"]\\n\\tclean = %s\\n' "$EVIL" > .git/more
        git config includeIf.gitdir:/.path more; git config 'includeIf.onbranch:**.path' more
        git config remote.o.url x; git config 'includeIf.hasconfig:remote.*.url:*.path' more
        echo two > a.txt""",
    "traces": f"""
        echo one > a.txt; {COMMIT}
        for each in event normal perf; do
        git config trace2.${{each}}Target "$PWD/../made"; done; echo two > a.txt""",
    "converted texts that are kept": f"""
        echo '* diff=evil' > .gitattributes; echo one > a.txt; {COMMIT}
        git config diff.evil.textconv "$EVIL"; git config diff.evil.cachetextconv true
        echo two > a.txt""",
    "programs of everything else": f"""
        echo '* merge=evil' > .gitattributes; echo one > a.txt; {COMMIT}
        for each in merge.evil.driver core.editor sequence.editor interactive.diffFilter \\
        core.gitProxy core.askPass uploadpack.packObjectsHook remote.o.uploadpack remote.o.vcs \\
        trailer.x.command trailer.x.cmd browser.x.cmd difftool.x.cmd mergetool.x.cmd \\
        core.alternateRefsCommand gpg.ssh.defaultKeyCommand sendemail.toCmd; do
        git config $each "$EVIL"; done; git config credential.helper "!$EVIL"
        echo two > a.txt""",
    "aliases": f"""
        echo one > a.txt; {COMMIT}
        for each in status diff log config; do git config alias.$each "!$EVIL"; done""",
}

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("git") is None, reason="needs git and a shell"
)


def prepare(folder: Path, script: str) -> tuple[Path, Path]:
    """A repository, and the file that is there once one of its programs ran."""
    made, evil = folder / "made", folder / "evil"
    evil.write_text(f"#!/bin/sh\necho $0 >> {made}\ncat\n")
    evil.chmod(0o755)
    root = folder / "repository"
    root.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "EVIL": str(evil)}
    subprocess.run(
        ["sh", "-c", f"git init -q; {script}"],
        cwd=root,
        env=environment,
        capture_output=True,
        check=False,
    )
    made.unlink(missing_ok=True)
    return root, made


@pytest.mark.parametrize("name", HOSTILE)
async def test_git_runs_no_program_that_the_repository_names(tmp_path: Path, name: str):
    root, made = prepare(tmp_path, HOSTILE[name])

    text = await git_changes(root, dict(os.environ), trusted=True)

    assert not made.exists()
    if name in {"clean filter", "monitor", "hooks", "external diff", "filter with a = in its name"}:
        assert "-one\n+two" in text  # it was asked, and answered


PRIVATE = f"""
    git init -q ../private; (cd ../private; echo canary > s.txt; {COMMIT}
    git checkout -q -b canary; mkdir -p sub; echo canary > sub/s.txt; {COMMIT})"""
FOREIGN = {
    "gitdir of a file": "rm -rf .git; echo 'gitdir: ../private/.git' > .git",
    "absolute gitdir": 'rm -rf .git; echo "gitdir: $PWD/../private/.git" > .git',
    "link": "rm -rf .git; ln -s ../private/.git .git",
    "link to a file": "rm -rf .git; echo 'gitdir: ../private/.git' > ../f; ln -s ../f .git",
    "commondir": "echo $PWD/../private/.git > .git/commondir; cp ../private/.git/HEAD .git",
    "commondir of a gitdir inside": """
        mv .git in; echo 'gitdir: in' > .git; echo "$PWD/.git" > in/gitdir
        echo $PWD/../private/.git > in/commondir; cp ../private/.git/HEAD in""",
    "gitdir with many line ends": """
        rm -rf .git; (echo "gitdir: $PWD/../private/.git"; yes '' | head -n 5000) > .git""",
    "gitdir that begins with a space": """
        mv .git ok; ln -s ../private/.git ' ok'; echo 'gitdir:  ok' > .git""",
    "gitdir with a NUL": """
        rm -rf .git; printf 'gitdir: ../private/.git\\0x' > .git""",
    "commondir with many line ends": """
        (echo $PWD/../private/.git; yes '' | head -n 5000) > .git/commondir
        cp ../private/.git/HEAD .git""",
    "objects of another one": """
        echo $PWD/../private/.git/objects > .git/objects/info/alternates
        git -C ../private rev-parse HEAD > .git/refs/heads/master""",
    "linked packs": """
        git -C ../private gc -q; git -C ../private rev-parse HEAD > .git/refs/heads/master
        for each in $PWD/../private/.git/objects/pack/*; do ln -s $each .git/objects/pack/; done""",
    "links behind a folder of links": """
        cp ../private/.git/HEAD .git; mkdir .git/x
        rm -r .git/refs/heads; ln -s ../x .git/refs/heads
        ln -s ../../../private/.git/refs/heads/canary .git/x/canary
        for each in ../private/.git/objects/??; do cp -r $each .git/objects/; done""",
    "linked parts": """
        cd .git; rm -rf objects refs HEAD index
        for each in objects refs index; do ln -s ../../private/.git/$each $each; done
        cp ../../private/.git/HEAD HEAD""",
    "linked pieces": """
        cd .git; cp ../../private/.git/HEAD .; mkdir -p refs/heads objects
        for each in ../../private/.git/objects/??; do ln -s ../$each objects/; done
        ln -s ../../../../private/.git/refs/heads/canary refs/heads/canary""",
    "worktree above": """
        git config core.worktree "$PWD/.."; cp -r ../private/s.txt ..
        git add -N ../s.txt; echo canary > ../s.txt""",
}


@pytest.mark.parametrize("name", FOREIGN)
async def test_no_other_repository_passes_for_the_workspaces_own(tmp_path: Path, name: str):
    root, _ = prepare(tmp_path, f"{PRIVATE}; {FOREIGN[name]}")
    (root / "s.txt").write_text("mine")

    text = await git_changes(root, dict(os.environ), trusted=True)
    here = bench(root, trusted=True, commands=CommandMode.ALLOW_LISTED, allowed_commands=("git",))
    for command in ("git log -p", "git diff", "git show HEAD:s.txt", "git branch -a"):
        text += str(await here.call("run_terminal_command", command=command))

    assert "canary" not in text


SHOWN = {
    "colours in the place of headers": f"""
        echo x > .env; echo y > b; {COMMIT}; git config color.diff always; echo canary > .env""",
    "a conflict": f"""
        echo x > .env; {COMMIT}; git checkout -q -b other; echo canary > .env; {COMMIT}
        git checkout -q -; echo canaries > .env; {COMMIT}; git merge other""",
    "a folder in the place of a file": f"""
        echo x > a; {COMMIT}; rm a; mkdir a; echo canary > a/.env; git add -A""",
    "a hard link": f"echo x > a; {COMMIT}; rm a; ln ../secret a",
    "a list of revisions": f"""
        echo x > a; {COMMIT}; git config blame.ignoreRevsFile $PWD/../secret""",
    "a map of names": f"""
        echo x > a; {COMMIT}; git config mailmap.file "$PWD/../secret"
        echo 'canary <x@y> <a@b>' > ../secret""",
    "grafts": f"echo x > a; {COMMIT}; ln -s ../../../secret .git/info/grafts",
}


@pytest.mark.parametrize("name", SHOWN)
async def test_git_shows_nothing_of_a_file_that_no_tool_reads(tmp_path: Path, name: str):
    set_up = "git config user.name a; git config user.email a@b; echo canary > ../secret"
    root, _ = prepare(tmp_path, f"{set_up}; {SHOWN[name]}")
    here = bench(root, trusted=True, commands=CommandMode.ALLOW_LISTED, allowed_commands=("git",))

    text = await git_changes(root, dict(os.environ), trusted=True)
    for command in ("git log", "git blame a", "git shortlog HEAD", "git status"):
        text += str(await here.call("run_terminal_command", command=command))

    assert "canary" not in text


def test_what_is_told_of_a_command_shows_nothing_of_a_file_that_head_names(tmp_path: Path):
    root, _ = prepare(tmp_path, f"echo x > a; {COMMIT}; echo canary > ../secret")
    before = repository_at(root)
    (root / ".git/HEAD").write_text("ref: ../../secret\n")

    assert told(before, root) != ""
    assert "canary" not in told(before, root)


@pytest.mark.parametrize("most", [60_000, 20_000], ids=["POSIX", "Windows"])
def test_the_paths_of_many_changes_fit_into_a_command_line(most: int):
    names = [f"src/{'é' * 36} {number}.txt" for number in range(4_000)]
    hidden = {f"{names[0]}/{number}/.env" for number in range(4_000)} | {f"{names[2]}/.env"}

    paths = paths_that_fit(names, hidden, most)

    assert most * 0.9 < len(subprocess.list2cmdline(paths).encode()) <= most
    assert f":(top,literal){names[0]}" not in paths  # What is hidden in it does not fit.
    assert f":(top,exclude,literal){names[2]}/.env" in paths
    assert {f":(top,literal){each}" for each in names[1:100]} <= set(paths)


@pytest.mark.parametrize("place", ["HEAD", "config", "index", "packed-refs", "refs/heads/x"])
async def test_git_does_not_wait_for_a_pipe_of_the_repository(tmp_path: Path, place: str):
    root, _ = prepare(tmp_path, f"echo x > a; {COMMIT}; rm -f .git/{place}; mkfifo .git/{place}")

    assert f"{place} of its .git is not a regular file" in await git_changes(
        root, dict(os.environ), trusted=True
    )


async def test_git_is_not_asked_if_a_filter_may_be_unknown(tmp_path: Path):
    root, made = prepare(tmp_path, f"{HOSTILE['clean filter']}; echo '[' >> .git/config")

    text = await git_changes(root, dict(os.environ), trusted=True)

    assert "could not read the repository's settings" in text
    assert not made.exists()


@pytest.mark.parametrize(
    "content",
    [
        *(b"gitdir: a\0b", b"gitdir: \0", b"gitdir: //host/share", b"\xff", b"gitdir: \xff"),
        b"gitdir: " + b"a/" * 1_900_000,  # It took the better part of an hour.
    ],
    ids=lambda content: str(content[:20]),
)
async def test_no_git_file_breaks_a_tool(tmp_path: Path, content: bytes):
    here = bench(tmp_path, {"a.txt": "one\n", ".git": content, ".gitignore": "b.txt\n"})

    for name in ("read_files", "code_search", "list_directory"):
        arguments = {"paths": ["a.txt"], "pattern": "one", "path": "."}
        wanted = here.tools[name].spec.parameters["properties"]
        told = await here.call(name, **{key: arguments[key] for key in arguments if key in wanted})
        assert "a.txt" in str(told)


async def test_a_repository_with_a_log_for_each_of_25_000_branches_is_looked_at(tmp_path: Path):
    root, _ = prepare(tmp_path, f"echo one > a.txt; {COMMIT}; echo two > a.txt")
    for name in ("refs", "logs"):
        folder = root / ".git" / name / "remotes/origin"
        folder.mkdir(parents=True)
        for number in range(25_001):
            (folder / str(number)).touch()

    assert isinstance(look_at_repository(root), OwnRepository)


@pytest.mark.parametrize(
    "script",
    [
        "git worktree add -q ../repository/tree; mv tree ../moved; git worktree repair ../moved",
        """git init -q ../other; (cd ../other; echo two > a.txt; git add .; git -c user.name=a \
        -c user.email=a@b commit -qm x); git -c protocol.file.allow=always submodule -q add \
        ../other tree""",
    ],
)
async def test_worktrees_and_submodules_that_git_made_are_their_own(tmp_path: Path, script: str):
    root, _ = prepare(tmp_path, f"echo one > a.txt; {COMMIT}; {script}")
    tree = next(each for each in (tmp_path / "moved", root / "tree") if each.is_dir())
    (tree / "a.txt").write_text("changed")

    assert "+changed" in await git_changes(tree, dict(os.environ), trusted=True)


async def test_no_program_of_the_workspace_is_found_by_git(tmp_path: Path):
    root, made = prepare(tmp_path, HOSTILE["signature"])
    (root / "bin").mkdir()
    for name in ("false", "cat", "gpg", "ssh", "git-remote-https", "sh"):
        shutil.copy(tmp_path / "evil", root / "bin" / name)
    path = f"{root / 'bin'}{os.pathsep}.{os.pathsep}{os.environ['PATH']}"
    here = bench(
        root,
        trusted=True,
        commands=CommandMode.ALLOW_LISTED,
        allowed_commands=("git log --pretty=evil",),
        environment={**os.environ, "PATH": path},
    )

    await git_changes(root, {**os.environ, "PATH": path}, trusted=True)
    await here.call("run_terminal_command", command="git log --pretty=evil")

    assert not made.exists()


async def test_an_untrusted_repository_is_not_asked_at_all(tmp_path: Path):
    root, made = prepare(tmp_path, HOSTILE["clean filter"])
    fake = tmp_path / "bin"
    fake.mkdir()
    shutil.copy(tmp_path / "evil", fake / "git")
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{fake}{os.pathsep}{before}"
    try:
        text = await git_changes(root, dict(os.environ), trusted=False)
    finally:
        os.environ["PATH"] = before

    assert not made.exists()
    assert "not trusted" in text


async def test_a_git_of_the_workspace_itself_is_not_run(tmp_path: Path):
    root, made = prepare(tmp_path, HOSTILE["monitor"])
    (root / "bin").mkdir()
    shutil.copy(tmp_path / "evil", root / "bin/git")
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{root / 'bin'}{os.pathsep}{before}"
    try:
        text = await git_changes(root, dict(os.environ), trusted=True)
    finally:
        os.environ["PATH"] = before

    assert not made.exists()
    assert "-one\n+two" in text


async def test_what_a_secret_file_says_cannot_pass_for_another_files_header(tmp_path: Path):
    root, _ = prepare(
        tmp_path, f"echo x > .env; echo y > b.txt; {COMMIT}; git config diff.noprefix true"
    )
    (root / ".env").write_text("diff --git a/b.txt b/b.txt\nKEY=canary\n")
    (root / "b.txt").write_text("z\n")

    text = await git_changes(root, dict(os.environ), trusted=True)

    assert "canary" not in text
    assert "+z" in text


async def test_only_the_workspaces_own_part_of_a_repository_is_told(tmp_path: Path):
    root, _ = prepare(tmp_path, f"mkdir in; echo x > a; echo y > in/b; {COMMIT}")
    (root / "a").write_text("canary")
    (root / "in/b").write_text("mine")

    text = await git_changes(root / "in", dict(os.environ), trusted=True)

    assert "+mine" in text
    assert "canary" not in text


def test_the_users_own_agent_starts_no_git_in_an_untrusted_workspace(terminal: Terminal, server):
    terminal.environ["CODEBUFF_LOCAL_BASE_URL"] = server.base_url
    (terminal.home / ".agents").mkdir()
    (terminal.home / ".agents/mine.ts").write_text(
        "export default { id: 'mine', displayName: 'M', model: 'm',"
        " systemPrompt: '{CODEBUFF_GIT_CHANGES_PROMPT}' }"
    )
    terminal.agent()  # something that trust is about
    root, made = prepare(terminal.home, HOSTILE["monitor"])
    shutil.copytree(root / ".git", terminal.workspace / ".git")
    shutil.copy(root / "a.txt", terminal.workspace / "a.txt")

    done = terminal("run", "mine", "hi")

    assert done.status == 0, done
    assert not made.exists()
    assert "not trusted" in str(server.chats[0].body)
