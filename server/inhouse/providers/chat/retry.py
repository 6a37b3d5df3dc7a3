"""The only retry loop: before the first chunk, and only if another try can help."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from inhouse.core.errors import ProviderUnavailableError
from inhouse.core.events import Notice
from inhouse.core.ports import Chunks
from inhouse.providers.chat.stream_model import TRIES
from inhouse.providers.endpoints.endpoint_errors import LONGEST_WAIT, pause

LOADING_PAUSE = 3.0
"""Seconds between two requests to a server that is loading its model."""
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0


async def first_of(
    ask: Callable[[], AsyncGenerator[Chunks]], *, tries: int = TRIES, patience: float = 0.0
) -> AsyncGenerator[Chunks]:
    """Yield the chunks of the first try that returns any.

    Closing this closes the connection.  A server that is loading its model is asked again for
    *patience* seconds, however often.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + patience
    number = 1
    while True:
        async with aclosing(ask()) as batches:
            try:
                first = await anext(batches, None)
            except ProviderUnavailableError as error:
                failed = error
            else:
                if first is None:
                    return
                yield first
                async for chunks in batches:
                    yield chunks
                return
        loads = failed.code == "loading" and tries > 1 and clock() < until
        if not _another_try_helps(failed) or (number >= tries and not loads):
            raise failed
        seconds = _pause(failed, number)
        which = "The server" if loads else f"Attempt {number} of {tries}"
        happened = "is not ready yet" if loads else "failed"
        what = f"{which} {happened}: {failed}  Trying again in {pause(seconds)}."
        number += not loads
        yield (Notice("info", "retrying", what),)
        await asyncio.sleep(seconds)


def _another_try_helps(error: ProviderUnavailableError) -> bool:
    return error.code != "unreachable" and (error.retry_after or 0) <= LONGEST_WAIT


def _pause(error: ProviderUnavailableError, number: int) -> float:
    if error.retry_after:  # not one that is over, or each try would come at once
        return error.retry_after
    if error.code == "loading":
        return LOADING_PAUSE
    return random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**number))  # noqa: S311  no secret
