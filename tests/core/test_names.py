import pytest

from inhouse.core.agent_names import AgentName, agent_tool_name, names_the_same, parse_agent_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("file-picker", AgentName("file-picker")),
        ("file_picker", AgentName("file-picker")),
        ("codebuff/file-picker@1.0.0", AgentName("file-picker", "codebuff", "1.0.0")),
        ("file-picker@1", AgentName("file-picker", None, "1")),
    ],
)
def test_a_name_is_taken_apart(text, name):
    assert parse_agent_name(text) == name


def test_an_agents_tool_has_no_hyphens():
    assert agent_tool_name("codebuff/file-picker@1.0.0") == "file_picker"


@pytest.mark.parametrize(
    ("asked", "known", "same"),
    [
        ("file_picker", "codebuff/file-picker@1.0.0", True),
        ("codebuff/file-picker", "codebuff/file-picker@1.0.0", True),
        ("file-picker@1.0.0", "codebuff/file-picker@1.0.0", True),
        ("other/file-picker", "codebuff/file-picker@1.0.0", False),
        ("file-picker@2", "codebuff/file-picker@1.0.0", False),
        ("codebuff/file-picker", "file-picker", False),
        ("picker", "file-picker", False),
    ],
)
def test_what_is_left_out_may_be_anything(asked, known, same):
    assert names_the_same(asked, known) is same
