"""How a field or a value is written in each format of definitions."""

from inhouse.definitions.schema.fields import Field
from inhouse.lsp.language.definition_document import JSON, SCRIPTS, DefinitionDocument

_LONG = frozenset({"systemPrompt", "instructionsPrompt", "stepPrompt", "spawnerPrompt"})


def written_key(site: DefinitionDocument, name: str) -> str:
    """Return a field's name with what separates it from the value."""
    if site.suffix in SCRIPTS:
        return f"{name}: "
    if site.suffix in JSON:
        return f'"{name}": '
    return f"{name} = " if site.suffix == ".toml" else f"{name}: "


def written_text(site: DefinitionDocument, value: str) -> str:
    """Return a text as a value."""
    if site.suffix in SCRIPTS:
        return f"'{value}'"
    if site.suffix in JSON or site.suffix == ".toml":
        return f'"{value}"'
    return f'"{value}"' if value.startswith(("@", "{", "*", "&", "!", "$")) else value


def ends_with_comma(site: DefinitionDocument) -> bool:
    return site.suffix in SCRIPTS or site.suffix in JSON


def snippet(site: DefinitionDocument, field: Field) -> str:
    """Return a field with a placeholder for its value, as an LSP snippet."""
    return written_key(site, field.name) + _value(site, field, snippet=True)


def plain(site: DefinitionDocument, field: Field) -> str:
    """Return a field with a sensible first value, for clients without snippets."""
    return written_key(site, field.name) + _value(site, field, snippet=False)


def _value(site: DefinitionDocument, field: Field, *, snippet: bool) -> str:
    if field.name == "handleSteps" and site.suffix in SCRIPTS:
        body = "$0" if snippet else "yield 'STEP_ALL'"
        return "function* ({ prompt, params }) {\n\t" + body + "\n}"
    if field.choices and field.container != "list":
        return _choice(site, field.choices, snippet=snippet)
    if field.type.startswith("boolean"):
        return "${1|true,false|}" if snippet else "true"
    stop = "$1" if snippet else ""
    if field.container == "list":
        return f"[{stop}]"
    if field.container or field.type.startswith("object"):
        return _object(site, field, stop)
    return _scalar(site, field, stop)


def _scalar(site: DefinitionDocument, field: Field, stop: str) -> str:
    if field.type.startswith("number"):
        return "${1:0}" if stop else "0"
    if site.suffix in SCRIPTS and field.name in _LONG:
        return f"`{stop}`"
    return written_text(site, "\0").replace("\0", stop)


def _object(site: DefinitionDocument, field: Field, stop: str) -> str:
    """Return an object with its required members."""
    required = [each for each in field.fields if each.required]
    if field.container == "map" or len(required) != 1 or site.suffix in {".yaml", ".yml", ".md"}:
        return "{ " + stop + " }" if site.suffix != ".toml" else "{" + stop + "}"
    inner = written_key(site, required[0].name) + written_text(site, "\0").replace("\0", stop)
    return "{ " + inner + " }"


def _choice(site: DefinitionDocument, choices: tuple[str, ...], *, snippet: bool) -> str:
    if snippet:
        return written_text(site, "\0").replace("\0", "${1|" + ",".join(choices) + "|}")
    return written_text(site, choices[0])
