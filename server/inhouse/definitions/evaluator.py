"""What the reader of definitions needs from whoever may run their code."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from attrs import field, frozen


@frozen
class EvaluationProblem:
    """Why a module gave nothing, at the best place that is known."""

    message: str
    path: Path
    """The file it happened in: the definition itself or a module that it imports."""
    line: int
    """From zero, in the text as the user wrote it."""
    column: int
    """From zero, in UTF-16 code units."""
    code: str = "evaluation"
    """``syntax``, ``import``, ``throws``, ``time``, ``memory``, ``value``, ``file`` or
    ``sandbox``."""


@frozen
class Evaluated:
    """What a module exports, as JSON values."""

    exports: Mapping[str, Any] = field(factory=dict[str, Any])
    """By name (``default`` among them); empty if there is a problem.

    A function under the key ``handleSteps`` is its source text, every other function is left out.
    """
    modules: tuple[Path, ...] = ()
    """Files of code and data that were read for it, the definition itself first, links resolved:
    what trust is given to and what a reload depends on."""
    missing: tuple[Path, ...] = ()
    """Files that were looked for in vain: creating one of them may change the result."""
    problem: EvaluationProblem | None = None


class TrustedFiles(Protocol):
    """The files of a workspace: each is read once, and only what is trusted is evaluated."""

    def look(self, path: Path) -> bytes:
        """Return the bytes, for what is only parsed.  Raises `OSError`."""
        ...

    def load(self, path: Path) -> bytes:
        """Return the bytes, for what is evaluated.

        Raises `OSError`, and `PermissionError` for what nobody trusted as it is now.
        """
        ...


class Evaluator(Protocol):
    """Runs the modules of definitions where they can do no harm.  Never called without trust."""

    async def evaluate(
        self,
        path: Path,
        *,
        roots: Collection[Path],
        texts: Mapping[Path, str],
        files: TrustedFiles | None = None,
    ) -> Evaluated:
        """Import one module and give its exports.  Never raises for what the module does.

        ``roots`` are the folders whose files it may import (its own folder always is one);
        ``texts`` are unsaved texts, which win over the disk; every file is read through
        ``files``, which may refuse it.
        """
        ...

    async def evaluate_all(
        self,
        paths: Sequence[Path],
        *,
        roots: Collection[Path],
        texts: Mapping[Path, str],
        files: TrustedFiles | None = None,
    ) -> tuple[Evaluated, ...]:
        """Do many at once, in this order: far cheaper than one by one."""
        ...
