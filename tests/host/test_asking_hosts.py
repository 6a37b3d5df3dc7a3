"""Under privacy "ask" each new remote host is asked for once per workspace, and remembered."""

from pathlib import Path

import pytest

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import RefusedError
from inhouse.core.ports import Question
from inhouse.core.route import Endpoint, Privacy
from inhouse.host.network import ALLOW, DENY, open_egress
from inhouse.providers.network.egress import EgressPolicy
from inhouse.store.approvals import ApprovalStore
from inhouse.store.database import Database
from support.terminal import Terminal

ASK = EgressPolicy(Privacy.ASK, "config.toml: privacy")
FAR = Endpoint("team", Kind.OPENAI, "https://192.0.2.9/v1", "config.toml")


class User:
    """Gives one answer to every question, and counts them."""

    def __init__(self, answer: str | None) -> None:
        self.answer = answer
        self.questions: list[Question] = []

    async def ask(self, question: Question) -> tuple[str, ...]:
        self.questions.append(question)
        return (self.answer,) if self.answer else ()


async def allowed(home: Path, user: User, workspace: str = "one", host: str = "192.0.2.9") -> None:
    """Ask for a connection as a new process would; nothing is connected to."""
    store = ApprovalStore(Database(home / "state"))
    async with open_egress(ASK, store, home / workspace, user) as egress:
        for _ in range(2):
            await egress.allow(host, 443, FAR)


async def test_a_yes_is_asked_for_once_in_a_workspace_and_holds_in_later_processes(tmp_path: Path):
    user = User(ALLOW)
    for _ in range(3):
        await allowed(tmp_path, user)
    assert len(user.questions) == 1
    assert "192.0.2.9:443" in user.questions[0].text
    assert "config.toml" in user.questions[0].detail

    await allowed(tmp_path, user, workspace="two")
    await allowed(tmp_path, user, host="192.0.2.10")
    assert len(user.questions) == 3


async def test_a_no_is_remembered_and_the_refusal_says_how_to_take_it_back(tmp_path: Path):
    user = User(DENY)
    for _ in range(2):
        with pytest.raises(RefusedError) as caught:
            await allowed(tmp_path, user)

    assert len(user.questions) == 1
    assert "You refused" in caught.value.reason
    assert "config.toml: privacy" in caught.value.reason
    assert "inhouse trust --forget-answers" in caught.value.remedy


async def test_no_answer_is_no_and_is_not_remembered(tmp_path: Path):
    user = User(None)
    for _ in range(2):
        with pytest.raises(RefusedError, match="Nobody allowed"):
            await allowed(tmp_path, user)

    assert len(user.questions) == 2


async def test_the_terminal_forgets_the_answers_of_a_workspace(terminal: Terminal):
    home, user = terminal.home / "inhouse", User(DENY)
    store = ApprovalStore(Database(home / "state"))
    async with open_egress(ASK, store, terminal.workspace, user) as egress:
        with pytest.raises(RefusedError):
            await egress.allow("192.0.2.9", 443, FAR)

    done = terminal("trust", "--forget-answers")

    assert done.status == 0, done
    assert "1 answers are forgotten" in done.out
    async with open_egress(ASK, store, terminal.workspace, user) as egress:
        with pytest.raises(RefusedError):
            await egress.allow("192.0.2.9", 443, FAR)
    assert len(user.questions) == 2
