"""Without ripgrep the same is found: one corpus, many patterns and flags, both programs."""

import json
from pathlib import Path

import pytest

from inhouse.tools.files.overlay import seen
from inhouse.tools.search import python_grep, ripgrep
from inhouse.tools.search.code_search import search
from inhouse.tools.search.flags import read_flags
from inhouse.tools.search.patterns import over_lines
from inhouse.tools.search.results import Query, Results
from support.workspaces import Bench, bench

FILES = {
    "a.py": "def one():\n    return 1\n\n\ndef two(x):\n    return [x, 'Two', \"two\"]\n# end",
    "crlf.ts": "const needle = 1;\r\nfunction f() {\r\n  return needle;\r\n}\r\n\r\n// Ende\r\n",
    "mixed.md": "# Title\n\nword-word word_word word\r\n- a\tb\r\n- (c) [d] {e}\n```\ncode\n```\n",
    "odd.txt": "form\ffeed\nsep\u2028arator\nümlaut Ünder 😀 \U0001d518\ncomposed \u00e9\n"
    "\u00a0nbsp\nlone\rcr\n",
    "sub/deep/b.py": "class A:\n    def one(self): pass\n\n\nclass B(A):\n    pass\n",
    "sub/c.PY": "needle upper name\n",
    "sub/d.rs": 'fn main() { println!("{}", 1); }\n\n\n',
    "empty.txt": "",
    "blank.txt": "\n\n\n",
    "one_line": "needle without end",
    ".hidden/e.toml": "[tool]\nname = 'needle'\n",
    "bom.txt": "\ufeffneedle first\nlast\n",
    "wide.txt": "needle ä breit\nzwei\n".encode("utf-16"),
    "Makefile": "all:\n\techo needle\n",
    "Dockerfile.dev": "FROM needle\n",
}
PATTERNS = [
    *("needle", "Needle", "one|two", r"\bone\b", r"return \[?\w", r"^def ", r"\)$", r";$", r"^$"),
    *(r"^\s*$", r"\s$", r"^\s+\w", r".", r"^.$", r"^.{4}$", r"word\b", r"[a-c]\t", r"\(c\) \["),
    *(r"[[:upper:]]\w+", r"[^[:alnum:]\s]{2}", r"\p{Lu}\p{Ll}+", r"\pL+ \x{1F600}", r"[\p{L}&]+$"),
    *(r"\x41", r"\u{fc}", r"(?i)two", r"t(?i)WO|ONE", r"(?i:D)ef", r"(?P<a>n)eedle", r"(?<a>n)e+"),
    *(r"(?<=const )needle", r"needle(?! =)", r"(\w)\1", r"(?>a+)b", r"\<word\>", r"\b{start}w"),
    *(r"a{2}", r"\d+", r"\D$", r"\W{3}", r"[]x]", r"[^]x]$", r"[a\]]\b", r"\{\}", r"\.", r"\-"),
    *(r"form.feed", r"sep.arator", r"lone.cr", r"lone\scr", r"^cr", r"lone$", r"nbsp", r"^\s?nbsp"),
    *(r"\u00e9$", "Grüße", r"Gr..e", r"M.ller", "breit", r"ä b", r"first$", r"^needle f", r"```"),
    *(
        "\\n",
        r"1;\n",
        r"\n\n\n",
        r"\}\r\n",
        r"one\(\):\n\s+return",
        r"(?s)class A.*class B",
        r"a\nb",
    ),
    *(r"\)\n|\]\n", r"^\n", r"\n$", r"x\n*", r"(?s).", r"[^x]\n[^y]", "needle\nname", r"end\z"),
]
FLAGS = [
    *("", "-i", "-w", "-x", "-F", "-v", "-S", "-l", "-c", "-m 1 -A 1", "-C 2", "-B1", "-s"),
    *("-U", "-U --multiline-dotall", "-Uv", "-Uw -A1", "-vc", "-U -c", "-P"),
]
CHOICES = [
    *("", "-g '*.py'", "-g '!*.py'", "-g '*.{py,ts}'", "-g sub", "-g 'sub/**'", "-g '/sub/*'"),
    *("-g '**/deep/*.py'", "-g '*.py' -g '!sub'", "-g '!sub' -g '*.py'", "--iglob '*.py'"),
    *("-t py", "-tpy -trust", "-T py", "-t py -T py", "-t make -t docker", "-t py -g '*.ts'"),
    *(
        "-t py -g '!sub'",
        "-d 1",
        "-d 2",
        "--max-depth=0",
        "-t all",
        "-g '.hidden/*'",
        "-g '[a-b].*'",
    ),
    *("--include '*.py'", "--exclude-dir sub", "-g '*/'", "-g 'sub/'", "-t nothing"),
]


async def both(here: Bench, pattern: str, flags: str, cwd: str = ".") -> tuple[str, str]:
    """Give what each program finds; an error is the word alone: each has its own ones."""
    files = await seen(here.context)
    place = here.context.access.place(cwd)
    pattern, read = over_lines(pattern, read_flags(flags))
    query = Query((place,), pattern, read, read.per_file or 15)
    found = await search(files, query, program=ripgrep.find())
    request = json.loads(ripgrep.fallback(query, place, files.below(place)).given)
    results = Results(here.context.access, query)
    try:
        for event in python_grep.found(request):
            results.add(place, event["data"]["path"]["text"], event)
            if results.is_enough:
                break
        other = results.value()["stdout"]
    except (ValueError, python_grep.re.error):
        other = "error"
    return found.get("stdout", "error"), other


@pytest.mark.parametrize("flags", FLAGS)
async def test_each_pattern_finds_the_same_lines(tmp_path: Path, flags: str):
    here = bench(tmp_path, FILES)
    differing = {}

    for pattern in PATTERNS if not flags else PATTERNS[FLAGS.index(flags) % 6 :: 6]:
        theirs, ours = await both(here, pattern, flags)
        if theirs != ours:
            differing[pattern] = (theirs, ours)

    assert not differing


@pytest.mark.parametrize("cwd", [".", "sub"])
async def test_each_choice_of_files_is_the_same(tmp_path: Path, cwd: str):
    here = bench(tmp_path, FILES)
    differing = {}

    for flags in CHOICES:
        theirs, ours = await both(here, ".", f"-l {flags}", cwd)
        if theirs != ours:
            differing[flags] = (theirs, ours)

    assert not differing


def test_the_types_of_files_are_those_of_ripgrep():
    import subprocess

    told = subprocess.run([ripgrep.find(), "--type-list"], capture_output=True, check=True).stdout
    kept = Path(python_grep.__file__).with_name("ripgrep_types.txt").read_bytes()

    assert kept == told
