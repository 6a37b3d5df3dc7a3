"""Edits of definition files, in the form that the client accepts."""

from collections.abc import Iterable

from inhouse.core.json_values import Json
from inhouse.core.text import Range
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language.definition_document import DefinitionDocument
from inhouse.wire import text_range

Edit = tuple[DefinitionDocument, Range, str]


def workspace_edit(context: EditorContext, given: Iterable[Edit]) -> Json:
    """Make LSP's `WorkspaceEdit`."""
    files: dict[str, tuple[DefinitionDocument, list[Json]]] = {}
    for site, place, new in given:
        edits = files.setdefault(site.uri, (site, []))[1]
        edit: Json = {"range": text_range(place), "newText": new}
        if edit not in edits:
            edits.append(edit)
    if not context.client.can("workspace.workspaceEdit.documentChanges"):
        return {"changes": {uri: edits for uri, (_, edits) in files.items()}}
    return {
        "documentChanges": [
            {"textDocument": {"uri": uri, "version": site.version}, "edits": edits}
            for uri, (site, edits) in files.items()
        ]
    }
