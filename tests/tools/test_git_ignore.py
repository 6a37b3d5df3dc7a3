"""The project's ignore files mean what Git says that they mean."""

import subprocess
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.tools.access.access_policy import access_to
from inhouse.tools.access.ignore_rules import IgnoreRules
from inhouse.tools.access.paths import locate
from inhouse.tools.files.walk import files_under

NAMES = ["a", "b", "dir", "x.log", "y.txt", "sp ace"]
PART = st.sampled_from(
    [*NAMES, "*", "**", "*.log", "?", "[ab]", "[!a]", "d*r", "\\a", "*.*", "b*", "[a-c]", "x.lo[g]"]
)
LINE = st.builds(
    lambda negated, rooted, parts, folder, space: (
        ("!" if negated else "") + ("/" if rooted else "") + "/".join(parts) + folder + space
    ),
    st.booleans(),
    st.booleans(),
    st.lists(PART, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", "/*", "/**"]),
    st.sampled_from(["", "", "", " ", "\\ ", "  "]),
)
LINES = st.lists(st.one_of(LINE, st.sampled_from(["", "# x", "\\#a", "\\!b", "/"])), max_size=5)
PATHS = [
    *NAMES,
    *(f"dir/{name}" for name in NAMES),
    *(f"dir/dir/{name}" for name in NAMES),
    *(f"a/{name}" for name in NAMES[2:]),
    *(f"a/dir/b/{name}" for name in NAMES[2:]),
]
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


@given(st.lists(LINES, min_size=2, max_size=2), st.sets(st.sampled_from(FILES), max_size=3))
@settings(max_examples=25)
def test_a_file_is_ignored_where_git_ignores_it(tmp_path_factory, lines, tracked):
    folder = _repository(tmp_path_factory.mktemp("repository"))
    for place, text in zip(("", "dir/"), lines, strict=True):
        (folder / f"{place}.gitignore").write_text("".join(f"{line}\n" for line in text))
    if tracked:
        git(folder, "add", "-f", "--", *sorted(tracked))

    told = set(git(folder, "check-ignore", "--stdin", given="\n".join(FILES)).splitlines())
    rules = IgnoreRules(folder)
    ours = {path for path in FILES if rules.rule(path, is_folder=False)}
    walked = set(files_under(access_to([folder]), locate(".", [folder])))

    assert ours == told
    assert walked >= set(FILES) - told
    assert not walked & told
