"""What tools take and give is Codebuff's, so that its definitions run here as they are."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from inhouse.core.definition import OutputMode
from inhouse.core.messages import ToolMessage
from inhouse.core.ports import Tool
from inhouse.providers.scripted import call, say
from inhouse.tools import own, specs
from inhouse.tools.tool_set import ToolSet
from support.play import agent, play
from support.workspaces import bench

CODEBUFF = json.loads(Path(__file__).with_name("codebuff_tools.json").read_text(encoding="utf-8"))
"""Input, result and ``endsAgentStep`` of each tool, without descriptions."""
SKILL = "---\nname: release\ndescription: How to\n---\nDo it.\n"


TOLD_BESIDE = {"read_files": "message", "run_terminal_command": "message"}
"""What stands in a result beside Codebuff's members: why a file's content is a marker, and how a
command in the background is asked for its output."""


def fits(name: str, value: Any) -> None:
    beside = TOLD_BESIDE.get(name)
    if isinstance(value, list):
        value = [_without(beside, each) for each in value]
    jsonschema.Draft202012Validator(CODEBUFF[name]["output"]).validate(_without(beside, value))


def _without(member: str | None, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: told for key, told in value.items() if key != member}


@pytest.mark.parametrize("name", specs.names())
def test_each_schema_is_one_and_describes_an_object(name):
    spec = specs.spec(name)

    jsonschema.Draft202012Validator.check_schema(dict(spec.parameters))
    assert spec.parameters["type"] == "object"
    assert spec.description


def test_a_file_among_our_own_tools_is_a_tool_of_that_name():
    files = {path.stem for path in Path(own.__path__[0]).glob("*.py")} - {"__init__"}

    assert set(specs.own_tools()) == files
    assert files <= set(specs.names())
    assert files.isdisjoint(CODEBUFF)


def test_a_tool_is_made_when_it_is_first_asked_for_and_once():
    made = []

    def make():
        made.append(Tool(specs.spec("glob"), None))
        return made[-1]

    tools = ToolSet({"glob": make}, [Tool(specs.spec("skill"), None)])

    assert (list(tools), "glob" in tools, len(tools), made) == (["glob", "skill"], True, 2, [])
    assert tools["glob"] is tools["glob"]
    assert [tool.spec.name for tool in tools.values()] == ["glob", "skill"]
    assert len(made) == 1
    assert tools.get("nothing") is None


ADDED = {"run_terminal_command": ("process_id",)}
"""What may be given beyond what Codebuff's tools take, and never must be."""


@pytest.mark.parametrize("name", CODEBUFF)
def test_each_tool_takes_what_codebuffs_takes(name):
    ours = _bare(specs.spec(name).parameters)
    for added in ADDED.get(name, ()):
        assert added not in ours["required"]
        del ours["properties"][added]
    assert ours == _bare(CODEBUFF[name]["input"])
    assert specs.ends_step(name) is CODEBUFF[name]["endsAgentStep"]


def _bare(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    shape = {key: value for key, value in schema.items() if key != "additionalProperties"}
    if isinstance(shape.get("description"), str):
        del shape["description"]
    return {key: _bare(value) for key, value in shape.items()}


PAIR = {"oldString": "one", "newString": "two"}
USES = [
    ("read_files", {"paths": ["a.txt", "nope", ".env", ".env.example"]}),
    ("read_subtree", {"paths": [".", "a.txt", "nope"]}),
    ("list_directory", {"path": "."}),
    ("list_directory", {"path": "nope"}),
    ("glob", {"pattern": "**"}),
    ("glob", {"pattern": "../*"}),
    ("find_files", {"prompt": "where is one"}),
    ("find_files", {"prompt": "nowhere"}),
    ("code_search", {"pattern": "one"}),
    ("code_search", {"pattern": "("}),
    ("str_replace", {"path": "a.txt", "replacements": [PAIR]}),
    ("str_replace", {"path": "a.txt", "replacements": [{"oldString": "x", "newString": "y"}]}),
    ("write_file", {"path": "b.txt", "instructions": "", "content": "x"}),
    ("write_file", {"path": "../b.txt", "instructions": "", "content": "x"}),
    ("propose_str_replace", {"path": "a.txt", "replacements": [PAIR]}),
    ("propose_write_file", {"path": "b.txt", "instructions": "", "content": "x"}),
    ("propose_write_file", {"path": ".env", "instructions": "", "content": "x"}),
    ("create_plan", {"path": "plan.md", "plan": "# Plan"}),
    ("apply_patch", {"operation": {"type": "create_file", "path": "c", "diff": "@@\n+c"}}),
    ("apply_patch", {"operation": {"type": "delete_file", "path": "a.txt"}}),
    ("apply_patch", {"operation": {"type": "delete_file", "path": "nope"}}),
    ("run_terminal_command", {"command": "echo hi; echo no >&2"}),
    ("run_terminal_command", {"command": "sleep 60", "timeout_seconds": 1}),
    ("run_terminal_command", {"command": "sleep 60", "process_type": "BACKGROUND"}),
    ("run_terminal_command", {"command": ""}),
    ("ask_user", {"questions": [{"question": "Which?", "options": [{"label": "Run once"}]}]}),
    ("read_url", {"url": "https://example.com"}),
    ("skill", {"name": "release"}),
]


@pytest.mark.parametrize(("name", "arguments"), USES)
async def test_each_tool_of_the_workspace_gives_what_codebuffs_gives(tmp_path, name, arguments):
    files = {"a.txt": "one\n", ".env": "x", ".env.example": "x"}
    files[".agents/skills/release/SKILL.md"] = SKILL
    here = bench(tmp_path / "w", files, answers=(("Run once",),), home=tmp_path)

    value = await here.call(name, **arguments)

    fits(name, value)
    await here.context.memory.aclose()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("add_message", {"role": "user", "content": "x"}),
        ("set_messages", {"messages": [{"role": "user", "content": "x"}]}),
        ("set_output", {"data": {"a": 1}}),
        ("think_deeply", {"thought": "x"}),
        ("write_todos", {"todos": [{"task": "a", "completed": True}]}),
        ("suggest_followups", {"followups": [{"prompt": "a", "label": "b"}]}),
        ("add_subgoal", {"id": "1", "objective": "a", "status": "NOT_STARTED"}),
        ("lookup_agent_info", {"agentId": "kid"}),
        ("end_turn", {}),
        ("task_completed", {}),
    ],
)
async def test_each_tool_of_the_run_gives_what_codebuffs_gives(name, arguments):
    played = await play(
        [[call(name, json.dumps(arguments))], say("done")],
        tool_names=(name,),
        find={"kid": agent(id="kid")}.get,
        output_mode=OutputMode.STRUCTURED_OUTPUT,
    )

    assert played.error is None
    (result,) = [each for each in played.state.messages if isinstance(each, ToolMessage)]
    fits(name, result.output)
