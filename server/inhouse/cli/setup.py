"""``inhouse setup``: what to put where, for one editor."""

import argparse
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from attrs import frozen

from inhouse.core.errors import UserError

from . import COMPLETED, output


@frozen
class Setup:
    file: str
    """In this package's folder ``editors``."""
    target: str | None
    """Where it goes, below the editor's configuration folder; None: it is only printed."""
    then: str
    """What the user does next."""


SETUPS: Mapping[str, Setup] = {
    "neovim": Setup(
        "inhouse.lua",
        "nvim/lua/inhouse.lua",
        'Put require("inhouse").setup() into init.lua; then :InhouseRun in any file.',
    ),
    "emacs": Setup(
        "inhouse.el",
        "emacs/lisp/inhouse.el",
        "Put this folder into load-path and (require 'inhouse) (inhouse-setup) into init.el; "
        "then M-x eglot and M-x inhouse-run.",
    ),
    "helix": Setup(
        "helix.toml",
        None,
        "Append it to helix/languages.toml; then select code, press Space a, "
        'and choose "Ask AGENT about this".',
    ),
    "sublime": Setup(
        "sublime.json", None, "Merge it into LSP.sublime-settings (Preferences: LSP Settings)."
    ),
    "zed": Setup("zed.md", None, ""),
    "vscode": Setup("vscode.md", None, ""),
}


async def setup(options: argparse.Namespace) -> int:
    """Print what to put where; ``--write`` puts it there, never over another file."""
    chosen = SETUPS[options.editor]
    text = (resources.files("inhouse.cli") / "editors" / chosen.file).read_text("utf-8")
    if not options.write:
        _print(chosen, text)
        return COMPLETED
    if chosen.target is None:
        raise UserError(
            f"--write cannot edit {options.editor}'s configuration for you.  "
            f"`inhouse setup {options.editor}` prints what to add."
        )
    target = _config_folder() / chosen.target
    if target.exists() and target.read_text("utf-8") != text:
        raise UserError(f"{target} is there already and differs.  Move it away and try again.")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")
    output.status().print(f"Wrote {target}.\n{chosen.then}", markup=False)
    return COMPLETED


def _print(chosen: Setup, text: str) -> None:
    if chosen.target is not None:
        output.status().print(f"Goes to {_config_folder() / chosen.target}:\n", markup=False)
    output.text(text)
    if chosen.then:
        output.status().print(f"\n{chosen.then}", markup=False)


def _config_folder() -> Path:
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
