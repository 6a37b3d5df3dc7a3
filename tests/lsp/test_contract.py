"""docs/protocol.md against the code, so that the two cannot drift."""

import re
from pathlib import Path

import attrs
import pytest

from inhouse import wire
from inhouse.core import events, route
from inhouse.core.definition import Agent
from inhouse.core.hunks import Hunk
from inhouse.core.request import AgentSummary
from inhouse.core.text import START, Problem, Severity
from inhouse.lsp.contract import arguments
from inhouse.lsp.contract.command_names import COMMANDS
from inhouse.lsp.contract.server_capabilities import initialize_result
from inhouse.lsp.edits import review
from inhouse.lsp.edits.pending_hunks import Pending
from inhouse.lsp.transport.client import EditorClient
from inhouse.store.sessions import SessionSummary, Turn

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
ROW = re.compile(r"^\| `(inhouse\.[\w.-]+)` \| (.*) \| (.*) \|$", re.MULTILINE)
ROWS = {name: (argument, result) for name, argument, result in ROW.findall(PAGE)}
KINDS = {
    "inhouse.run": arguments.RunArguments,
    "inhouse.cancel": arguments.OptionalRunId,
    "inhouse.result": arguments.RunId,
    "inhouse.runs": arguments.ListArguments,
    "inhouse.explain": arguments.Explain,
    "inhouse.endpoints": arguments.Endpoints,
    "inhouse.providers": arguments.Providers,
    "inhouse.endpoint.test": arguments.DescribeEndpoint,
    "inhouse.endpoint.add": arguments.AddEndpoint,
    "inhouse.endpoint.default": arguments.EndpointName,
    "inhouse.endpoint.key": arguments.EndpointKey,
    "inhouse.embedded": arguments.Embedded,
    "inhouse.agent.new": arguments.NewAgent,
    "inhouse.transcript": arguments.OptionalRunId,
    "inhouse.answer": arguments.AnswerArguments,
    "inhouse.edits": arguments.Hunks,
    "inhouse.edits.preview": arguments.Preview,
    "inhouse.setKey": arguments.SetKey,
    "inhouse.sessions": arguments.SessionsArguments,
    "inhouse.session.turns": arguments.OneSession,
    "inhouse.session.open": arguments.OptionalSession,
    "inhouse.session.rename": arguments.RenameSession,
    "inhouse.session.delete": arguments.OneSession,
    "inhouse.session.fork": arguments.ForkSession,
    "inhouse.session.undo": arguments.UndoTurn,
    "inhouse.steer": arguments.Steer,
}


def test_the_page_lists_every_command_and_no_other():
    assert set(ROWS) - {"inhouse.run.AGENT-ID"} == set(COMMANDS)


@pytest.mark.parametrize("command", KINDS)
def test_each_argument_is_as_the_page_says(command):
    written = re.search(r"\{(.*?)\}", ROWS[command][0]).group(1).replace("\\|", " | ")
    written = written.replace("DocumentUri", "string").replace("!:", ":")

    assert "{" + written + "}" == arguments.usage(KINDS[command])


def members(name):
    """Give the members of an interface of the page, and which may be missing."""
    body = re.search(
        rf"interface {name} \{{(.*?)\n\}}|interface {name} \{{(.*)\}}", PAGE, re.DOTALL
    )
    text = re.sub(r"//.*", "", body.group(1) or body.group(2))
    while (flat := re.sub(r"\{[^{}]*\}|<[^<>]*>", "", text)) != text:
        text = flat
    found = re.findall(r"(\w+)(\??):", text)
    return {key for key, mark in found if not mark}, {key for key, _ in found}


