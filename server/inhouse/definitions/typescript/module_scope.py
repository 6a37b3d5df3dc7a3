"""The names of one module, and the limit on reading its literals."""

import re
from collections import Counter
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from inhouse.core.text import Problem, Range
from inhouse.definitions.readers.parsed_values import Literal
from inhouse.definitions.typescript.parsing import Source, leaves

if TYPE_CHECKING:
    from tree_sitter import Node

_ASSIGNED = re.compile(
    r"(?<![\w$.])([A-Za-z_$][\w$]{0,80})(?:\s{0,20}:[^=;\n]{0,200})?\s{0,20}"
    r"(?:[-+*/%&|^?<>]{0,3}=(?![=>])|\+\+|--)"
)
_MOST_PROBLEMS = 200
MOST_STEPS = 20_000
"""How many expressions are read per file; constants that spread each other grow without end."""


class BindingKind(Enum):
    CONST = "const"
    IMPORT = "import"
    FUNCTION = "function"
    OTHER = "other"
    """A name that only an evaluation can resolve."""


@frozen
class Binding:
    """What a name of the module stands for."""

    kind: BindingKind
    node: "Node | None" = None
    """The initial value, or the function."""
    specifier: str = ""
    """For an import: the module it comes from."""
    imported: str = ""
    """For an import: its name in that module."""
    annotated: bool = False
    """Whether its type says that it is a definition."""


@frozen(eq=False)
class ModuleScope:
    source: Source
    path: Path
    bindings: Mapping[str, Binding]
    problems: list[Problem] = field(factory=list[Problem])
    reading: set[str] = field(factory=set[str])
    """Names whose values are being read; a circular one has no value."""
    spent: list[int] = field(factory=lambda: [0])
    known: dict[str, Literal] = field(factory=dict[str, Literal])
    """Values of names that were already read."""

    def range(self, node: "Node") -> Range:
        return self.source.range(node)

    def text(self, node: "Node") -> str:
        return self.source.text(node)

    def tell(self, problem: Problem) -> None:
        """Record a problem, up to a limit, since nobody reads hundreds about one file."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(problem)

    def spend(self) -> bool:
        """Count one step; return False if there were too many."""
        self.spent[0] += 1
        return self.spent[0] <= MOST_STEPS


def bindings_of(source: Source) -> dict[str, Binding]:
    """Return every name declared at the top level of a module."""
    bindings: dict[str, Binding] = {}
    for statement in top_level(source.root):
        _declare(statement, source, bindings)
    _forget_what_may_change(source, bindings)
    return bindings


def top_level(root: "Node") -> list["Node"]:
    """Return a module's statements, including those inside broken parts."""
    statements: list[Node] = []
    for child in root.named_children:
        if child.is_error:
            statements.extend(child.named_children)
        else:
            statements.append(child)
    return statements


def string_text(node: "Node | None", source: Source) -> str:
    """Return a module specifier's text."""
    return source.text(node).strip("'\"`") if node is not None else ""


def _declare(statement: "Node", source: Source, bindings: dict[str, Binding]) -> None:
    kind = statement.type
    if kind == "export_statement":
        declaration = statement.child_by_field_name("declaration")
        if declaration is not None:
            _declare(declaration, source, bindings)
    elif kind in {"lexical_declaration", "variable_declaration"}:
        for declarator in statement.named_children:
            if declarator.type == "variable_declarator":
                _declare_variable(declarator, source, bindings)
    elif kind == "import_statement":
        _declare_import(statement, source, bindings)
    elif kind in {"function_declaration", "generator_function_declaration"}:
        _name(statement, source, bindings, Binding(BindingKind.FUNCTION, statement))
    elif kind in {"ambient_declaration", "expression_statement"} and statement.named_children:
        _declare(statement.named_children[0], source, bindings)
    elif kind not in {"interface_declaration", "type_alias_declaration"}:
        _name(statement, source, bindings, Binding(BindingKind.OTHER))


def _name(node: "Node", source: Source, bindings: dict[str, Binding], binding: Binding) -> None:
    name = node.child_by_field_name("name")
    if name is not None:
        bindings[source.text(name)] = binding


def _declare_variable(declarator: "Node", source: Source, bindings: dict[str, Binding]) -> None:
    name = declarator.child_by_field_name("name")
    value = declarator.child_by_field_name("value")
    if name is None:
        return
    if name.type != "identifier":  # const { a, b } = …
        for leaf in leaves(name):
            if leaf.type.endswith(("identifier", "identifier_pattern")):
                bindings[source.text(leaf)] = Binding(BindingKind.OTHER)
        return
    kind = declarator.child_by_field_name("type")
    annotated = kind is not None and "Definition" in source.text(kind)
    known = BindingKind.CONST if value is not None else BindingKind.OTHER
    bindings[source.text(name)] = Binding(known, value, annotated=annotated)


def _declare_import(statement: "Node", source: Source, bindings: dict[str, Binding]) -> None:
    if _is_type_only(statement):
        return
    specifier = string_text(statement.child_by_field_name("source"), source)
    for node in statement.named_children:
        if node.type == "import_clause":
            for part in node.named_children:
                _declare_imported(part, specifier, source, bindings)
        elif node.type == "import_require_clause":
            inner = string_text(node.child_by_field_name("source"), source)
            name = node.named_children[0]
            bindings[source.text(name)] = Binding(BindingKind.IMPORT, None, inner, "default")


def _declare_imported(
    part: "Node", specifier: str, source: Source, bindings: dict[str, Binding]
) -> None:
    if part.type == "identifier":
        bindings[source.text(part)] = Binding(BindingKind.IMPORT, None, specifier, "default")
    elif part.type == "namespace_import":
        bindings[source.text(part.named_children[-1])] = Binding(
            BindingKind.IMPORT, None, specifier, "*"
        )
    elif part.type == "named_imports":
        for item in part.named_children:
            name = item.child_by_field_name("name")
            if item.type != "import_specifier" or name is None or _is_type_only(item):
                continue
            local = item.child_by_field_name("alias") or name
            imported = source.text(name)
            bindings[source.text(local)] = Binding(BindingKind.IMPORT, None, specifier, imported)


def _is_type_only(node: "Node") -> bool:
    return any(child.type == "type" for child in node.children)


def _forget_what_may_change(source: Source, bindings: dict[str, Binding]) -> None:
    """Forget variables that are reassigned, whose values cannot be read."""
    again: Counter[str] | None = None
    for statement in top_level(source.root):
        inner = statement.child_by_field_name("declaration") or statement
        if inner.type not in {"lexical_declaration", "variable_declaration"}:
            continue
        if inner.children and inner.children[0].type == "const":
            continue
        for declarator in inner.named_children:
            name = declarator.child_by_field_name("name")
            again = Counter(_ASSIGNED.findall(source.lines.text)) if again is None else again
            if name is not None and again[source.text(name)] > 1:
                bindings[source.text(name)] = Binding(BindingKind.OTHER)
