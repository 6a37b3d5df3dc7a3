"""Files, pages and connections that mean no good: read in bounds, or refused."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse import processes
from inhouse.bounded_yaml import load_yaml
from inhouse.core.protected_files import rule
from inhouse.definitions.forms.toml_text import read_toml
from inhouse.definitions.sandbox.confinement import Confinement, RefusedFileError
from inhouse.definitions.schema.check_json_schema import schema_mistakes
from inhouse.settings import read_settings
from inhouse.settings.layers import Layer, text_layer
from inhouse.tools.access.access_policy import access_to
from inhouse.tools.context import Fetched
from inhouse.tools.input.check_input import problem_with
from inhouse.tools.knowledge import read_skill, skills
from inhouse.tools.shell.laid_git import repository_at
from support.terminal import Terminal
from support.workspaces import bench, write_files

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)
MERGE = "a: &a {x: 1}\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} {{<<: [{','.join([f'*{chr(97 + n)}'] * 9)}]}}\n"
    for n in range(12)
)


TOML = {
    "a key of 60,000 names": ".".join(["a"] * 60_000) + " = 1",
    "900 names that are quotation marks": r'"\"".' * 900 + "a = 1",
    "a header of 60,000 names": "[" + " . ".join(['"a"'] * 30_000) + "]",
    "a key inside of a table": "a = { " + ".".join(["a"] * 60_000) + " = 1 }",
    "a number of 100,000 digits": "maxSteps = " + "9" * 100_000,
    "a number of 100,000 digits in hexadecimal": "maxSteps = 0x" + "f" * 100_000,
    "lists in lists": "a = " + "[" * 50_000 + "]" * 50_000,
    "20,000 unknown settings": "".join(f"k{n} = 1\n" for n in range(18_000)),
    "6,000 endpoints, all wrong": "".join(f"[endpoints.e{n}]\nbaseUrl = 1\n" for n in range(6_000)),
    "4,000 routes to nowhere": "".join(
        f"[[routes]]\nagents = 'a'\nendpoint = 'x{n}'\n" for n in range(4_000)
    ),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", TOML)
def test_a_hostile_inhouse_toml_is_told_about_and_holds_nothing_up(name: str):
    layer = text_layer(Path("/w/inhouse.toml"), TOML[name], from_workspace=True)

    settings, problems = read_settings([layer])

    assert problems
    assert all(len(one.message) < 500 for one in problems)
    assert settings.max_steps == read_settings(())[0].max_steps


@pytest.mark.timeout(20)
@pytest.mark.parametrize("first", ['"=".', r'"\\".', "a."])
def test_a_key_of_a_definition_has_no_thousands_of_parts(first: str):
    (problem,) = read_toml(Path("x.toml"), f"x = 1\n{first}{'a.' * 60_000}x = 1\n").problems

    assert (problem.code, problem.range.start.line) == ("too-deep", 1)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text", [BOMB, MERGE, "[" * 5_000, "a: " * 5_000, "- " * 9_000, "x" * 200_000, "*a", "&a *a"]
)
def test_yaml_is_bounded(text: str):
    with pytest.raises(ValueError, match=r"."):
        load_yaml(text)
    read_skill("s", f"---\n{text}\ndescription: *i\n---\nbody")


def test_plain_yaml_is_read():
    skill = read_skill("s", "---\nname: s\ndescription: >\n  it\n  helps\n---\nbody")

    assert skill is not None
    assert (skill.name, skill.description) == ("s", "it helps")


PAGES = {
    "nested": b"<div>" * 3_000 + b"deep" + b"</div>" * 3_000,
    "lists": b"<ul><li>" * 1_000 + b"deep",
    "spaces": b"<p>a" + b" " * 400_000 + b"deep",
    "tags": b"<b " * 20_000 + b">deep",
    "text": b"<p>deep</p>",
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", PAGES)
async def test_no_page_holds_or_breaks_the_tool(tmp_path: Path, name: str):
    async def fetch(url: str) -> Fetched:
        return Fetched(200, url, "text/html", b"<html><body>" + PAGES[name])

    result = await bench(tmp_path, fetch=fetch).call("read_url", url="https://example.com/")

    assert "deep" in result.get("text", "") or "Go on without it" in result["errorMessage"]
    if name in ("nested", "spaces", "text"):
        assert "deep" in result["text"]


@pytest.mark.timeout(30)
@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes and devices")
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
async def test_a_pipe_or_device_in_a_gits_folder_holds_nothing(tmp_path: Path, make):
    names = ("index", "packed-refs", "HEAD", "commondir", "config")
    (tmp_path / ".git/info").mkdir(parents=True)
    for name in (*names, "info/exclude"):
        make(tmp_path / ".git" / name)
    make(tmp_path / "package.json")
    (tmp_path / "a.txt").write_text("found")

    result = await bench(tmp_path).call("read_files", paths=["a.txt"])
    repository = repository_at(tmp_path)
    Confinement(tmp_path / "in/.agents/a.ts", roots=[tmp_path / "in"])

    assert "found" in str(result)
    assert repository is None or repository.head == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits it from outside")
async def test_a_program_that_reads_without_an_end_gets_no_more_memory_than_it_may(tmp_path: Path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").symlink_to("/dev/zero")
    words = [sys.executable, "-c", "open('/dev/zero').read(3 << 30)"]

    done = await processes.run(words, seconds=60, memory=200 << 20)
    result = await bench(tmp_path).call("code_search", pattern="found")

    assert b"MemoryError" in done.errors
    assert "memory" in result["errorMessage"]


@pytest.mark.timeout(30)
@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes and devices")
def test_a_file_of_certificates_is_a_file(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.pem")
    for path in ("/dev/zero", str(tmp_path / "pipe.pem")):
        written = {"endpoints": {"x": {"baseUrl": "http://127.0.0.1:1/v1", "caFile": path}}}
        layer = Layer(written, "inhouse.toml", from_workspace=True, trusted=False)

        _, problems = read_settings([layer])

        assert "cannot be read" in problems[0].message


SECRETS = (
    *("service-account.json", ".docker/config.json", ".aws/x.json", ".ssh/x.md", ".git/x.json"),
    *("prod.env", ".env.json", "credentials.json", "x.tfstate", "x.tfstate.backup", ".ENV.json"),
    *("id_rsa.md", "secrets.json", "client_secret_1.json", "server.key.json", "Credentials.JSON"),
    *(".gi\u200bt/x.json", "a/.kube/x.json", "x.pem.bak", "x.key~", ".env.bak"),
)


@pytest.mark.parametrize("name", [one for one in SECRETS if one != "server.key.json"])
def test_a_secret_is_neither_read_by_a_tool_nor_imported(tmp_path: Path, name: str):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('"canary"')
    link = tmp_path / "plain.json"
    link.symlink_to(path)
    confinement = Confinement(tmp_path / ".agents/a.ts", roots=[tmp_path])

    if name != "id_rsa.md":
        assert rule(name)
        for each in (path, link):
            with pytest.raises(RefusedFileError):
                confinement.read(each)


@pytest.mark.parametrize("secret", [".env", ".git/notes.md", "secrets.yaml", "plain.md"])
@pytest.mark.parametrize("by_folder", [False, True], ids=["file", "folder"])
def test_no_skill_is_a_link_to_a_secret(tmp_path: Path, secret: str, by_folder: bool):
    write_files(tmp_path / "here", {secret: "---\ndescription: canary\n---\ncanary\n"})
    folder = tmp_path / "here" / ("kept/one" if by_folder else ".agents/skills/one")
    folder.mkdir(parents=True)
    (folder / "SKILL.md").symlink_to(tmp_path / "here" / secret)
    if by_folder:
        (tmp_path / "here/.agents/skills").mkdir(parents=True)
        (tmp_path / "here/.agents/skills/one").symlink_to(folder)

    found = skills(access_to((tmp_path / "here",)), tmp_path / "home")

    assert list(found) == (["one"] if secret == "plain.md" else [])


@pytest.mark.parametrize(
    "name", ["src/env.ts", "credentials/index.ts", "keys.json", "environment.md", ".env.example"]
)
def test_what_is_no_secret_is_still_read(name: str):
    assert rule(name) is None


@pytest.mark.parametrize(
    "words", [("agents",), ("explain", "x"), ("doctor",), ("trust", "--show"), ("agents", "--json")]
)
def test_no_escape_of_a_workspace_reaches_the_terminal(terminal: Terminal, words: tuple[str, ...]):
    evil = "\x1b]0;title\x07\x9b2J\u202e\x08"
    quoted = json.dumps(evil, ensure_ascii=False).replace("\x9b", "\\u009b")
    (terminal.workspace / ".agents/x.json").write_text(
        f'{{"id": "x", "displayName": {quoted}, "spawnerPrompt": {quoted}, "model": {quoted},'
        f' "toolNames": [{quoted}]}}'
    )
    toml = json.dumps(evil)
    terminal.settings(f"{toml} = 1\nprivacy = {toml}\n[endpoints.{toml}]\nbaseUrl = {toml}\n")

    done = terminal(*words)

    for each in "\x1b\x07\x9b\u202e\x08":
        assert each not in done.out + done.err


@pytest.mark.skipif(os.name == "nt", reason="makes a pipe")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["inhouse.toml", ".agents/x.ts", ".agents/package.json"])
def test_a_pipe_in_a_files_place_holds_nothing_up(terminal: Terminal, name: str):
    os.mkfifo(terminal.workspace / name)

    for words in (("agents",), ("trust", "--show"), ("explain", "x")):
        assert "Traceback" not in terminal(*words, timeout=20).err


DOUBLING = {
    "$defs": {
        **{
            f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}, {"$ref": f"#/$defs/a{n + 1}"}]}
            for n in range(60)
        },
        "a60": {"type": "integer"},
    },
    "$ref": "#/$defs/a0",
}
MANY = [{"a": n} for n in range(60_000)]
SCHEMAS: dict[str, tuple[dict[str, Any], Any]] = {
    "references that double": (DOUBLING, "x"),
    "references that double, evaluated once more": ({**DOUBLING, "unevaluatedItems": False}, []),
    "a circle": ({"$ref": "#"}, 1),
    "a pattern that backtracks": ({"pattern": "^(a+)+$"}, "a" * 60 + "!"),
    "a pattern with many repeats": ({"pattern": "a*a*a*a*a*a*a*b"}, "a" * 5_000),
    "a pattern for names": ({"patternProperties": {"^(a|a)*$": False}}, {"a" * 60 + "!": 1}),
    "a pattern for other names": (
        {"patternProperties": {"^(a|aa)+$": {}}, "additionalProperties": False},
        {"a" * 60 + "!": 1},
    ),
    "items that differ": ({"uniqueItems": True}, MANY),
    "one of many": ({"items": {"enum": MANY[:20_000]}}, MANY),
    "an anchor that is looked for": (
        {"$defs": {"x": {"$anchor": "x"}, "y": {"enum": MANY}}, "items": {"$ref": "#x"}},
        MANY,
    ),
    "types that differ": ({"type": ["string", *MANY]}, "x"),
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("within", [False, True], ids=["root", "below a $schema"])
@pytest.mark.parametrize("name", SCHEMAS)
def test_no_schema_takes_long_to_check(name: str, *, within: bool):
    """Each of these took minutes, or years; a schema comes with a definition or an MCP server."""
    schema, value = SCHEMAS[name]
    if within:
        inner = {"$schema": DIALECT, **{key: schema[key] for key in schema if key != "$defs"}}
        schema = {"$defs": schema.get("$defs", {}), "allOf": [inner]}

    problem = problem_with(schema, value)

    assert problem is None or "too many steps" in problem or "nested too deep" in problem


@pytest.mark.parametrize(
    ("hidden", "value"),
    [
        ({"pattern": 5}, "x"),
        ({"multipleOf": 0}, 3),
        ({"properties": 5}, {}),
        ({"type": "text"}, 1),
        ({"required": [[]]}, {}),
        ({"$ref": 5}, 1),
        (5, 1),
    ],
)
def test_what_a_schema_hides_from_its_own_check_allows_everything(hidden: object, value: object):
    """One tool of one server would end a run."""
    schema = {"properties": {"a": {"$ref": "#/x"}}, "x": hidden}

    assert problem_with(schema, {"a": value}) is None


def test_a_schema_whose_names_are_no_names_is_told_about_in_time():
    schema = {"type": "object", "properties": {}, "required": MANY}

    assert "invalid-schema" in {each.code for each in schema_mistakes(schema, ())}


@given(
    pattern=st.recursive(
        st.sampled_from(["a", "b", ".", "[ab]", "^", "$", "(?:)"]),
        lambda inner: st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
            st.tuples(inner, st.sampled_from(["*", "+?", "{2,}", "{0,3}", "?"])).map(
                lambda two: f"(?:{two[0]}){two[1]}"
            ),
        ),
        max_leaves=6,
    ),
    text=st.text("ab", max_size=12),
)
@settings(max_examples=300, deadline=None)
def test_a_pattern_that_is_checked_says_what_it_always_said(pattern: str, text: str):
    problem = problem_with({"type": "string", "pattern": pattern}, text)

    assert problem is None or re.search(pattern, text) is None
    if pattern.isalpha():
        assert (problem is None) == (pattern in text)
