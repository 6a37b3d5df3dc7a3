"""The program that runs the embedded model: with Inhouse, or in the user's data folder.

In the data folder it outlives the environment of Inhouse, which an editor's extension recreates
with each version.
"""

import importlib.util
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from inhouse import processes
from inhouse.core.errors import UserError
from inhouse.core.own_environment import environment

REQUIREMENT = "xllamacpp>=2026.1"
MODULE = "xllamacpp"
INSTALL_SECONDS = 900
"""How long an installer may take, for the program or a model."""


def runtime_folder(data_folder: Path) -> Path:
    """Return the folder of modules for this Python and this kind of machine."""
    tag = f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
    return data_folder / "runtimes" / tag


def is_runtime_installed(data_folder: Path) -> bool:
    """Return whether the program is there, without importing it."""
    return (
        importlib.util.find_spec(MODULE) is not None
        or (runtime_folder(data_folder) / MODULE).is_dir()
    )


def install_runtime(data_folder: Path, *, tell: Callable[[str], None]) -> None:
    """Download the program from the package index, if it is missing.  Blocks.

    Raises `UserError` if no installer works.
    """
    if is_runtime_installed(data_folder):
        return
    target = runtime_folder(data_folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    tell("Fetching llama.cpp (xllamacpp, MIT) …")
    with tempfile.TemporaryDirectory(prefix="new-", dir=target.parent) as temporary:
        draft = Path(temporary) / "modules"
        fetched, problems = first_fetched(
            _installers(draft),
            target.parent,
            lambda: draft if (draft / MODULE).is_dir() else None,
        )
        if fetched is None:
            raise UserError(
                f"Could not fetch {REQUIREMENT}: {problems}.  Is there a network?",
                code="embedded_missing",
            )
        shutil.rmtree(target, ignore_errors=True)
        fetched.replace(target)


def first_fetched(
    commands: Iterable[list[str]], folder: Path, found: Callable[[], Path | None]
) -> tuple[Path | None, str]:
    """Run installers in *folder* until one has downloaded what *found* finds.  Blocks.

    Returns its path, or None and what was wrong with each.
    """
    problems: list[str] = []
    for command in commands:
        try:
            done = processes.run_blocking(
                command, seconds=INSTALL_SECONDS, cwd=folder, environment=environment()
            )
        except OSError as error:  # `TimeoutError` is one.
            problems.append(f"{Path(command[0]).name}: {error}")
            continue
        if done.code == 0 and (path := found()) is not None:
            return path, ""
        problems.append(f"{Path(command[0]).name}: {done.last_words}")
    return None, "; ".join(problems) or "no pip or uv found"


def _installers(target: Path) -> Iterator[list[str]]:
    install = ["install", "--quiet", "--disable-pip-version-check", "--no-input"]
    install += ["--only-binary=:all:", "--target", str(target), REQUIREMENT]
    for pip in pips():
        yield [*pip, *install]
    if (uv := processes.find_program("uv")) is not None:
        options = ["--quiet", "--target", str(target), "--python", sys.executable]
        yield [uv, "pip", "install", *options, "--only-binary", ":all:", REQUIREMENT]


def pips() -> Iterator[list[str]]:
    """Yield the ways to start pip for this Python; an environment made by uv has no pip."""
    if importlib.util.find_spec("pip") is not None:
        yield processes.python("pip")
    for wheel in _bundled_pips():
        yield [sys.executable, "-I", f"{wheel}{os.sep}pip"]


def _bundled_pips() -> list[Path]:
    """Return the pip wheels that Python carries, since environments made by uv have no pip."""
    found = importlib.util.find_spec("ensurepip")
    if found is None or found.origin is None:
        return []
    return sorted((Path(found.origin).parent / "_bundled").glob("pip-*.whl"))
