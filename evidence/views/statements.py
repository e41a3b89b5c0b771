"""What people state about the controls of a framework: what there is, and stating, changing, withdrawing and checking it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import DomainError, InvalidInput
from evidence import deviations, frameworks, permissions, persons
from evidence import statements as rules
from evidence.actions import statements
from evidence.assurance_sections import KINDS, SHOWN
from evidence.catalogue import Framework
from evidence.forms import CheckForm, StatementForm, WithdrawForm
from evidence.models import Statement
from evidence.statements import FIELDS, Shape
from evidence.states import StatementKind


def _framework(code: str) -> Framework:
    if found := frameworks.get(code):
        return found
    raise Http404(code)


def _kinds(framework: Framework) -> list[StatementKind]:
    return [StatementKind.APPLICABILITY, *KINDS[framework.assurance]]


def _versions(code: str, kind: str, number: int) -> list[Statement]:
    """All versions of a statement, the latest first."""
    found = list(Statement.objects.filter(framework=code, kind=kind, number=number).order_by("-version"))
    if not found:
        raise Http404(number)
    return found


@requires(permissions.sees_every_period)
@require_safe
def statement_list(request: HttpRequest, code: str) -> HttpResponse:
    """What is stated about a framework, a table for each kind."""
    framework, tables = _framework(code), []
    for kind in _kinds(framework):
        latest = Statement.objects.filter(framework=code, kind=kind).newest()
        found = list(latest[: SHOWN + 1])
        total = latest.count() if len(found) > SHOWN else len(found)
        tables.append((kind, found[:SHOWN], total if total > SHOWN else 0))
    context = {
        "framework": framework,
        "tables": tables,
        "shown": SHOWN,
        "can_manage": permissions.can_manage_audit(request.user),
    }
    return render(request, "evidence/statement_list.html", context)


def _begun(request: HttpRequest, framework: Framework, kind: str) -> dict:
    """What the form begins with, as the pages link here: ?control=…, ?controls=… …, ?deviation=…&title=…, ?period=…."""
    names = {one.name: one for one in FIELDS[kind]}
    begin: dict = {name: text for name, text in request.GET.items() if name in names}
    for name in ("control", "controls"):
        if name in begin:
            begin[name] = begin[name].split()
    for name in ("held_on", "found_on"):
        if name in names:
            begin.setdefault(name, clock.now().date())
    return begin


def _unstated(framework: Framework) -> list[str]:
    """The controls whose applicability is not stated yet."""
    stated = set(
        Statement.objects.filter(framework=framework.code, kind=StatementKind.APPLICABILITY).values_list("control", flat=True)
    )
    return [one for one in map(framework.reference, framework.controls) if one not in stated]


@requires(permissions.can_manage_audit)
@require_http_methods(["GET", "POST"])
def statement_create(request: HttpRequest, code: str, kind: str) -> HttpResponse:
    framework = _framework(code)
    if kind not in _kinds(framework):
        raise Http404(kind)
    free = _unstated(framework) if kind == StatementKind.APPLICABILITY else None
    begin = _begun(request, framework, kind)
    form = StatementForm(request.POST or None, initial=begin, framework=framework, kind=kind, controls=free)
    if request.method == "POST" and form.is_valid():
        try:
            made = statements.make(framework=code, kind=kind, facts=form.cleaned_data, by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            messages.success(request, _("Recorded."))
            return redirect("evidence:statement-detail", code=code, kind=kind, number=made[0].number)
    context = {"framework": framework, "kind": StatementKind(kind), "form": form}
    return render(request, "evidence/statement_form.html", context, status=422 if form.errors else 200)


def _page(request: HttpRequest, versions: list[Statement], **changed) -> HttpResponse:
    statement, framework = versions[0], _framework(versions[0].framework)
    facts, names = statement.facts, persons.names(statement.facts)
    fields = [one for one in FIELDS[statement.kind] if one.shape not in (Shape.CONTROL, Shape.DEVIATION, Shape.PERIOD)]
    standing = rules.standing(facts, clock.now().date()) if statement.kind == StatementKind.NONCONFORMITY else None
    is_checkable = bool(standing) and facts["done_on"] and not facts.get("effective") and not statement.withdrawn
    me = f"people.user:{request.user.pk}"
    context = {
        "framework": framework,
        "statement": statement,
        "kind": StatementKind(statement.kind),
        "control": framework.controls.get(statement.control.partition(":")[2]),
        "told": [(one.label, rules.shown(one, facts, names)) for one in fields],
        "checker": names.get(facts.get("checked_by", "")),
        "deviation": deviations.about(facts.get("deviation", "")),
        "figures": rules.input_words(facts.get("input", {})),
        "standing": standing,
        "versions": versions[:SHOWN],
        "can_manage": permissions.can_manage_audit(request.user),
        "is_checkable": is_checkable,
        "may_check": is_checkable and rules.may_check(facts, facts["owner"], f"people.user:{statement.by_id}", me),
        "form": StatementForm(initial=facts, framework=framework, kind=statement.kind),
        "withdraw_form": WithdrawForm(),
        "check_form": CheckForm(),
    } | changed
    is_wrong = any(form.errors for form in (context["form"], context["withdraw_form"], context["check_form"]))
    return render(request, "evidence/statement_detail.html", context, status=422 if is_wrong else 200)


@requires(permissions.sees_every_period)
@require_safe
def statement_detail(request: HttpRequest, code: str, kind: str, number: int) -> HttpResponse:
    """What is stated now, and every version of it."""
    return _page(request, _versions(code, kind, number))


def _acted(request: HttpRequest, versions: list[Statement], name: str, form, act) -> HttpResponse:
    """Do what a form asks for to the version that was on the page; a refusal lands at its field."""
    seen = next((one for one in versions if str(one.version) == request.POST.get("version")), versions[0])
    if form.is_valid():
        try:
            act(seen.pk, form.cleaned_data)
        except DomainError as refusal:
            at = getattr(refusal, "field", None)
            form.add_error(at if at in form.fields else None, refusal.message)
        else:
            messages.success(request, _("Recorded."))
            return redirect("evidence:statement-detail", code=seen.framework, kind=seen.kind, number=seen.number)
    return _page(request, versions, **{name: form})


@requires(permissions.can_manage_audit)
@require_POST
def statement_change(request: HttpRequest, code: str, kind: str, number: int) -> HttpResponse:
    versions = _versions(code, kind, number)
    form = StatementForm(request.POST, initial=versions[0].facts, framework=_framework(code), kind=kind)

    def act(pk: int, facts: dict) -> None:
        statements.change(statement_id=pk, facts=facts, by=request.user)

    return _acted(request, versions, "form", form, act)


@requires(permissions.can_manage_audit)
@require_POST
def statement_withdraw(request: HttpRequest, code: str, kind: str, number: int) -> HttpResponse:
    def act(pk: int, said: dict) -> None:
        statements.withdraw(statement_id=pk, why=said["why"], by=request.user)

    return _acted(request, _versions(code, kind, number), "withdraw_form", WithdrawForm(request.POST), act)


@requires(permissions.sees_every_period)
@require_POST
def statement_check(request: HttpRequest, code: str, kind: str, number: int) -> HttpResponse:
    def act(pk: int, said: dict) -> None:
        statements.check(statement_id=pk, effective=said["effective"] == "yes", note=said["note"], by=request.user)

    return _acted(request, _versions(code, kind, number), "check_form", CheckForm(request.POST), act)
