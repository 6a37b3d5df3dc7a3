from pathlib import Path

import pytest

from support.language import Writing


@pytest.fixture
def writing(tmp_path: Path) -> Writing:
    folder, home = tmp_path / "work", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    return Writing(folder.resolve(), home.resolve())
