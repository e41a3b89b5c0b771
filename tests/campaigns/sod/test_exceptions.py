"""Exceptions: asked for by one, approved by another, over on their day; nothing of it is ever changed."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from django.db import IntegrityError, InternalError, ProgrammingError, connection, transaction

from campaigns import sod_reading
from campaigns.actions import sod_exceptions, sod_rules
from campaigns.actions.sod_exceptions import Ask
from campaigns.models import SodConflict, SodException, SodExceptionStep
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from inventory.models import Identity
from ledger.actors import SYSTEM
from ledger.models import Entry
from people.actions import users
from people.models import Mail
from tests.campaigns.sod.conftest import PAY_GRANTS, PAY_RIGHTS, compare, load_erp, standing, terms
from tests.story import GRANTS

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


def ask(conflict, by, days: int = 30, **words):
    """Ask until so many days from now."""
    said = {"control": "Two people release payments", "reason": "The team is too small for both"} | words
    return sod_exceptions.ask(conflict_id=conflict.pk, wanted=Ask(**said, ends_on=clock.now().date() + days * DAY), by=by)


def approve(exception, by):
    """Approve it."""
    return sod_exceptions.judge(exception_id=exception.pk, code="approved", by=by)


def is_excepted(conflict) -> bool:
    """Whether an exception covers it today."""
    return SodConflict.objects.with_exception(clock.now().date()).get(pk=conflict.pk).is_excepted


def test_an_exception_counts_from_its_approval_to_its_last_day(story, conflict):
    with clock.freeze(NOON):
        exception = ask(conflict, story.owner, days=2)
        assert not is_excepted(conflict)
        approve(exception, story.admin)
        assert is_excepted(conflict)
    for days, covered in ((1, True), (2, True), (2.49, True), (2.51, False), (9, False)):
        with clock.freeze(NOON + days * DAY):
            assert is_excepted(conflict) == covered
            found = SodException.objects.prefetch_related("steps").get()
            assert sod_reading.state_of(found, clock.now().date()) == ("holds" if covered else "ran out")
    kinds = list(Entry.objects.filter(kind__startswith="sod-exception").order_by("id").values_list("kind", flat=True))
    assert kinds == ["sod-exception:asked", "sod-exception:approved"]


def test_the_owner_hears_once_when_it_is_over_and_the_conflict_stands(story, conflict):
    with clock.freeze(NOON):
        approve(ask(conflict, story.owner, days=1), story.admin)
    for days in (0, 1, 2, 3, 4):
        with clock.freeze(NOON + days * DAY):
            sod_exceptions.tell_of_ended(by=SYSTEM)
    mail = Mail.objects.get(template="sod_exception_ended")
    assert (mail.recipient, mail.context["path"]) == (story.owner, f"/duties/{conflict.pk}/")
    with clock.freeze(NOON + 2 * DAY):
        assert sod_exceptions.tell_of_ended(by=SYSTEM) == 0
        assert ask(conflict, story.owner).ends_on == NOON.date() + 32 * DAY


def test_nobody_approves_their_own_request_or_their_own_conflict(story, conflict):
    exception = ask(conflict, story.owner)
    for user in (story.owner, story.system_owner, story.auditor, story.fallback):
        with pytest.raises(NotAllowed):
            approve(exception, user)
    bruno = users.create(username="bruno", name="Bruno", email="b@x.example", roles=["administrator"], by=story.admin)
    Identity.objects.filter(key="p2").update(user=bruno)
    with pytest.raises(NotAllowed):
        approve(exception, bruno)
    facts = {"exception": exception, "code": "approved", "asked_by": story.owner, "at": NOON}
    with pytest.raises(IntegrityError), transaction.atomic():
        SodExceptionStep.objects.create(**facts, by=story.owner, by_name="O", entry_uid=exception.entry_uid)
    assert approve(exception, story.admin).by == story.admin


def test_a_system_owner_or_reviewer_neither_asks_nor_ends(story, conflict):
    for user in (story.system_owner, story.auditor, story.fallback):
        with pytest.raises(NotAllowed):
            ask(conflict, user)
    exception = ask(conflict, story.owner)
    approve(exception, story.admin)
    with pytest.raises(NotAllowed):
        sod_exceptions.end(exception_id=exception.pk, reason="It is not needed", by=story.system_owner)
    assert is_excepted(conflict)


@pytest.mark.parametrize(
    ("words", "field"),
    [({"control": "ok"}, "control"), ({"reason": ""}, "reason"), ({"days": -1}, "ends_on"), ({"days": 367}, "ends_on")],
)
def test_a_request_needs_words_and_a_day_within_a_year(story, conflict, words, field):
    with pytest.raises(InvalidInput) as refusal:
        ask(conflict, story.owner, **words)
    assert refusal.value.field == field


def test_what_was_judged_or_ended_is_not_judged_again(story, conflict):
    exception = ask(conflict, story.owner)
    with pytest.raises(InvalidInput, match="waits to be judged"):
        ask(conflict, story.admin)
    sod_exceptions.judge(exception_id=exception.pk, code="declined", reason="Split the two duties", by=story.owner)
    with pytest.raises(InvalidInput, match="already"):
        approve(exception, story.admin)
    with pytest.raises(InvalidInput, match="that holds"):
        sod_exceptions.end(exception_id=exception.pk, reason="It is not needed", by=story.admin)
    second = ask(conflict, story.owner)
    approve(second, story.admin)
    sod_exceptions.end(exception_id=second.pk, reason="One duty went elsewhere", by=story.owner)
    assert not is_excepted(conflict)
    with pytest.raises(InvalidInput, match="that holds"):
        sod_exceptions.end(exception_id=second.pk, reason="One duty went elsewhere", by=story.owner)


def test_new_sides_of_the_rule_end_what_was_approved_for_the_old(story, conflict):
    exception = ask(conflict, story.owner)
    approve(exception, story.admin)
    waiting = terms(story, side_b=["tag:payments", "erp/book"])
    sod_rules.change(rule_id=conflict.rule_id, terms=waiting, by=story.owner)
    compare()
    assert not is_excepted(conflict)
    found = SodException.objects.prefetch_related("steps").get()
    assert sod_reading.state_of(found, clock.now().date()) == "of an earlier form of the rule"
    second = ask(conflict, story.owner)
    sod_rules.change(rule_id=conflict.rule_id, terms=terms(story), by=story.owner)
    with pytest.raises(InvalidInput, match="changed since"):
        approve(second, story.admin)


MORE_RIGHTS = PAY_RIGHTS + "erp,refund,Refund,role,Pay back,no,,payments\n"
MORE_GRANTS = PAY_GRANTS + "erp,bcosta,Bruno Costa,p2,refund\n"


def named(exception) -> set[tuple[str, str]]:
    return set(exception.rights.values_list("side", "words"))


def test_it_names_what_is_held_and_one_more_right_opens_the_conflict_again(story, conflict):
    exception = ask(conflict, story.owner)
    approve(exception, story.admin)
    rights = {
        ("a", "Customer records: Administrator"),
        ("a", "Customer records: Read customers"),
        ("b", "Payments: Pay invoices"),
    }
    assert named(exception) == rights
    asked = Entry.objects.get(kind="sod-exception:asked").payload_json["data"]
    assert asked["rights"] == {"a": ["crm/admin", "crm/read"], "b": ["erp/pay"]}
    load_erp(story, MORE_GRANTS, MORE_RIGHTS)
    compare()
    assert not is_excepted(conflict), "a further right of a side was never approved"
    assert sod_reading.beyond([exception.pk])[exception.pk].rights == ["Payments: Refund"]
    for _ in range(2):
        sod_exceptions.tell_of_more(by=SYSTEM)
    mail = Mail.objects.get(template="sod_exception_outgrown")
    assert (mail.recipient, mail.context["rights"]) == (story.owner, ["Payments: Refund"])
    load_erp(story)
    compare()
    assert is_excepted(conflict), "the new right is gone: what is held was approved"
    second = ask(conflict, story.owner)
    assert named(second) == rights


def test_fewer_rights_and_another_account_with_the_same_are_covered(story, conflict):
    approve(ask(conflict, story.owner), story.admin)
    story.load_without(("bruno", "admin"))
    load_erp(story, PAY_GRANTS + "erp,bruno2,Bruno Costa,p2,pay\n")
    compare()
    assert is_excepted(conflict)


def test_the_first_side_counts_as_well(story, conflict):
    story.load_without(("bruno", "admin"))
    compare()
    approve(ask(conflict, story.owner), story.admin)
    story.load(grants=GRANTS)
    compare()
    assert not is_excepted(conflict)


def test_what_was_not_named_is_not_approved(story, conflict):
    exception = ask(conflict, story.owner)
    load_erp(story, MORE_GRANTS, MORE_RIGHTS)
    compare()
    with pytest.raises(InvalidInput, match="More is held since this was asked: Payments: Refund"):
        approve(exception, story.admin)
    sod_exceptions.judge(exception_id=exception.pk, code="declined", reason="Ask for all of it", by=story.admin)
    approve(ask(conflict, story.owner), story.admin)
    assert is_excepted(conflict)


def test_exceptions_of_before_name_what_was_held_when_they_were_asked_for(story, conflict):
    exception = ask(conflict, story.owner)
    approve(exception, story.admin)
    load_erp(story, MORE_GRANTS, MORE_RIGHTS)
    compare()
    wanted = named(exception)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # as if no right had ever been named
        cursor.execute("DELETE FROM campaigns_sodexceptionright")
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        cursor.execute(import_module("campaigns.migrations.0113_exception_rights_kept").NAMED)
    assert named(exception) == wanted
    assert not is_excepted(conflict)


def test_a_hundred_rights_are_named_at_most(story, conflict, monkeypatch):
    monkeypatch.setattr(sod_exceptions, "MOST_RIGHTS", 2)
    with pytest.raises(InvalidInput, match="at most 2 rights; 3 are held"):
        ask(conflict, story.owner)


def test_an_account_of_nobody_known_gets_no_exception(story, rule):
    sod_rules.create(terms=terms(story, key="own", side_a=["erp/pay"], side_b=["erp/book"]), by=story.owner)
    compare()
    with pytest.raises(InvalidInput, match="Nobody knows"):
        ask(SodConflict.objects.get(rule__key="own"), story.owner)
    load_erp(story, grants="source,account_id,account_name,identity_id,entitlement_id\n")
    compare()
    assert standing() == set()
    with pytest.raises(InvalidInput, match="is over"):
        ask(SodConflict.objects.get(rule=rule), story.owner)


def test_the_database_keeps_exceptions_and_their_steps(story, conflict):
    exception = ask(conflict, story.owner)
    step = approve(exception, story.admin)
    right = exception.rights.first()
    for row, change in ((exception, "ends_on = '2027-01-01'"), (step, "code = 'declined'"), (right, "side = 'b'")):
        for statement in (f"DELETE FROM {row._meta.db_table}", f"UPDATE {row._meta.db_table} SET {change}"):
            refused = pytest.raises((InternalError, ProgrammingError))
            with refused, transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
