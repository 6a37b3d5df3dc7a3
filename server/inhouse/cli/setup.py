"""``inhouse setup``: which configuration to put where, for one editor."""

import argparse
import hashlib
import json
import os
import re
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from attrs import frozen

from inhouse.core.errors import UserError
from inhouse.core.json_values import fields

from . import COMPLETED, output

_RECORD = ".inhouse-installed.json"
"""Written into the installation's folder: each written file with the hash of its text."""


@frozen
class Setup:
    files: Mapping[str, str]
    """Files in this package's folder ``editors``, and where each goes below `folder`."""
    folder: str | None
    """Below the user's data folder (``data/…``) or configuration folder; None if they are only
    printed."""
    then: str
    """What the user does next."""
    replaces: str | None = None
    """A file that an older version wrote below the configuration folder."""


SETUPS: Mapping[str, Setup] = {
    "neovim": Setup(
        {
            "neovim/inhouse.lua": "lua/inhouse.lua",
            "neovim/health.lua": "lua/inhouse/health.lua",
            "neovim/inhouse.txt": "doc/inhouse.txt",
        },
        "data/nvim/site/pack/inhouse/start/inhouse",
        'Add require("inhouse").setup() to init.lua, open a file, and run :InhouseRun.  '
        ":checkhealth inhouse checks the setup; :help inhouse lists the commands.",
        replaces="nvim/lua/inhouse.lua",
    ),
    "emacs": Setup(
        {"inhouse.el": "inhouse.el"},
        "emacs/lisp",
        "Add this to init.el:\n"
        '  (add-to-list \'load-path "{folder}")\n'
        "  (require 'inhouse)\n"
        "Then M-x inhouse-run in a file of your project.",
    ),
    "helix": Setup(
        {"helix.toml": "languages.toml"},
        None,
        "Append this to languages.toml in Helix's configuration folder.  Then select code, press "
        'Space a, and choose "Ask AGENT about this".',
    ),
    "sublime": Setup(
        {"sublime.json": "LSP.sublime-settings"},
        None,
        "Merge this into LSP.sublime-settings (Preferences: LSP Settings).",
    ),
    "zed": Setup({"zed.md": ""}, None, ""),
    "vscode": Setup({"vscode.md": ""}, None, ""),
}


async def setup(options: argparse.Namespace) -> int:
    """Print what to put where; ``--write`` installs it or upgrades an earlier installation."""
    chosen = SETUPS[options.editor]
    if not options.write:
        _print(chosen)
        return COMPLETED
    if chosen.folder is None:
        raise UserError(
            f"--write cannot edit {options.editor}'s configuration for you.  "
            f"`inhouse setup {options.editor}` prints what to add."
        )
    folder = _folder(chosen.folder)
    try:
        for message in _install(chosen, folder):
            output.status().print(message, markup=False)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder} cannot be written: {error.strerror}."
        ) from None
    output.status().print(chosen.then.replace("{folder}", folder.as_posix()), markup=False)
    return COMPLETED


def _install(chosen: Setup, folder: Path) -> list[str]:
    """Write every file; keep a copy of one that the user has changed.  Returns what was done."""
    record, messages = _record(folder), list[str]()
    written: dict[str, str] = {}
    for name, text in _texts(chosen).items():
        target = folder / name
        messages += _write(target, text, record.get(name))
        written[name] = _hash(text)
    (folder / _RECORD).write_text(json.dumps(written, indent=2) + "\n", "utf-8")
    if chosen.replaces is not None and (old := _folder(chosen.replaces)).is_file():
        old.replace(old.with_name(f"{old.name}.old"))
        messages.append(
            f"Moved the older {old} to {old.name}.old, because it would be loaded first."
        )
    return messages


def _write(target: Path, text: str, written_before: str | None) -> list[str]:
    messages: list[str] = []
    if target.exists():
        there = target.read_text("utf-8", "replace")
        if there == text:
            return [f"{target} is up to date."]
        if _hash(there) != written_before:
            kept = target.with_name(f"{target.name}.old")
            target.replace(kept)
            messages.append(f"Your changed file is kept as {kept}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")
    return [*messages, f"Wrote {target}."]


def _texts(chosen: Setup) -> dict[str, str]:
    """Return each file's text by its name below the folder, including Neovim's help index."""
    texts = {name: _shipped(file).read_text("utf-8") for file, name in chosen.files.items()}
    for name, text in list(texts.items()):
        if name.startswith("doc/"):
            tags = sorted(set(re.findall(r"\*(:?[A-Za-z][\w.-]*)\*", text)))
            file = name.removeprefix("doc/")
            texts["doc/tags"] = "".join(f"{tag}\t{file}\t/*{tag}*\n" for tag in tags)
    return texts


def _shipped(file: str) -> Traversable:
    return resources.files("inhouse.cli").joinpath("editors", *file.split("/"))


def _record(folder: Path) -> Mapping[str, str]:
    try:
        return fields(json.loads((folder / _RECORD).read_text("utf-8")))
    except (OSError, ValueError):
        return {}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _print(chosen: Setup) -> None:
    for file, name in chosen.files.items():
        if chosen.folder is not None:
            target = _folder(chosen.folder) / name
            output.status().print(f"This goes to {target}:\n", markup=False)
        output.text(_shipped(file).read_text("utf-8"))
    if chosen.folder is not None:
        output.status().print(
            "\n`--write` installs everything there, or upgrades it.", markup=False
        )
    elif chosen.then:
        output.status().print(f"\n{chosen.then}", markup=False)


def _folder(name: str) -> Path:
    """Return a folder below the user's configuration, or below their data (``data/…``)."""
    data = name.startswith("data/")
    if os.name == "nt":
        local = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        return local / name.removeprefix("data/").replace("nvim/", "nvim-data/", 1 if data else 0)
    variable, default = (
        ("XDG_DATA_HOME", ".local/share") if data else ("XDG_CONFIG_HOME", ".config")
    )
    base = Path(os.environ.get(variable) or Path.home() / default)
    return base / name.removeprefix("data/")
