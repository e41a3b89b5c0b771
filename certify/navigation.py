"""The main navigation, by role."""

from django.http import HttpRequest
from django.urls import reverse

from campaigns.permissions import can_see_campaigns
from certify.lib.access import signed_in
from evidence.permissions import can_open_audit
from inventory.permissions import can_see_inventory
from ledger.permissions import can_see_ledger
from people.permissions import can_manage_people
from remediation.permissions import can_open_removals

#: Label, address, and who has it.
ENTRIES = (
    ("Reviews", "campaigns:inbox", signed_in),
    ("Campaigns", "campaigns:campaign-list", can_see_campaigns),
    ("Definitions", "campaigns:definition-list", can_see_campaigns),
    ("Removals", "remediation:task-list", can_open_removals),
    ("Systems", "inventory:source-list", can_see_inventory),
    ("Audit", "evidence:period-list", can_open_audit),
    ("Ledger", "ledger:entry-list", can_see_ledger),
    ("People", "people:person-list", can_manage_people),
)


def navigation(request: HttpRequest) -> dict:
    """Context processor: `navigation`, a list of {url, label, active}."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"navigation": []}
    entries = [(label, reverse(name)) for label, name, may in ENTRIES if may(user)]
    return {
        "navigation": [{"label": label, "url": url, "active": request.path.startswith(url)} for label, url in entries]
    }
