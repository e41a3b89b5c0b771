"""Every reason that a launch can freeze is found again, and said in German."""

import pytest
from django.utils import translation

from campaigns import advice
from campaigns.advice_words import SENTENCES, in_words
from campaigns.advising import SENTENCES as WRITTEN
from campaigns.advising import SIGNAL_WORDS, WHICH


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_reason_is_said_in_the_language_of_its_reader(sentence):
    values = {"n": "8", "total": "1100", "days": "42", "group": "Finance {and} it have it. in"}
    frozen = sentence.format(**{name: value for name, value in values.items() if f"{{{name}}}" in sentence})
    with translation.override("de"):
        told = in_words(frozen)
    assert told != frozen
    assert all(value in told for value in values.values() if value in frozen)
    with translation.override("en"):
        assert in_words(frozen) == frozen


def test_every_sentence_that_is_written_is_known():
    known = set(SENTENCES)
    assert known >= {*SIGNAL_WORDS.values(), advice.NOTHING}
    for what in ("Used in the last 30 days.", "A review kept it before."):
        assert any(what in sql for sql in WRITTEN)
        assert what in known
    groups = {
        "department": "in {group}",
        "title": "with the title {group}",
        "manager": "with the same manager",
        "location": "at {group}",
    }
    assert groups.keys() == WHICH.keys()
    for group in groups.values():
        assert f"{{n}} of {{total}} peers {group} have it." in known
        assert f"Of people {group} they removed it from {{n}} of {{total}}." in known


def test_what_is_not_known_stays_as_it_is():
    with translation.override("de"):
        assert in_words("Something of another version.") == "Something of another version."
