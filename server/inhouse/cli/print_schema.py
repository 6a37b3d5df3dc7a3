"""``inhouse schema``: the JSON Schemas that editors check and complete files by."""

import argparse

from inhouse.host.user_schemas import schema

from . import COMPLETED, output


async def print_schema(options: argparse.Namespace) -> int:
    """Print one schema; ``inhouse schema > FILE`` gives editors a file to refer to."""
    output.document(schema(options.name))
    return COMPLETED