ROUTE = route.Route(
    "e",
    "http://x",
    "m",
    False,
    route.DecidedBy.REQUEST,
    "s",
    (route.RouteStep("r", "o"),),
    route.Refusal("no", "do"),
)
TOKENS = events.EndpointUsage(1, 2, 0.5, 1)
RESULT = events.RunResult(
    "r",
    "a",
    ROUTE,
    events.RunStatus.FAILED,
    "t",
    events.Usage(1, 2, 0.5, {"e": TOKENS}),
    "2026-01-01T00:00:00Z",
    5,
    None,
    events.StopReason.END_TURN,
    {"x": 1},
    (events.EditSummary("file:///x", events.EditState.APPLIED),),
    events.RunError("c", "m"),
    (events.Contact("h:1", "127.0.0.1", True, 1, 2),),
    "p",
    "parent",
    "s-1",
)
SESSION = SessionSummary(
    *("s-1", "t", "a", 1, "completed", "2026-01-01", "2026-01-01", 1, 2, "/w", None, None),
    forked_from="s-0",
    cost_usd=0.5,
)
TURN = Turn(1, "r", "a", "p", {}, "e", "http://x", "m", True, "completed", "2026-01-01")
PROBLEM = Problem(Path("/a.ts"), START, Severity.ERROR, "c", "m")
AGENT = Agent("a", Path("/a.ts"), START, None, (PROBLEM,), Path("/b.ts"))
STATUS = route.EndpointStatus(
    "e",
    route.Kind.OLLAMA,
    "http://x",
    True,
    "s",
    True,
    1.5,
    (route.ModelInfo("m", 4096, True),),
    (route.Finding("error", "m", "r"),),
    from_workspace=True,
    takes_key=True,
)
HUNK = Pending("edit-1.1", "r", "a", Path("/a.txt"), "a\n", Hunk(0, ("a\n",), ("b\n",)))


@pytest.mark.parametrize(
    ("name", "full", "bare"),
    [
        ("Route", wire.route(ROUTE), wire.route(attrs.evolve(ROUTE, refused=None))),
        (
            "RunResult",
            wire.run_result(RESULT, has_text=False),
            wire.run_result(
                attrs.evolve(
                    RESULT, stop_reason=None, output=None, error=None, parent=None, session=None
                )
            ),
        ),
        (
            "AgentSummary",
            wire.agent_summary(AgentSummary(AGENT, usable=True, route=ROUTE)),
            wire.agent_summary(
                AgentSummary(attrs.evolve(AGENT, shadowed_by=None, problems=()), usable=False)
            ),
        ),
        (
            "SessionSummary",
            wire.session_summary(SESSION, "u"),
            wire.session_summary(attrs.evolve(SESSION, forked_from=None), "u"),
        ),
        ("SessionTurn", wire.session_turn(TURN, 1), wire.session_turn(TURN, 0)),
        ("Problem", wire.problem(PROBLEM), wire.problem(PROBLEM)),
        (
            "EndpointStatus",
            wire.endpoint_status(STATUS, TOKENS),
            wire.endpoint_status(
                attrs.evolve(
                    STATUS,
                    reachable=None,
                    latency_ms=None,
                    models=None,
                    from_workspace=False,
                    takes_key=False,
                )
            ),
        ),
        ("Contact", wire.contact(RESULT.contacts[0]), wire.contact(RESULT.contacts[0])),
        ("Hunk", review.as_json(HUNK, "a\n", "u"), review.as_json(HUNK, "gone", "u")),
    ],
)
def test_each_shape_is_as_the_page_says(name, full, bare):
    required, every = members(name)
    allowed = every | {"byEndpoint", "byAgent"}

    assert required <= set(bare), required - set(bare)
    assert set(full) <= allowed, set(full) - allowed
    assert every <= set(full) | {"byEndpoint", "byAgent"}, every - set(full)


def test_each_event_is_as_the_page_says():
    happenings = [
        events.RunStarted(ROUTE, "s-1"),
        events.Steered("x", "queued"),
        events.TextDelta("x"),
        events.ReasoningDelta("x"),
        events.ToolStarted("c", "t", {}),
        events.ToolFinished("c", True, "s"),
        events.EditChanged("file:///x", events.EditState.PROPOSED, "d"),
        events.QuestionAsked("q", "t", ("a",), "d", "a", True),
        events.UsageReported(9, 2, None, 4096, 3, 1),
        events.Notice("info", "c", "m"),
        events.RunFinished(RESULT),
    ]
    written = {}
    for line in re.findall(r"^  \| \{ (kind: .*?) \}\)?$", PAGE, re.MULTILINE):
        names = set(re.findall(r"(\w+)\??:", line))
        for kind in re.findall(r'"(\w+)"', line.split(",")[0]):
            written[kind] = names

    spoken = {body["kind"]: set(body) for each in happenings if (body := wire.payload(each))}
    assert spoken == written


def test_columns_are_utf16_whatever_the_client_prefers():
    client = EditorClient((Path("/w"),), capabilities={"general": {"positionEncodings": ["utf-8"]}})

    assert initialize_result(client, COMMANDS)["capabilities"]["positionEncoding"] == "utf-16"
