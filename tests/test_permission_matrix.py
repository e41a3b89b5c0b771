"""Every address, opened and posted to as everybody, against the table of who may.

The table names each URL of the URLconf; a new URL without a row fails, as does a row without a URL. Those who may not get 403,
or 404 where the thing itself is not theirs to see, and nothing changes in the database. No answer is ever an error of ours.
"""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from campaigns.models import (
    Delegation,
    Occurrence,
    RemovalHold,
    ReviewerGroup,
    SavedScope,
    SheetUpload,
    SilenceApproval,
    SodConflict,
    SodException,
    SodRule,
    StandingExclusion,
)
from certify.lib import clock
from ledger.queries import latest_checkpoint
from people.actions import users
from people.models import ApiToken
from remediation import invitations
from remediation.models import Objection
from tests.offered import Page
from tests.permission_rows import MORE, Row
from tests.world import (
    ADMIN,
    ALL,
    ANONYMOUS,
    AUDITOR,
    OTHER_AUDITOR,
    OTHER_SYSTEM,
    OWNER,
    REVIEWER,
    SIGNED_IN,
    STRANGER,
    SYSTEM_OWNER,
    build,
)

pytestmark = pytest.mark.django_db


def person(world):
    return [world.people[STRANGER].pk]


def source(world):
    return [world.story.source.pk]


def job(world):
    return [world.job.pk]


def open_campaign(world):
    return [world.open.pk]


def open_definition(world):
    return [world.open.definition_id]


def item(world):
    return [world.open.pk, world.story.row(world.open, "bruno").pk]


def exception(world):
    return [world.exception.pk]


def sod_exception(world):
    return [SodException.objects.get().pk]


def period(world):
    return [world.pack.period_id]


def sample(world):
    return [*period(world), world.row.sample_id]


def sampled_row(world):
    return [*sample(world), world.row.number]


def sampled_entry(world):
    return [*sampled_row(world), world.closed.launch_entry_uid]


def thread(world):
    return [*period(world), world.thread.pk]


def nonconformity(world):
    return ["soc2", "nonconformity", 1]


RUNNERS = {ADMIN, OWNER}
#: The launch assigned the shared login, which nobody owns, to the owner of the system.
REVIEWERS = {REVIEWER, SYSTEM_OWNER}

