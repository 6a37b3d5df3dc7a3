"""Definitions of a stranger: no value of any field breaks, holds up or reaches a terminal.

`VALUES` is the corpus; each value stands in each field.  Add what you think of.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from inhouse.definitions.forms.read_text import read
from inhouse.definitions.schema.check_definition import check
from support.terminal import Terminal

PATH = Path("/w/.agents/a.json")
WORKS = {"id": "a", "displayName": "A", "model": "m"}
FIELDS: list[str] = [
    *("id", "displayName", "model", "version", "publisher", "localProvider", "reasoningOptions"),
    *("providerOptions", "mcpServers", "toolNames", "spawnableAgents", "inputSchema"),
    *("outputMode", "outputSchema", "spawnerPrompt", "systemPrompt", "instructionsPrompt"),
    *("stepPrompt", "includeMessageHistory", "inheritParentSystemPrompt", "windowedFileReads"),
    *("compactContext", "handleSteps", "__proto__", "constructor"),
]
CONTROLS = "\0\x1b]0;title\x07\x9b2J\u202e\r\x08"


def nested(depth: int, before: str, inside: str, after: str) -> Any:
    return json.loads(before * depth + inside + after * depth)


VALUES: dict[str, Any] = {
    "nothing": None,
    "a truth": True,
    "a number below zero": -1,
    "a number of 400 digits": 10**400,
    "no number": float("nan"),
    "no text": "",
    "a long text": "x" * 100_000,
    "controls": f"{CONTROLS}\nX: y",
    "a path": "../../x",
    "a path of the system": "/etc/passwd",
    "Markdown": "![x](http://192.0.2.1/x.png) [c](command:x) <img src=x>",
    "half of a character": "\ud800",
    "a long list": ["x"] * 5_000,
    "a list of anything": [1, None, {}, [], "a", CONTROLS],
    "members of every object": {"__proto__": {"a": 1}, "constructor": {"prototype": {}}},
    "lists in lists": nested(300, "[", "1", "]"),
    "objects in objects": nested(200, '{"properties":{"a":', "{}", "}}"),
    "many members": {f"k{number}": number for number in range(2_000)},
    "itself": {"$ref": "#"},
    "a reference to elsewhere": {"$ref": "http://192.0.2.1/x"},
    "a pattern with many brackets": {"properties": {"a": {"pattern": "(" * 1_000}}},
    "a schema of the wrong types": {"type": {"x": 1}, "properties": [1], "required": [{}, 1]},
    "a server of a user": {"baseUrl": "http://u:p@127.1:99999/v1", "apiKey": "${env:HOME}\n"},
    "half an address": {"baseUrl": "http://[::1"},
    "two hosts": {"baseUrl": "http://127.0.0.1\\@192.0.2.1/v1"},
    "a server that is a file": {"baseUrl": "file:///etc/passwd"},
    "a header in an address": {"baseUrl": "http://127.0.0.1:1/v1?x=\r\nHost: e"},
    "servers of MCP": {
        "a/b": {"command": "x"},
        "\n": {"command": "x", "env": {"PATH": "$HOME", "A\n": "b", "": "c"}},
        "c": {"command": ["x"]},
        "d": {"url": "http://u:p@192.0.2.1"},
        "e": {"type": "sse", "url": "javascript:x"},
        "__proto__": {"command": "x"},
    },
    "half a generator": "function* (",
    "a generator without an end": "function* () { while (true) {} }",
    "a generator with many brackets": "function* () {" + "(" * 2_000,
}


@pytest.mark.parametrize("name", VALUES)
def test_no_value_of_a_field_breaks_a_definition_or_makes_its_problems_unreadable(name: str):
    for member in FIELDS:
        reading = read(PATH, json.dumps({**WORKS, member: VALUES[name]}))
        problems = list(reading.problems)
        for found in reading.found:
            problems += check(found, PATH, environment={}, known_tools={"read_files"}).problems
        for problem in problems:
            assert problem.code != "internal", member
            assert len(problem.message) < 2_100, member
            assert not any(each in problem.message for each in "\0\x1b\x07\x9b\u202e\r"), member


def test_no_such_definition_breaks_a_list_of_agents_or_reaches_the_terminal(terminal: Terminal):
    folder = terminal.workspace / ".agents"
    for number, value in enumerate(VALUES.values()):
        written = {**dict.fromkeys(FIELDS, value), **WORKS, "id": f"a{number}"}
        (folder / f"a{number}.json").write_text(json.dumps(written))
        shown = {"id": f"b{number}", "displayName": value, "spawnerPrompt": value, "model": value}
        (folder / f"b{number}.json").write_text(json.dumps(shown))

    for words in (("agents",), ("agents", "--json"), ("explain", "a7"), ("trust", "--show")):
        done = terminal(*words)
        assert "Traceback" not in done.err, words
        assert "internal error" not in done.err, words
        for each in "\0\x1b\x07\x9b\u202e\x08":
            assert each not in done.out + done.err, words
