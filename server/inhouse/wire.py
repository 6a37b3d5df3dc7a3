"""Values of the core as JSON, in the shapes of docs/protocol.md.

The language server sends them on the wire, the terminal prints them with ``--json``.
"""

from collections.abc import Iterable

from inhouse.core.definition import Agent
from inhouse.core.endpoint_kinds import Service
from inhouse.core.errors import DefinitionError, InhouseError
from inhouse.core.events import (
    Contact,
    EditChanged,
    EndpointUsage,
    EventPayload,
    Notice,
    PermissionAnswered,
    QuestionAsked,
    ReasoningDelta,
    RunEvent,
    RunFinished,
    RunResult,
    RunStarted,
    Steered,
    TextDelta,
    ThoughtSoFar,
    ToolFinished,
    ToolOutput,
    ToolStarted,
    Usage,
    UsageReported,
)
from inhouse.core.json_values import Json
from inhouse.core.remedies import Remedy, cause_of, remedies_for
from inhouse.core.request import AgentSummary
from inhouse.core.route import EndpointStatus, ModelInfo, Route
from inhouse.core.text import Problem, Range
from inhouse.core.tool_words import done, title_of
from inhouse.core.urls import is_local_name
from inhouse.definitions.catalog.folders import ON_BOARD
from inhouse.store.sessions import SessionSummary, Turn
from inhouse.store.transcripts import KeptRun


def route(value: Route) -> Json:
    """`Route` of docs/protocol.md."""
    wire: Json = {
        "endpoint": value.endpoint,
        "baseUrl": value.base_url,
        "model": value.model,
        "local": value.local,
        "decidedBy": value.decided_by.value,
        "source": value.source,
        "steps": [{"rule": step.rule, "outcome": step.outcome} for step in value.steps],
    }
    if value.refused is not None:
        wire["refused"] = {"reason": value.refused.reason, "remedy": value.refused.remedy}
    return wire


def run_event(seq: int, event: RunEvent) -> Json | None:
    """`RunEvent` of docs/protocol.md; None for what is not on the wire."""
    body = payload(event.payload)
    if body is None:
        return None
    wire: Json = {"seq": seq, "runId": event.run_id, "agent": event.agent}
    if event.parent is not None:
        wire["parent"] = event.parent
    return wire | body


def payload(value: EventPayload) -> Json | None:  # noqa: C901, PLR0911  one case a line
    """Return the part of a `RunEvent` that says what happened."""
    match value:
        case TextDelta(text):
            return {"kind": "text", "delta": text}
        case ReasoningDelta(text):
            return {"kind": "reasoning", "delta": text}
        case RunStarted(chosen, session):
            start: Json = {"kind": "start", "route": route(chosen)}
            return start if session is None else start | {"session": session}
        case ToolStarted(call_id, tool, arguments):
            said = {"tool": tool, "title": title_of(tool, arguments), "input": arguments}
            did = {"did": told} if (told := done(tool, arguments, ok=True, summary="")) else {}
            return {"kind": "tool_call", "callId": call_id} | said | did
        case ToolFinished(call_id, ok, summary):
            return {"kind": "tool_result", "callId": call_id, "ok": ok, "summary": summary}
        case ToolOutput() | PermissionAnswered() | ThoughtSoFar():
            return None
        case EditChanged(uri, state, diff):
            return {"kind": "edit", "uri": uri, "state": state.value, "diff": diff}
        case QuestionAsked(question_id, text, choices):
            asked: Json = {
                "kind": "question",
                "questionId": question_id,
                "text": text,
                "choices": list(choices),
            }
            asked |= {"detail": value.detail} if value.detail else {}
            asked |= {"safe": value.safe} if value.safe else {}
            return asked | ({"multiple": True} if value.multiple else {})
        case UsageReported():
            told = {"kind": "usage"} | tokens(value)
            window = value.context_window
            return told if window is None else told | {"contextWindow": window}
        case Notice(level, code, message):
            return {"kind": "notice", "level": level, "code": code, "message": message}
        case Steered(text, state):
            return {"kind": "steer", "text": text, "state": state}
        case RunFinished(result):
            return {"kind": "finish", "result": run_result(result)}


def tokens(value: UsageReported | EndpointUsage | Usage) -> Json:
    """Token counts and cost."""
    return {
        "inputTokens": value.input_tokens,
        "outputTokens": value.output_tokens,
        "costUsd": value.cost_usd,
        **_cached(value),
    }


