"""Tools by name, each made when it is first needed: a run uses few of all there are."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from inhouse.core.ports import Tool

MakeTool = Callable[[], Tool]
"""Makes a tool for one run."""


class ToolSet(Mapping[str, Tool]):
    """The tools of one run."""

    def __init__(self, makers: Mapping[str, MakeTool], made: Iterable[Tool] = ()) -> None:
        self._makers = makers
        self._made = {tool.spec.name: tool for tool in made}
        self._names = dict.fromkeys((*makers, *self._made))

    def __getitem__(self, name: str) -> Tool:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
