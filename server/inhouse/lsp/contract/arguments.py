"""Arguments of commands: foreign JSON enters here and leaves typed."""

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import cattrs
from attrs import field, fields, frozen
from cattrs.gen import make_dict_structure_fn, override

from inhouse.core.errors import UserError
from inhouse.core.json_values import items, objects
from inhouse.core.text import Position, Range

T = TypeVar("T")
_MOST = 2**53 - 1
"""The largest whole number that every client reads and writes exactly (RFC 8259, section 6)."""
Token = str | int


@frozen
class Nothing:
    """For commands that take none."""


@frozen
class Picture:
    """A picture that comes with a prompt."""

    data: str
    """Base64."""
    mime_type: str
    """``image/png``, ``image/jpeg``, …"""


@frozen
class RunArguments:
    agent: str = ""
    """May be left out if a session is continued."""
    prompt: str = ""
    params: dict[str, Any] = field(factory=dict[str, Any])
    uri: str | None = None
    range: Range | None = None
    endpoint: str | None = None
    model: str | None = None
    session: str | None = None
    images: list[Picture] = field(factory=list[Picture])
    stream_token: Token | None = None
    stream_text: bool = True
    """Whether the stream has ``text`` and ``reasoning`` too."""
    work_done_token: Token | None = None
    show_transcript: bool | None = None
    """Whether to open the transcript; None for the setting's choice."""
    own_view: bool = False
    """Whether the client itself shows the run's questions and failures, from its events."""


@frozen
class Schema:
    name: str = "definition"


@frozen
class OptionalRunId:
    run_id: str | None = None


@frozen
class RunId:
    run_id: str


@frozen
class ListArguments:
    limit: int | None = None
    earlier: bool | None = None
    """Whether to include runs of other servers whose transcripts are kept."""


@frozen
class Explain:
    agent: str
    endpoint: str | None = None
    model: str | None = None
    show: bool = False
    """Whether to show the user the result, for clients that show none."""


@frozen
class Endpoints:
    check: bool = False
    agent: str | None = None
    """Check only the endpoint that serves this agent, if the settings name it."""
    name: str | None = None
    """Check only this endpoint."""
    base_url: str | None = None
    """Check only what is there: each definition's own server is named "definition"."""
    work_done_token: Token | None = None


@frozen
class Providers:
    discover: bool = False
    """Whether to look for servers on the usual ports of this machine."""


@frozen
class DescribeEndpoint:
    """An endpoint to test; the provider's name supplies the rest."""

    name: str | None = None
    provider: str | None = None
    kind: str | None = None
    base_url: str | None = None
    model: str | None = None
    key: str | None = None
    key_reference: str | None = None


@frozen
class AddEndpoint(DescribeEndpoint):
    make_default: bool | None = None
    """None to do so only if there is no default yet."""


@frozen
class EndpointName:
    name: str


@frozen
class EndpointKey:
    name: str
    key_reference: str | None = None
    """None to ask whether a key can be set."""


@frozen
class Embedded:
    install: bool = False
    model: str | None = None
    work_done_token: Token | None = None


@frozen
class NewAgent:
    id: str
    folder: str | None = None
    """A folder of the workspace; None for the first."""


@frozen
class AnswerArguments:
    text: str | None = None
    question_id: str | None = None
    """None for the question that has waited longest."""
    choices: list[str] | None = None


@frozen
class Hunks:
    """Which proposed changes; all of them if no member is given."""

    uri: str | None = None
    run_id: str | None = None
    hunk: str | None = None


@frozen
class SessionsArguments:
    limit: int | None = None
    query: str | None = None
    """Searched for in titles, ids and prompts."""


@frozen
class OptionalSession:
    session: str | None = None
    """None for the newest."""


@frozen
class OneSession:
    session: str


@frozen
class RenameSession:
    session: str
    title: str


@frozen
class ForkSession:
    session: str
    turn: int
    """The new session has the turns before this one."""
    show: bool = False
    """Whether to open its document too."""


@frozen
class UndoTurn:
    session: str
    turn: int | None = None
    """None for the last one that changed something."""


@frozen
class SendDocument:
    uri: str
    """The URI of an open session document."""
    turn: int | None = None
    """Send this turn's prompt as the document has it, in a fork; None for the text at the end."""
    stream_token: Token | None = None
    stream_text: bool = True
    work_done_token: Token | None = None


@frozen
class CompactSession:
    session: str | None = None
    """None for the newest."""
    stream_token: Token | None = None
    stream_text: bool = True
    work_done_token: Token | None = None


@frozen
class Steer:
    session: str
    text: str
    """Empty to cancel what is queued."""


@frozen
class SetKey:
    name: str
    value: str
    """Empty to forget it."""


@frozen
class Preview:
    uri: str


Given = list[object] | None
"""The arguments of a command as a client sent them."""


def structure(command: str, arguments: Given, kind: type[T]) -> T:
    """Read what a client sent with a command, in any of the ways that clients send it."""
    value = _as_object(command, arguments, kind)
    try:
        given = _converter.structure(value, kind)
    except Exception as error:  # cattrs groups all errors
        problems = "; ".join(_place_first(line) for line in cattrs.transform_error(error, "", _say))
        raise UserError(f"{command}: {problems}.  It takes {usage(kind)}") from error
    if type(given) is RunArguments and not given.agent and given.session is None:
        raise UserError(
            f"{command}: 'agent' is missing, and no 'session' that has one.  It takes {usage(kind)}"
        )
    return given


def usage(kind: type[Any]) -> str:
    """Write a command's argument as docs/protocol.md does: ``{agent: string, prompt?: string}``."""
    members = [
        f"{_camel(each.name)}{'' if each.default is _NOTHING else '?'}: {_type_name(each.type)}"
        for each in fields(kind)
    ]
    return "{" + ", ".join(members) + "}"


