"""Caches context windows that servers reported."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from attrs import define, field

from inhouse.core.route import Endpoint
from inhouse.providers.endpoints.timely_answers import TimelyAnswers

if TYPE_CHECKING:
    from inhouse.providers.network.egress import Egress

REMEMBERED_SECONDS = 60.0
"""A server may be restarted with another window at any time."""


@define(eq=False)
class Windows:
    """Remembers for a minute what servers reported."""

    _known: dict[tuple[str, str], tuple[float, int | None]] = field(
        factory=dict[tuple[str, str], tuple[float, int | None]]
    )
    _told: TimelyAnswers[int] = field(factory=TimelyAnswers[int])

    def known(self, endpoint: Endpoint, model: str) -> int | None:
        """Return what is remembered, without asking a server."""
        if endpoint.context_window is not None:
            return endpoint.context_window
        known = self._known.get((endpoint.identity, model))
        return None if known is None else known[1]

    async def window(self, endpoint: Endpoint, model: str, egress: "Egress") -> int | None:
        """Return tokens; None if the server does not tell, not in time, or cannot be asked."""
        if endpoint.context_window is not None:
            return endpoint.context_window
        key, now = (endpoint.identity, model), asyncio.get_running_loop().time()
        known = self._known.get(key)
        if known is None or now - known[0] > REMEMBERED_SECONDS:
            from inhouse.providers.endpoints.context_window import told_window  # noqa: PLC0415  with what reads answers

            asked = partial(told_window, endpoint, model, egress)
            known = now, await self._told.get(endpoint, model, asked)
            self._known[key] = known
        return known[1]
