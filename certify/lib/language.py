"""In which language something is said: pages and mails in their reader's, everything that is recorded in English."""

from contextlib import AbstractContextManager
from datetime import date

from django.conf import settings
from django.utils import dateformat, translation
from django.utils.translation.trans_real import parse_accept_lang_header

#: What is written to the ledger, to packs, files and the database: bytes that must not depend on who happens to be signed in.
RECORDED = "en"


def known(code: str) -> str:
    """The language that Certify has for a tag such as `de-AT`; empty when it has none."""
    try:
        return translation.get_supported_language_variant(code)
    except LookupError:
        return ""


def of(person, accepted: str = "") -> str:
    """The language somebody chose, else the first known one of an Accept-Language header (RFC 9110), else the usual one."""
    if chosen := known(getattr(person, "language", "")):
        return chosen
    wanted = (known(code) for code, _ in parse_accept_lang_header(accepted) if code != "*")
    return next(filter(None, wanted), settings.CERTIFY_LANGUAGE)


def recorded() -> AbstractContextManager:
    """For whatever is kept or hashed: labels and texts inside are English, whoever is signed in."""
    return translation.override(RECORDED)


def english(text: object) -> str:
    """A label as it is recorded."""
    with recorded():
        return str(text)


def within(label: object) -> str:
    """A label inside a sentence: in small letters, but for languages in which nouns have capitals."""
    return str(label).lower() if translation.get_language() == RECORDED else str(label)


def first_small(label: object) -> str:
    """A label at the beginning of which a sentence does not begin: its first letter is small where nouns are."""
    text = str(label)
    return text[0].lower() + text[1:] if translation.get_language() == RECORDED else text


def dated(moment: date, form: str) -> str:
    """A day or moment with the names and the order of the reader's language; `form` is the English one, in Django's letters."""
    return dateformat.format(moment, translation.pgettext("date format", form))
