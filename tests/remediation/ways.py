"""What tests of all ways of removing access share: a channel in earnest, a sweep at a later time, and where things stand."""

from datetime import timedelta

from certify.lib import clock
from remediation import tasks
from remediation.actions import channels, sending
from remediation.connectors import KINDS
from remediation.models import Channel, Delivery, DeliveryTry, RemediationTask, Sending

MINUTE = timedelta(minutes=1)


def settings_of(kind: str, **more: str) -> dict[str, str]:
    """The settings of a kind as they are at first, with some changed."""
    return {one.name: one.initial for one in KINDS[kind].fields} | more


def configured(story, kind: str, url: str, secret: str, **more: str) -> Channel:
    """A channel of a kind that may send everything at once, still off and dry."""
    way = channels.Way(kind, settings_of(kind, **more), secret)
    return channels.configure(source_id=story.source.pk, url=url, most=50, percent=100, way=way, by=story.admin)


def earnest(story, kind: str, url: str, secret: str, **more: str) -> Channel:
    """The same, tried and switched on."""
    configured(story, kind, url, secret, **more)
    send(story)
    channels.set_dry(source_id=story.source.pk, is_dry=False, by=story.admin)
    return channels.switch(source_id=story.source.pk, is_on=True, by=story.owner)


def send(story, *accounts: str, entitlement: str = "read", by=None) -> Sending:
    """Send removals of these accounts, or of all."""
    found = RemediationTask.objects.filter(item__entitlement_key=entitlement)
    ids = found.filter(item__account_key__in=accounts) if accounts else found
    return sending.send(source_id=story.source.pk, task_ids=list(ids.values_list("pk", flat=True)), by=by or story.system_owner)


def sweep(after: timedelta = timedelta()) -> int:
    """Carry out what is due then."""
    with clock.freeze(clock.now() + after):
        return tasks.send_webhooks()


def follow(after: timedelta = timedelta()) -> int:
    """Look at the tickets that are due then."""
    with clock.freeze(clock.now() + after):
        return tasks.follow_tickets()


def state(task) -> str:
    """Where a removal stands."""
    return RemediationTask.objects.get(pk=task.pk).state


def last() -> Delivery:
    """The last message in earnest."""
    return Delivery.objects.exclude(state="dry").latest("pk")


def last_try() -> DeliveryTry:
    """The last try of all."""
    return DeliveryTry.objects.latest("pk")
