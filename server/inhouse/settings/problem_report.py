"""Reports what is wrong with a layer, and where."""

from collections.abc import Sequence

from inhouse.core.text import START, Severity

from . import check_values
from .json_positions import locate as locate_json
from .layers import Layer, SettingsProblem

_MOST = 100


class Report:
    """Collects the problems of one layer, up to as many as anybody would read."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.problems: list[SettingsProblem] = []
        if layer.broken is not None:
            self.problems.append(layer.broken)

    @property
    def full(self) -> bool:
        return len(self.problems) >= _MOST

    def error(self, path: Sequence[str | int], message: str, code: str = "bad-value") -> None:
        self._add(path, message, Severity.ERROR, code)

    def warning(self, path: Sequence[str | int], message: str, code: str) -> None:
        self._add(path, message, Severity.WARNING, code)

    def hint(self, path: Sequence[str | int], message: str, code: str) -> None:
        self._add(path, message, Severity.INFORMATION, code)

    def unknown_key(self, path: Sequence[str | int], known: Sequence[str]) -> None:
        """Report an unknown key, with the most similar known one."""
        if not self.full:  # Finding similar keys takes time.
            guess = check_values.suggestion(str(path[-1]), known)
            self.warning(path, f"No such setting; {guess}".rstrip("; "), "unknown-key")

    def place(self, path: Sequence[str | int]) -> str:
        """Return a setting's place for people: ``inhouse.toml: endpoints.team.apiKey``."""
        return f"{self.layer.source}: {dotted(path)}"

    def _add(self, path: Sequence[str | int], message: str, severity: Severity, code: str) -> None:
        if self.full:
            return
        where = START
        if self.layer.text is not None:
            if self.layer.for_base_agents:
                where = locate_json(self.layer.text, path)
            else:
                from .toml_positions import locate  # noqa: PLC0415  tree-sitter only if something is wrong

                where = locate(self.layer.text, path)
        key = dotted(path)
        self.problems.append(
            SettingsProblem(
                key,
                f"{key}: {message}" if key else message,
                self.layer.source,
                severity,
                code,
                self.layer.path,
                where,
            )
        )


def dotted(path: Sequence[str | int]) -> str:
    """``("routes", 1, "model")`` as ``routes[1].model``."""
    text = ""
    for one in path:
        text += f"[{one}]" if isinstance(one, int) else f".{one}" if text else one
    return text
