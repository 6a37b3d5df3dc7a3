import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.model_server import ModelServer


class Project:
    """A workspace with agents, and a model server that plays what they answer."""

    def __init__(self, folder: Path, home: Path, server: ModelServer) -> None:
        self.folder = folder
        self.home = home
        self.server = server
        self.settings: dict[str, Any] = {
            "endpoints": {"test": {"baseUrl": server.base_url}},
            "defaultEndpoint": "test",
        }
        self.agent("writer")

    def agent(self, name: str, *tools: str, **more: Any) -> Path:
        definition = {
            "id": name,
            "displayName": name.title(),
            "model": "test-model",
            "toolNames": list(tools),
            "instructionsPrompt": "Answer.",
            **more,
        }
        path = self.folder / ".agents" / f"{name}.ts"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"export default {json.dumps(definition, indent=2)}\n")
        return path

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    @property
    def options(self) -> dict[str, Any]:
        return {"inhouse": self.settings, "trusted": True}

    @property
    def environ(self) -> dict[str, str]:
        return {"INHOUSE_HOME": str(self.home), "HOME": str(self.home)}

    def how(self, capabilities: Any = None, **more: Any) -> dict[str, Any]:
        """What `open_editor` takes besides the folder."""
        return {
            "capabilities": capabilities,
            "options": self.options,
            "environ": self.environ,
            **more,
        }


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder, home = tmp_path / "work", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    with ModelServer() as server:
        yield Project(folder.resolve(), home.resolve(), server)
