"""How a definition is reviewed, and the groups it may ask. Every change is in the ledger."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from campaigns import permissions, plans
from campaigns.models import CampaignDefinition, ReviewerGroup
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.actions import entries
from people.models import User


def _require(by) -> None:
    if not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may say how a review is done."))


@transaction.atomic
def set_plan(*, definition_id: int, plan: dict, by) -> CampaignDefinition:
    """Set stages, strategies and independence; campaigns that were launched keep theirs. Refuses people and groups out of use."""
    _require(by)
    definition = CampaignDefinition.objects.select_for_update(of=("self",), no_key=True).get(pk=definition_id)
    checked = plans.checked(plan)
    people = plans.people_in(checked)
    if people - set(User.objects.filter(pk__in=people, is_active=True).values_list("pk", flat=True)):
        raise InvalidInput(_("A person named as a reviewer is not active."), field="stages")
    groups = plans.groups_in(checked)
    usable = ReviewerGroup.objects.filter(pk__in=groups, is_archived=False, members__is_active=True)
    if groups - set(usable.values_list("pk", flat=True)):
        raise InvalidInput(_("A group named as reviewers is archived, or has no active member."), field="stages")
    old = definition.terms()
    definition.plan = checked
    definition.save(update_fields=["plan", "changed_at"])
    if (new := definition.terms()) != old:
        data = {"old": old, "new": new}
        entries.record(kind="definition:changed", subject=f"campaigns.definition:{definition.pk}", by=by, data=data)
    return definition


def _facts(group: ReviewerGroup, members: list[User]) -> dict:
    return {"group": str(group.pk), "name": group.name, "members": [f"people.user:{member.pk}" for member in members]}


@transaction.atomic
def create_group(*, name: str, members: Iterable[User], by) -> ReviewerGroup:
    """Add a group of reviewers. Its name stays as it is: packs name it."""
    _require(by)
    found = _members(members)
    if not name.strip():
        raise InvalidInput(_("Give the group a name."), field="name")
    try:
        with transaction.atomic():
            group = ReviewerGroup.objects.create(name=name.strip())
    except IntegrityError:
        raise InvalidInput(_("There is already a group called “{name}”.").format(name=name.strip()), field="name") from None
    group.members.set(found)
    entries.record(kind="group:created", subject=f"campaigns.reviewergroup:{group.pk}", by=by, data=_facts(group, found))
    return group


@transaction.atomic
def change_group(*, group_id: int, members: Iterable[User], is_archived: bool = False, by) -> ReviewerGroup:
    """Change who is in a group, or take it out of use. Campaigns that asked it keep whom they asked."""
    _require(by)
    group = ReviewerGroup.objects.select_for_update(of=("self",), no_key=True).get(pk=group_id)
    old, found = _facts(group, list(group.members.order_by("pk"))), _members(members)
    group.members.set(found)
    group.is_archived = is_archived
    group.save(update_fields=["is_archived"])
    data = {"old": old, "new": _facts(group, found), "archived": is_archived}
    entries.record(kind="group:changed", subject=f"campaigns.reviewergroup:{group.pk}", by=by, data=data)
    return group


def _members(members: Iterable[User]) -> list[User]:
    found = sorted(set(members), key=lambda member: member.pk)
    if not found:
        raise InvalidInput(_("A group needs at least one member."), field="members")
    if inactive := [member.name for member in found if not member.is_active]:
        raise InvalidInput(_("{inactive} is not active.").format(inactive=inactive[0]), field="members")
    return found
