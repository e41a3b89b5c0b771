"""The main navigation, by role."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.permissions import can_keep_duties_apart, can_see_campaigns
from evidence.permissions import can_open_audit
from inventory.permissions import can_see_inventory
from ledger.permissions import can_see_ledger
from people.models import User
from people.permissions import can_manage_people, can_see_mails
from people.states import Role
from remediation.permissions import can_open_removals


def may_have_reviews(user) -> bool:
    """Anybody may be assigned items, but a mere auditor, who is independent, never is."""
    return user.roles != [Role.AUDITOR.value]


#: Label, URL name, and who has it.
ENTRIES = (
    (_("Reviews"), "campaigns:inbox", may_have_reviews),
    (_("Campaigns"), "campaigns:campaign-list", can_see_campaigns),
    (_("Calendar"), "campaigns:calendar", can_see_campaigns),
    (_("Definitions"), "campaigns:definition-list", can_see_campaigns),
    (_("Duties"), "campaigns:sod-conflict-list", can_keep_duties_apart),
    (_("Removals"), "remediation:task-list", can_open_removals),
    (_("Systems"), "inventory:source-list", can_see_inventory),
    (_("Audit"), "evidence:period-list", can_open_audit),
    (_("Ledger"), "ledger:entry-list", can_see_ledger),
    (_("People"), "people:person-list", can_manage_people),
    (_("Mails"), "people:mail-list", can_see_mails),
)


def navigation(request: HttpRequest) -> dict:
    """Context processor: `navigation`, a list of {url, label, active}. Exactly the sections the user may open."""
    user = getattr(request, "user", None)
    # A program has no pages, not even when one is made for an error.
    if not isinstance(user, User) or getattr(request, "awaits_second_factor", False):
        return {"navigation": []}
    entries = [(label, reverse(name)) for label, name, may in ENTRIES if may(user)]
    return {"navigation": [{"label": label, "url": url, "active": request.path.startswith(url)} for label, url in entries]}
