"""In an editor a command runs on the files as the agent sees them, and the disk stays as it is."""

import json
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
        started = await editor.command("inhouse.run", {"agent": "fixer", "streamToken": "s"})
        assert (await editor.ended(started["runId"]))["status"] == "completed"
        result = json.loads(project.server.chats[-1].body["messages"][-1]["content"])
        told = [each for each in editor.events("s") if each["kind"] == "edit"]

        assert result["stdout"] == "passed\n", result
        assert "laid over them: calc.py" in result["message"]
        assert "a - b" in path.read_text()
        changed = {each["uri"].rpartition("/")[2]: each["state"] for each in told}
        state = "proposed" if edits == "review" else "applied"
        assert changed == {"calc.py": state, "names.txt": state}
        if edits == "review":
            assert formatted.read_text() == "b\na\n"
