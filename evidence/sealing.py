"""What a seal stands on, and what still hinders it."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import guards, silence
from campaigns.models import Campaign, Finding, HeldRemoval, ReviewItem, SilenceRemoval
from campaigns.states import TO_REMOVE, CampaignState, Disposition, Outcome
from certify.lib.language import within
from ledger import queries as ledger_queries
from remediation import denials
from remediation.models import RemediationTask, RiskException
from remediation.states import TaskState


@dataclass(frozen=True)
class Hindrance:
    """A reason why a campaign cannot be sealed yet; `url` is where something can be done about it."""

    text: str
    url: str


def counts(campaign: Campaign, now: datetime) -> dict[str, int]:
    """What a campaign comes to now.

    {items, each outcome, removals, verified_gone, excepted, closed_on_proof: never verified, kept_after_objection, withdrawn,
    in_progress: within their deadline, overdue, without_result: nobody said what became of them, unopened: items to remove without a
    removal, findings, accepted, re_ask, unjudged, unconfirmed: approvals of removals for silence that wait for a second person, held:
    removals that wait for one}
    """
    items = ReviewItem.objects.filter(campaign=campaign)
    decided = items.exclude(outcome="").values_list("outcome").annotate(Count("id")).order_by()
    outcomes = dict.fromkeys(Outcome.values, 0) | dict(decided)
    # An exception whose last day has passed settles nothing, even in the minutes until the sweep has ended it.
    excepted = Q(state=TaskState.EXCEPTED) & Exists(RiskException.objects.in_force(now.date()).filter(task=OuterRef("pk")))
    left = ~(Q(state__in=(TaskState.VERIFIED_GONE, TaskState.CLOSED, TaskState.KEPT, TaskState.WITHDRAWN)) | excepted)
    removals = RemediationTask.objects.filter(campaign=campaign).aggregate(
        removals=Count("id"),
        verified_gone=Count("id", filter=Q(state=TaskState.VERIFIED_GONE)),
        excepted=Count("id", filter=excepted),
        closed_on_proof=Count("id", filter=Q(state=TaskState.CLOSED)),
        kept_after_objection=Count("id", filter=Q(state=TaskState.KEPT)),
        withdrawn=Count("id", filter=Q(state=TaskState.WITHDRAWN)),
        in_progress=Count("id", filter=left & Q(due_at__gt=now)),
        overdue=Count("id", filter=left & Q(due_at__lte=now)),
    )
    waiting = denials.with_result(RemediationTask.objects.filter(campaign=campaign)).filter(has_result=False)
    removals["without_result"] = waiting.count()
    findings = Finding.objects.filter(campaign=campaign).aggregate(
        findings=Count("id"),
        unjudged=Count("id", filter=Q(disposition__isnull=True)),
        **{choice.value: Count("id", filter=Q(disposition__choice=choice)) for choice in Disposition},
    )
    for_silence = SilenceRemoval.objects.effective().filter(campaign=campaign).values("item_id")
    blocked = HeldRemoval.objects.blocked().filter(hold__campaign=campaign).values("item_id")
    unopened = items.filter(Q(outcome__in=TO_REMOVE) | Q(pk__in=for_silence), removal__isnull=True)
    unopened = unopened.exclude(pk__in=blocked).count()
    found = {"items": campaign.item_count, **outcomes, **removals, "unopened": unopened, **findings}
    return found | {"unconfirmed": silence.waiting_approvals(campaign).count(), "held": guards.waiting(campaign).count()}


def hindrances(campaign: Campaign, found: dict[str, int]) -> list[Hindrance]:
    """Why a campaign that comes to these counts cannot be sealed, each reason with its number; empty when it can."""
    page = reverse("campaigns:campaign-detail", args=[campaign.pk])
    if campaign.state != CampaignState.CLOSED:
        return [
            Hindrance(
                _("It is {state}: only a closed campaign is sealed.").format(state=within(campaign.get_state_display())), page
            )
        ]
    removals = f"{reverse('remediation:task-list')}?campaign={campaign.pk}"
    unanswered = reverse("campaigns:campaign-unanswered", args=[campaign.pk])
    people = reverse("campaigns:campaign-quality", args=[campaign.pk])
    urls = {
        "unopened": removals,
        "without_result": f"{removals}&state=waiting",
        "overdue": f"{removals}&state=overdue",
        "unconfirmed": unanswered,
        "unjudged": people,
    }
    urls["held"] = reverse("campaigns:campaign-held", args=[campaign.pk])
    return [*_frozen(), *[Hindrance(_words(name, found[name]), url) for name, url in urls.items() if found[name]]]


def _frozen() -> list[Hindrance]:
    """Nothing is sealed onto a log that does not hold."""
    if ledger_queries.standing_misfit() is None:
        return []
    text = _("Something in the ledger does not fit. Nothing is sealed until the whole ledger was verified without a fault.")
    return [Hindrance(text, reverse("ledger:guards"))]


def _words(name: str, number: int) -> str:
    texts = {
        "unopened": ngettext(
            "Not opened yet: {n} removal. Certify does that within minutes of the close.",
            "Not opened yet: {n} removals. Certify does that within minutes of the close.",
            number,
        ),
        "without_result": ngettext(
            "Without a result: {n} removal. Somebody reports it done, a reading shows it gone, or a risk exception is approved.",
            "Without a result: {n} removals. Somebody reports them done, a reading shows them gone, or risk exceptions are approved.",
            number,
        ),
        "overdue": ngettext(
            "Past due: {n} removal. No later full reading of the system shows that the access is gone.",
            "Past due: {n} removals. No later full reading of the system shows that the access is gone.",
            number,
        ),
        "unconfirmed": ngettext(
            "Waiting for a second person: {n} approval of removals of what nobody answered.",
            "Waiting for a second person: {n} approvals of removals of what nobody answered.",
            number,
        ),
        "held": ngettext(
            "Waiting for a second person: {n} system or right of which much goes.",
            "Waiting for a second person: {n} systems or rights of which much goes.",
            number,
        ),
        "unjudged": ngettext(
            "Not judged yet: {n} finding about how people reviewed.",
            "Not judged yet: {n} findings about how people reviewed.",
            number,
        ),
    }
    return texts[name].format(n=intcomma(number))
