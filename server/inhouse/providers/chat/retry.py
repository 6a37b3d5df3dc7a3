"""The one retry loop: only before the first chunk, and only where another try can help."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from inhouse.core.errors import ProviderUnavailableError
from inhouse.core.events import Notice
from inhouse.core.ports import Chunks
from inhouse.providers.chat.stream_model import TRIES

LONGEST_WAIT = 60.0
"""A server that wants a longer pause than this is reported, not waited for."""


async def first_of(
    ask: Callable[[], AsyncGenerator[Chunks]], *, tries: int = TRIES
) -> AsyncGenerator[Chunks]:
    """Give the chunks of the first try that gives any.  Closing this closes what is open."""
    pauses: dict[int, float] = {}

    def pause(state: RetryCallState) -> float:
        return pauses.setdefault(state.attempt_number, _pause(state))

    retrying = AsyncRetrying(
        retry=retry_if_exception(_another_try_helps),
        stop=stop_after_attempt(tries),
        wait=pause,
        reraise=True,
    )
    batches: AsyncGenerator[Chunks] | None = None
    first: Chunks | None = None
    async with AsyncExitStack() as stack:
        async for attempt in retrying:
            failed: ProviderUnavailableError | None = None
            with attempt:
                batches = await stack.enter_async_context(aclosing(ask()))
                try:
                    first = await anext(batches)
                except ProviderUnavailableError as error:
                    failed = error
                    raise
            number = attempt.retry_state.attempt_number
            if failed and _another_try_helps(failed) and number < tries:
                seconds = pause(attempt.retry_state)
                yield (
                    Notice(
                        "info",
                        "retrying",
                        f"Attempt {number} of {tries} failed: {failed}  "
                        f"Trying again in {seconds:.1f} s.",
                    ),
                )
        if first is None or batches is None:
            return
        yield first
        async for chunks in batches:
            yield chunks


def _another_try_helps(error: BaseException) -> bool:
    if not isinstance(error, ProviderUnavailableError):
        return False
    return error.code != "unreachable" and (error.retry_after or 0) <= LONGEST_WAIT


_backoff = wait_random_exponential(multiplier=0.5, max=8)


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, ProviderUnavailableError) and error.retry_after is not None:
        return error.retry_after
    return _backoff(state)