def _cached(value: UsageReported | EndpointUsage | Usage) -> Json:
    """Return input tokens read from or written to a cache; left out if there are none."""
    told = {"cachedTokens": value.cached_tokens, "cacheWriteTokens": value.cache_write_tokens}
    return {name: count for name, count in told.items() if count}


def usage(value: Usage) -> Json:
    """`RunResult.usage`."""
    return {
        "inputTokens": value.input_tokens,
        "outputTokens": value.output_tokens,
        "costUsd": value.cost_usd,
        **_cached(value),
        "byEndpoint": {
            name: tokens(part) | {"requests": part.requests}
            for name, part in value.by_endpoint.items()
        },
        "byAgent": {
            name: tokens(part) | {"requests": part.requests}
            for name, part in value.by_agent.items()
        },
    }


def error_data(code: str, message: str, *, endpoint: str | None = None, url: str = "") -> Json:
    """`ErrorData` of docs/protocol.md: an error in parts, for doors with buttons."""
    return _in_parts(code, message, remedies_for(code, endpoint=endpoint, url=url))


def error_of(error: InhouseError) -> Json:
    """`ErrorData` of an error that a command raised."""
    found = remedies_for(error.code)
    if isinstance(error, DefinitionError):
        at = error.path.as_uri()
        found = (Remedy("openFile", "Open Definition", uri=at, line=error.line),)
    return _in_parts(error.code, str(error), found)


def _in_parts(code: str, message: str, found: Iterable[Remedy]) -> Json:
    return {"code": code, "cause": cause_of(message), "remedies": [remedy(one) for one in found]}


def remedy(value: Remedy) -> Json:
    """`Remedy` of docs/protocol.md."""
    more: Json = {
        "endpoint": value.endpoint,
        "setting": value.setting,
        "command": value.command,
        "uri": value.uri,
        "line": value.line,
    }
    said = {name: text for name, text in more.items() if text is not None}
    return {"id": value.id, "title": value.title} | said


def contact(value: Contact) -> Json:
    """`Contact` of docs/protocol.md: one host that a run talked to."""
    return {
        "host": value.host,
        "address": value.address,
        "local": value.local,
        "bytesSent": value.bytes_sent,
        "bytesReceived": value.bytes_received,
        "model": value.model,
        "endpoint": value.endpoint,
    }


def run_result(value: RunResult, *, has_text: bool = True) -> Json:
    """`RunResult` of docs/protocol.md; without its text if that is no longer kept."""
    wire: Json = {
        "runId": value.run_id,
        "agent": value.agent,
        "route": route(value.route),
        "status": value.status.value,
        "text": value.text,
        "usage": usage(value.usage),
        "edits": [{"uri": edit.uri, "state": edit.state.value} for edit in value.edits],
        "startedAt": value.started_at,
        "durationMs": value.duration_ms,
        "firstTokenMs": value.first_token_ms,
        "contacts": [contact(each) for each in value.contacts],
    }
    if value.stop_reason is not None:
        wire["stopReason"] = value.stop_reason.value
    if value.output is not None:
        wire["output"] = value.output
    if value.error is not None:
        at, code, message = value.route, value.error.code, value.error.message
        told = error_data(code, message, endpoint=at.endpoint, url=at.base_url)
        wire["error"] = {"message": message} | told
    if value.parent is not None:
        wire["parent"] = value.parent
    if value.session is not None:
        wire["session"] = value.session
    if not has_text:
        wire["textDropped"] = True
    return wire


def run_summary(value: RunResult) -> Json:
    """`RunSummary` of docs/protocol.md."""
    wire = _summary(value, value.route.endpoint, value.route.model)
    wire |= tokens(value.usage)
    if value.parent is not None:
        wire["parent"] = value.parent
    if value.session is not None:
        wire["session"] = value.session
    return wire


def kept_run(value: KeptRun) -> Json:
    """`RunSummary` of docs/protocol.md, of a run before the server started."""
    return _summary(value, value.endpoint, value.model)


def _summary(value: RunResult | KeptRun, endpoint: str, model: str) -> Json:
    return {
        "runId": value.run_id,
        "agent": value.agent,
        "status": value.status.value,
        "startedAt": value.started_at,
        "durationMs": value.duration_ms,
        "prompt": value.prompt,
        "endpoint": endpoint,
        "model": model,
    }


