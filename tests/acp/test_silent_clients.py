"""A client that does not answer holds nothing up: neither for its files nor for its terminals."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from acp.connection import Connection
from attrs import define, field

from inhouse.acp.client_calls import ClientCalls, Patience
from inhouse.acp.workspace import AcpWorkspace
from inhouse.core.errors import ToolError
from inhouse.core.events import EditState
from inhouse.core.ports import Edit, Question
from inhouse.core.settings import EditMode

OFFERS = {"fs": {"readTextFile": True, "writeTextFile": True}, "terminal": True}


@define
class Client:
    """The other end of a connection: it is asked, and answers when the test says so."""

    asked: list[Any] = field(factory=list)
    warnings: list[str] = field(factory=list)
    calls: Any = None
    _answers: asyncio.Queue[Any] = field(factory=asyncio.Queue)
    _changed: asyncio.Event = field(factory=asyncio.Event)

    async def send(self, message: Any) -> None:
        self.asked.append(message)
        self._changed.set()

    async def receive(self) -> Any:
        return await self._answers.get()

    async def close(self) -> None: ...

    def answer(self, index: int, **result: Any) -> None:
        message = {"jsonrpc": "2.0", "id": self.asked[index]["id"], "result": result}
        self._answers.put_nowait(message)

    async def heard(self, count: int) -> list[str]:
        """The methods that it was asked for, once they are so many."""
        while len(self.asked) < count:
            self._changed.clear()
            await self._changed.wait()
        return [each["method"] for each in self.asked]


class Nobody:
    async def ask(self, question: Question) -> tuple[str, ...]:
        return ()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    one = Client()

    async def nothing(*_: Any) -> None: ...

    connection = Connection(nothing, one)
    soon = Patience(seconds=0.01, to_change=0.01)
    one.calls = ClientCalls(connection, "s", OFFERS, one.warnings.append, soon)
    yield one
    await one.calls.aclose()
    await connection.close()


async def test_a_file_that_the_client_does_not_tell_is_asked_for_once(client: Client) -> None:
    assert await client.calls.read_file(Path("/w/a")) is None
    assert await client.calls.read_file(Path("/w/b")) is None

    assert await client.heard(1) == ["fs/read_text_file"]
    (told,) = client.warnings
    assert "has not answered for 0.01 seconds" in told
    assert "as they are on disk" in told

    client.answer(0, content="late")
    async with asyncio.timeout(20):
        while client.calls.owes_files:  # noqa: ASYNC110  nothing tells when it was taken
            await asyncio.sleep(0)
    asking = asyncio.create_task(client.calls.read_file(Path("/w/c")))
    await client.heard(2)
    client.answer(1, content="typed")
    assert await asking == "typed"


async def test_many_files_at_once_are_one_warning(client: Client) -> None:
    texts = await asyncio.gather(*(client.calls.read_file(Path(f"/w/{n}")) for n in range(20)))

    assert texts == [None] * 20
    assert len(client.warnings) == 1

    client.answer(0, content="late")
    for _ in range(50):
        await asyncio.sleep(0)
    assert client.calls.owes_files, "nineteen answers are still owed"


@pytest.mark.parametrize("ends", ["by its limit", "by a cancel"])
async def test_a_terminal_that_comes_too_late_is_ended_and_its_command_is_not_run_twice(
    client: Client, ends: str
) -> None:
    starting = asyncio.create_task(
        client.calls.create_terminal("make", [], cwd=Path("/w"), most_bytes=9)
    )
    await client.heard(1)
    if ends == "by a cancel":
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
    else:
        with pytest.raises(ToolError, match="was not run: the editor was asked"):
            await starting

    again = await client.calls.create_terminal("make", [], cwd=Path("/w"), most_bytes=9)
    client.answer(0, terminalId="t-1")

    assert again is None
    assert (await client.heard(3))[1:] == ["terminal/kill", "terminal/release"]
    assert {each["params"]["terminalId"] for each in client.asked[1:]} == {"t-1"}


async def test_a_person_may_take_as_long_as_they_like(client: Client) -> None:
    asking = asyncio.create_task(client.calls.request_permission({}, [{"optionId": "yes"}]))
    waiting = asyncio.create_task(client.calls.about_terminal("terminal/wait_for_exit", "t-1"))
    await client.heard(2)
    for _ in range(3):  # As long as three limits of what no person answers.
        await client.calls.about_terminal("terminal/output", f"t-{_}")

    assert not asking.done()
    assert not waiting.done()
    client.answer(0, outcome={"outcome": "selected", "optionId": "yes"})
    client.answer(1, exitCode=0)
    assert (await asking, await waiting) == ("yes", {"exitCode": 0})


async def test_what_is_typed_there_is_not_overwritten_while_the_client_is_silent(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("on disk\n")
    workspace = AcpWorkspace(
        tmp_path,
        lambda _: None,
        Nobody(),
        mode=EditMode.APPLY,
        client=client.calls,
        show_diff=lambda *_: {},
        show_question=lambda *_: None,
    )
    reading = asyncio.create_task(workspace.read(tmp_path / "a.txt"))
    await client.heard(1)
    client.answer(0, content="typed\n")
    assert (await reading).text == "typed\n"

    assert (await workspace.read(tmp_path / "a.txt")).text == "on disk\n"
    made = await workspace.apply(Edit(tmp_path / "a.txt", "on disk\n", "new\n", None))

    assert made.state is EditState.REJECTED
    assert "unsaved changes in the editor" in made.message
    assert (tmp_path / "a.txt").read_text() == "on disk\n"
