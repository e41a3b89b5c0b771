"""What came of a try to send a removal, in the words of whoever reads it."""

from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from remediation.models import DeliveryTry
from remediation.states import DeliveryState, Effect


def in_words(one: DeliveryTry) -> tuple[str, str]:
    """Where the try went, and what came back: its error is kept in English, and looked up here."""
    said = [_("answer {status}").format(status=one.status)] if one.status else []
    said += [_(one.error).rstrip(".")] if one.error else []
    words = [_("Try {number}: {came}.").format(number=one.number, came=", ".join(said) or _("answered"))]
    words += [f"{Effect(one.effect).label}."] if one.effect else []
    words.append(f"{DeliveryState(one.outcome).label}.")
    return _("Sent to {host}").format(host=urlsplit(one.url).hostname), " ".join(words)
