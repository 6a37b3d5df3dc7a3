"""The agent loop: ask the model, run the tools it calls, repeat.

Read ``run.py`` first.
"""

from .compaction import compact_now
from .run import run_agent
from .state import (
    CheckInput,
    CheckValue,
    LoopContext,
    LoopResult,
    Need,
    Placeholders,
    RunState,
    SmallModel,
    StartSteps,
)
from .trimming import Count, estimate, trim

__all__ = [
    "CheckInput",
    "CheckValue",
    "Count",
    "LoopContext",
    "LoopResult",
    "Need",
    "Placeholders",
    "RunState",
    "SmallModel",
    "StartSteps",
    "compact_now",
    "estimate",
    "run_agent",
    "trim",
]
