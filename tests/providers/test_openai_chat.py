"""Chat Completions as servers really speak it (backends.md), replayed over loopback."""

from inhouse.core.errors import ProviderError
from inhouse.core.events import Answered, UsageReported
from support.asking import ask
from support.replay import Replay, text_answer


async def test_a_well_behaved_answer_arrives_whole(model_at) -> None:
    with Replay(text_answer("Hel", "lo ", "wörld 🐈")) as server:
        said = await ask(model_at(server))

    assert said.error is None
    assert said.text == "Hello wörld 🐈"
    assert said.usage == UsageReported(5, 3)
    assert said.answered == Answered("stop", "m")


async def test_a_dead_server_is_named_with_its_remedy(model_at) -> None:
    with Replay(text_answer("x")) as server:
        model = model_at(server)

    said = await ask(model)

    assert isinstance(said.error, ProviderError)
    assert "Is box running?" in str(said.error)
    assert server.base_url in str(said.error)
