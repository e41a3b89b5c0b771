"""Rules of duties that must be apart: written on a page, or taken in from a file."""

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import permissions, sod_csv, sod_reading, sod_rules
from campaigns.actions import sod_rules as actions
from campaigns.models import SodRule
from campaigns.sod_forms import SodImportForm, SodRuleForm
from campaigns.tasks import compare_duties
from certify.lib.access import requires
from certify.lib.errors import DomainError, InvalidInput
from certify.lib.nudge import nudge
from certify.lib.uploads import takes

#: Rules and refused rows that a page shows; the number says how many there are.
SHOWN = 1_000


@requires(permissions.can_keep_duties_apart)
@require_safe
def rule_list(request: HttpRequest) -> HttpResponse:
    found = sod_reading.rules()
    context = {"rules": found[:SHOWN], "count": found.count(), "cap": SHOWN}
    return render(request, "campaigns/sod_rule_list.html", context)


@requires(permissions.can_keep_duties_apart)
@require_http_methods(["GET", "POST"])
def rule_create(request: HttpRequest) -> HttpResponse:
    form = SodRuleForm(request.POST or None, initial={"owner": request.user.pk})
    if request.method == "POST" and form.is_valid():
        try:
            rule = actions.create(terms=form.terms(), by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            return _saved(request, _("“{name}” is in the rules. Conflicts show within a minute.").format(name=rule.name))
    return render(request, "campaigns/sod_rule_form.html", {"form": form}, status=422 if form.errors else 200)


def _saved(request: HttpRequest, said: str) -> HttpResponse:
    messages.success(request, said)
    nudge(compare_duties)
    return redirect("campaigns:sod-rule-list")


@requires(permissions.can_keep_duties_apart)
@require_http_methods(["GET", "POST"])
def rule_edit(request: HttpRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(SodRule, pk=pk)
    form = SodRuleForm(request.POST or None, rule=rule)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change(rule_id=pk, terms=form.terms(), by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            return _saved(request, _("Saved. Conflicts follow within a minute; campaigns that were launched keep theirs."))
    known = sod_rules.Known.of([sod_rules.of(rule)])
    held = [(name, len(known.side(side))) for name, side in ((rule.side_a_name, rule.side_a), (rule.side_b_name, rule.side_b))]
    context = {"form": form, "rule": rule, "held": held}
    return render(request, "campaigns/sod_rule_form.html", context, status=422 if form.errors else 200)


@takes(sod_csv.MAX_BYTES)
@requires(permissions.can_keep_duties_apart)
@require_http_methods(["GET", "POST"])
def rule_import(request: HttpRequest) -> HttpResponse:
    """Take a file of rules in, whole or not at all, and say of every refused row why."""
    form, refused = SodImportForm(request.POST or None, request.FILES or None), []
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            done = actions.take_in(data=upload.read(sod_csv.MAX_BYTES + 1), file_name=upload.name, by=request.user)
        except DomainError as refusal:
            form.add_error("file", refusal.message)
        else:
            if not done.refused:
                said = _("{added} rules added, {changed} changed, {same} as before.")
                counts = {"added": done.created, "changed": done.changed, "same": done.same}
                return _saved(request, said.format(**{name: intcomma(n) for name, n in counts.items()}))
            refused = done.refused
    context = {
        "form": form,
        "refused": refused[:SHOWN],
        "refused_count": len(refused),
        "columns": sod_csv.COLUMNS,
        "cap": SHOWN,
    }
    return render(request, "campaigns/sod_import.html", context, status=422 if form.errors or refused else 200)


@requires(permissions.can_keep_duties_apart)
@require_safe
def rule_export(request: HttpRequest) -> StreamingHttpResponse:
    rules = SodRule.objects.select_related("owner").order_by("key")
    return StreamingHttpResponse(
        sod_csv.lines(rules.iterator(chunk_size=500)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="duties.csv"'},
    )
