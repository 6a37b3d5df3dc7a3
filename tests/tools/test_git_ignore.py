"""The project's ignore files mean what Git says that they mean."""

import subprocess
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.tools.access.access_policy import access_to
from inhouse.tools.access.ignore_rules import IgnoreRules
from inhouse.tools.access.paths import locate
from inhouse.tools.files.walk import files_under

NAMES = ["a", "b", "dir", "x.log", "y.txt", "sp ace", "\u00e4", "#h", "a b "]
PART = st.sampled_from(
    [
        *(*NAMES, "*", "**", "*.log", "?", "[ab]", "[!a]", "d*r", "\\a", "*.*", "b*", "[a-c]"),
        *("x.lo[g]", "***", "a**", "**b", "[]a]", "[!]a]", "[[:alpha:]]", "[[:foo:]a]", "[a-"),
        *("[c-a]", "[a-]", "[-a]", "[\\]a]", "?*", "\u00e4*", "[!\u00e4]", "\\#h", "{a,b}"),
    ]
)
LINE = st.builds(
    lambda negated, rooted, parts, folder, space: (
        ("!" if negated else "") + ("/" if rooted else "") + "/".join(parts) + folder + space
    ),
    st.booleans(),
    st.booleans(),
    st.lists(PART, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", "/*", "/**"]),
    st.sampled_from(["", "", "", " ", "\\ ", "  ", "\t", "\r", " \\"]),
)
LINES = st.lists(st.one_of(LINE, st.sampled_from(["", "# x", "\\#a", "\\!b", "/"])), max_size=5)
PATHS = [
    *NAMES,
    *(f"dir/{name}" for name in NAMES),
    *(f"dir/dir/{name}" for name in NAMES),
    *(f"a/{name}" for name in NAMES[2:]),
    *(f"a/dir/b/{name}" for name in NAMES[2:]),
]
EXCLUDE = ".git/info/exclude"
FILES = [path for path in PATHS if not any(other.startswith(f"{path}/") for other in PATHS)]


def git(folder: Path, *words: str, given: str = "") -> str:
    done = subprocess.run(
        ["git", "-c", "core.excludesFile=", *words],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def _repository(folder: Path) -> Path:
    git(folder, "init", "-q")
    for path in FILES:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x\n")
    return folder


@given(st.lists(LINES, min_size=3, max_size=3), st.sets(st.sampled_from(FILES), max_size=3))
@settings(max_examples=25)
def test_a_file_is_ignored_where_git_ignores_it(tmp_path_factory, lines, tracked):
    folder = _repository(tmp_path_factory.mktemp("repository"))
    for place, text in zip((".gitignore", "dir/.gitignore", EXCLUDE), lines, strict=True):
        (folder / place).write_text("".join(f"{line}\n" for line in text), newline="")
    if tracked:
        git(folder, "add", "-f", "--", *sorted(tracked))

    told = set(git(folder, "check-ignore", "-z", "--stdin", given="\0".join(FILES)).split("\0"))
    told -= {""}
    rules = IgnoreRules(folder)
    ours = {path for path in FILES if rules.rule(path, is_folder=False)}
    walked = set(files_under(access_to([folder]), locate(".", [folder])))

    assert ours == told
    assert walked >= set(FILES) - told
    assert not walked & told


def test_the_users_own_file_and_that_of_a_worktree_count_as_for_git(tmp_path, monkeypatch):
    settings = tmp_path / "settings"
    settings.write_text(f'[user]\n\tname = x\n[Core]\n\texcludesFile = "{tmp_path}/mine"\n')
    (tmp_path / "mine").write_text("*.log\n/dir/y.txt\nb\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    top = tmp_path / "top"
    top.mkdir()
    _repository(top)
    (top / ".gitignore").write_text("!dir/x.log\n")
    author = ("-c", "user.name=x", "-c", "user.email=x@localhost")
    subprocess.run(["git", *author, "commit", "-qm", "x", "--allow-empty"], cwd=top, check=True)
    subprocess.run(
        ["git", "worktree", "add", "-q", "--detach", tmp_path / "other"], cwd=top, check=True
    )
    for name in FILES:
        (tmp_path / "other" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "other" / name).write_text("x\n")
    (top / EXCLUDE).write_text("sp ace\n")

    for folder, prefix in ((top, ""), (tmp_path / "other", ""), (top / "dir", "dir/")):
        names = [name.removeprefix(prefix) for name in FILES if name.startswith(prefix)]
        done = subprocess.run(
            ["git", "check-ignore", "-z", "--stdin"],
            cwd=folder,
            input="\0".join(names),
            capture_output=True,
            text=True,
            check=False,
        )
        rules = IgnoreRules(folder)
        ours = {name for name in names if rules.rule(name, is_folder=False)}
        assert ours == set(done.stdout.split("\0")) - {""}
        assert ours
    assert "core.excludesFile" in (IgnoreRules(top).rule("x.log", is_folder=False) or "")