MATRIX = {
    **MORE,
    "dashboard": Row(SIGNED_IN),
    "health": Row(ALL, ALL),
    # people
    "people:sign-in": Row(ALL, ALL),
    "people:sign-out": Row(None, SIGNED_IN),
    "people:password-forgotten": Row(ALL, ALL),
    "people:password-set": Row(ALL, ALL, lambda world: ["MQ", "abc-def"]),
    "people:my-keys": Row(None, SIGNED_IN),
    "people:my-hours": Row(SIGNED_IN, SIGNED_IN),
    "people:my-language": Row(None, SIGNED_IN),
    "people:person-list": Row({ADMIN}),
    "people:person-create": Row({ADMIN}, {ADMIN}),
    "people:person-detail": Row({ADMIN}, None, person),
    "people:person-edit": Row({ADMIN}, {ADMIN}, person),
    "people:person-roles": Row({ADMIN}, {ADMIN}, person),
    "people:person-deactivate": Row(None, {ADMIN}, person),
    "people:person-reactivate": Row(None, {ADMIN}, person),
    "people:person-erase": Row({ADMIN}, {ADMIN}, person),
    "people:person-link": Row(None, {ADMIN}, person),
    "people:mail-list": Row(RUNNERS),
    "people:mail-retry": Row(None, RUNNERS, lambda world: [world.mail.pk]),
    # inventory
    "inventory:source-list": Row({*RUNNERS, SYSTEM_OWNER, OTHER_SYSTEM}),
    "inventory:identity-list": Row({ADMIN}),
    "inventory:identity-erase": Row({ADMIN}, {ADMIN}, lambda world: [world.identity.pk]),
    "inventory:account-erase": Row({ADMIN}, {ADMIN}, lambda world: [world.orphan.pk]),
    "inventory:source-create": Row({ADMIN}, {ADMIN}),
    "inventory:source-detail": Row({*RUNNERS, SYSTEM_OWNER}, None, source),
    "inventory:source-edit": Row({ADMIN}, {ADMIN}, source),
    "inventory:grant-list": Row({*RUNNERS, SYSTEM_OWNER}, None, source),
    "inventory:entitlement-detail": Row(
        {*RUNNERS, SYSTEM_OWNER}, None, lambda world: [world.story.source.entitlements.get(key="read").pk]
    ),
    # Who answers for no right sees an empty page.
    "inventory:description-list": Row(SIGNED_IN - {AUDITOR, OTHER_AUDITOR}, SIGNED_IN - {AUDITOR, OTHER_AUDITOR}),
    "inventory:description-import": Row(SIGNED_IN - {AUDITOR, OTHER_AUDITOR}, SIGNED_IN - {AUDITOR, OTHER_AUDITOR}),
    "inventory:description-export": Row(SIGNED_IN - {AUDITOR, OTHER_AUDITOR}),
    "inventory:orphan-list": Row({*RUNNERS, SYSTEM_OWNER}, None, source),
    "inventory:load-upload": Row(RUNNERS, RUNNERS, source),
    "inventory:snapshot-detail": Row({*RUNNERS, SYSTEM_OWNER}, None, lambda world: [world.story.source.snapshots.get().pk]),
    "inventory:rejected-export": Row({*RUNNERS, SYSTEM_OWNER}, None, lambda world: [world.story.source.snapshots.get().pk]),
    "inventory:load-detail": Row(RUNNERS, None, job),
    "inventory:load-mapping": Row(RUNNERS, RUNNERS, job),
    "inventory:load-start": Row(None, RUNNERS, job),
    "inventory:load-cancel": Row(None, RUNNERS, job),
    # campaigns
    "campaigns:definition-list": Row(RUNNERS),
    "campaigns:definition-create": Row({OWNER}, {OWNER}),
    "campaigns:definition-preview": Row({OWNER}, {OWNER}, open_definition),
    "campaigns:definition-edit": Row({OWNER}, {OWNER}, open_definition),
    "campaigns:definition-archive": Row(None, {OWNER}, open_definition),
    "campaigns:scope-build": Row(None, {OWNER}),
    "campaigns:scope-counts": Row(None, {OWNER}),
    "campaigns:scope-values": Row({OWNER}),
    "campaigns:saved-scope-list": Row(RUNNERS),
    "campaigns:saved-scope-archive": Row(None, {OWNER}, lambda world: [SavedScope.objects.get().pk]),
    "campaigns:standing-exclusion-list": Row(RUNNERS, {OWNER}),
    "campaigns:standing-exclusion-end": Row(None, {OWNER}, lambda world: [StandingExclusion.objects.get().pk]),
    "campaigns:campaign-list": Row(RUNNERS),
    "campaigns:campaign-detail": Row(RUNNERS, None, open_campaign),
    "campaigns:campaign-retry": Row(None, {OWNER}, lambda world: [world.failed.pk]),
    "campaigns:campaign-close": Row({OWNER}, {OWNER}, open_campaign),
    "campaigns:campaign-cancel": Row({OWNER}, {OWNER}, open_campaign),
    "campaigns:reviewer-reassign": Row({OWNER}, {OWNER}, lambda world: [world.open.pk, world.people[REVIEWER].pk]),
    "campaigns:campaign-open": Row(None, {OWNER}, open_campaign),
    "campaigns:campaign-test-mail": Row(None, {OWNER}, open_campaign),
    "campaigns:campaign-pause": Row({OWNER}, {OWNER}, open_campaign),
    "campaigns:campaign-resume": Row(None, {OWNER}, open_campaign),
    "campaigns:reviewer-page": Row(RUNNERS, None, lambda world: [world.open.pk, world.people[REVIEWER].pk]),
    "campaigns:stage-end": Row({OWNER}, {OWNER}, open_campaign),
    "campaigns:campaign-extend": Row({OWNER}, {OWNER}, open_campaign),
    "campaigns:reviewer-reopen": Row({OWNER}, {OWNER}, lambda world: [world.open.pk, world.people[REVIEWER].pk]),
    "campaigns:campaign-held": Row(RUNNERS, None, open_campaign),
    "campaigns:hold-judge": Row(None, RUNNERS, lambda world: [world.closed.pk, RemovalHold.objects.get().pk]),
    "campaigns:campaign-quality": Row(RUNNERS, None, open_campaign),
    "campaigns:finding-judge": Row({OWNER}, {OWNER}, lambda world: [world.closed.pk, world.people[REVIEWER].pk]),
    "campaigns:campaign-second-look": Row(None, {OWNER}, open_campaign),
    "campaigns:campaign-follow-up": Row(None, {OWNER}, lambda world: [world.closed.pk]),
    "campaigns:campaign-unanswered": Row(RUNNERS, None, lambda world: [world.closed.pk]),
    "campaigns:campaign-remove-unanswered": Row(None, {OWNER}, lambda world: [world.closed.pk]),
    "campaigns:unanswered-judge": Row(None, RUNNERS, lambda world: [world.closed.pk, SilenceApproval.objects.get().pk]),
    "campaigns:definition-plan": Row({OWNER}, {OWNER}, open_definition),
    "campaigns:definition-schedule": Row({OWNER}, {OWNER}, open_definition),
    "campaigns:definition-watch": Row(None, {OWNER}, open_definition),
    "campaigns:calendar": Row(RUNNERS),
    "campaigns:occurrence-detail": Row({OWNER}, {OWNER}, lambda world: [Occurrence.objects.first().pk]),
    "campaigns:sod-conflict-list": Row(RUNNERS),
    "campaigns:sod-conflict-detail": Row(RUNNERS, RUNNERS, lambda world: [SodConflict.objects.get().pk]),
    "campaigns:sod-exception-list": Row(RUNNERS),
    "campaigns:sod-exception-judge": Row(None, RUNNERS, sod_exception),
    "campaigns:sod-exception-end": Row(None, RUNNERS, sod_exception),
    "campaigns:sod-rule-list": Row(RUNNERS),
    "campaigns:sod-rule-create": Row(RUNNERS, RUNNERS),
    "campaigns:sod-rule-edit": Row(RUNNERS, RUNNERS, lambda world: [SodRule.objects.get().pk]),
    "campaigns:sod-rule-import": Row(RUNNERS, RUNNERS),
    "campaigns:sod-rule-export": Row(RUNNERS),
    "campaigns:group-list": Row({OWNER}),
    "campaigns:group-create": Row({OWNER}, {OWNER}),
    "campaigns:group-edit": Row({OWNER}, {OWNER}, lambda world: [ReviewerGroup.objects.get().pk]),
    "campaigns:delegation-list": Row(SIGNED_IN, SIGNED_IN),
    "campaigns:delegation-end": Row(None, {OWNER, REVIEWER}, lambda world: [Delegation.objects.get().pk]),
    "campaigns:inbox": Row(SIGNED_IN),
    "campaigns:review": Row(REVIEWERS, None, open_campaign),
    "campaigns:item-detail": Row({REVIEWER}, None, item),
    "campaigns:item-decide": Row(None, {REVIEWER}, item),
    "campaigns:item-row": Row({REVIEWER}, None, item),
    "campaigns:filter-save": Row(None, REVIEWERS, open_campaign),
    "campaigns:changes": Row(REVIEWERS, None, open_campaign),
    "campaigns:sheet": Row(REVIEWERS, REVIEWERS, open_campaign),
    "campaigns:sheet-download": Row(REVIEWERS, None, open_campaign),
    "campaigns:sheet-upload": Row({REVIEWER}, None, lambda world: [world.open.pk, SheetUpload.objects.get().pk]),
    "campaigns:sheet-apply": Row(None, {REVIEWER}, lambda world: [world.open.pk, SheetUpload.objects.get().pk]),
    "campaigns:bulk": Row(None, REVIEWERS, open_campaign),
    "campaigns:hand-over": Row(None, REVIEWERS, open_campaign),
    "campaigns:submit": Row(REVIEWERS, REVIEWERS, open_campaign),
    "campaigns:receipt": Row({REVIEWER}, None, lambda world: [world.closed.pk, world.closed.sign_offs.get().pk]),
    # remediation
    "remediation:task-list": Row({*RUNNERS, SYSTEM_OWNER, OTHER_SYSTEM}),
    "remediation:task-export": Row({*RUNNERS, SYSTEM_OWNER, OTHER_SYSTEM}),
    "remediation:task-detail": Row({*RUNNERS, SYSTEM_OWNER}, {*RUNNERS, SYSTEM_OWNER}, lambda world: [world.task.pk]),
    "remediation:bulk-send": Row(None, {*RUNNERS, SYSTEM_OWNER, OTHER_SYSTEM}),
    "remediation:sending-detail": Row(RUNNERS, RUNNERS, lambda world: [world.sending.pk]),
    "remediation:channel-resend": Row(None, {*RUNNERS, SYSTEM_OWNER, OTHER_SYSTEM}),
    "remediation:channel-list": Row(RUNNERS),
    "remediation:channel-detail": Row(RUNNERS, None, source),
    "remediation:channel-configure": Row(None, {ADMIN}, source),
    "remediation:channel-act": Row(None, RUNNERS, source),
    "remediation:channel-secret": Row(None, {ADMIN}, source),
    "remediation:token-list": Row({ADMIN}, {ADMIN}),
    "remediation:token-revoke": Row(None, {ADMIN}, lambda world: [ApiToken.objects.get().pk]),
    "remediation:objection-list": Row(SIGNED_IN),
    "remediation:own": Row(SIGNED_IN, SIGNED_IN),
    "remediation:objection-detail": Row({*RUNNERS, REVIEWER}, {*RUNNERS, REVIEWER}, lambda world: [Objection.objects.get().pk]),
    "remediation:object": Row(ALL, ALL, lambda world: [objection_token()]),
    "remediation:figures": Row({*RUNNERS, SYSTEM_OWNER, OTHER_SYSTEM}),
    "remediation:overdue": Row({*RUNNERS, SYSTEM_OWNER, OTHER_SYSTEM}),
    "remediation:bulk-claim": Row(None, {*RUNNERS, SYSTEM_OWNER, OTHER_SYSTEM}),
    "remediation:bulk-hand-on": Row(None, {*RUNNERS, SYSTEM_OWNER, OTHER_SYSTEM}),
    "remediation:exception-list": Row({*RUNNERS, SYSTEM_OWNER, OTHER_SYSTEM}),
    "remediation:exception-export": Row({*RUNNERS, SYSTEM_OWNER, OTHER_SYSTEM}),
    "remediation:exception-detail": Row({*RUNNERS, SYSTEM_OWNER}, None, exception),
    "remediation:exception-decide": Row(None, {OWNER}, exception),
    "remediation:exception-end": Row(None, {SYSTEM_OWNER}, exception),
    "remediation:exception-request": Row({OWNER, SYSTEM_OWNER}, {OWNER, SYSTEM_OWNER}, lambda world: [world.task.pk]),
    "remediation:task-close": Row(None, {OWNER}, lambda world: [world.task.pk]),
    "remediation:task-proof": Row({*RUNNERS, SYSTEM_OWNER}, None, lambda world: [world.task.pk, world.attempt.pk]),
    # what programs call: no session opens it, only a token (tests/remediation/test_api.py)
    "api:campaign-list": Row(set()),
    "api:removal-list": Row(set()),
    "api:result-list": Row(None, set()),
    "api:removal-detail": Row(set(), None, lambda world: [world.task.pk]),
    # evidence
    "evidence:period-list": Row({*RUNNERS, AUDITOR, OTHER_AUDITOR}),
    "evidence:period-create": Row({OWNER}, {OWNER}),
    "evidence:period-detail": Row({*RUNNERS, AUDITOR}, None, period),
    "evidence:period-readiness": Row({*RUNNERS, AUDITOR}, None, period),
    "evidence:period-report": Row({*RUNNERS, AUDITOR}, None, period),
    "evidence:period-report-pdf": Row({*RUNNERS, AUDITOR}, None, period),
    "evidence:period-edit": Row({OWNER}, {OWNER}, period),
    "evidence:campaign-seal": Row(RUNNERS, {OWNER}, lambda world: [world.closed.pk]),
    "evidence:pack-request": Row(None, {OWNER}, period),
    "evidence:sample-list": Row({*RUNNERS, AUDITOR}, {OWNER, AUDITOR}, period),
    "evidence:sample-detail": Row({*RUNNERS, AUDITOR}, None, sample),
    "evidence:sample-sign": Row(None, {AUDITOR}, sample),
    "evidence:sample-pack": Row(None, {*RUNNERS, AUDITOR}, sample),
    "evidence:sample-row": Row({*RUNNERS, AUDITOR}, {AUDITOR}, sampled_row),
    "evidence:row-entry": Row({*RUNNERS, AUDITOR}, None, sampled_entry),
    "evidence:row-proof": Row({*RUNNERS, AUDITOR}, None, sampled_entry),
    "evidence:row-attempt": Row({*RUNNERS, AUDITOR}, None, lambda world: [*sampled_row(world), world.attempt.pk]),
    "evidence:request-list": Row({*RUNNERS, AUDITOR}, {AUDITOR}, period),
    "evidence:request-detail": Row({*RUNNERS, AUDITOR}, {OWNER, AUDITOR}, thread),
    "evidence:request-file": Row({*RUNNERS, AUDITOR}, None, lambda world: [*thread(world), world.thread.posts.get().pk]),
    "evidence:campaign-reperform": Row(
        {*RUNNERS, AUDITOR}, {*RUNNERS, AUDITOR}, lambda world: [*period(world), world.closed.pk]
    ),
    "evidence:pack-download": Row(None, {*RUNNERS, AUDITOR}, lambda world: [world.pack.pk]),
    "evidence:framework-list": Row(RUNNERS),
    "evidence:framework-load": Row({OWNER}, {OWNER}),
    "evidence:framework-detail": Row(RUNNERS, None, lambda world: ["soc2"]),
    "evidence:control-detail": Row(RUNNERS, None, lambda world: ["soc2", "CC6.3"]),
    "evidence:duty-give": Row(None, {OWNER}, lambda world: ["soc2", "CC6.3"]),
    "evidence:statement-list": Row(RUNNERS, None, lambda world: ["soc2"]),
    "evidence:statement-create": Row({OWNER}, {OWNER}, lambda world: ["soc2", "subservice"]),
    "evidence:statement-detail": Row(RUNNERS, None, nonconformity),
    "evidence:statement-change": Row(None, {OWNER}, nonconformity),
    "evidence:statement-withdraw": Row(None, {OWNER}, nonconformity),
    "evidence:statement-check": Row(None, RUNNERS, nonconformity),
    # ledger
    "ledger:entry-list": Row(RUNNERS),
    "ledger:entry-detail": Row(RUNNERS, None, lambda world: [world.entry.uid]),
    "ledger:checkpoint": Row({*RUNNERS, AUDITOR, OTHER_AUDITOR}),
    "ledger:older-checkpoint": Row({*RUNNERS, AUDITOR, OTHER_AUDITOR}, None, lambda world: [latest_checkpoint().size]),
    "ledger:guards": Row(RUNNERS),
    "ledger:cosignature-create": Row(None, {ADMIN}),
    "ledger:key-rotate": Row(None, {ADMIN}),
    "ledger:key-list": Row({*RUNNERS, AUDITOR, OTHER_AUDITOR}),
    "ledger:tile": Row({*RUNNERS, AUDITOR, OTHER_AUDITOR}, None, lambda world: ["0/000.p/1"]),
    "ledger:entry-bundle": Row(RUNNERS, None, lambda world: ["000.p/1"]),
}


