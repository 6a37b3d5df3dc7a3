"""Real folders with files in them, and the tools bound to them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from inhouse.core.events import EventPayload
from inhouse.core.messages import ToolParts
from inhouse.core.ports import Question, Tool
from inhouse.core.settings import EditMode
from inhouse.tools.context import ToolContext
from inhouse.tools.edit.disk_workspace import DiskWorkspace
from inhouse.tools.registry import workspace_tools
from inhouse.tools.tool_set import ToolSet


@define
class Answers:
    """An approver that gives prepared answers, one a question, the last one again and again."""

    answers: list[tuple[str, ...]] = field(factory=list)
    questions: list[Question] = field(factory=list)

    async def ask(self, question: Question) -> tuple[str, ...]:
        self.questions.append(question)
        if not self.answers:
            return ()
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@define
class Bench:
    """A workspace on disk with its tools, and what happened there."""

    root: Path
    context: ToolContext
    tools: dict[str, Tool]
    approver: Answers
    happenings: list[EventPayload]
    workspace: DiskWorkspace

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """Give a result as a model reads it."""
        result = await self.tools[name].run("call-1", arguments)
        return result.value if isinstance(result, ToolParts) else result

    async def step(self, name: str, /, **arguments: Any) -> Any:
        """Give a result as ``handleSteps`` gets it: ``toolResult[0].value``."""
        result = await self.tools[name].run("call-1", arguments)
        return result.parts[0]["value"] if isinstance(result, ToolParts) else result


def bench(
    root: Path,
    files: Mapping[str, str | bytes] | None = None,
    *,
    answers: tuple[tuple[str, ...], ...] = (),
    edits: EditMode = EditMode.APPLY,
    **settings: Any,
) -> Bench:
    write_files(root, files or {})
    approver = Answers(list(answers))
    happenings: list[EventPayload] = []
    roots = settings.get("extra_roots", ())
    workspace = DiskWorkspace(root, happenings.append, approver, edits, extra_roots=roots)
    context = ToolContext(workspace, approver, happenings.append, edits=edits, **settings)
    tools = ToolSet(workspace_tools(context))
    return Bench(root, context, tools, approver, happenings, workspace)


def write_files(root: Path, files: Mapping[str, str | bytes]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
