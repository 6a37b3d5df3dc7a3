"""What the readers give: values with the places where they were written."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Self

from attrs import field, frozen

from inhouse.core.json_values import mapping
from inhouse.core.text import START, Problem, Range

from .source_ranges import JsonPath, Places, SourceRange


class Missing(Enum):
    """Values that JSON does not have."""

    UNDEFINED = "undefined"
    UNKNOWN = "unknown"
    """Only an evaluation can tell."""


class FunctionText(str):
    """The source of a function: a text only where ``handleSteps`` asks for one."""

    __slots__ = ("place",)

    place: Range
    """Where the function stands."""

    def __new__(cls, text: str, place: Range) -> Self:
        made = super().__new__(cls, text)
        made.place = place
        return made


UNDEFINED: Final = Missing.UNDEFINED
UNKNOWN: Final = Missing.UNKNOWN

MOST_VALUES: Final = 20_000
"""Values in one definition; more is a mistake or an attack."""
DEEPEST: Final = 100
"""Levels of nesting."""


@frozen(eq=False)
class Literal:
    """A value as it stands in a text."""

    value: Any
    """A scalar, or a `Missing`; containers have ``items`` instead."""
    range: Range
    fields: Mapping[str, "ParsedEntry"] | None = None
    """Of an object."""
    items: tuple["Literal", ...] | None = None
    """Of a list."""
    partial: Range | None = None
    """A container of which only an evaluation can tell everything: the first reason why."""


@frozen(eq=False)
class ParsedEntry:
    key: Range
    value: Literal


@frozen
class ParsedDefinition:
    """One definition that a file holds, as far as it could be read."""

    name: str
    """The name it is exported by; ``default`` where a file holds but one."""
    values: Mapping[str, Any]
    places: Places
    """A place for every value, and the whole at ``()``."""
    needs_evaluation: Range | None = None
    """The first thing that only an evaluation can tell."""
    unknown: frozenset[JsonPath] = frozenset()
    """Paths of which only an evaluation can tell the value."""


@frozen
class Reading:
    """All that a file's text says.  Broken text gives what could be read, and problems."""

    found: tuple[ParsedDefinition, ...] = ()
    problems: tuple[Problem, ...] = ()
    needs_evaluation: Range | None = None
    """Only an evaluation can tell what this file defines, or some of it."""
    imports: tuple[str, ...] = ()
    """Module specifiers that this file imports values from, as written."""
    reexports: tuple[str, ...] = ()
    """The module specifier whose default export this file only passes on."""
    may_define: bool = True
    """False: nothing in this file looks like a definition; it is somebody's helper."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Of the first definition."""
        return self.found[0].values if self.found else {}


@frozen
class Flat:
    """A literal as plain JSON, with places."""

    value: Any
    places: dict[JsonPath, SourceRange] = field(factory=dict[JsonPath, SourceRange])
    unknown: tuple[tuple[JsonPath, Range], ...] = ()
    too_much: bool = False

    @property
    def first_unknown(self) -> Range | None:
        return min((place for _, place in self.unknown), default=None)


def flatten(literal: Literal) -> Flat:
    """Turn a literal into JSON; what is unknown or undefined is left out."""
    places: dict[JsonPath, SourceRange] = {}
    unknown: list[tuple[JsonPath, Range]] = []
    too_much = False

    def walk(literal: Literal, path: JsonPath, key: Range | None) -> Any:
        nonlocal too_much
        if len(places) >= MOST_VALUES:
            too_much = True
            return UNDEFINED
        places[path] = SourceRange(literal.range, key)
        if literal.partial is not None:
            unknown.append((path, literal.partial))
        if literal.fields is not None:
            pairs = {
                name: walk(entry.value, (*path, name), entry.key)
                for name, entry in literal.fields.items()
            }
            return {name: value for name, value in pairs.items() if _is_json(value)}
        if literal.items is not None:
            values = [walk(item, (*path, at), None) for at, item in enumerate(literal.items)]
            return [value if _is_json(value) else None for value in values]
        if literal.value is UNKNOWN:
            unknown.append((path, literal.range))
        return literal.value

    value = walk(literal, (), None)
    return Flat(value, places, tuple(unknown), too_much=too_much)


def found(literal: Literal, name: str) -> ParsedDefinition:
    """The definition that an object literal is."""
    flat = flatten(literal)
    return ParsedDefinition(
        name,
        mapping(flat.value),
        flat.places,
        flat.first_unknown,
        frozenset(path for path, _ in flat.unknown),
    )


def place_range(places: Places) -> Range:
    whole = places.get(())
    return whole.value if whole is not None else START


def _is_json(value: object) -> bool:
    return not isinstance(value, Missing)
