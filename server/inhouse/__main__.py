"""``inhouse``: choose a door."""

import sys

from inhouse.acp import ADD_ENDPOINT
from inhouse.core.module_folders import module_folders
from inhouse.core.own_environment import guard


def main() -> None:
    """Run the command line and leave with its exit status."""
    sys.path[:] = module_folders()  # before anything is loaded that could lie in a workspace
    guard()
    arguments = sys.argv[1:]
    if arguments[:1] == ["lsp"]:
        from inhouse.lsp.door import serve  # noqa: PLC0415  each door loads what it needs

        sys.exit(serve(arguments[1:]))
    if arguments == ["acp", ADD_ENDPOINT]:  # What a client of ACP starts in a terminal.
        arguments = ["endpoint", "add"]
    if arguments[:1] == ["acp"]:
        from inhouse.acp.serve import serve as serve_acp  # noqa: PLC0415

        sys.exit(serve_acp(arguments[1:]))
    from inhouse.cli import main as command_line  # noqa: PLC0415

    sys.exit(command_line(arguments))


if __name__ == "__main__":
    main()
