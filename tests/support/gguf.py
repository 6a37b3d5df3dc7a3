"""A real model file for tests, or a loud skip."""

import os
from pathlib import Path

import pytest
from platformdirs import user_data_path

NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
REPOSITORY = Path(__file__).parents[2]


def find_gguf() -> Path | None:
    """``INHOUSE_TEST_GGUF``, else the default model where setup or a user installed it."""
    places = [
        os.environ.get("INHOUSE_TEST_GGUF"),
        REPOSITORY / ".cache" / "models" / NAME,
        user_data_path("inhouse", appauthor=False) / "models" / NAME,
    ]
    if home := os.environ.get("INHOUSE_HOME"):
        places.append(Path(home) / "data" / "models" / NAME)
    return next((Path(place) for place in places if place and Path(place).is_file()), None)


@pytest.fixture(scope="session")
def gguf() -> Path:
    found = find_gguf()
    if found is None:
        pytest.skip(
            "NO MODEL: run `inhouse model install`, or set INHOUSE_TEST_GGUF to a GGUF file"
        )
    return found
