"""In an editor a command runs on the files as the agent sees them, and the disk stays as it is."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from support.editor import NEOVIM, open_editor
from support.model_server import call

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="an overlay of Linux")


@pytest.mark.parametrize("edits", ["review", "apply"])
async def test_fix_and_test_in_one_run(project, edits):
    project.settings["edits"] = edits
    project.agent("fixer", "run_terminal_command", "str_replace", "read_files")
    path = project.file("calc.py", "def add(a, b):\n    return a - b\n")
    formatted = project.file("names.txt", "b\na\n")
    project.file("test_calc.py", "from calc import add\nassert add(2, 2) == 4\nprint('passed')\n")
    test = f"{sys.executable} -B test_calc.py && sort -o names.txt names.txt"
    project.server.play(call("read_files", paths=["calc.py"]))
    change = [{"oldString": "a - b", "newString": "a + b"}]
    project.server.play(call("str_replace", path="calc.py", replacements=change))
    project.server.play(call("run_terminal_command", command=test))
    project.server.play("done")
    async with open_editor(project.folder, **project.how(NEOVIM)) as editor:
        editor.on["window/showMessageRequest"] = lambda params: params["actions"][1]
        editor.open(path)
        editor.open(project.folder.parent / "elsewhere.py", "not saved, and not in the workspace")
        started = await editor.command("inhouse.run", {"agent": "fixer", "streamToken": "s"})
        assert (await editor.ended(started["runId"]))["status"] == "completed"
        result = json.loads(project.server.chats[-1].body["messages"][-1]["content"])
        told = [each for each in editor.events("s") if each["kind"] == "edit"]

        assert result["stdout"] == "passed\n", result
        assert "laid over them: calc.py." in result["message"]
        assert "a - b" in path.read_text()
        changed = {each["uri"].rpartition("/")[2]: each["state"] for each in told}
        state = "proposed" if edits == "review" else "applied"
        assert changed == {"calc.py": state, "names.txt": state}
        if edits == "review":
            assert formatted.read_text() == "b\na\n"


WITHOUT_OVERLAYS = ("setpriv", "--bounding-set=-sys_admin")
"""What a container without namespaces allows."""


@pytest.mark.skipif(
    shutil.which("setpriv") is None
    or os.getuid() != 0
    or subprocess.run((*WITHOUT_OVERLAYS, "true"), check=False).returncode != 0,
    reason="only root can give up what makes namespaces",
)
async def test_where_nothing_can_be_laid_over_the_edits_are_applied_before(project):
    project.settings["edits"] = "review"
    project.agent("fixer", "run_terminal_command", "str_replace", "read_files")
    path = project.file("calc.py", "def add(a, b):\n    return a - b\n")
    other = project.file("other.py", "n = 1\n")
    project.file("test_calc.py", "import calc, other\nassert calc.add(2, 2) == 4 * other.n\n")
    project.file("keep.txt", "")
    for name, old, new in (("calc.py", "a - b", "a + b + 4"), ("other.py", "1", "2")):
        project.server.play(call("read_files", paths=[name]))
        change = [{"oldString": old, "newString": new}]
        project.server.play(call("str_replace", path=name, replacements=change))
    project.server.play(
        call("run_terminal_command", command=f"{sys.executable} -B test_calc.py && echo passed")
    )
    project.server.play("done")
    asked = []
    how = project.how(NEOVIM)
    async with open_editor(project.folder, within=WITHOUT_OVERLAYS, **how) as editor:
        editor.open(path)

        def answer(params):
            asked.append(params)
            if "Please save" in params["message"]:
                path.write_text(editor.buffers[path.as_uri()])
            return params["actions"][1]

        editor.on["window/showMessageRequest"] = answer
        started = await editor.command("inhouse.run", {"agent": "fixer"})
        assert (await editor.ended(started["runId"]))["status"] == "completed"
        result = json.loads(project.server.chats[-1].body["messages"][-1]["content"])
        left = await editor.command("inhouse.edits")

    assert asked[0]["actions"][1]["title"] == "Apply the 2 waiting edits and run"
    assert "Please save: calc.py." in asked[1]["message"]
    assert result["stdout"] == "passed\n", result
    assert result["message"] == "The user had the waiting edits applied before it ran."
    assert (other.read_text(), left) == ("n = 2\n", [])
