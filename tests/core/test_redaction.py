"""No key leaves by accident, at any exit."""

import itertools
import logging
import traceback

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.core.errors import UserError
from inhouse.core.placeholders import KeySources, check, fill, is_bound, key
from inhouse.core.redaction import (
    DOTS,
    RedactingFilter,
    StreamRedactor,
    redact,
    redact_value,
)
from inhouse.core.secret import Secret
from inhouse.core.urls import base_url


def test_a_secret_shows_dots_everywhere():
    secret = Secret("sk-exit-shown")

    for shown in (str(secret), repr(secret), f"{secret}", f"{secret!r}", "%s" % secret):  # noqa: UP031
        assert "sk-exit" not in shown
    assert secret.reveal() == "sk-exit-shown"


def test_a_text_that_holds_a_key_is_given_without_it():
    Secret("sk-exit-text")

    assert redact("Bearer sk-exit-text, twice: sk-exit-text") == f"Bearer {DOTS}, twice: {DOTS}"


def test_a_key_that_is_fetched_is_known_once_it_was_revealed():
    secret = Secret(lambda: "sk-exit-fetched")
    assert redact("sk-exit-fetched") == "sk-exit-fetched"
    secret.reveal()

    assert redact("sk-exit-fetched") == DOTS


def test_the_longer_of_two_keys_is_taken_out_whole():
    Secret("sk-exit-long")
    Secret("sk-exit-long-and-more")

    assert redact("sk-exit-long-and-more") == DOTS


@pytest.mark.parametrize("word", ["unused", "ollama", "lm-studio", "abc", ""])
def test_ordinary_words_that_stand_for_no_key_stay_readable(word: str):
    Secret(word)

    assert redact(f"the word {word} stays") == f"the word {word} stays"


def test_a_log_loses_keys_in_messages_arguments_and_tracebacks(caplog: pytest.LogCaptureFixture):
    Secret("sk-exit-log")
    logger = logging.getLogger("test.redaction")
    caplog.handler.addFilter(RedactingFilter())

    logger.warning("key %s", "sk-exit-log")
    logger.warning("sk-exit-log 100%")
    try:
        raise ValueError("sk-exit-log in an error")
    except ValueError:
        logger.exception("failed")

    assert "sk-exit-log" not in caplog.text
    assert caplog.text.count(DOTS) >= 3


def test_a_frozen_value_with_a_secret_shows_none():
    @attrs.frozen
    class Holder:
        key: Secret

    assert "sk-exit" not in repr(Holder(Secret("sk-exit-held")))


def test_a_fetch_that_fails_tells_no_key():
    def keyring(name: str) -> str:
        raise UserError(f"no key {name}")

    secret = key(
        "${env:GIVEN} ${keyring:gone}",
        KeySources(environment={"GIVEN": "sk-exit-part"}, keyring=keyring),
        url="http://h",
        from_workspace=False,
        place="config.toml: endpoints.e.apiKey",
    )

    with pytest.raises(UserError, match=r"endpoints\.e\.apiKey: no key gone") as caught:
        secret.reveal()
    assert "sk-exit-part" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "text", ["${x}", "${env:}", "${env:A B}", "${ENV:A}", "${env:A", "${env:${env:A}}"]
)
def test_a_placeholder_of_another_form_is_refused(text: str):
    with pytest.raises(UserError, match="placeholder"):
        check(text)


def test_what_a_variable_holds_is_not_filled_again():
    keys = KeySources(environment={"A": "${env:B}", "B": "sk-exit"})

    assert fill("${env:A}", keys, from_workspace=False) == "${env:B}"


@pytest.mark.parametrize(
    ("host", "url", "bound"),
    [
        ("h.example", "https://h.example/v1", True),
        ("h.example", "https://h.example:8443/v1", True),
        ("h.example:8443", "https://h.example:8443/v1", True),
        ("h.example:8443", "https://h.example/v1", False),
        ("*.example", "https://h.example/v1", True),
        ("example", "https://h.example/v1", False),
        ("h.example", "https://evil-h.example/v1", False),
        ("h.example", "https://h.example.evil/v1", False),
        ("h.example", "https://evil/h.example", False),
    ],
)
def test_a_key_is_bound_to_a_host_and_not_to_one_that_looks_like_it(host, url, bound):
    assert is_bound("env:A", url, KeySources(key_hosts={"env:A": (host,)})) is bound


@pytest.mark.parametrize(
    "url",
    [
        "https://user:sk-exit-url@h/v1",
        "https://h/v1?key=sk-exit-url",
        "https://h/v1#sk-exit-url",
        "sk-exit-url@h:80",
        "https://h\\@sk-exit-url",
        "https://h:sk-exit-url/",
    ],
)
def test_a_url_with_credentials_is_refused_without_repeating_them(url: str):
    with pytest.raises(UserError) as caught:
        base_url(url)

    assert "sk-exit-url" not in str(caught.value)


KEYS = ("sk-exit-split-1", "sk-exit-split-1-and-longer", "abcabcabcab")
TEXTS = st.lists(
    st.sampled_from([*KEYS, "s", "sk", "sk-exit", "abc", "-and-longer", " ", "x", "\n", "é"]),
    max_size=8,
).map("".join)


def streamed(pieces: list[str]) -> str:
    for key_text in KEYS:
        Secret(key_text)
    redactor = StreamRedactor()
    return "".join([*map(redactor.feed, pieces), redactor.end()])


@pytest.mark.parametrize("key_text", KEYS)
def test_a_key_split_anywhere_shows_no_part_of_itself(key_text: str):
    for at in range(len(key_text) + 1):
        for further in range(at, len(key_text) + 1):
            parts = [key_text[:at], key_text[at:further], key_text[further:]]
            assert streamed(["Bearer ", *parts, " is it"]) == f"Bearer {DOTS} is it"


@given(TEXTS, st.lists(st.integers(0, 60), max_size=6))
def test_however_a_text_is_split_no_whole_key_and_nothing_else_is_lost(text: str, cuts: list[int]):
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    shown = streamed([text[a:b] for a, b in itertools.pairwise(places)])

    assert not any(key_text in shown for key_text in KEYS)
    if not any(key_text[:4] in text for key_text in KEYS):
        assert shown == text


def test_a_text_that_ends_in_the_beginning_of_a_key_does_not_show_it():
    assert streamed(["it is sk-exi", "t-sp"]) == f"it is {DOTS}"
    assert streamed(["yes"]) == "yes"


def test_what_waited_in_vain_is_shown_with_the_next_piece():
    redactor = StreamRedactor()
    streamed([])

    assert redactor.feed("ask") == "a"
    assert redactor.feed("-me") + redactor.feed("!!") + redactor.end() == "sk-me!!"


def test_a_value_is_shown_without_keys_also_where_it_was_cut_short():
    streamed([])
    value = {"sk-exit-split-1": ["a", ("sk-exit-split-1", 1)], "cut": "it is sk-exit…"}

    assert redact_value(value) == {DOTS: ["a", (DOTS, 1)], "cut": f"it is {DOTS}…"}
