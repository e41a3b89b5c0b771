"""The reasons of a recommendation in the reader's language. They are frozen in English, as the launch wrote them, and looked up here."""

import re

from django.utils.translation import get_language, gettext, gettext_noop

from certify.lib.language import RECORDED

#: Sentences as `advising` writes them; names in braces stand for what differs.
SENTENCES = (
    gettext_noop("The person has left or is inactive."),
    gettext_noop("The end date of this access has passed."),
    gettext_noop("A review removed this access before, and it came back."),
    gettext_noop("It conflicts with other access of the same person."),
    gettext_noop("It is privileged."),
    gettext_noop("Nobody is known to answer for it."),
    gettext_noop("Title, department or manager changed since it was given."),
    gettext_noop("A review kept it until a day to come."),
    gettext_noop("Its static credential is {days} days old."),
    gettext_noop("Not used for {days} days."),
    gettext_noop("{n} of {total} peers with the title {group} have it."),
    gettext_noop("{n} of {total} peers with the same manager have it."),
    gettext_noop("{n} of {total} peers in {group} have it."),
    gettext_noop("{n} of {total} peers at {group} have it."),
    gettext_noop("Used in the last 30 days."),
    gettext_noop("A review kept it before."),
    gettext_noop("Reviewers removed {n} of {total} of this right before."),
    gettext_noop("Of people with the title {group} they removed it from {n} of {total}."),
    gettext_noop("Of people with the same manager they removed it from {n} of {total}."),
    gettext_noop("Of people in {group} they removed it from {n} of {total}."),
    gettext_noop("Of people at {group} they removed it from {n} of {total}."),
    gettext_noop("Little is known that speaks for keeping or for removing it."),
)


def _pattern(sentence: str) -> re.Pattern:
    """A pattern that finds what stands in the braces: a number, or the name of a group."""
    escaped = re.escape(sentence).replace(r"\{group\}", "(?P<group>.+)")
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>\\d+)", escaped), re.DOTALL)


PATTERNS = [(sentence, _pattern(sentence)) for sentence in SENTENCES]


def in_words(reason: str) -> str:
    """A reason in the reader's language; one that is not known stays as it is."""
    if get_language() == RECORDED:
        return reason
    for sentence, pattern in PATTERNS:
        if found := pattern.fullmatch(reason):
            return gettext(sentence).format(**found.groupdict())
    return reason
