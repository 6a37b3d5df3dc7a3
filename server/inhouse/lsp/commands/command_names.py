"""The names of the commands, known before anything slow is imported."""

COMMANDS = (
    "inhouse.run",
    "inhouse.cancel",
    "inhouse.result",
    "inhouse.runs",
    "inhouse.agents",
    "inhouse.explain",
    "inhouse.endpoints",
    "inhouse.reload",
    "inhouse.trust",
    "inhouse.schema",
    "inhouse.transcript",
    "inhouse.answer",
    "inhouse.setKey",
    "inhouse.edits",
    "inhouse.edits.apply",
    "inhouse.edits.reject",
    "inhouse.edits.show",
    "inhouse.edits.preview",
)
