"""An allowed Git shows nothing of a protected file, whichever way a model asks for it."""

import os
import subprocess
from pathlib import Path

import pytest

from inhouse.core.settings import CommandMode
from inhouse.tools.shell.known_options import LOG_WITHOUT_FILES
from support.workspaces import Bench, bench, write_files

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Protected files were committed and changed, and a tag leads to one of them."""
    root = tmp_path_factory.mktemp("repository")
    for text in ("canary-one: 1\n", "canary-two: 2\n"):
        files = (".env", "sub/.env", ".aws/plain", "sub/.ssh/plain")
        write_files(root, {**dict.fromkeys(files, text), "a.txt": f"plain {text[7:10]}: x\n"})
        if not (root / ".git").exists():
            _git(root, "init", "-q")
        _git(root, "add", "-A", "-f")
        _git(root, "commit", "-qm", f"first: {text[7:10]}")
    _git(root, "tag", "old", "HEAD~1")
    _git(root, "tag", "light", "HEAD:.env")
    _git(root, "tag", "-a", "-m", "x", "heavy", "HEAD:.env")
    return root


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(
        [*GIT, "-C", str(root), *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _bench(root: Path) -> Bench:
    return bench(
        root,
        commands=CommandMode.ALLOW_LISTED,
        allowed_commands=("git",),
        trusted=True,
        environment=dict(os.environ),
    )


def _output(result: dict[str, str]) -> str:
    return result.get("stdout", "") + result.get("stderr", "") + result.get("errorMessage", "")


OBJECTS = (".env", "sub/.env", "sub", ".aws", "sub/.ssh", "")
ASKED = (
    *(f"git show {{{at}}}" for at in range(3)),
    *("git show {0} --stat", "git show {4}:plain", "git show {3}:plain", "git show light"),
    *(
        "git show heavy",
        "git show --all",
        "git show --tags",
        "git show HEAD {0}",
        "git show {0} a.txt",
    ),
    *("git grep canary {0}", "git grep canary {3}", "git grep canary {5}", "git grep canary HEAD:"),
    *("git grep -e two: HEAD:sub", "git grep canary :/", "git grep two: HEAD"),
    *("git grep canary HEAD:sub", "git grep two: sub", "git grep canary light"),
    *(
        "git diff {0} {1}",
        "git diff {5} {3}",
        "git diff old:sub HEAD:sub",
        "git diff {0}..HEAD:a.txt",
    ),
    *(
        "git diff {empty}..{3}",
        "git diff {empty} {3}",
        "git diff {empty} HEAD:",
        "git diff HEAD:a.txt {0}",
    ),
    *("git log -p --since=2001-01-01T00:00:00", "git log -p --grep=first:", "git log --cc"),
    *("git log --unified=3", "git log --binary", "git log -U1", "git log -c", "git log -u"),
    *("git log -Gcanary-o --oneline", "git log -Scanary-o --oneline -i --stat"),
    *("git show :/first:", "git show --grep=a:b HEAD", "git diff -Sa:b old", "git diff -U1 old"),
    *("git blame {0} -- .env", "git blame light -- a.txt", "git log -p {4}", "git log -p light"),
)


@pytest.mark.parametrize("asked", ASKED)
async def test_no_way_of_naming_an_object_shows_a_protected_file(repository: Path, asked: str):
    ids = [_git(repository, "rev-parse", f"HEAD:{each}") for each in OBJECTS]
    empty = _git(repository, "hash-object", "-t", "tree", "-w", "/dev/null")

    result = await _bench(repository).call(
        "run_terminal_command", command=asked.format(*ids, empty=empty)
    )

    assert "canary" not in _output(result).replace("git grep", "").replace("-Scanary-o", "")


def test_a_log_without_exclusions_shows_no_file_whichever_of_its_options_are_given(
    repository: Path,
):
    options = LOG_WITHOUT_FILES
    asked = [*options.flags, *options.optional, *(f"{each}=1" for each in options.values)]

    for option in asked:
        done = subprocess.run(
            [*GIT, "-C", str(repository), "log", option], capture_output=True, check=False
        )
        assert b"canary-" not in done.stdout, option


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        *(("git show HEAD:a.txt", "plain"), ("git show HEAD", "plain"), ("git show old", "plain")),
        *(("git show {0}", "first"), ("git log -p", "plain"), ("git log --oneline", "first")),
        *(("git diff old", "plain"), ("git diff old..HEAD -- a.txt", "plain")),
        *(
            ("git grep plain", "a.txt"),
            ("git grep two: HEAD", "a.txt"),
            ("git show HEAD:sub", "tree"),
        ),
        *(("git grep plain HEAD -- a.txt", "a.txt"), ("git diff old:a.txt HEAD:a.txt", "plain")),
        *(
            ("git show :a.txt", "plain"),
            ("git show HEAD a.txt", "plain"),
            ("git log -2 a.txt", "first"),
        ),
        *(
            ("git diff old:a.txt a.txt", "plain"),
            ("git blame a.txt", "plain"),
            ("git log -p a.txt", "plain"),
        ),
    ],
)
async def test_what_is_not_protected_is_shown_as_ever(repository: Path, asked: str, shown: str):
    commit = _git(repository, "rev-parse", "HEAD")

    result = await _bench(repository).call("run_terminal_command", command=asked.format(commit))

    assert shown in result.get("stdout", ""), result


async def test_nothing_is_shown_where_git_breaks_off_while_it_is_asked(tmp_path: Path):
    write_files(tmp_path, {".env": "canary: 1\n", "b.txt": "broken\n"})
    _git(tmp_path, "init", "-q")
    _git(tmp_path, "add", "-A", "-f")
    _git(tmp_path, "commit", "-qm", "first")
    secret, broken = (_git(tmp_path, "rev-parse", f"HEAD:{name}") for name in (".env", "b.txt"))
    damaged = tmp_path / ".git/objects" / broken[:2] / broken[2:]
    damaged.chmod(0o644)
    damaged.write_bytes(b"no object")

    command = f"git grep -v -e {broken} {secret}"
    result = await _bench(tmp_path).call("run_terminal_command", command=command)

    assert "canary" not in _output(result)
    assert "could not say" in _output(result)
