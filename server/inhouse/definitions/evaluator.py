"""What the reader of definitions needs in order to have their code run."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from attrs import field, frozen

from inhouse.core.json_values import Json


@frozen
class EvaluationProblem:
    """Why a module exports nothing, at the best known place."""

    message: str
    path: Path
    """The file in which it happened: the definition or a module that it imports."""
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

    exports: Mapping[str, object] = field(factory=Json)
    """By name (``default`` among them); empty if there is a problem.

    A function under the key ``handleSteps`` is its source text, every other function is left out.
    """
    modules: tuple[Path, ...] = ()
    """The files that were read for it, the definition first, links resolved: trust is given to
    these and a reload depends on them."""
    missing: tuple[Path, ...] = ()
    """Files that were looked for but missing; creating one may change the result."""
    problem: EvaluationProblem | None = None


class TrustedFiles(Protocol):
    """The files of a workspace: each is read once, and only trusted ones are evaluated."""

    def look(self, path: Path) -> bytes:
        """Return the bytes of a file that is only parsed.  Raises `OSError`."""
        ...

    def load(self, path: Path) -> bytes:
        """Return the bytes of a file to be evaluated.

        Raises `OSError`, and `PermissionError` if its current contents are not trusted.
        """
        ...


class Evaluator(Protocol):
    """Runs the modules of definitions in a sandbox.  Never called without trust."""

    async def evaluate(
        self,
        path: Path,
        *,
        roots: Collection[Path],
        texts: Mapping[Path, str],
        files: TrustedFiles | None = None,
    ) -> Evaluated:
        """Import one module and return its exports.  Never raises, whatever the module does.

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
        """Evaluate many at once, in this order, which is much faster than one by one."""
        ...
