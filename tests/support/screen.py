"""A terminal of its own for an editor, as a user has it: keys go in, the screen is read.

A picture of the screen is an SVG made by rich from what tmux captured.
"""

import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WIDTH, HEIGHT = 100, 26
SCREENSHOTS = Path(__file__).parents[1] / "editors" / "screenshots"
PICTURES = Path(__file__).parents[2] / "docs" / "how-to" / "pictures"
OPENED: "list[Screen]" = []
_numbers = itertools.count(1)
_SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: monospace; font-size: {char_height}px; line-height: {line_height}px;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
  <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""  # Rich's own, without the fonts that it would load from the network.


class Screen:
    """One program in one tmux server.  Close it."""

    def __init__(self, command: str, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self._socket = f"inhouse-{os.getpid()}-{next(_numbers)}"
        size = ("-x", str(WIDTH), "-y", str(HEIGHT))
        self._environ = environ
        OPENED.append(self)
        self.tmux(
            *("-f", "/dev/null", "start-server", ";", "set", "-g", "escape-time", "0", ";"),
            *("set", "-g", "default-terminal", "tmux-256color", ";"),
            *("new-session", "-d", "-c", str(folder), *size, command),
        )

    def tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-u", "-L", self._socket, *arguments],
            capture_output=True,
            encoding="utf-8",
            env=self._environ,
            check=False,
        )
        return done.stdout

    def close(self) -> None:
        self.tmux("kill-server")

    def keys(self, *keys: str) -> None:
        """Press keys by name (``Enter``, ``Escape``, ``M-x``), one after the other."""
        for key in keys:
            self.tmux("send-keys", "-t", "0", key)
            time.sleep(0.1)

    def type(self, text: str, *then: str) -> None:
        """Type a text as it is, and press some keys."""
        self.tmux("send-keys", "-t", "0", "-l", text)
        time.sleep(0.1)
        self.keys(*then)

    @property
    def text(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "0")

    def shows(self, *texts: str, seconds: float = 40) -> bool:
        """Wait until everything is on the screen at once."""
        return self._until(lambda now: all(text in now for text in texts), seconds)

    def loses(self, text: str, seconds: float = 40) -> bool:
        """Wait until something is not on the screen."""
        return self._until(lambda now: text not in now, seconds)

    def _until(self, condition, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not condition(self.text):
            if time.monotonic() > end:
                print(self.text)
                return False
            time.sleep(0.1)
        return True

    def picture(self, name: str) -> None:
        """Keep what is on the screen; for the docs where ``INHOUSE_PICTURES`` is set."""
        from rich.console import Console
        from rich.text import Text

        captured = self.tmux("capture-pane", "-p", "-e", "-t", "0")
        captured = re.sub(r"/[^\s\"]*/workspace", "~/project", captured)
        captured = re.sub(r"/[^\s\"]*/inhouse/state", "~/inhouse/state", captured)
        captured = captured.replace(sys.prefix, "~/.venv")
        temporary = re.escape(f"{tempfile.gettempdir()}/inhouse-")
        captured = re.sub(rf"{temporary}\S*", "~/question.md", captured)
        with Path(os.devnull).open("w") as nowhere:
            console = Console(file=nowhere, record=True, width=WIDTH, force_terminal=True)
            console.print(Text.from_ansi(captured), end="", crop=True, no_wrap=True)
        svg = console.export_svg(title=name, code_format=_SVG, unique_id=name)
        folder = PICTURES if os.environ.get("INHOUSE_PICTURES") else SCREENSHOTS
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.svg").write_text(svg, "utf-8")
        (SCREENSHOTS / f"{name}.txt").write_text(self.text, "utf-8")
