"""Mails about audit periods, looked at again when they go out."""

from datetime import datetime

from evidence.models import AuditPeriod
from people.models import Mail, User
from people.permissions import must_use_second_factor


def _invitation(mail: Mail, now: datetime) -> dict | None:
    """The invitation as it is true now; None for those who were taken off meanwhile, or whose last day has passed."""
    period = AuditPeriod.objects.filter(
        pk=mail.context["period"], auditors=mail.recipient_id, open_until__gte=now.date()
    ).first()
    return invitation(period, mail.recipient, mail.context["by_name"]) if period else None


def invitation(period: AuditPeriod, person: User, by_name: str) -> dict:
    """What an invitation says."""
    return {
        "period": period.pk,
        "name": period.name,
        "open_until": f"{period.open_until.isoformat()}T12:00:00Z",
        "second_factor": must_use_second_factor(person),
        "by_name": by_name,
        "path": f"/audit/{period.pk}/",
    }


REFRESH = {"auditor_invited": _invitation}
