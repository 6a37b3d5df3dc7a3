"""Put VS Code's own check of proposed APIs back into a copy of code-server, which has none.

Usage: stock_api.py FOLDER, the folder lib/vscode of a copy whose files may be hard links.
What works in code-server as it is can throw in the real VS Code: tests run in such a copy.
"""

import re
import sys
from pathlib import Path

FILES = (
    "vs/workbench/api/node/extensionHostProcess.js",
    "vs/code/browser/workbench/workbench.js",
    "vs/workbench/api/worker/extensionHostWorkerMain.js",
)
MESSAGE = "CANNOT use API proposal"


def main() -> None:
    for name in FILES:
        path = Path(sys.argv[1], "out", name)
        if not path.exists():
            continue
        source = path.read_text("utf-8", "surrogateescape")
        at = source.find(MESSAGE)
        asked = re.findall(r"if\(!([\w$]+)\(", source[max(0, at - 200) : at])
        found = asked and re.search(
            rf"function {re.escape(asked[-1])}\((\w+),(\w+)\)\{{return!0\}}", source
        )
        if not found:
            raise SystemExit(f"{name}: the check of proposed APIs is not where it was")
        who, what = found.groups()
        check = f"{who}.isBuiltin||({who}.enabledApiProposals||[]).includes({what})"
        body = f"function {asked[-1]}({who},{what}){{return!!({who}&&({check}))}}"
        path.unlink()  # a hard link: the original stays as it is
        path.write_text(
            source[: found.start()] + body + source[found.end() :], "utf-8", "surrogateescape"
        )


if __name__ == "__main__":
    main()