def _as_object(command: str, arguments: Given, kind: type[Any]) -> dict[str, Any]:
    given: list[Any] = [each for each in arguments or [] if each is not None]
    if len(given) == 1 and isinstance(given[0], list):
        given = list(cast("list[Any]", given[0]))
    value: dict[str, Any] = {}
    words: list[str] = []
    for each in given:
        if isinstance(each, dict):
            value |= {k: v for k, v in cast("dict[str, Any]", each).items() if v is not None}
        elif isinstance(each, str):
            words.append(each)
        elif kind is not Nothing:
            shown = _json_type(each)
            raise UserError(f"{command}: expected an object, not {shown}.  It takes {usage(kind)}")
    return _from_words(words, kind) | value if words else value


def _from_words(words: list[str], kind: type[Any]) -> dict[str, Any]:
    """Read plain strings as the members in order; the last one gets what is left over."""
    names = {
        RunArguments: ["agent", "prompt"],
        RunPrompt: ["prompt"],
        Explain: ["agent"],
        Steer: ["session", "text"],
        RenameSession: ["session", "title"],
    }.get(kind)
    if names is None:
        names = [_camel(each.name) for each in fields(kind)][:1]
    if not names:
        return {}
    head, rest = words[: len(names) - 1], words[len(names) - 1 :]
    return dict(zip(names, [*head, " ".join(rest)] if rest else head, strict=False))


@frozen
class RunPrompt(RunArguments):
    """`RunArguments` for a command that names the agent itself."""

    agent: str = ""


def _place_first(line: str) -> str:
    problem, _, place = line.rpartition(" @ .")
    return problem if "is missing" in problem else f"{_camel(place)!r} {problem}"


def _say(error: BaseException, expected: type[Any] | None) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    if isinstance(error, _WrongTypeError):
        return str(error)
    return f"must be {_type_name(expected)}" if expected else "has the wrong type"


class _WrongTypeError(ValueError):
    pass


def _strict(wanted: tuple[type, ...]) -> Any:
    def check(value: Any, kind: Any) -> Any:
        if (isinstance(value, bool) and bool not in wanted) or not isinstance(value, wanted):
            raise _WrongTypeError(f"must be {_type_name(kind)}, not {_json_type(value)}")
        if isinstance(value, int) and not -_MOST <= value <= _MOST:
            raise _WrongTypeError(f"must be a whole number of at most {_MOST}")
        return value

    return check


_NAMES = {str: "string", int: "number", bool: "boolean"}


def _type_name(kind: Any) -> str:  # noqa: PLR0911  one a kind
    text = str(kind)
    if kind in _NAMES:
        return _NAMES[kind]
    if kind is Range or "Range" in text:
        return "Range"
    if "Picture" in text:
        return "Picture[]"
    if "dict" in text:
        return "object"
    if "list" in text:
        return "string[]"
    if "int" in text and "str" in text:
        return "string | number"
    return "boolean" if "bool" in text else "number" if "int" in text else "string"


def _json_type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _object(value: Any, _kind: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    if value == []:  # An empty table of Lua.
        return {}
    raise _WrongTypeError(f"must be object, not {_json_type(value)}")


def _range(value: Any, _kind: Any) -> Range:
    try:
        ends = (value["start"], value["end"])
        start, end = (
            Position(_natural(each["line"]), _natural(each["character"])) for each in ends
        )
    except (TypeError, KeyError, ValueError) as error:
        raise _WrongTypeError(
            "must be Range: {start: {line, character}, end: {line, character}}"
        ) from error
    return Range(start, end) if start <= end else Range(end, start)


def _pictures(value: Any, _kind: Any) -> list[Picture]:
    if not isinstance(value, list):
        raise _WrongTypeError(f"must be Picture[], not {_json_type(value)}")
    pictures = objects(value)
    if len(pictures) != len(items(value)) or not all(
        isinstance(each.get(name), str) for each in pictures for name in ("data", "mimeType")
    ):
        raise _WrongTypeError("must be Picture[]: {data: base64, mimeType: string}")
    return [Picture(each["data"], each["mimeType"]) for each in pictures]


def _natural(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError
    return value


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)


def _make_converter() -> cattrs.Converter:
    make: Any = make_dict_structure_fn
    converter = cattrs.Converter()
    for kind, wanted in ((str, (str,)), (int, (int,)), (bool, (bool,))):
        converter.register_structure_hook(kind, _strict(wanted))
    converter.register_structure_hook_func(lambda kind: kind == Token, _strict((str, int)))
    converter.register_structure_hook_func(lambda kind: kind == Token | None, _strict((str, int)))
    converter.register_structure_hook_func(lambda kind: kind == dict[str, Any], _object)
    converter.register_structure_hook(Range, _range)
    converter.register_structure_hook_func(lambda kind: kind == list[Picture], _pictures)
    kinds = (Nothing, RunArguments, RunPrompt, OptionalRunId, RunId, ListArguments)
    kinds += (SessionsArguments, OptionalSession, OneSession, RenameSession, ForkSession)
    kinds += (
        UndoTurn,
        CompactSession,
        SendDocument,
        Steer,
        Providers,
        DescribeEndpoint,
        AddEndpoint,
        EndpointName,
        EndpointKey,
    )
    kinds += (Embedded, NewAgent)
    for kind in (*kinds, Explain, Endpoints, AnswerArguments, Hunks, Preview, SetKey):
        names = {each.name: override(rename=_camel(each.name)) for each in fields(kind)}
        converter.register_structure_hook(kind, make(kind, converter, **names))
    return converter


_NOTHING = fields(RunId).run_id.default
_converter = _make_converter()
