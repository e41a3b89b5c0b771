"""Who answers for a control: given to somebody, or taken from them; what was is kept."""

from django.db import connection, transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import frameworks, permissions
from evidence.models import ControlDuty
from evidence.states import Duty
from ledger.actions import entries
from people.models import User


@transaction.atomic
def give(*, control: str, duty: str, holder: User | None, by) -> ControlDuty:
    """Say who has a duty at a control from now on; without a holder nobody has it.

    Refuses strangers, a control that no catalogue has, people who are not active, and what is so already.
    """
    if not permissions.can_manage_audit(by):
        raise NotAllowed(_("Only a control owner may say who answers for a control."))
    if frameworks.control(control) is None:
        raise InvalidInput(_("No catalogue has the control {control}.").format(control=control))
    if duty not in Duty.values:
        raise InvalidInput(_("Choose a duty."), field="duty")
    if holder and not holder.is_active:
        raise InvalidInput(_("{name} is not active.").format(name=holder.name), field="holder")
    with connection.cursor() as cursor:  # Two who say so at once wait here for each other.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"duty {control} {duty}"])
    latest = ControlDuty.objects.filter(control=control, duty=duty).order_by("-id").first()
    if (latest.holder_id if latest else None) == (holder.pk if holder else None):
        raise InvalidInput(_("That is so already."), field="holder")
    now, name = clock.now(), holder.name if holder else ""
    data = {
        "control": control,
        "duty": duty,
        "holder": f"people.user:{holder.pk}" if holder else "",
    }
    if holder:
        data["given_to"] = holder.actor_ref()
    if latest and latest.holder:
        data["taken_from"] = latest.holder.actor_ref()
    entry = entries.record(kind="duty:given", subject=f"evidence.control:{control}", by=by, data=data, at=now)
    facts = {"holder": holder, "holder_name": name, "by": by, "by_name": by.name, "at": now, "entry_uid": entry.uid}
    return ControlDuty.objects.create(control=control, duty=duty, **facts)
