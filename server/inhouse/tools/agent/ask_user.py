"""``ask_user``: the model's questions, in the editor or the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from inhouse.core.errors import ToolError
from inhouse.core.ports import Arguments, Question
from inhouse.core.unicode import visible
from inhouse.tools.context import ToolContext
from inhouse.tools.own_tool import RunTool
from inhouse.tools.search import ripgrep

OTHER = "Something else…"


async def _ask_user(context: ToolContext, _: str, arguments: Arguments) -> object:
    answers: list[dict[str, Any]] = []
    for index, asked in enumerate(arguments["questions"]):
        answer = await _ask(context, asked)
        if answer is None:
            break
        answers.append({"questionIndex": index, **answer})
    return {"answers": answers} if answers else {"skipped": True}


TOOLS: Mapping[str, RunTool] = {"ask_user": _ask_user}


async def _ask(context: ToolContext, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """Ask one question; None if nobody answered."""
    options: Sequence[Mapping[str, Any]] = asked.get("options") or ()
    labels = tuple(dict.fromkeys(str(option["label"]) for option in options))
    multiple = bool(asked.get("multiSelect")) and bool(labels)
    taken = await context.approver.ask(
        _question(asked, options, (*labels, OTHER) if labels else (), multiple=multiple)
    )
    if not taken:
        return None
    known = [each for each in taken if each in labels]
    free = [each for each in taken if each not in labels and each != OTHER]
    if OTHER in taken and not free:
        free = list(await context.approver.ask(_question(asked, (), (), multiple=False)))
    answer: dict[str, Any] = {}
    if multiple and known:
        answer["selectedOptions"] = known
    elif known:
        answer["selectedOption"] = known[0]
    if free:
        answer["otherText"] = await _checked(free[0], asked.get("validation") or {})
    return answer or None


def _question(
    asked: Mapping[str, Any],
    options: Sequence[Mapping[str, Any]],
    choices: tuple[str, ...],
    *,
    multiple: bool,
) -> Question:
    header = str(asked.get("header") or "").strip()
    text = visible(str(asked["question"]))
    described = "\n".join(
        f"{option['label']}: {option['description']}"
        for option in options
        if option.get("description")
    )
    return Question(
        id=f"question-{uuid4().hex[:8]}",
        text=f"{header}: {text}" if header else text,
        choices=choices,
        multiple=multiple,
        detail=visible(described),
    )


async def _checked(text: str, validation: Mapping[str, Any]) -> str:
    """Check a free answer against the model's conditions; raises `ToolError` with the reason."""
    least, most = validation.get("minLength"), validation.get("maxLength")
    problem = None
    if least is not None and len(text) < least:
        problem = f"it has fewer than {least} characters"
    elif most is not None and len(text) > most:
        problem = f"it has more than {most} characters"
    elif (pattern := validation.get("pattern")) and not await _fits(str(pattern), text):
        problem = str(validation.get("patternError") or f"it does not match {pattern!r}")
    if problem:
        raise ToolError(f"The user answered {text!r}, but {problem}.  Ask again.", code="answer")
    return text


async def _fits(pattern: str, text: str) -> bool:
    """Match with ripgrep: the pattern is the model's, and Python's engine may take for ever."""
    program = ripgrep.find()
    return True if program is None else await ripgrep.matches(program, pattern, text)
