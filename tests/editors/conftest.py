"""A workspace, a model server and an editor's environment, for tests in real editors."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from support.model_server import ModelServer

ROOT = Path(__file__).parents[2]
EDITORS = Path(os.environ.get("INHOUSE_EDITORS") or ROOT / ".editors")
AGENT = """export default {
  id: 'helper', displayName: 'Helper', model: 'test-model',
  spawnerPrompt: 'Helps with code.',
  toolNames: ['read_files', 'str_replace', 'ask_user', 'end_turn'],
}
"""


@frozen
class Workplace:
    folder: Path
    environ: dict[str, str]
    server: ModelServer


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    folder = tmp_path / "workspace"
    (folder / ".agents").mkdir(parents=True)
    (folder / ".agents" / "helper.ts").write_text(AGENT)
    (folder / "inhouse.toml").write_text("")
    (folder / "a.py").write_text("one = 1\ntwo = 2\nthree = 3\n")
    with ModelServer() as server:
        environ = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(tmp_path),
            "TERM": "xterm-256color",
            "INHOUSE_HOME": str(tmp_path / "inhouse"),
            "CODEBUFF_LOCAL_BASE_URL": server.base_url,
            "INHOUSE": sys.executable,
            "WS": str(folder),
        }
        yield Workplace(folder, environ, server)


def installed(name: str) -> None:
    """Install one editor with the project's own script."""
    done = subprocess.run(
        ["bash", str(ROOT / "scripts" / "setup-editors"), name],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"NOT TESTED: {name} cannot be installed here: {done.stderr[-300:]}")
