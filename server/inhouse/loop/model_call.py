"""Gets a step's answer with a prompt that fits: compacted first, or trimmed after a refusal."""

from attrs import frozen

from inhouse.core.errors import ContextOverflowError, ProviderError
from inhouse.core.events import Notice
from inhouse.core.json_values import mapping
from inhouse.core.ports import Prompt

from .compaction import (
    compact,
    compact_history,
    estimated,
    half_window,
    must_stay,
    needed_by,
    shortened_of,
)
from .model_stream import ModelAnswer, ask
from .prompts import prompt_for_step
from .state import LoopContext
from .trimming import estimate, trimmed_after

_TRIES = 5
"""Attempts for one answer: each with half the room if the server gives no numbers."""
_NEARLY_ALL = 0.9
"""If the server gives no numbers, a prompt cannot shrink once this share of it must stay."""
_TOO_LARGE = "too_large"
"""The error code of a server, or of a proxy before it, that limits bytes."""
_CACHE_EXPIRY_MS = 60 * 60 * 1000
_CACHE_EXPIRY_MIN_TOKENS = 140_000
"""The default of ``compactContext``, as in Codebuff."""


async def next_answer(run: LoopContext) -> ModelAnswer:
    """Ask for a step's answer.  If the conversation does not fit, shrink it and try again.

    Raises `ProviderError` if the turn itself is too long; the history then stays unchanged.
    """
    prompt = await _fitting_prompt(run)
    for tries_left in reversed(range(_TRIES)):
        try:
            return await ask(run, prompt)
        except ProviderError as error:
            refused = _refusal(prompt, error)
            if refused is None:
                raise
            if not tries_left or not await _made_smaller(run, prompt, refused):
                raise _explained(run, prompt, refused) from error
        prompt = await prompt_for_step(run)
    raise AssertionError


async def _fitting_prompt(run: LoopContext) -> Prompt:
    """Make the request of one step; a history that leaves too little room is compacted first."""
    prompt = await prompt_for_step(run)
    told = await run.need(prompt) if run.need is not None else None
    if told is not None and told.needed > told.window * run.compact_at:
        if must_stay(run, prompt, needed=told.needed) > told.window:
            return prompt  # The server, or the check before it, reports the exact numbers.
        await compact_history(run, prompt, needed=told.needed, room=told.window, window=told.window)
    # An estimate reads the whole history, so it is made only if it matters.
    elif (least := _cold_from(run)) is not None and (needed := needed_by(told, prompt)) >= least:
        window = told.window if told is not None else None
        await compact_history(
            run, prompt, needed=needed, room=half_window(prompt, needed), window=window
        )
    else:
        return prompt
    return await prompt_for_step(run)


def _cold_from(run: LoopContext) -> int | None:
    """Return how many tokens make it worth condensing a conversation that its server has dropped.

    Shortening it then costs no cached tokens.  As in Codebuff, only if a definition asks for it and
    before a turn's first step; else None.
    """
    wanted = run.definition.compact_context
    if not wanted or run.idle_s is None or run.state.steps:
        return None
    given = mapping(wanted)
    after_ms = given.get("cacheExpiryMs", _CACHE_EXPIRY_MS)
    least = given.get("cacheExpiryMinTokens", _CACHE_EXPIRY_MIN_TOKENS)
    return (least or 0) if after_ms is not None and run.idle_s * 1000 > after_ms else None


@frozen
class _Refusal:
    """A prompt was too long for the window, or for a server that limits bytes."""

    error: ProviderError
    needed: int
    """In tokens; estimated if the server gave no number."""
    window: int | None


def _refusal(prompt: Prompt, error: ProviderError) -> _Refusal | None:
    """Return the refusal if a prompt was too long; None for every other failure."""
    if isinstance(error, ContextOverflowError):
        return _Refusal(error, error.needed or estimated(prompt), error.window)
    return _Refusal(error, estimated(prompt), None) if error.code == _TOO_LARGE else None


async def _made_smaller(run: LoopContext, prompt: Prompt, refused: _Refusal) -> bool:
    """Make the history smaller after a refusal; return whether that may help."""
    error, needed = refused.error, refused.needed
    if must_stay(run, prompt, needed=needed) > (refused.window or needed * _NEARLY_ALL):
        return False
    trimmed = trimmed_after(error, run.state) if isinstance(error, ContextOverflowError) else None
    if trimmed is not None:
        run.state.messages = trimmed
        run.emit(Notice("info", "trimmed", f"Older tool results were shortened: {error}"))
        return True
    before = run.state.messages
    room = refused.window or needed // 2
    done = await compact(run, prompt, needed=needed, room=room, window=room)
    if sum(map(estimate, done.messages)) >= sum(map(estimate, before)):
        return False
    run.state.messages = done.messages
    told = f"The conversation was compacted: {error}{shortened_of(done)}"
    run.emit(Notice("info", "compacted", told))
    return True


def _explained(run: LoopContext, prompt: Prompt, refused: _Refusal) -> ProviderError:
    """Say what takes up the room, and that the conversation can continue."""
    error, needed = refused.error, refused.needed
    own = must_stay(run, prompt, needed=needed)
    fixed = must_stay(run, prompt, needed=needed, said=False)
    if fixed * 2 >= needed:
        what = f"The agent's instructions and tools need about {fixed:,} tokens of that."
    elif own * 2 >= needed:
        what = (
            f"This turn's prompt and its attachments need about {own - fixed:,} "
            "tokens of that.  You can continue the conversation: the prompt stays in the "
            "transcript, and the next turn sends part of it."
        )
    else:
        return error
    if isinstance(error, ContextOverflowError):
        return ContextOverflowError(f"{error}  {what}", needed=error.needed, window=error.window)
    return ProviderError(f"{error}  {what}", code=error.code)
