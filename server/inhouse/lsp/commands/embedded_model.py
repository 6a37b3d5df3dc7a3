"""``inhouse.embedded``: the embedded model's status and its installation."""

import asyncio

from inhouse import wire
from inhouse.core.errors import InhouseError
from inhouse.core.json_values import Json
from inhouse.host.embedded_setup import embedded_status, install_embedded
from inhouse.lsp.contract.arguments import Embedded, Given, Token, structure
from inhouse.lsp.editor_context import EditorContext
from inhouse.lsp.runs.work_done import WorkDone


class EmbeddedModel:
    """Runs at most one installation at a time, and reports its progress to all who asked."""

    def __init__(self, context: EditorContext) -> None:
        self._context = context
        self._bars: list[WorkDone] = []
        """Shown while an installation runs."""
        self._said = ""
        self._problem: InhouseError | None = None

    async def embedded(self, command: str, given: Given, token: Token | None) -> object:
        """Answer with the status; ``install`` starts an installation and does not wait."""
        argument = structure(command, given, Embedded)
        if argument.install:
            runs, own = bool(self._bars), argument.work_done_token
            self._show(token if own is None else own)
            if not runs:
                self._problem = None
                work = self._install(argument.model)
                self._context.spawn(work, name="installing the embedded model")
        status = await asyncio.to_thread(embedded_status, self._context.host)
        answer: Json = {
            "installed": status.is_installed,
            "installing": bool(self._bars),
            "ability": status.ability,
            "models": [
                {"name": one.name, "bytes": one.bytes, "isDefault": one.is_default}
                for one in status.models
            ],
        }
        if (problem := self._problem) is not None:
            told = wire.error_data(problem.code, str(problem))
            answer["error"] = {"message": str(problem)} | told
        return answer

    def _show(self, token: Token | None) -> None:
        if token is None and self._bars:
            return  # It is shown, and nobody waits for this one's end.
        bar = WorkDone(
            self._context.rpc,
            "inhouse-embedded" if token is None else token,
            title="Installing the embedded model",
            describe=lambda: self._said,
            cancellable=False,
        )
        self._bars.append(bar)
        if token is None:
            self._context.spawn(bar.create(), name="progress of the installation")
        else:
            bar.begin()

    async def _install(self, model: str | None) -> None:
        loop = asyncio.get_running_loop()

        def report() -> None:
            for bar in self._bars:
                bar.report()

        def tell(text: str) -> None:
            self._said = text
            loop.call_soon_threadsafe(report)

        ending = "stopped"
        try:
            status = await install_embedded(self._context.host, model, tell=tell)
            ending = status.ability
        except InhouseError as error:
            self._problem = error
            ending = str(error)
        finally:
            bars, self._bars = self._bars, []
            for bar in bars:
                bar.end(ending)
