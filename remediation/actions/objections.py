"""The people who lose access: they are told beforehand, may object, and whoever decided decides again.

Silence never gives access back: a removal to which nobody objects in time, or whose objection nobody answers, goes on.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.language import within
from certify.lib.times import rfc3339
from inventory.models import Identity, Snapshot
from ledger.actions import entries
from people.actions import mails, users
from people.hours import mail_at
from people.models import User
from people.states import Role
from remediation import permissions, queries, rules
from remediation.models import Announcement, Objection, RemediationTask
from remediation.states import ObjectionState, TaskState

#: How many removals a mail names.
NAMED = 20
RELATED = ("task__item", "task__campaign__owner", "reviewer", "person")


@transaction.atomic
def announce(*, tasks: list[RemediationTask], days: int, by) -> int:
    """Tell the people whose access these newly opened removals take away; returns how many removals were announced.

    Those that are `ANNOUNCED` wait for the last moment of objecting, the others go on meanwhile. One mail for each person. Whoever
    has no sign-in yet gets one without any role: the mail's link is all they need.
    """
    people = queries.tellable(task.item.identity_key for task in tasks)
    now = clock.now()
    until = now + timedelta(days=days)
    told = [(task, people[task.item.identity_key]) for task in tasks if task.item.identity_key in people]
    readers = _readers({person.key: person for _, person in told}.values(), by)
    rows = [
        (f"remediation.task:{task.pk}", _facts(task) | {"person": f"people.user:{readers[person.key].pk}",
         "until": rfc3339(until), "waits": "yes" if task.state == TaskState.ANNOUNCED else "no", "at": rfc3339(now)})
        for task, person in told
    ]  # fmt: skip
    recorded = entries.record_many(kind="removal:announced", by=by, at=now, rows=rows)
    Announcement.objects.bulk_create(
        Announcement(task=task, person=readers[person.key], until=until, is_waiting=task.state == TaskState.ANNOUNCED, at=now,
                     entry_uid=entry.uid)
        for (task, person), entry in zip(told, recorded, strict=True)
    )  # fmt: skip
    mine = defaultdict(list)
    for task, person in told:
        mine[readers[person.key]].append(task)
    mails.queue_many(drafts=[_told(person, found, until, now) for person, found in mine.items()], by=by)
    return len(told)


def _readers(people: Iterable[Identity], by) -> dict[str, User]:
    """The sign-in of each, made where there is none."""
    people = list(people)
    without = [person for person in people if person.user_id is None]
    made = users.provision(rows=[(person.email, person.name, person.email) for person in without], roles=(), by=by)
    found = User.objects.in_bulk(made.values())
    return {person.key: person.user or found[made[person.email]] for person in people}


def _told(person: User, tasks: list[RemediationTask], until: datetime, now: datetime) -> mails.Draft:
    campaign = tasks[0].campaign
    return mails.Draft(
        recipient_id=person.pk,
        template="removals_announced",
        context={
            "campaign": campaign.name,
            "campaign_id": campaign.pk,
            "rows": [
                f"{task.item.entitlement_name or task.item.entitlement_key} ({task.item.source_name})" for task in tasks[:NAMED]
            ],
            "count": len(tasks),
            "until": rfc3339(until),
            "without_sign_in": True,
            "about": [f"remediation.task:{task.pk}" for task in tasks],
        },
        subject_ref=f"campaigns.campaign:{campaign.pk}",
        dedupe_key=f"removals-announced:{person.pk}:{tasks[0].pk}",
        due_at=mail_at(person.hours, now),
    )


def _facts(task: RemediationTask) -> dict[str, str]:
    return {"task": str(task.pk), "campaign": str(task.campaign_id), "item": str(task.item.number)}


def _task(task_id: int) -> RemediationTask:
    found = RemediationTask.objects.select_for_update(of=("self",), no_key=True)
    return found.select_related("item__decided_by", "campaign__owner").get(pk=task_id)


@transaction.atomic
def object_to(*, task_id: int, reason: str, by: User) -> Objection:
    """Say why the access is needed. Whoever decided is asked to decide again; a removal that waits goes on waiting for that.

    Refuses everybody but the person who was told, a second objection, one after the last moment, words that say too little, and
    access that is gone or settled otherwise.
    """
    task, now = _task(task_id), clock.now()
    told = Announcement.objects.filter(task=task, person=by).first()
    if told is None or not by.is_active:
        raise NotAllowed(_("Only the person who loses this access may object, when they were told of it."))
    if Objection.objects.filter(task=task).exists():
        raise InvalidInput(_("You have objected already."))
    if now > told.until:
        raise InvalidInput(_("The time to object is over. Ask for the access anew where you need it."))
    if TaskState.KEPT not in rules.following(task.state):
        raise InvalidInput(_("There is nothing to object to any more: {state}.").format(state=within(task.get_state_display())))
    reason = rules.check_words(reason, rules.SAY_WHY_NEEDED, "reason")
    days = int(task.campaign.terms.get("objection_days") or 1)
    made = Objection(task=task, person=by, person_name=by.name, reason=reason, at=now)
    made.reviewer, made.answer_by = _reviewer(task, by), max(told.until, now + timedelta(days=days))
    facts = {
        "decision": str(task.item.decision_entry_uid or ""),
        "reason": reason,
        "reviewer": f"people.user:{made.reviewer.pk}",
    }
    made.entry_uid = _record("objected", made, by, now, **facts, answer_by=rfc3339(made.answer_by)).uid
    made.save(force_insert=True)
    _mail("removals_objected", made, made.reviewer, now, by)
    return made


def _reviewer(task: RemediationTask, person: User) -> User:
    """Who decides again: whoever decided, else the owner of the review, else another control owner; never the person themselves."""
    for found in (task.item.decided_by, task.campaign.owner):
        if found and found.is_active and found != person:
            return found
    return User.objects.with_role(Role.CONTROL_OWNER).exclude(pk=person.pk).order_by("pk").first() or task.campaign.owner


def _locked(objection_id: int) -> Objection:
    """The objection; its removal is locked first, as everybody does."""
    _task(Objection.objects.values_list("task_id", flat=True).get(pk=objection_id))
    return Objection.objects.select_for_update(of=("self",), no_key=True).select_related(*RELATED).get(pk=objection_id)


@transaction.atomic
def confirm(*, objection_id: int, answer: str, by: User) -> Objection:
    """The removal stands, for the reason given; one that waited is to be done from now on."""
    objection = _judged(objection_id, ObjectionState.CONFIRMED, answer, by)
    due_at = _release(objection.task) if objection.task.state == TaskState.ANNOUNCED else None
    _record("confirmed", objection, by, objection.answered_at, reason=objection.answer, due_at=rfc3339(due_at))
    _mail("removals_objection_answered", objection, objection.person, objection.answered_at, by)
    return objection


@transaction.atomic
def keep(*, objection_id: int, answer: str, by: User) -> Objection:
    """Decide again: the access stays, for the reason given. What was decided before stays on record beside it.

    Refuses access that is gone already: that is asked for anew, where access is given.
    """
    objection = _judged(objection_id, ObjectionState.KEPT, answer, by)
    rules.check_transition(objection.task.state, TaskState.KEPT)
    decision = str(objection.task.item.decision_entry_uid or "")
    _record("kept", objection, by, objection.answered_at, reason=objection.answer, decision=decision)
    RemediationTask.objects.filter(pk=objection.task_id).update(state=TaskState.KEPT)
    objection.task.state = TaskState.KEPT
    _mail("removals_objection_answered", objection, objection.person, objection.answered_at, by)
    return objection


def _judged(objection_id: int, state: ObjectionState, answer: str, by: User) -> Objection:
    objection = _locked(objection_id)
    if not permissions.can_answer_objection(by, objection):
        raise NotAllowed(_("The reviewer who is asked, or a control owner who did not object, answers this."))
    if objection.state != ObjectionState.OPEN:
        raise InvalidInput(_("This is answered: {state}.").format(state=within(objection.get_state_display())))
    objection.answer = rules.check_words(answer, rules.SAY_WHY, "answer")
    objection.state, objection.answered_at = state, clock.now()
    objection.answered_by, objection.answered_by_name = by, by.name
    objection.save(update_fields=["state", "answered_at", "answered_by", "answered_by_name", "answer"])
    return objection


def _release(task: RemediationTask) -> datetime:
    """The removal is to be done, as from a new decision."""
    days = rules.removal_days(
        task.campaign.terms["removal_days"], settings.CERTIFY_PRIVILEGED_REMOVAL_DAYS, task.item.privileged
    )
    due_at = rules.removal_due(clock.now(), days)
    rules.check_transition(task.state, TaskState.OPEN)
    RemediationTask.objects.filter(pk=task.pk).update(state=TaskState.OPEN, due_at=due_at)
    task.state, task.due_at = TaskState.OPEN, due_at
    return due_at


@transaction.atomic
def follow(*, by) -> int:
    """Let removals go on to which nobody objected in time, and those whose objection nobody answered; returns how many objections ended.

    The owner of the review hears of objections without an answer.
    """
    now = clock.now()
    _let_go(now, by)
    ended = 0
    for pk in list(Objection.objects.open().filter(answer_by__lt=now).order_by("task_id").values_list("pk", flat=True)):
        objection = _locked(pk)
        if objection.state != ObjectionState.OPEN:
            continue
        objection.state = ObjectionState.UNANSWERED
        objection.save(update_fields=["state"])
        due_at = _release(objection.task) if objection.task.state == TaskState.ANNOUNCED else None
        _record("unanswered", objection, by, now, due_at=rfc3339(due_at))
        for person in {objection.task.campaign.owner, objection.person}:
            _mail("removals_objection_answered", objection, person, now, by)
        ended += 1
    return ended


def _let_go(now: datetime, by) -> None:
    """Nobody objected: the removals are to be done, by the day that was set when they were opened."""
    passed = RemediationTask.objects.filter(state=TaskState.ANNOUNCED, announcement__until__lt=now, objection__isnull=True)
    tasks = list(passed.select_for_update(of=("self",), no_key=True).select_related("item").order_by("pk"))
    rows = [(f"remediation.task:{task.pk}", _facts(task) | {"at": rfc3339(now)}) for task in tasks]
    entries.record_many(kind="removal:released", by=by, at=now, rows=rows)
    RemediationTask.objects.filter(pk__in=[task.pk for task in tasks]).update(state=TaskState.OPEN)


@transaction.atomic
def end_for_gone(*, snapshot: Snapshot, by) -> None:
    """End objections to removals that this reading has proved: there is nothing left to decide."""
    waiting = Objection.objects.open().filter(task__verified_in=snapshot)
    for objection in waiting.select_for_update(of=("self",), no_key=True).select_related(*RELATED).order_by("pk"):
        objection.state = ObjectionState.GONE
        objection.save(update_fields=["state"])
        _record("objection-ended", objection, by, clock.now())


@transaction.atomic
def end_for_withdrawn(*, task_ids: list[int], by) -> None:
    """End objections to removals that were withdrawn: the access stays as it is."""
    waiting = Objection.objects.open().filter(task__in=task_ids)
    for objection in waiting.select_for_update(of=("self",), no_key=True).select_related(*RELATED).order_by("pk"):
        objection.state = ObjectionState.WITHDRAWN
        objection.save(update_fields=["state"])
        _record("objection-ended", objection, by, clock.now())


def _record(step: str, objection: Objection, by, at: datetime, **more: str):
    data = _facts(objection.task) | {"person": f"people.user:{objection.person_id}", "at": rfc3339(at), **more}
    return entries.record(kind=f"removal:{step}", subject=f"remediation.task:{objection.task_id}", by=by, at=at, data=data)


def _mail(template: str, objection: Objection, person: User, now: datetime, by) -> None:
    item = objection.task.item
    context = {
        "what": str(item),
        "source": item.source_name,
        "campaign": objection.task.campaign.name,
        "who": objection.person_name,
        "reason": objection.reason,
        "state": str(objection.state),
        "answer": objection.answer,
        "answered_by": objection.answered_by_name,
        "answer_by": rfc3339(objection.answer_by),
        "without_sign_in": not person.roles,
        "path": f"/removals/objections/{objection.pk}/",
    }
    mails.queue(
        recipient=person,
        template=template,
        context=context,
        subject_ref=f"campaigns.campaign:{objection.task.campaign_id}",
        dedupe_key=f"{template}:{objection.pk}:{objection.state}:{person.pk}",
        due_at=mail_at(person.hours, now),
        by=by,
    )
