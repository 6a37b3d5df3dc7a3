"""The JSON Schemas of what users write, for editors that check and complete with them."""

from collections.abc import Callable, Mapping

from inhouse.core.errors import UserError
from inhouse.core.json_values import Json
from inhouse.definitions.schema.definition_schema import definition_schema
from inhouse.settings.settings_schema import settings_schema

_SCHEMAS: Mapping[str, Callable[[], Json]] = {
    "definition": definition_schema,
    "settings": settings_schema,
}
NAMES = tuple(_SCHEMAS)


def schema(name: str) -> Json:
    """Return a schema by name.  Raises `UserError` for an unknown name."""
    make = _SCHEMAS.get(name)
    if make is None:
        raise UserError(f"No schema {name!r}.  Schemas: {', '.join(NAMES)}", code="unknown_schema")
    return make()
