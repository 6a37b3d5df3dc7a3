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
        # Each of these left every tool in place once, or one that was forbidden.
        ("disallowedTools: Bash Write", EVERYTHING - WRITING, set()),
        ("disallowedTools: `Bash`;Write", EVERYTHING - WRITING, set()),
        ("disallowedTools: [[Bash]]", None, set()),
        ("disallowedTools: {Bash: true}", None, set()),
        ("disallowedTools: Ba*", None, set()),
        ("disallowedTools: [Bash, 7]", set(), {2}),
        ("disallowedTools: true", set(), {2}),
        ("disallowedTools: Bahs", EVERYTHING, {2}),
        ("tools: Read, mcp__git__push\ndisallowedTools: mcp__git__*", {"read_files"}, set()),
        ("tools: Read, mcp__git__*\ndisallowedTools: mcp__git__push", {"read_files"}, set()),
        ("tools: Read, mcp__git__*\ndisallowedTools: '*_push'", {"read_files"}, set()),
        ("tools: Read, mcp__a.b__*\ndisallowedTools: mcp__a_b__push", {"read_files"}, set()),
        ("tools: Read, mcp__git__push\ndisallowedTools: mcp__*", {"read_files"}, set()),
        ("tools: Read, mcp__git", {"read_files", "git/*"}, set()),
        ("description: a: b\ndisallowedTools:\n  - Bash", None, set()),
        ("description: a: b\ndisallowedTools: [Bash]", None, set()),
        ("description: a: b\npermission:\n  bash: deny", None, set()),
        ("description: a: b\npermission:\n\tbash: deny", set(), {3}),
        ("description: a: b\npermission: {bash: deny", set(), {3}),
        ("permission:\n  bash: deny\n  edit: [deny\nmodel: x", set(), {2}),
        ("{permission: deny, description: a: b}", set(), {1}),
        ("'permission' :\n  bash: deny\ndescription: a: b", None, set()),
        ("permission: Deny", set(), set()),
        ("permission: readonly", set(), {2}),
        ('permission:\n  read: allow\n  "*": deny', set(), set()),
        ('permission:\n  "?ash": deny', None, set()),
        ("permission:\n  shell: deny", None, set()),
        ("permission:\n  bsh: deny", EVERYTHING, {3}),
        ("permissions:\n  deny: [Bash]\n  allow: [Read]", None, {4}),
        ("permissions:\n  defaultMode: plan", EVERYTHING - WRITING, set()),
        ("tools:\n  edit: false\n  bash: false", EVERYTHING - WRITING, set()),
        ("tools:\n  'ba*': false", None, set()),
        ("tools:\n  read: true\n  '*': false", set(), set()),
        ("tools:\n  bash: no", None, {3}),
        ("tools:\n  bash: 'false'", None, {3}),
        ("tools: true", set(), {2}),
        ("Tools: Read", {"read_files"}, set()),
        ("tools: Read Grep", {"read_files", "code_search"}, set()),
        ("permissionMode: Plan", EVERYTHING - WRITING, set()),
        ("permissionMode: [plan]", EVERYTHING - WRITING, {2}),
        ("permissionMode: readOnly", EVERYTHING - WRITING, {2}),
        ("permissionMode: dontAsk", EVERYTHING - WRITING - {"read_url"}, {2}),
        ("mode: plan", EVERYTHING - WRITING, set()),
        ("network: false", EVERYTHING, {2}),
        ("blacklist: Bash", EVERYTHING, {2}),
        ("noBash: true", EVERYTHING, {2}),
        ("mcpServers: [git]\ntools: Read", {"read_files"}, {2}),
        ("mcpServers: [git]\ndisallowedTools: mcp__git__push", EVERYTHING, {2}),
        ("mcpServers: [git]", EVERYTHING | {"git/*"}, set()),
        ("mode: subagent\ntools: Read", {"read_files"}, {2}),
    ],
)
def test_nothing_wider_than_written_is_offered(head, tools, told):
    found, lines = read(head)

    assert found == (EVERYTHING - {"run_terminal_command"} if tools is None else tools)
    assert lines == told


def test_servers_of_which_the_limits_leave_no_tool_are_left_out():
    head = "tools: Read, mcp__a__x\nmcpServers: [{a: {command: a}}, {b: {command: b}}]"
    [agent] = read_markdown(Path("/w/.claude/agents/a.md"), f"---\n{head}\n---\n").found

    assert agent.values["mcpServers"] == {"a": {"command": "a"}}


@pytest.mark.parametrize("folder", [".claude/agents", ".opencode/agent"])
@pytest.mark.parametrize("head", ["disable: true", "disable: 'true'", "enabled: false"])
def test_an_agent_that_is_switched_off_is_none(head, folder):
    text = f"---\nname: a\n{head}\n---\nBody\n"

    assert read_markdown(Path(f"/w/{folder}/a.md"), text).found == ()


def test_what_is_written_twice_is_reported():
    text = "---\nname: a\ntools: Read\ntools: Bash\n---\n"
    [problem] = read_markdown(Path("/w/.claude/agents/a.md"), text).problems

    assert (problem.code, problem.range.start.line) == ("written-twice", 3)


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


@pytest.mark.parametrize("description", ["x", "a: b"])
@pytest.mark.parametrize("value", ["true", "'true'", "yes", "true  # by hand only", "[true]"])
def test_a_skill_that_only_people_start_is_refused_to_models(value, description):
    head = f"description: {description}\ndisable-model-invocation: {value}"
    skill = read_skill("deploy", f"---\nname: deploy\n{head}\n---\nDo it.\n")

    assert skill is not None
    assert "disable-model-invocation" in skill.refused
