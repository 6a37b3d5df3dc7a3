"""What a run may do.  A sub-agent's limits come from its parent's and only get narrower."""

from attrs import evolve, frozen

from .errors import ToolError
from .route import Privacy

LONGEST_ARGUMENTS = 2_000_000
"""Characters in all tool calls of one answer: more than any model can write at once."""


@frozen
class Limits:
    max_steps: int = 200
    """Answers of the model; each sub-agent may use as many again."""
    may_write: bool = True
    """Whether it may change files and run commands."""
    privacy: Privacy = Privacy.ANY
    budget_usd: float | None = None
    """What the whole run may still cost, sub-agents included."""
    depth: int = 0
    """How many agents are above this one."""
    max_depth: int = 8


_STRICTNESS = (Privacy.ANY, Privacy.ASK, Privacy.LOCAL_ONLY)


def stricter(one: Privacy, other: Privacy) -> Privacy:
    """Return the one that allows less."""
    return max(one, other, key=_STRICTNESS.index)


def for_child(
    parent: Limits,
    *,
    may_write: bool = True,
    privacy: Privacy = Privacy.ANY,
    budget_usd: float | None = None,
) -> Limits:
    """Return a sub-agent's limits: the parent's, narrowed by what is asked for.

    Raises `ToolError` if agents are nested too deeply.
    """
    if parent.depth >= parent.max_depth:
        raise ToolError(
            f"Agents are nested {parent.depth} deep, which is the most.  "
            "Do this yourself instead of spawning an agent.",
            code="too_deep",
        )
    budgets = [budget for budget in (parent.budget_usd, budget_usd) if budget is not None]
    return evolve(
        parent,
        may_write=parent.may_write and may_write,
        privacy=stricter(parent.privacy, privacy),
        budget_usd=min(budgets, default=None),
        depth=parent.depth + 1,
    )
