"""The matrix of editors: what the docs say is what the tests declare."""

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from inhouse.settings.layers import Layer
from inhouse.settings.merge_layers import read_settings
from support.matrix import BEHAVIOURS, EDITORS, Cell, table, workbench_results

from .conftest import ROOT


def test_the_page_says_what_the_tests_declare() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/editors_matrix.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_cell_is_empty() -> None:
    page = (ROOT / "docs/how-to/editors.md").read_text("utf-8")
    table_of_page = page.partition("<!-- matrix")[2].partition("<!-- end -->")[0]
    rows = [line for line in table_of_page.splitlines() if line.startswith("| ")]
    assert len(rows) == len(BEHAVIOURS) + 2
    assert not [row for row in rows if "|  |" in row]


@pytest.mark.parametrize("editor", ["neovim", "emacs", "helix"])
def test_each_tested_editors_page_has_the_pictures_that_its_tests_make(editor: str) -> None:
    folder = ROOT / "docs/how-to"
    shown = set(re.findall(r"\((pictures/[^)]+)\)", (folder / f"{editor}.md").read_text("utf-8")))
    made = (ROOT / f"tests/editors/test_{editor}.py").read_text("utf-8")
    taken = {f"pictures/{name}.svg" for name in re.findall(r'\.picture\("([^"]+)"\)', made)}
    assert shown == taken
    assert all((folder / name).read_text("utf-8").startswith("<svg") for name in shown)


def test_no_picture_shows_a_folder_of_whoever_made_it():
    folder = ROOT / "docs" / "how-to" / "pictures"
    of_somebody = re.compile(r"(?<![~.\w])/(?:home|root|Users|work|tmp)/\w")

    shown = {path.name for path in folder.glob("*.svg") if of_somebody.search(path.read_text())}
    assert shown == set()


@pytest.mark.parametrize("editor", ["sublime", "zed"])
def test_a_page_of_an_editor_that_is_not_tested_says_so(editor: str) -> None:
    assert "not tested" in (ROOT / f"docs/how-to/{editor}.md").read_text("utf-8").lower()


# What the packages' own sources say of a configuration, read 2026-11-25 and put into words of ours:
# LSP for Sublime: sublime-package.json (ClientConfig) and Default.sublime-commands (captions).
# Zed: CustomAgentServerSettings, tagged by `type`.  JetBrains: the same without `type`.
_TEXTS = {"type": "array", "items": {"type": "string"}}
_VARIABLES = {"type": "object", "additionalProperties": {"type": ["string", "array"]}}
SUBLIME = {
    "type": "object",
    "properties": {
        "clients": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["command", "selector"],
                "properties": {
                    "command": _TEXTS,
                    "enabled": {"type": "boolean"},
                    "file_watcher": {"type": "object"},
                    "tcp_port": {"type": "integer", "minimum": 0},
                    "auto_complete_selector": {"type": "string"},
                    "selector": {"type": "string"},
                    "schemes": _TEXTS,
                    "priority_selector": {"type": "string"},
                    "initializationOptions": {"type": "object"},
                    "settings": {"type": "object"},
                    "experimental_capabilities": {"type": "object"},
                    "disabled_capabilities": {"type": "object"},
                    "env": _VARIABLES,
                    "diagnostics_mode": {"enum": ["open_files", "workspace"]},
                },
            },
        }
    },
    "additionalProperties": False,
}
CAPTIONS = {
    "Preferences: LSP Settings",
    "LSP: Code Action",
    "LSP: Run Code Lens",
    "LSP: Restart Server",
    "LSP: Troubleshoot Server",
    "LSP: Toggle Log Panel",
    "LSP: Enable Language Server Globally",
    "LSP: Enable Language Server in Project",
}


def agent_servers(*, typed: bool) -> dict[str, object]:
    """What Zed (typed) and JetBrains read under `agent_servers`."""
    keys = {
        "command": {"type": "string"},
        "args": _TEXTS,
        "env": {"type": "object", "additionalProperties": {"type": "string"}},
    }
    server = {
        "type": "object",
        "required": ["command", *(["type"] if typed else [])],
        "properties": {**keys, **({"type": {"const": "custom"}} if typed else {})},
        "additionalProperties": False,
    }
    servers = {"type": "object", "minProperties": 1, "additionalProperties": server}
    return {
        "type": "object",
        "required": ["agent_servers"],
        "properties": {"agent_servers": servers},
        "additionalProperties": False,
    }


def json_blocks(page: str) -> list[object]:
    text = (ROOT / page).read_text("utf-8")
    return [json.loads(block) for block in re.findall(r"(?ms)^ *```json\n(.*?)^ *```$", text)]


def test_what_sublime_is_told_fits_its_packages_schema_and_the_servers_settings() -> None:
    printed = json.loads((ROOT / "server/inhouse/cli/editors/sublime.json").read_text("utf-8"))
    for told in (printed, *json_blocks("docs/how-to/sublime.md")):
        jsonschema.validate(told, SUBLIME)
        (client,) = told["clients"].values()
        assert client["command"] == ["inhouse", "lsp"]
        settings, problems = read_settings([Layer(client["settings"]["inhouse"], "editor")])
        assert settings.show_transcript
        assert not problems


def test_what_zed_and_jetbrains_are_told_fits_what_they_read() -> None:
    zed, jetbrains = (
        one for one in json_blocks("docs/how-to/acp.md") if "agent_servers" in str(one)
    )
    printed = (ROOT / "server/inhouse/cli/editors/zed.md").read_text("utf-8")
    member = "\n".join(line for line in printed.splitlines() if line.startswith("    "))
    for told in (zed, json.loads(f"{{{member}}}"), *json_blocks("docs/how-to/zed.md")):
        jsonschema.validate(told, agent_servers(typed=True))
        assert told == zed
    jsonschema.validate(jetbrains, agent_servers(typed=False))
    assert all("acp" in one["args"] for one in jetbrains["agent_servers"].values())


def test_the_sublime_page_names_commands_and_code_actions_that_exist() -> None:
    page = (ROOT / "docs/how-to/sublime.md").read_text("utf-8")
    captions = set(re.findall(r"`((?:LSP|Preferences): [^`]+)`", page))
    assert captions
    assert captions <= CAPTIONS

    titles = set(re.findall(r"\*\*([A-Z][^*]+)\*\*", page.partition("## Use")[2]))
    assert len(titles) >= 5
    source = "".join(
        path.read_text("utf-8") for path in (ROOT / "server/inhouse/lsp/features").glob("*.py")
    )
    for title in titles:
        words = title.replace("this selection", "{what}") if "AGENT" in title else title
        pattern = re.escape(words).replace("AGENT", r"\{[a-z_.]+\}")
        assert re.search(pattern, source), title


def test_a_cell_that_is_not_in_the_matrix_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="There are: VS Code"):
        Cell("cancel", "Notepad")


def test_a_failed_test_marks_its_cell(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testcase name="x [matrix: cancel = lens]"><failure/></testcase>'
        '<testcase name="y [matrix: undo]"/><testcase name="z"/></testsuites>'
    )
    results = dict(workbench_results(report))
    assert results == {
        Cell("cancel", "VS Code", "lens"): "failed",
        Cell("undo", "VS Code"): "passed",
    }
    seen = {(cell.behaviour, cell.editor): {outcome} for cell, outcome in results.items()}
    printed = table(results, seen)
    assert "FAILED: lens" in printed
    assert "passed: yes" in printed
    assert list(EDITORS) == [name for name in EDITORS if name in printed.splitlines()[0]]
