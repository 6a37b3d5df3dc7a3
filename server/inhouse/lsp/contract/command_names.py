"""The names of the commands, known before anything slow is imported."""

from enum import StrEnum


class Command(StrEnum):
    """A command of docs/protocol.md; `inhouse.lsp.commands.handlers` has a handler for each."""

    RUN = "inhouse.run"
    CANCEL = "inhouse.cancel"
    RESULT = "inhouse.result"
    RUNS = "inhouse.runs"
    AGENTS = "inhouse.agents"
    EXPLAIN = "inhouse.explain"
    ENDPOINTS = "inhouse.endpoints"
    PROVIDERS = "inhouse.providers"
    ENDPOINT_TEST = "inhouse.endpoint.test"
    ENDPOINT_ADD = "inhouse.endpoint.add"
    ENDPOINT_DEFAULT = "inhouse.endpoint.default"
    ENDPOINT_KEY = "inhouse.endpoint.key"
    EMBEDDED = "inhouse.embedded"
    AGENT_NEW = "inhouse.agent.new"
    RELOAD = "inhouse.reload"
    TRUST = "inhouse.trust"
    SCHEMA = "inhouse.schema"
    TRANSCRIPT = "inhouse.transcript"
    ANSWER = "inhouse.answer"
    SET_KEY = "inhouse.setKey"
    SESSIONS = "inhouse.sessions"
    SESSION_TURNS = "inhouse.session.turns"
    SESSION_OPEN = "inhouse.session.open"
    SESSION_RENAME = "inhouse.session.rename"
    SESSION_DELETE = "inhouse.session.delete"
    SESSION_FORK = "inhouse.session.fork"
    SESSION_UNDO = "inhouse.session.undo"
    SESSION_SEND = "inhouse.session.send"
    SESSION_COMPACT = "inhouse.session.compact"
    STEER = "inhouse.steer"
    EDITS = "inhouse.edits"
    EDITS_APPLY = "inhouse.edits.apply"
    EDITS_REJECT = "inhouse.edits.reject"
    EDITS_SHOW = "inhouse.edits.show"
    EDITS_PREVIEW = "inhouse.edits.preview"


AGENT_PREFIX = "inhouse.run."
"""Each agent has a command of its own: this and its id."""

COMMANDS = tuple(str(command) for command in Command)
