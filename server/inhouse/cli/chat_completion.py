"""What the chat completes: commands and their arguments after ``/``, context after ``@``."""

from collections.abc import Callable, Iterable, Mapping

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from inhouse.host.host import Host
from inhouse.host.named_context import begun, completions


class ChatCompleter(Completer):
    """Completes commands, agents and context."""

    def __init__(
        self,
        agents: Callable[[], list[str]],
        commands: Mapping[str, tuple[str, object]],
        host: Host,
    ) -> None:
        self._agents = agents
        self._commands = commands
        self._host = host

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,  # noqa: ARG002
    ) -> Iterable[Completion]:
        """Yield what may be inserted at the cursor."""
        text = document.text_before_cursor
        if text.startswith("/") and "\n" not in text:
            yield from self._for_command(text)
            return
        word = begun(text)
        if word is not None:
            after, before = document.text_after_cursor, word.start - len(text)
            for name in completions(self._host.roots or (self._host.main_root,), word.prefix):
                yield Completion(word.finished(name, after), before, display=name)

    def _for_command(self, text: str) -> Iterable[Completion]:
        name, space, rest = text[1:].partition(" ")
        if not space:
            for command, (meaning, _) in self._commands.items():
                if command.startswith(name):
                    yield Completion(f"/{command}", -len(text), display_meta=meaning)
        elif name == "agent":
            for agent in self._agents():
                if agent.startswith(rest):
                    yield Completion(agent, -len(rest))
