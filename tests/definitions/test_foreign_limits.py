"""What another program's agent may not do, it may not do here; what cannot be kept is told."""

from pathlib import Path

import pytest

from inhouse.definitions.forms.conventions import ALL_TOOLS
from inhouse.definitions.forms.markdown import read_markdown
from inhouse.tools.knowledge import read_skill

WRITING = {"write_file", "str_replace", "apply_patch", "run_terminal_command"}
EVERYTHING = set(ALL_TOOLS)


def read(head: str, folder: str = ".claude/agents"):
    """Give the tools of an agent, and the lines on which a limit is reported."""
    reading = read_markdown(Path(f"/w/{folder}/a.md"), f"---\nname: a\n{head}\n---\nBody\n")
    [agent] = reading.found
    tools = set(agent.values["toolNames"])
    told = {each.range.start.line for each in reading.problems if each.code == "tool-limit"}
    return tools, told


@pytest.mark.parametrize(
    ("head", "tools", "told"),
    [
        ("tools: Read, Grep", {"read_files", "code_search"}, set()),
        ("tools: false", set(), set()),
        ("tools: []", set(), set()),
        ("tools: Read, Bash(git:*)", {"read_files"}, {2}),
        ("tools: Read, Bash\ndisallowedTools: Bash", {"read_files"}, set()),
        ("tools: Read, Bash\ndisallowedTools: Bash(rm:*)", {"read_files"}, {3}),
        ("allowed-tools: Read, Grep", {"read_files", "code_search"}, set()),
        ("tools: Read, Bash\nallowed-tools: Read", {"read_files"}, set()),
        ("permissionMode: plan", EVERYTHING - WRITING, set()),
        ("permissionMode: acceptEdits", EVERYTHING, {2}),
        ("tools: Read\nhooks:\n  PreToolUse: []", {"read_files"}, {3}),
        ("tools: Read\nsandboxed: true", {"read_files"}, {3}),
        ("permission: deny", set(), set()),
        ("permission:\n  edit: deny", EVERYTHING - WRITING | {"run_terminal_command"}, set()),
        ("permission:\n  bash: ask", EVERYTHING, {3}),
        ('permission:\n  bash:\n    "git *": allow\n    "*": deny', None, {3}),
        ('permission:\n  "*": deny\n  read: allow', {"read_files"}, set()),
        ("permission:\n  bash: 7", None, {3}),
        ("permission: [1, 2]", set(), {2}),
        ("mode: subagent\ntools: Read", {"read_files"}, {2}),
    ],
)
def test_nothing_wider_than_written_is_offered(head, tools, told):
    found, lines = read(head)

    assert found == (EVERYTHING - {"run_terminal_command"} if tools is None else tools)
    assert lines == told


@pytest.mark.parametrize(
    ("head", "description"),
    [
        ("description: Use when: deploy. Triggers: ship", "Use when: deploy. Triggers: ship"),
        ("description: plain", "plain"),
    ],
)
def test_a_skill_is_read_like_an_agent(head, description):
    skill = read_skill("deploy", f"---\nname: deploy\n{head}\n---\nDo it.\n")

    assert skill is not None
    assert (skill.description, skill.refused) == (description, "")


def test_a_skill_that_only_people_start_is_refused_to_models():
    head = "description: x\ndisable-model-invocation: true"
    skill = read_skill("deploy", f"---\nname: deploy\n{head}\n---\nDo it.\n")

    assert skill is not None
    assert "disable-model-invocation" in skill.refused
