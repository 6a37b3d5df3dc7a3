"""Several servers behind one name: the least busy is asked first; a failed one is paused."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from attrs import frozen

from inhouse.core.errors import ProviderUnavailableError
from inhouse.core.events import Notice
from inhouse.core.ports import Chunks, Prompt
from inhouse.core.route import Endpoint
from inhouse.providers.chat.stream_model import Ask
from inhouse.providers.endpoints.endpoint_state import EndpointState


@frozen
class Pool:
    """The members of one endpoint.  Anything more elaborate is a gateway's job (docs)."""

    members: tuple[Endpoint, ...]
    shared: EndpointState
    ask_of: Callable[[Endpoint], Ask]

    async def ask(self, prompt: Prompt) -> AsyncGenerator[Chunks]:
        """Ask one after another until one begins to answer."""
        waiting = list(self.members)
        while waiting:
            member = min(waiting, key=self._order)
            waiting.remove(member)
            begun = False
            try:
                async with aclosing(self.ask_of(member)(prompt)) as batches:
                    async for chunks in batches:
                        begun = begun or not all(isinstance(one, Notice) for one in chunks)
                        yield chunks
            except ProviderUnavailableError as error:
                self.shared.rest(member)
                if begun or not waiting:
                    raise
                failed = str(error)
            else:
                return
            yield (Notice("info", "pool", f"{failed}  Inhouse tries the next server of the pool."),)

    def _order(self, member: Endpoint) -> tuple[bool, int, int]:
        resting = self.shared.is_resting(member)
        return resting, self.shared.busy(member), self.members.index(member)