def objection_token():
    """The link of whoever objected."""
    objection = Objection.objects.select_related("task").get()
    return invitations.sign(objection.person_id, objection.task.campaign_id)


def patterns(resolver=None, prefix: str = "") -> dict:
    """Name with namespace → view, for every address of the URLconf."""
    found = {}
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{prefix}{entry.namespace}:" if entry.namespace else prefix
            found |= patterns(entry, inner)
        elif isinstance(entry, URLPattern):
            assert entry.name, f"{entry.pattern} has no name"
            found[prefix + entry.name] = entry.callback
    return found


@pytest.fixture(autouse=True)
def cache(settings):
    """No Redis is needed to ask who may."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, tmp_path_factory):
    """Built once, inside a transaction that is rolled back at the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build(tmp_path_factory.mktemp("world"))
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def cookies(world) -> dict:
    """A session cookie for each who can sign in."""
    found = {}
    for who, user in world.people.items():
        client = Client()
        client.force_login(user)
        found[who] = client.cookies["sessionid"].value
    return found


def send(world, cookies, who: str, name: str, method: str):
    """One request as somebody, undone afterwards."""
    client = Client(raise_request_exception=True)
    if who != ANONYMOUS:
        client.cookies["sessionid"] = cookies[who]
    with transaction.atomic():
        answer = getattr(client, method)(reverse(name, args=MATRIX[name].args(world)))
        if answer.streaming:
            b"".join(answer.streaming_content)
        transaction.set_rollback(who in allowed(name, method))
    return answer


