"""What a failed command may have lacked: programs on the PATH, modules, environment variables.

A project's own files may name what is missing (``.envrc``, ``.nvmrc``, ``.venv``), but Inhouse runs
no version manager and loads no environment file for a command.  Only names that are in the
command's output are looked for, and only in files that tools may read; of a protected file no more
than its presence is told.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from glob import glob
from pathlib import Path

from attrs import frozen

from inhouse.core.errors import ToolError
from inhouse.tools.access.access_policy import Access
from inhouse.tools.access.safe_open import read_bytes

_COMMAND = "command not found"
_NOT_FOUND = (
    re.compile(rf"{_COMMAND}: (?P<name>[\w.+-]{{1,60}})"),
    re.compile(r"(?:^|[:\s])(?P<name>[\w.+-]{1,60}): (?:command )?not found", re.MULTILINE),
    re.compile(r"['\"](?P<name>[\w.+-]{1,60})['\"] is not recognized as an internal or external"),
    re.compile(r"(?:env|execvp\S*): \W?(?P<name>[\w.+-]{1,60})\W?: No such file"),
)
_NAME = r"(?P<name>[A-Z][A-Z0-9_]{2,60})\b"
_VARIABLE = re.compile(rf"\b{_NAME}")
_UNSET = (
    re.compile(rf"KeyError: ['\"]{_NAME}"),
    re.compile(
        rf"\b{_NAME}['\"`]?:? (?:(?:environment|variable|parameter|is|was|has|must|be|been|a) )"
        r"{0,6}(?:not (?:been )?(?:set|defined|found|provided)|unset|unbound|missing|required"
        r"|undefined|empty|set)\b"
    ),
    re.compile(
        r"\b(?:[Ee]nv(?:ironment)?[ _]?var(?:iable)?s?|[Mm]issing|[Uu]nset|[Ss]et"
        r"|Require[sd]?|require[sd]?)"
        rf"(?: (?:is|not|set|required|missing|the|found)){{0,6}}:? ?['\"`$({{]*{_NAME}"
    ),
)
_NO_VARIABLES = frozenset(
    ("ERROR", "FATAL", "WARNING", "FAILED", "FAIL", "FILE", "HTTP", "HTTPS", "URL", "JSON", "API")
)
_OTHER_NAMES = ("CMAKE_",)
"""How the variables begin that a program keeps for itself, and reports in the same words."""
_SURELY = re.compile(r"KeyError|variable|unbound|[Ee]nv(?:\b|ironment|[ _]?var)")
_ANYTHING = re.compile(r"found|defined|undefined")
"""What is also said of tables, macros and constants."""
_MODULE = re.compile(r"No module named ['\"]?(?P<name>\w{1,60})")
_MOST = 3
_MOST_BYTES = 200_000
_MOST_FOLDERS = 12

_HIDDEN = {".envrc": "direnv", ".env": "", ".env.local": "", ".env.development": ""}
"""Files that set variables and hold secrets, and what applies them if it is one program."""
_READ = (
    *(".env.example", ".env.sample", ".env.template", "example.env", "sample.env", "template.env"),
    *(".flaskenv", "mise.toml", ".mise.toml", ".vscode/settings.json", ".vscode/launch.json"),
    *("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"),
    ".devcontainer/devcontainer.json",
)
"""Files in which a name can be looked for."""
_VERSIONS = {
    ".nvmrc": ("Node.js", "nvm"),
    ".node-version": ("Node.js", "a version manager"),
    ".python-version": ("Python", "pyenv or uv"),
    ".ruby-version": ("Ruby", "rbenv or rvm"),
    ".java-version": ("Java", "jenv"),
    ".sdkmanrc": ("Java", "SDKMAN"),
    ".tool-versions": ("", "asdf or mise"),
    "mise.toml": ("", "mise"),
    ".mise.toml": ("", "mise"),
}
"""Files that ask for versions of a language (empty: of several), and what reads them."""
_LANGUAGES = {
    "Node.js": "node npm npx corepack yarn pnpm tsc tsx",
    "Python": "python python3 pip pip3 pytest ruff mypy black uv poetry",
    "Ruby": "ruby gem bundle bundler rake rails rspec",
    "Java": "java javac mvn gradle kotlin kotlinc",
}
_ENVIRONMENTS = (".venv", "venv", "env", ".virtualenv")
_RUNNERS = {"uv.lock": "uv run", "poetry.lock": "poetry run", "Pipfile": "pipenv run"}
_IN_PROJECT = ("node_modules/.bin", "vendor/bin", "bin")
_IN_HOME = (
    *(".local/bin", "bin", ".cargo/bin", "go/bin", ".bun/bin", ".deno/bin", ".volta/bin"),
    *(".asdf/shims", ".local/share/mise/shims", ".pyenv/shims", ".rbenv/shims", ".nodenv/shims"),
    *(".local/share/pnpm", ".npm-global/bin", ".sdkman/candidates/java/current/bin"),
)
_BIN, _EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")


@frozen
class Place:
    """Where a command ran, and what may be looked at there."""

    folder: Path
    root: Path
    access: Access
    home: Path

    @property
    def folders(self) -> tuple[Path, ...]:
        """The command's folder and those above it, up to the workspace's root."""
        above = (self.folder, *self.folder.parents)
        inside = (each for each in above if each.is_relative_to(self.root))
        return tuple(inside)[:_MOST_FOLDERS]

    def found(
        self, names: Iterable[str], is_there: Callable[[Path], bool] = os.path.isfile
    ) -> list[str]:
        """Return which of these names are here or above, as the command would spell them.

        A file where nobody may look is not there: `Path.is_file` would raise.
        """
        there = (folder / name for name in names for folder in self.folders)
        return list(dict.fromkeys(self.spelt(path) for path in there if is_there(path)))

    def spelt(self, path: Path) -> str:
        """Return a path as the command can write it."""
        if path.is_relative_to(self.root):
            return os.path.relpath(path, self.folder).replace(os.sep, "/")
        if os.name != "nt" and path.is_relative_to(self.home):
            return f"~/{path.relative_to(self.home).as_posix()}"
        return path.as_posix()

    def text(self, path: Path) -> str:
        """Return the text of a file that tools may read; empty if they may not."""
        try:
            place = self.access.place(str(path))
            return read_bytes(place.root, place.relative, most=_MOST_BYTES).decode(errors="replace")
        except (OSError, ToolError):
            return ""


def explanation(
    output: str,
    *,
    failed: bool,
    inherited: Mapping[str, str],
    environment: Mapping[str, str],
    offline: bool,
    place: Place,
) -> str:
    """Say what was missing, if it can be the cause; *inherited* are the command's variables.

    A command that has not *failed* may still have missed a program, as in ``lint | tail``.
    """
    lines = (line for line in output.splitlines() if failed or _COMMAND in line)
    told = [_programs("\n".join(lines), inherited, place)]
    if failed:
        told += [
            _modules(output, inherited, place),
            _withheld(output, inherited, environment),
            _unset(output, inherited, environment, place),
        ]
    if offline and "Address family not supported" in output:
        told.append("It ran without Unix sockets, since privacy is local-only.")
    return "  ".join(each for each in told if each)


def _programs(output: str, inherited: Mapping[str, str], place: Place) -> str:
    found = (match["name"] for pattern in _NOT_FOUND for match in pattern.finditer(output))
    path = inherited.get("PATH", "")
    names = [each for each in dict.fromkeys(found) if not shutil.which(each, path=path)][:_MOST]
    if not names:
        return ""
    named = ", ".join(map(repr, names))
    told = [f"Not on the PATH that Inhouse was started with: {named}."]
    hints = [hint for name in names if (hint := _program(name, place))]
    if not hints and os.name != "nt":
        hints.append(
            "An editor that a desktop started does not have the PATH of a login shell: start it "
            "from a terminal."
        )
    return "  ".join((*told, *dict.fromkeys(hints)))


def _runs(path: Path) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)  # noqa: PTH113  as in `found`


def _to_call(path: str) -> str:
    """Return a path as a command begins with it: to ``cmd.exe`` a slash begins an option."""
    return path.replace("/", os.sep)


def _versions(folder: str) -> tuple[int, ...]:
    """Order ``v20.1.0`` after ``v9.1.0``."""
    return tuple(int(number) for number in re.findall(r"\d{1,9}", folder))


def _program(name: str, place: Place) -> str:
    """Say where a program is, or what would have put it on the PATH."""
    own = [f"{each}/{_BIN}" for each in _ENVIRONMENTS]
    programs = (f"{each}/{name}{_EXE}" for each in (*own, *_IN_PROJECT))
    if there := place.found(programs, _runs):
        return f"The workspace has `{_to_call(there[0])}`: call it by that path."
    homes = [place.home / each for each in _IN_HOME]
    nodes = glob(".nvm/versions/node/*/bin", root_dir=place.home)  # noqa: PTH207  raises nothing
    homes += [place.home / each for each in sorted(nodes, key=_versions, reverse=True)]
    for folder in homes:
        if _runs(program := folder / f"{name}{_EXE}"):
            shown = _to_call(place.spelt(program))
            return f"`{shown}` is there, in a folder that is not on the PATH: call it by that path."
    mine = next((one for one, many in _LANGUAGES.items() if name in many.split()), "")
    for file, (language, manager) in _VERSIONS.items():
        if (not language or language == mine) and (there := place.found((file,))):
            return (
                f"`{there[0]}` asks for versions that {manager} puts on the PATH of the user's "
                "shells.  Inhouse does not run it: the user can start Inhouse from such a shell."
            )
    return ""


def _modules(output: str, inherited: Mapping[str, str], place: Place) -> str:
    """Name the virtual environment that a failed import did not look into."""
    match = _MODULE.search(output)
    if match is None:
        return ""
    folders = place.found(f"{each}/pyvenv.cfg" for each in _ENVIRONMENTS)
    if not folders:
        runner = next((run for file, run in _RUNNERS.items() if place.found((file,))), "")
        told = f"The project's packages may be in another environment: `{runner} COMMAND` uses it."
        return told if runner else ""
    shown = folders[0].removesuffix("/pyvenv.cfg")
    folder = place.folder / shown
    on_path = inherited.get("PATH", "").split(os.pathsep)
    if any(_same(folder / _BIN, Path(each)) for each in on_path if each):
        return ""
    python = _to_call(f"{shown}/{_BIN}/python{_EXE}")
    libraries = glob("lib/python*/site-packages", root_dir=folder)  # noqa: PTH207  raises nothing
    name = match["name"]
    packages = (
        folder / each / own
        for each in (*libraries, "Lib/site-packages")
        for own in (name, f"{name}.py")
    )
    has = any(map(os.path.exists, packages))
    having = f", which has {name}," if has else ""
    return f"The workspace's `{shown}`{having} is not on the PATH: `{python}` runs Python with it."


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _withheld(output: str, inherited: Mapping[str, str], environment: Mapping[str, str]) -> str:
    named = dict.fromkeys(match["name"] for match in _VARIABLE.finditer(output))
    withheld = [each for each in named if each in environment and each not in inherited][:_MOST]
    if not withheld:
        return ""
    return (
        f"Commands do not get {', '.join(withheld)}, though Inhouse has it; the user's own setting "
        f"{_setting(withheld)} hands it on."
    )


def _unset(
    output: str, inherited: Mapping[str, str], environment: Mapping[str, str], place: Place
) -> str:
    """Name the project's files that would have set what the output says is not set."""
    known = {*inherited, *environment, *_NO_VARIABLES}
    found = [
        (match["name"], match[0])
        for pattern in _UNSET
        for match in pattern.finditer(output)
        if match["name"] not in known and not match["name"].startswith(_OTHER_NAMES)
    ]
    names = list(dict.fromkeys(name for name, _ in found))[:_MOST]
    if not names:
        return ""
    assigns = re.compile(rf"(?<!\w)[\"']?(?:{'|'.join(names)})[\"']?\s*[=:]")
    there = place.found(_READ)
    naming = [each for each in there if assigns.search(place.text(place.folder / each))]
    setting = [f"{each}{_applied_by(each)}" for each in place.found(_HIDDEN)]
    if not naming:  # Only the output's words say that it is an environment variable.
        named = dict.fromkeys(name for name, words in found if _is_variable(name, words))
        names = list(named)[:_MOST] if setting else []
    if not names:
        return ""
    told = [f"{', '.join(names)} is not set for commands."]
    if naming:
        told.append(f"Named in {_listed(naming)}.")
    if setting:
        told.append(f"The project sets variables in {_listed(setting)}, which tools do not read.")
    told.append(
        "Inhouse applies no such file to a command.  The user can start Inhouse where it is set, "
        f"with {_setting(names)} in their own settings."
    )
    return "  ".join(told)


def _is_variable(name: str, words: str) -> bool:
    """Return whether what was said of a name is hardly said of anything but a variable."""
    return bool(_SURELY.search(words) or ("_" in name and not _ANYTHING.search(words)))


def _applied_by(file: str) -> str:
    program = _HIDDEN.get(file.rpartition("/")[2], "")
    return f" ({program})" if program else ""


def _listed(files: Sequence[str]) -> str:
    shown = [re.sub(r"^(\S+)", r"`\1`", each) for each in files]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _setting(names: Sequence[str]) -> str:
    quoted = ", ".join(f'"{each}"' for each in names)
    return f"allowedEnvironment = [{quoted}]"
