"""``inhouse model``: several models are kept, and each says whether it fits and what it can do."""

from pathlib import Path

import pytest

from inhouse.core.errors import UserError
from inhouse.providers.embedded.model_files import (
    default_model,
    install_model,
    installed_models,
)


def gguf(path: Path, size: int = 1000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        stream.write(b"GGUF")
        stream.truncate(size)
    return path


def test_any_file_is_taken_several_are_kept_and_one_is_chosen_by_name(tmp_path):
    one, other = gguf(tmp_path / "a" / "One.gguf"), gguf(tmp_path / "b c" / "other.gguf")

    install_model(str(one), tmp_path, tell=print)
    install_model(other.as_uri(), tmp_path, tell=print)
    assert default_model(tmp_path) == other
    install_model("one", tmp_path, tell=print)

    assert default_model(tmp_path) == one
    assert [(model.name, model.is_default) for model in installed_models(tmp_path)] == [
        ("One", True),
        ("other", False),
    ]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("https://example.com/a.gguf", "Inhouse installs only files"),
        ("qwen", "Models by name: smollm2-135m"),
        ("missing.gguf", "No model file"),
    ],
)
def test_what_is_no_model_says_what_would_work(tmp_path, wanted, said):
    with pytest.raises(UserError, match=said):
        install_model(wanted, tmp_path, tell=print)


def test_the_list_says_what_fits_and_what_it_is_good_for(terminal, tmp_path):
    small = gguf(tmp_path / "small.gguf", 100_000_000)
    huge = gguf(tmp_path / "huge.gguf", 1 << 42)

    for file in (huge, small):
        assert terminal("model", "install", str(file)).status == 0
    listed = terminal("model", "list").out.splitlines()

    assert listed[0].startswith("  huge")
    assert "this machine has" in listed[0]
    assert listed[1].startswith("* small  100 MB")
    assert "cannot edit files" in listed[1]