def allowed(name: str, method: str) -> set:
    """Who may do this at all."""
    return getattr(MATRIX[name], method) or set()


def opens(answer) -> bool:
    """Whether the door opened: neither refused, nor unknown, nor sent to sign in."""
    return answer.status_code not in (401, 403, 404, 405) and not is_sent_to_sign_in(answer)


def is_sent_to_sign_in(answer) -> bool:
    """Whether the answer asks to sign in first."""
    return answer.status_code == 302 and answer.url.startswith("/sign-in/?next=")


def fingerprint() -> dict[str, str]:
    """Table → a hash over all its rows, without sessions and the counters of failed sign-ins."""
    tables = [
        name
        for name in connection.introspection.table_names()
        if not name.startswith(("django_session", "axes_", "django_mig"))
    ]
    each = (
        f"SELECT '{table}', md5(coalesce(string_agg(md5(t::text), '' ORDER BY md5(t::text)), '')) FROM {table} AS t"
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(each))
        return dict(cursor.fetchall())


def test_the_table_names_every_address_and_no_other():
    assert set(patterns()) == set(MATRIX)


def test_every_view_declares_who_may_open_it():
    undeclared = [name for name, view in patterns().items() if not hasattr(view, "access_rule")]
    assert undeclared == []


def test_exactly_these_are_public():
    public = {name for name, view in patterns().items() if view.access_rule == "public"}
    assert public == {"health", "people:sign-in", "people:password-forgotten", "people:password-set", "remediation:object"}
    assert public == {name for name, row in MATRIX.items() if ANONYMOUS in (row.get or set()) | (row.post or set())}


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", sorted(MATRIX))
def test_those_who_may_get_in_and_the_others_do_not(world, cookies, name, method):
    answers = {who: send(world, cookies, who, name, method) for who in sorted(allowed(name, method))}
    before = fingerprint()
    answers |= {who: send(world, cookies, who, name, method) for who in sorted(ALL - allowed(name, method))}
    assert fingerprint() == before
    assert {who for who, answer in answers.items() if opens(answer)} == allowed(name, method), {
        who: answer.status_code for who, answer in answers.items()
    }
    assert name == "health" or all(answer.status_code < 500 for answer in answers.values())


