"""Objections: the page of whoever loses access, reached by a link in a mail, and the pages of those who decide again."""

from datetime import datetime

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from campaigns.models import Campaign
from certify.lib import clock
from certify.lib.access import public, requires, signed_in
from certify.lib.errors import InvalidInput, NotAllowed
from people.models import User
from remediation import invitations, permissions, rules
from remediation.actions import objections
from remediation.forms_objections import AnswerForm, ObjectionForm
from remediation.models import Announcement, Objection
from remediation.states import ObjectionState, TaskState

#: So many are listed.
LISTED = 200


@public
@never_cache
@require_http_methods(["GET", "POST"])
def object_to(request: HttpRequest, token: str) -> HttpResponse:
    """What somebody is about to lose in one review, and objecting to it: once for each. The link ends some time after the last answer."""
    named = invitations.read(token)
    person = User.objects.filter(pk=named[0], is_active=True).first() if named else None
    if person is None:
        raise Http404
    announced = _told(person).filter(task__campaign_id=named[1])
    if not announced:
        raise Http404
    if clock.now() > _link_ends(announced):
        return render(request, "remediation/object_ended.html", {"days": rules.LINK_READ_DAYS}, status=410)
    return _answer(request, person, announced, announced[0].task.campaign)


@requires(signed_in)
@never_cache
@require_http_methods(["GET", "POST"])
def own(request: HttpRequest) -> HttpResponse:
    """What signed-in people are told that they lose, in all reviews, the latest first; and objecting to it."""
    return _answer(request, request.user, _told(request.user).order_by("-pk"))


def _told(person: User) -> QuerySet:
    """What somebody was told that they lose."""
    found = Announcement.objects.filter(person=person)
    return found.select_related("task__item", "task__campaign", "task__objection").order_by("pk")


def _link_ends(announced: QuerySet) -> datetime:
    """When the link to these removals ends: it stays as long as something can still be said or answered, and for a while after."""
    answers = (one.task.objection.answer_by for one in announced if hasattr(one.task, "objection"))
    return rules.link_ends([*(one.until for one in announced), *answers])


def _answer(request: HttpRequest, person: User, announced: QuerySet, campaign: Campaign | None = None) -> HttpResponse:
    """The page with what was announced, of one review or of all; POST objects to one of it."""
    form = ObjectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        one = get_object_or_404(announced, task_id=form.cleaned_data["task"])
        try:
            objections.object_to(task_id=one.task_id, reason=form.cleaned_data["reason"], by=person)
        except (InvalidInput, NotAllowed) as refusal:
            form.add_error("reason", refusal.message)
        else:
            messages.success(request, _("Sent. Whoever decided decides again; you get a mail."))
            return redirect(request.path)
    rows = [_announced(one, form) for one in announced[: LISTED + 1]]
    context = {"person": person, "campaign": campaign, "rows": rows[:LISTED], "cut": len(rows) > LISTED, "cap": LISTED}
    return render(request, "remediation/object.html", context, status=422 if form.errors else 200)


def _announced(one: Announcement, form: ObjectionForm) -> dict:
    objection = getattr(one.task, "objection", None)
    may = objection is None and clock.now() <= one.until and TaskState.KEPT in rules.following(one.task.state)
    is_sent = form.is_bound and form["task"].value() == str(one.task_id)
    mine = form if is_sent else ObjectionForm(initial={"task": one.task_id}, auto_id=f"id_{one.task_id}_%s")
    return {"announcement": one, "task": one.task, "item": one.task.item, "objection": objection, "form": mine if may else None}


@requires(signed_in)
@require_safe
def objection_list(request: HttpRequest) -> HttpResponse:
    """Those that wait for the user, or for anybody where one sees all; then the answered ones."""
    found = Objection.objects.visible_to(request.user).select_related("task__item", "task__campaign", "reviewer")
    waiting = list(found.filter(state=ObjectionState.OPEN)[:LISTED])
    done = found.exclude(state=ObjectionState.OPEN).order_by("-pk")
    context = {"waiting": waiting, "done": done[: LISTED // 4], "total": found.count(), "listed": LISTED}
    return render(request, "remediation/objection_list.html", context)


@requires(signed_in)
@require_http_methods(["GET", "POST"])
def objection_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One objection, and deciding again."""
    found = Objection.objects.visible_to(request.user).select_related("task__item", "task__campaign", "reviewer", "person")
    objection, form = get_object_or_404(found, pk=pk), AnswerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        do = objections.keep if request.POST.get("choice") == "keep" else objections.confirm
        try:
            do(objection_id=objection.pk, answer=form.cleaned_data["answer"], by=request.user)
        except (InvalidInput, NotAllowed) as refusal:
            form.add_error("answer", refusal.message)
        else:
            messages.success(request, _("Recorded. Whoever objected gets a mail."))
            return redirect("remediation:objection-detail", pk=objection.pk)
    can_answer = objection.state == ObjectionState.OPEN and permissions.can_answer_objection(request.user, objection)
    context = {
        "objection": objection,
        "task": objection.task,
        "item": objection.task.item,
        "form": form,
        "can_answer": can_answer,
        "can_see_removal": permissions.can_open_removals(request.user),
        "can_keep": TaskState.KEPT in rules.following(objection.task.state),
    }
    return render(request, "remediation/objection_detail.html", context, status=422 if request.method == "POST" else 200)
