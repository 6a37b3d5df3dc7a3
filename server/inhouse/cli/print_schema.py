"""``inhouse schema``: the JSON Schemas with which editors check and complete files."""

import argparse

from inhouse.host.user_schemas import schema

from . import COMPLETED, output


async def print_schema(options: argparse.Namespace) -> int:
    """Print one schema; ``inhouse schema NAME > FILE`` makes a file that editors can refer to."""
    output.document(schema(options.name))
    return COMPLETED
