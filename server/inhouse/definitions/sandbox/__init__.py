"""Runs the code of definitions where it can do no harm: see docs/reference/sandbox.md."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .owner import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> Any:
    # Lazy, because the worker process lives in this package and has no use for the owner.
    if name == "Sandbox":
        from .owner import Sandbox  # noqa: PLC0415

        return Sandbox
    raise AttributeError(name)