def session_summary(value: SessionSummary, uri: str) -> Json:
    """`SessionSummary` of docs/protocol.md."""
    wire: Json = {
        "id": value.id,
        "title": value.title,
        "agent": value.agent,
        "turns": value.turns,
        "status": value.status,
        "startedAt": value.started_at,
        "updatedAt": value.updated_at,
        "inputTokens": value.input_tokens,
        "outputTokens": value.output_tokens,
        "costUsd": value.cost_usd,
        "uri": uri,
    }
    if value.forked_from is not None:
        wire["forkedFrom"] = value.forked_from
    return wire


def session_turn(value: Turn, changed: int) -> Json:
    """`SessionTurn` of docs/protocol.md; *changed* counts the files that it changed."""
    return {
        "turn": value.number,
        "runId": value.run_id,
        "agent": value.agent,
        "prompt": value.prompt,
        "status": value.status,
        "endpoint": value.endpoint,
        "model": value.model,
        "local": value.local,
        "startedAt": value.started_at,
        "durationMs": value.duration_ms,
        "inputTokens": value.input_tokens,
        "outputTokens": value.output_tokens,
        "costUsd": value.cost_usd,
        "changedFiles": changed,
        "undone": value.undone,
    }


def text_range(value: Range) -> Json:
    """LSP's `Range`."""
    return {
        "start": {"line": value.start.line, "character": value.start.character},
        "end": {"line": value.end.line, "character": value.end.character},
    }


def problem(value: Problem) -> Json:
    """One of `AgentSummary.problems`."""
    return {
        "uri": value.path.as_uri(),
        "range": text_range(value.range),
        "severity": value.severity.value,
        "code": value.code,
        "message": value.message,
    }


def agent_summary(value: AgentSummary) -> Json:
    """`AgentSummary` of docs/protocol.md."""
    agent: Agent = value.agent
    wire: Json = {
        "id": agent.id,
        "displayName": agent.display_name or agent.id,
        "description": agent.spawner_prompt.strip().partition("\n")[0],
        "model": agent.model,
        "source": agent.source.as_uri(),
        "range": text_range(agent.range),
        "usable": value.usable,
        "onBoard": agent.source.parent == ON_BOARD,
        "problems": [problem(each) for each in agent.problems],
    }
    if agent.shadowed_by is not None:
        wire["shadowedBy"] = agent.shadowed_by.as_uri()
    if value.route is not None:
        wire["route"] = route(value.route)
    return wire


def model_info(value: ModelInfo) -> Json:
    """One of `EndpointStatus.models`."""
    wire: Json = {"id": value.id, "local": value.local}
    if value.context_window is not None:
        wire["contextWindow"] = value.context_window
    return wire


def provider(service: Service, *, key_is_set: bool, models: tuple[ModelInfo, ...] | None) -> Json:
    """`Provider` of docs/protocol.md; *models* of one that answers."""
    needed = "required" if service.key_variable else "none" if service.is_found else "optional"
    wire: Json = {
        "name": service.name,
        "label": service.label,
        "kind": service.kind.value,
        "baseUrl": service.base_url,
        "local": is_local_name(service.base_url),
        "key": needed,
    }
    if service.key_variable is not None:
        wire["keyVariable"] = service.key_variable
        wire["keyIsSet"] = key_is_set
    if service.start_command is not None:
        wire["startCommand"] = service.start_command
    if models is not None:
        wire["models"] = [model_info(each) for each in models]
    return wire


def endpoint_status(value: EndpointStatus, used: EndpointUsage | None = None) -> Json:
    """`EndpointStatus` of docs/protocol.md, with what the runs of this process *used* of it."""
    wire: Json = {
        "name": value.name,
        "kind": value.kind.value,
        "baseUrl": value.base_url,
        "local": value.local,
        "source": value.source,
        "findings": [
            {"severity": each.severity, "message": each.message, "remedy": each.remedy}
            | ({"code": each.code} if each.code else {})
            for each in value.findings
        ],
    }
    if value.reachable is not None:
        wire["reachable"] = value.reachable
    if value.latency_ms is not None:
        wire["latencyMs"] = value.latency_ms
    if value.models is not None:
        wire["models"] = [model_info(each) for each in value.models]
    if used is not None:
        wire["used"] = tokens(used) | {"requests": used.requests}
    if value.from_workspace:
        wire["fromWorkspace"] = True
    if value.takes_key:
        wire["takesKey"] = True
    return wire
