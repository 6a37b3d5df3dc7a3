"""Where in a definition a cursor is; ``|`` marks it."""

from pathlib import Path

import pytest

from inhouse.definitions.cursor import path_at
from inhouse.definitions.readers.source_ranges import Lines


def look(text, name="a.ts"):
    offset = text.index("|")
    text = text[:offset] + text[offset + 1 :]
    return path_at(Path("/w/.agents") / name, text, Lines(text).position(offset))


KEYS = [
    ("a.ts", "export default { id: 'x', | }", (), "", ""),
    ("a.ts", "export default { id: 'x', dis| }", (), "dis", "dis"),
    ("a.ts", "const d = { i|d: 'x' }", (), "id", "i"),
    (
        "a.ts",
        "const d: AgentDefinition = {\n  id: 'x',\n  inputSchema: { prompt: { |",
        ("inputSchema", "prompt"),
        "",
        "",
    ),
    ("a.ts", "const d = {\n  model: 'y'\n  disp|\n}", (), "disp", "disp"),
    ("a.ts", "export default {\n  systemPrompt: `a ${b} c`,\n  mod|", (), "mod", "mod"),
    ("a.ts", "export default make({ i|", (), "i", "i"),
    ("a.json", '{"id": "x", "|"}', (), "", ""),
    ("a.json", '{"id": "x", "localProvider": {"base|', ("localProvider",), "base", "base"),
    ("a.yaml", "id: x\nmo|\n", (), "mo", "mo"),
    ("a.yaml", "id: x\nlocalProvider:\n  base|", ("localProvider",), "base", "base"),
    ("a.toml", 'id = "x"\nmo|', (), "mo", "mo"),
    ("a.toml", "[mcpServers.x]\ncom|", ("mcpServers", "x"), "com", "com"),
    ("a.md", "---\nname: x\nto|\n---\n", (), "to", "to"),
]
VALUES = [
    ("a.ts", "export default { outputMode: 'str|uc' }", ("outputMode",), "struc", "str"),
    ("a.ts", "export default { outputMode: '|\n  model: 'x' }", ("outputMode",), "", ""),
    ("a.ts", "export default { toolNames: ['a', '|'] }", ("toolNames", 1), "", ""),
    ("a.ts", "export default { toolNames: ['a', | ]", ("toolNames", 1), "", ""),
    ("a.ts", "const d = { x: 'é😀', model: a ? 'b' : '|'", ("model",), "", ""),
    ("a.json", '{"toolNames": ["a", "|"]}', ("toolNames", 1), "", ""),
    ("a.yaml", "model: so|\n", ("model",), "so", "so"),
    ("a.yaml", "toolNames:\n  - a\n  - re|\n", ("toolNames", 0), "re", "re"),
    ("a.yaml", "toolNames: [a, re|", ("toolNames", 1), "re", "re"),
    ("a.toml", 'model = "a|"', ("model",), "a", "a"),
    ("a.toml", 'toolNames = [\n  "a",\n  "r|"\n]', ("toolNames", 0), "r", "r"),
    ("a.md", "---\nname: x\ntools: Read, Gr|\n---\n", ("tools",), "Gr", "Gr"),
    ("a.md", "---\nname: x\n---\nbo|dy", ("instructionsPrompt",), "dy", ""),
]
NOWHERE = [
    ("a.ts", "|export default {}"),
    ("a.ts", "const d = { handleSteps: function* () { const a = { | } } }"),
    ("a.ts", "function f() { return { id| } }"),
    ("a.md", "no front |matter"),
]


@pytest.mark.parametrize(("name", "text", "container", "word", "typed"), KEYS)
def test_a_key_is_known_by_its_object(name, text, container, word, typed):
    found = look(text, name)

    assert (found.role, found.container, found.word, found.typed) == ("key", container, word, typed)
    assert found.path == (*container, word)


@pytest.mark.parametrize(("name", "text", "path", "word", "typed"), VALUES)
def test_a_value_is_known_by_its_path(name, text, path, word, typed):
    found = look(text, name)

    assert found is not None
    assert (found.role, found.path, found.typed) == ("value", path, typed)
    assert found.word.strip() == word


@pytest.mark.parametrize(("name", "text"), NOWHERE)
def test_elsewhere_is_nowhere(name, text):
    assert look(text, name) is None


def test_the_range_is_what_a_completion_replaces_in_utf16():
    found = look("export default { x: '😀', outputMode: 'al|l' }")

    assert (found.range.start.character, found.range.end.character) == (39, 42)
    assert found.quoted
