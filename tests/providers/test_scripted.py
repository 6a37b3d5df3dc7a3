import pytest

from inhouse.core.errors import ProviderError
from inhouse.core.events import Answered, TextDelta
from inhouse.core.ports import Prompt
from inhouse.providers.scripted import Fail, ScriptedModel, call, say


async def answer(model):
    async with model.stream(Prompt("", ())) as batches:
        return [chunk async for chunks in batches for chunk in chunks]


async def test_it_plays_one_turn_for_each_prompt():
    model = ScriptedModel(say("he", "llo"), [call("end_turn")])

    assert await answer(model) == [TextDelta("he"), TextDelta("llo"), Answered("stop")]
    assert (await answer(model))[-1] == Answered("tool_calls")
    assert await answer(model) == [TextDelta("done"), Answered("stop")]
    assert len(model.prompts) == 3


async def test_it_fails_where_told():
    model = ScriptedModel([TextDelta("a"), Fail(ProviderError("broken"))])

    with pytest.raises(ProviderError, match="broken"):
        await answer(model)
    assert model.open_streams == 0