@pytest.mark.parametrize(
    "name",
    sorted(
        name for name, row in MATRIX.items() if ANONYMOUS not in (row.get or row.post or ()) and not name.startswith("api:")
    ),
)
def test_visitors_are_asked_to_sign_in(world, cookies, name):
    for method in ("get", "post"):
        assert is_sent_to_sign_in(send(world, cookies, ANONYMOUS, name, method))


def test_a_fragment_asked_for_without_session_sends_the_whole_page_to_sign_in(world):
    answer = Client().get(reverse("campaigns:review", args=[world.open.pk]), headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer["HX-Redirect"].startswith("/sign-in/?next=")


@pytest.mark.parametrize("who", sorted(SIGNED_IN))
def test_no_page_offers_what_its_reader_may_not_do(world, cookies, who):
    client = Client()
    client.cookies["sessionid"] = cookies[who]
    waiting, seen, posts = ["/"], {"/"}, set()
    while waiting and len(seen) < 250:
        path = waiting.pop(0)
        answer = client.get(path)
        assert answer.status_code == 200, f"{path} answers {answer.status_code} to the {who}"
        if answer.streaming or "html" not in answer["Content-Type"]:
            continue
        page = Page(answer.text, path)
        posts |= page.posts
        waiting += sorted(page.links - seen)
        seen |= page.links
    assert {path for path in posts if not opens(pressed(path, cookies[who]))} == set()


def pressed(path: str, cookie: str):
    """What a button answers, with nothing filled in; undone afterwards."""
    client = Client()
    client.cookies["sessionid"] = cookie
    with transaction.atomic():
        answer = client.post(path)
        transaction.set_rollback(True)
    return answer


def test_a_period_closes_to_its_auditor_after_the_last_day(world, cookies):
    with clock.freeze(clock.now() + timedelta(days=31)):
        closed = [
            send(world, cookies, AUDITOR, "evidence:period-detail", "get"),
            send(world, cookies, AUDITOR, "evidence:pack-download", "post"),
        ]
        listed = send(world, cookies, AUDITOR, "evidence:period-list", "get")
    assert [answer.status_code for answer in closed] == [404, 404]
    assert list(listed.context["periods"]) == []


def test_a_deactivated_person_is_a_visitor(world, cookies):
    with transaction.atomic():
        users.deactivate(user_id=world.people[OWNER].pk, by=world.story.admin)
        assert is_sent_to_sign_in(send(world, cookies, OWNER, "campaigns:campaign-list", "get"))
        transaction.set_rollback(True)
