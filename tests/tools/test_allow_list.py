"""The allow-list lets through what it names, and no trick around it."""

import pytest

from inhouse.tools.shell.allow_list import is_listed

LISTED = ("git status", "npm test", "ls", "make build && make test", "npm run *")


@pytest.mark.parametrize(
    "command",
    [
        "git status",
        "  git status  ",
        "git   status --short",
        "git 'status' -s",
        "npm test -- --watch",
        "ls src",
        "make build && make test",
        "npm run build",
    ],
)
def test_what_is_listed_runs(command: str):
    assert is_listed(command, LISTED)


@pytest.mark.parametrize(
    "command",
    [
        "",
        " ",
        "git",
        "git push",
        "gitstatus",
        "git status; rm -rf .",
        "git status && rm x",
        "git status || rm x",
        "git status | sh",
        "git status & rm x",
        "git status\nrm x",
        "git status\r\nrm x",
        "git status $(rm x)",
        "git status `rm x`",
        "git status ${IFS}",
        "git status > out",
        "git status < in",
        "git status <(rm x)",
        "git status \\\nrm",
        "git status #",
        "git status *",
        "git status ?",
        "git status [a]",
        "git status {a,b}",
        "git status ~",
        "git status !x",
        "git status 'unclosed",
        "PATH=. git status",
        "X+=1 git status",
        "(git status)",
        "! git status",
        "git status \u2028rm",
        "git status %PATH%",
        "git status ^& rm",
        "make build && make test && rm x",
        "make build",
        "LS",
        "/bin/ls",
        "./ls",
        "env ls",
        "sudo ls",
        "npm",
    ],
)
def test_what_is_not_listed_does_not(command: str):
    assert not is_listed(command, LISTED)


@pytest.mark.parametrize("word", ["../x", "--output=../x", "-o../x", "--a=b=../x", "x=../x"])
def test_added_arguments_may_not_name_what_is_refused(word: str):
    assert not is_listed(f"ls {word}", LISTED, may_name=lambda path: path != "../x")
    assert is_listed("ls src", LISTED, may_name=lambda path: path == "src")


def test_a_star_alone_allows_nothing():
    assert not is_listed("rm x", ("*", "", " *"))
