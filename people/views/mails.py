"""The mails that Certify sent, or could not."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.nudge import nudge
from certify.lib.numbers import whole
from people import deletions, permissions, queries
from people.actions import mails
from people.forms import MailFilterForm
from people.models import Mail
from people.states import MailState
from people.tasks import send_queued_mail


@requires(permissions.can_see_mails)
@require_safe
def mail_list(request: HttpRequest) -> HttpResponse:
    form = MailFilterForm(request.GET)
    form.is_valid()
    filters = {name: value for name, value in form.cleaned_data.items() if value}
    found = queries.mails(request.user, **filters)
    before = request.GET.get("before", "")
    rows, more = queries.mails_page(found, before=whole(before), limit=settings.CERTIFY_PAGE_ROWS)
    counts = queries.mail_counts(request.user)
    context = {
        "mails": rows,
        "deleted": deletions.notes(one.ref for one in rows),
        "form": form,
        "filters": filters,
        "found": found.count(),
        "is_first_page": not before,
        "first_url": f"?{urlencode(filters)}",
        "next_url": f"?{urlencode({**filters, 'before': rows[-1].pk})}" if more else "",
        "state_links": [
            {
                "label": label,
                "count": counts[value or "total"],
                "url": f"?{urlencode({**filters, 'state': value})}",
                "active": filters.get("state", "") == value,
            }
            for value, label in [("", "All"), *MailState.choices]
        ],
    }
    return render(request, "people/mail_list.html", context)


@requires(permissions.can_see_mails)
@require_POST
def mail_retry(request: HttpRequest, pk: int) -> HttpResponse:
    mail = get_object_or_404(Mail.objects.visible_to(request.user), pk=pk)
    try:
        mails.retry(mail_id=mail.pk, by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
        return redirect("people:mail-list")
    nudge(send_queued_mail)
    messages.success(request, _("The mail to {name} is queued again.").format(name=mail.recipient.name))
    return redirect("people:mail-list")
