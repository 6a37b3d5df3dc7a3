"""``inhouse lsp``: the door to editors, which opens before it has been furnished."""

from collections.abc import Sequence

from inhouse.lsp.initialize import begin
from inhouse.pipes.standard_streams import leaving_when_asked, take_over_stdio

_CLIENT_PROCESS = "--clientProcessId="
"""An option of vscode-languageclient, which also says it in ``initialize``."""


def serve(arguments: Sequence[str]) -> int:
    """Serve until the editor has gone; return the exit status."""
    if not all(each == "--stdio" or each.startswith(_CLIENT_PROCESS) for each in arguments):
        from inhouse.lsp.stdio import serve_options  # noqa: PLC0415  only what they need

        return serve_options(arguments)
    source, target = take_over_stdio()
    with leaving_when_asked():
        beginning = begin(source, target)
    from inhouse.lsp.stdio import serve_pipes  # noqa: PLC0415  asyncio: the answer comes first

    return serve_pipes(source, target, beginning)
