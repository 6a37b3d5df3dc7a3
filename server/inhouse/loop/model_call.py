"""A step's answer from a prompt that fits: compacted before, trimmed and asked again after."""

from inhouse.core.errors import ContextOverflowError
from inhouse.core.events import (
    Notice,
)

from .compaction import compact, fitting_prompt
from .model_stream import ModelAnswer, ask
from .prompts import prompt_for_step
from .state import LoopContext
from .trimming import estimate, trimmed_after


async def next_answer(run: LoopContext) -> ModelAnswer:
    """Ask for a step's answer.  A prompt that does not fit is tried once more, trimmed."""
    try:
        return await ask(run, await fitting_prompt(run))
    except ContextOverflowError as error:
        trimmed = trimmed_after(error, run.state)
        if trimmed is not None:
            run.state.messages = trimmed
            run.emit(Notice("info", "trimmed", f"Older tool results were shortened: {error}"))
        elif not await _compacted(run, error):
            raise
    return await ask(run, await prompt_for_step(run))


async def _compacted(run: LoopContext, error: ContextOverflowError) -> bool:
    """Compact the history after a server said that it is too long; tell whether that helped."""
    if not error.needed or not error.window:
        return False
    prompt, before = await prompt_for_step(run), run.state.messages
    done = await compact(run, prompt, needed=error.needed, window=error.window)
    if sum(map(estimate, done.messages)) >= sum(map(estimate, before)):
        return False
    run.state.messages = done.messages
    run.emit(Notice("info", "compacted", f"The conversation was compacted: {error}"))
    return True
