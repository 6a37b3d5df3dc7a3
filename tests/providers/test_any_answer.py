"""Whatever shape a server's pieces have, reading them ends in chunks or in one clear error."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.endpoint_kinds import Kind
from inhouse.core.errors import ProviderError
from inhouse.providers.chat.ollama import OllamaAnswer
from inhouse.providers.chat.response import ChatAnswer
from inhouse.providers.endpoints.endpoint_errors import ModelRef
from inhouse.providers.endpoints.fetch_prices import _litellm, _openrouter
from inhouse.providers.endpoints.model_list import entries_of
from support.asking import endpoint

KEYS = st.sampled_from(
    [
        *("choices", "delta", "message", "content", "tool_calls", "function", "name", "arguments"),
        *(
            "index",
            "id",
            "usage",
            "prompt_tokens",
            "cost",
            "error",
            "code",
            "finish_reason",
            "text",
        ),
        *("reasoning", "reasoning_content", "thinking", "refusal", "model", "done", "done_reason"),
        *("prompt_eval_count", "data", "pricing", "prompt", "completion", "model_info", "type"),
    ]
)
LEAF = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("stop")
)
JSON = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4), st.just(10**400)
    ),
    max_leaves=20,
)
CHOICE = st.fixed_dictionaries({"choices": st.lists(st.dictionaries(KEYS, JSON), max_size=2)})
PIECES = st.lists(st.one_of(JSON, CHOICE, st.dictionaries(KEYS, JSON)), max_size=4)


def _arguments(reader: Any, number: int, text: str) -> Any:
    """A piece of a stream with a tool call in it."""
    function = {"name": "write_file", "arguments": text}
    if reader is OllamaAnswer:
        return {"message": {"tool_calls": [{"function": function}]}}
    calls = [{"index": number, "id": f"c{number}", "function": function}]
    return {"choices": [{"delta": {"tool_calls": calls}}]}


@pytest.mark.parametrize("reader", [ChatAnswer, OllamaAnswer])
@pytest.mark.parametrize("one_call", [True, False])
@pytest.mark.parametrize("text", ["x" * 100_000, ""])
def test_a_server_that_never_ends_its_calls_is_stopped(reader: Any, one_call: bool, text: str):
    answer = reader(ModelRef(endpoint("http://127.0.0.1:9/v1", Kind.OPENAI), "m"))
    if not text and one_call:
        return  # Pieces with nothing in them add nothing to one call.

    def take_all() -> None:
        for number in range(30_000):
            list(answer.take(_arguments(reader, 0 if one_call else number, text)))

    with pytest.raises(ProviderError, match="more than 2,000,000 characters"):
        take_all()


@pytest.mark.parametrize("reader", [ChatAnswer, OllamaAnswer])
@given(PIECES)
def test_any_pieces_are_read_or_refused(reader: Any, pieces: list[Any]):
    answer = reader(ModelRef(endpoint("http://127.0.0.1:9/v1", Kind.OPENAI), "m"))

    with contextlib.suppress(ProviderError):
        for piece in pieces:
            if reader is not ChatAnswer or answer.plain_text(piece) is None:
                list(answer.take(piece))
        list(answer.end())


@given(JSON)
def test_any_list_of_models_is_read(told: Any):
    list(_openrouter(told))
    list(_litellm(told))
    entries_of(told, "data")
