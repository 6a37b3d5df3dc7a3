"""The program that runs the embedded model: with Inhouse, or in the user's data folder.

In the data folder it outlives the environment that Inhouse is installed in, which an editor's
extension makes again with each of its versions.
"""

import importlib.util
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from inhouse import processes
from inhouse.core.errors import UserError
from inhouse.core.own_environment import environment

REQUIREMENT = "xllamacpp>=2026.1"
MODULE = "xllamacpp"
INSTALL_SECONDS = 900


def runtime_folder(data_folder: Path) -> Path:
    """Give the folder of modules for this Python and this kind of machine."""
    tag = f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
    return data_folder / "runtimes" / tag


def is_runtime_installed(data_folder: Path) -> bool:
    """Say whether the program is there, without importing it."""
    return (
        importlib.util.find_spec(MODULE) is not None
        or (runtime_folder(data_folder) / MODULE).is_dir()
    )


def install_runtime(data_folder: Path, *, tell: Callable[[str], None]) -> None:
    """Fetch the program from the package index, where it is missing.  Blocks.

    Raises `UserError` if no installer works.
    """
    if is_runtime_installed(data_folder):
        return
    target = runtime_folder(data_folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    tell("Fetching llama.cpp (xllamacpp, MIT) …")
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="new-", dir=target.parent) as temporary:
        draft = Path(temporary) / "modules"
        for command in _installers(draft):
            try:
                done = processes.run_blocking(
                    command, seconds=INSTALL_SECONDS, cwd=target.parent, environment=environment()
                )
            except (OSError, TimeoutError) as error:
                problems.append(f"{Path(command[0]).name}: {error}")
                continue
            if done.code == 0 and (draft / MODULE).is_dir():
                shutil.rmtree(target, ignore_errors=True)
                draft.replace(target)
                return
            problems.append(f"{Path(command[0]).name}: {done.last_words}")
    raise UserError(
        f"Could not fetch {REQUIREMENT}: {'; '.join(problems) or 'no pip or uv found'}.  "
        "Is there a network?",
        code="embedded_missing",
    )


def _installers(target: Path) -> Iterator[list[str]]:
    install = ["install", "--quiet", "--disable-pip-version-check", "--no-input"]
    install += ["--only-binary=:all:", "--target", str(target), REQUIREMENT]
    for pip in pips():
        yield [*pip, *install]
    if (uv := processes.find_program("uv")) is not None:
        options = ["--quiet", "--target", str(target), "--python", sys.executable]
        yield [uv, "pip", "install", *options, "--only-binary", ":all:", REQUIREMENT]


def pips() -> Iterator[list[str]]:
    """Give the ways to start pip for this Python; an environment made by uv has none of its own."""
    if importlib.util.find_spec("pip") is not None:
        yield processes.python("pip")
    for wheel in _bundled_pips():
        yield [sys.executable, "-I", f"{wheel}{os.sep}pip"]


def _bundled_pips() -> list[Path]:
    """Environments made by uv have no pip; the one Python itself carries runs from its wheel."""
    found = importlib.util.find_spec("ensurepip")
    if found is None or found.origin is None:
        return []
    return sorted((Path(found.origin).parent / "_bundled").glob("pip-*.whl"))
