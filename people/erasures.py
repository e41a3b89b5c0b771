"""What every erasure does alike: a reason that may stay for ever, and mails that name somebody."""

import json

from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from certify.lib.errors import InvalidInput
from people import rules
from people.models import Mail

MIN_REASON, MAX_REASON = 10, 2_000


def checked_reason(reason: str, called: list[str]) -> str:
    """The reason, when it may stay for ever."""
    text = reason.strip()
    if not MIN_REASON <= len(text) <= MAX_REASON:
        raise InvalidInput(
            _("Give a reason of {min} to {max} characters.").format(min=MIN_REASON, max=MAX_REASON), field="reason"
        )
    if any(name.lower() in text.lower() for name in called):
        raise InvalidInput(
            _("The reason stays in the log for ever: do not write the person’s name or address in it."), field="reason"
        )
    return text


def rename_in_mails(called: list[str], mark: str) -> None:
    """Put the mark in the place of names in what mails say, wherever they stand as whole words."""
    if not called:
        return
    named, mentions = rules.naming(called), Q()
    for name in called:
        mentions |= (
            Q(told__contains=json.dumps(name, ensure_ascii=False)[1:-1]) | Q(subject__contains=name) | Q(error__contains=name)
        )
    for mail in Mail.objects.annotate(told=Cast("context", TextField())).filter(mentions).iterator(1_000):
        mail.context = rules.renamed(mail.context, named, mark)
        mail.subject, mail.error = rules.renamed(mail.subject, named, mark), rules.renamed(mail.error, named, mark)
        mail.save(update_fields=["context", "subject", "error"])
