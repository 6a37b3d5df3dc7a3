"""Every file that may hold or support definitions, as in the editor or on disk."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from inhouse.core.files import read_regular
from inhouse.definitions.catalog.folders import AgentFolder, list_folder
from inhouse.definitions.readers.file_forms import LARGEST
from inhouse.definitions.sandbox.confinement import Confinement, RefusedFileError, real
from inhouse.definitions.sandbox.module_resolver import ModuleResolver
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.language.definition_document import DefinitionDocument


def neighbours(
    context: EditorContext, site: DefinitionDocument, folders: Iterable[AgentFolder], *needles: str
) -> Iterator[DefinitionDocument]:
    """Yield the files, *site* first, whose text contains one of some words.  Blocks."""
    paths = [site.path]
    for folder in folders:
        paths.extend(list_folder(folder).files)
    paths.extend(one.path for one in context.documents if one.path is not None)
    wanted = {folder.path for folder in folders}
    for path in dict.fromkeys(paths):
        if path != site.path and not any(path.is_relative_to(folder) for folder in wanted):
            continue
        other = site if path == site.path else site_at(context, path)
        if other is not None and any(needle in other.text for needle in needles):
            yield other


def site_at(context: EditorContext, path: Path) -> DefinitionDocument | None:
    """Return a file by its path; None if it cannot be read.  Blocks."""
    document = context.documents.find(path)
    if document is not None:
        return DefinitionDocument(path, document.uri, document.text, document.version)
    try:
        text = read_regular(path, 4 * LARGEST).decode("utf-8")
        return DefinitionDocument(path, path.as_uri(), text, None)
    except (OSError, ValueError):
        return None


def module_of(
    context: EditorContext, site: DefinitionDocument, specifier: str
) -> DefinitionDocument | None:
    """Return the module that an import means, resolved as the sandbox does.  Blocks."""
    texts = {one.path: one.text for one in context.documents if one.path is not None}
    confinement = Confinement(site.path, roots=context.host.roots, texts=texts)
    modules = ModuleResolver(confinement, site.path)
    try:
        path = modules.find(site.path.parent, specifier.partition("?")[0], "import")
        inside = path is not None and confinement.within(real(path), package=True)
    except (RefusedFileError, OSError, ValueError):
        return None
    return site_at(context, path) if path is not None and inside else None
