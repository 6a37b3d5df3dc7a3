"""``inhouse``: choose a door."""

import sys


def main() -> None:
    """Run the command line and leave with its exit status."""
    from inhouse.cli import main as command_line  # noqa: PLC0415  doors load when they are opened

    sys.exit(command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
