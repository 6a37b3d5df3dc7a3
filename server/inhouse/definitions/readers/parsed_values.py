"""What the readers return: values with their positions."""

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
    """Known only by evaluation."""


class FunctionText(str):
    """The source of a function, which is a value only for ``handleSteps``."""

    __slots__ = ("place",)

    place: Range
    """The range of the function."""

    def __new__(cls, text: str, place: Range) -> Self:
        made = super().__new__(cls, text)
        made.place = place
        return made


class Foreign(FunctionText):
    """What an evaluation gave and JSON has no word for: says what it is; no field takes one."""

    __slots__ = ()


UNDEFINED: Final = Missing.UNDEFINED
UNKNOWN: Final = Missing.UNKNOWN

MOST_VALUES: Final = 20_000
"""How many values a definition may have; more is a mistake or an attack."""
DEEPEST: Final = 100
"""How deep values may be nested."""


@frozen(eq=False)
class Literal:
    """A value as written in a text."""

    value: Any
    """A scalar, or a `Missing`; containers have ``items`` instead."""
    range: Range
    fields: Mapping[str, "ParsedEntry"] | None = None
    """The members of an object."""
    items: tuple["Literal", ...] | None = None
    """The items of a list."""
    partial: Range | None = None
    """The first reason why only an evaluation shows the complete container."""


@frozen(eq=False)
class ParsedEntry:
    key: Range
    value: Literal


@frozen
class ParsedDefinition:
    """One definition of a file, as far as it could be read."""

    name: str
    """The name it is exported by; ``default`` if the file has only one."""
    values: Mapping[str, Any]
    places: Places
    """The range of every value, and of the whole at ``()``."""
    needs_evaluation: Range | None = None
    """The first thing that only an evaluation shows."""
    unknown: frozenset[JsonPath] = frozenset()
    """Paths whose values only an evaluation shows."""


@frozen
class Reading:
    """Everything that a file's text says; for broken text, what could be read, with problems."""

    found: tuple[ParsedDefinition, ...] = ()
    problems: tuple[Problem, ...] = ()
    needs_evaluation: Range | None = None
    """Whether only an evaluation shows all that this file defines."""
    imports: tuple[str, ...] = ()
    """Module specifiers that this file imports values from, as written."""
    reexports: tuple[str, ...] = ()
    """The module specifier whose default export this file only re-exports."""
    may_define: bool = True
    """False if nothing in this file looks like a definition, so that it is a helper."""

    @property
    def values(self) -> Mapping[str, Any]:
        """The values of the first definition."""
        return self.found[0].values if self.found else {}


@frozen
class Flat:
    """A literal as plain JSON, with positions."""

    value: Any
    places: dict[JsonPath, SourceRange] = field(factory=dict[JsonPath, SourceRange])
    unknown: tuple[tuple[JsonPath, Range], ...] = ()
    too_much: bool = False

    @property
    def first_unknown(self) -> Range | None:
        return min((place for _, place in self.unknown), default=None)


def flatten(literal: Literal) -> Flat:
    """Turn a literal into JSON; unknown and undefined values are left out."""
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
    """Return an object literal as a definition."""
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
