"""The text of open documents, whatever order the editor's changes arrive in."""

import itertools

from lsprotocol import types

from inhouse.lsp.documents.open_documents import Documents

URI = "file:///project/a.py"


def opened(text: str, version: int = 0) -> Documents:
    documents = Documents()
    documents.opened(types.TextDocumentItem(URI, types.LanguageKind.Python, version, text))
    return documents


def part(line: int, start: int, end: int, text: str) -> types.TextDocumentContentChangeEvent:
    where = types.Range(types.Position(line, start), types.Position(line, end))
    return types.TextDocumentContentChangePartial(range=where, text=text)


def send(documents: Documents, version: int, *parts: types.TextDocumentContentChangeEvent) -> None:
    identifier = types.VersionedTextDocumentIdentifier(uri=URI, version=version)
    documents.changed(types.DidChangeTextDocumentParams(identifier, list(parts)))


def held(documents: Documents) -> tuple[str, int]:
    document = documents.get(URI)
    assert document is not None
    return document.text, document.version


TYPED = {
    1: (part(0, 0, 0, "\n"),),
    2: (part(0, 0, 0, "ä𝄞"),),
    4: (part(0, 3, 3, " = x"),),
    5: (part(0, 6, 7, "0"), part(1, 0, 3, "1")),
    7: (part(1, 1, 1, "!"),),
}


def test_changes_are_applied_in_the_order_of_their_versions() -> None:
    for order in itertools.permutations(TYPED):
        documents = opened("one = 1\n")

        for version in order:
            send(documents, version, *TYPED[version])

        assert held(documents) == ("ä𝄞 = 0\n1! = 1\n", 7), order


def test_a_version_that_starts_again_or_repeats_is_taken_as_it_comes() -> None:
    documents = opened("", version=5)
    for version, letter in ((6, "a"), (7, "b"), (7, "c"), (1, "d"), (2, "e")):
        send(documents, version, part(0, 9, 9, letter))

    assert held(documents) == ("abcde", 2)


def test_a_whole_text_is_what_the_document_holds() -> None:
    documents = opened("one\n")
    send(documents, 1, part(0, 0, 0, "x"))
    send(documents, 3, types.TextDocumentContentChangeWholeDocument(text="whole\n"))
    send(documents, 4, part(0, 5, 5, "!"))

    assert held(documents) == ("whole!\n", 4)
