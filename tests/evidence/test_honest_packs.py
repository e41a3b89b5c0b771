"""No false alarm: fifty packs of small companies whose year was drawn by dice, under names and reasons that try to look like markup."""

import random
from datetime import date, timedelta

import pytest
from django.db import transaction
from django.test import override_settings

from campaigns.actions import closing, items
from campaigns.models import Assignment, Campaign
from certify.lib import clock
from evidence.actions import periods
from evidence.models import AuditPeriod
from evidence.verifier import verify as verifier
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from ledger.models import Checkpoint
from people.actions import users
from people.states import Role
from remediation.actions import removals
from tests.evidence.conftest import build
from tests.evidence.story import YEAR, details, moment, verify
from tests.story import Story, tell

pytestmark = pytest.mark.django_db
COMPANIES, PACKS = 10, 5
KINDS = ("key", "password", "token")
NAMES = (
    "=SUM(A1)",
    "Zoë “Q” O'Neil",
    "a,b;c",
    "'quoted'",
    '"double"',
    "-1",
    "李明",
    "Line",
    "\\back\\slash",
    "@home",
    "Ünï çødé",
    "+49",
)
PEOPLE = "identity_id,name,email,kind,status,department,manager_id,end_date\n"
GRANTS = "source,account_id,account_name,identity_id,entitlement_id,granted_by,path,credential_kind\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _texts(dice: random.Random) -> dict[str, str]:
    """Between two and eight people with their accounts; some have left, some reports have no manager, some accounts nobody."""
    people, grants = (
        ["p1,Ana Berg,ana@x.example,employee,active,Finance,,\n", "p2,Bo,,employee,active,Sales,p1,\n"],
        ["crm,bo,Bo,p2,read,,,key\n"],
    )
    for number in range(3, dice.randint(3, 10)):
        state, kind = dice.choice(["active", "active", "inactive"]), dice.choice(["employee", "contractor", "service"])
        day = f"{YEAR}-0{dice.randint(1, 9)}-1{dice.randint(0, 9)}" if state == "inactive" and dice.random() < 0.5 else ""
        department, manager = dice.choice(["Finance", "Sales"]), dice.choice(["p1", ""])
        line = f"p{number},{_quoted(dice.choice(NAMES))},,{kind},{state},{department},{manager},{day}\n"
        if dice.random() < 0.85:
            people.append(line)
    for number in range(3, 14):
        for right in ("read", "admin"):
            if dice.random() < 0.5:
                person = dice.choice([f"p{number}", f"p{number}", "p1", ""])
                name, by, kind = _quoted(dice.choice(NAMES)), dice.choice(["ana@x.example", ""]), dice.choice(KINDS)
                grants.append(f"crm,a{number}-{right},{name},{person},{right},{by},,{kind}\n")
    return {"identities": PEOPLE + "".join(people), "grants": GRANTS + "".join(grants)}


def _decide(dice: random.Random, story: Story, campaign: Campaign) -> None:
    """Some rows are decided, some several times, some withdrawn; some people submit."""
    rows = Assignment.objects.filter(campaign=campaign, is_active=True, sign_off=None).select_related("reviewer")
    for row in list(rows.order_by("pk")):
        for _ in range(dice.choice([0, 1, 1, 2])):
            code = dice.choice(["approve", "approve", "revoke", "dont_know"])
            items.decide(
                assignment_id=row.pk, answer=items.Answer(code, f"Because of {dice.choice(NAMES)}, said twice"), by=row.reviewer
            )
            if dice.random() < 0.2:
                items.undo(assignment_id=row.pk, by=row.reviewer)
    for person in sorted({row.reviewer for row in rows.exclude(decision="")}, key=lambda person: person.pk):
        if dice.random() < 0.7:
            story.submit(campaign, person)


def _month(dice: random.Random, story: Story, month: int) -> None:
    """A reading, perhaps a review with its end and removals, perhaps a change of people; each month ends with a checkpoint."""
    with clock.freeze(moment(month, 1)):
        story.load(dice.choice(["full", "full", "partial"]), **_texts(dice))
        verify(story)
    if dice.random() < 0.5:
        with clock.freeze(moment(month, 2)):
            campaign = story.launch(
                f"{dice.choice(NAMES)} {month}", **dice.choice([{}, {"departments": ["Sales"], "orphans": False}])
            )
        for day in (3, 4):
            with clock.freeze(moment(month, day, dice.randint(8, 17))):
                _decide(dice, story, campaign)
        with clock.freeze(moment(month, 20)):
            if dice.random() < 0.8:
                closing.close(campaign_id=campaign.pk, by=story.owner)
                removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
            else:
                closing.cancel(campaign_id=campaign.pk, reason=f"Because of {dice.choice(NAMES)}, at last", by=story.owner)
    if dice.random() < 0.4:
        with clock.freeze(moment(month, 21)):
            roles = sorted({"reviewer", *dice.sample(list(Role.values), 2)})
            users.create(username=f"new-{month}", name=dice.choice(NAMES), roles=roles, by=story.admin)
            users.set_roles(
                user_id=story.system_owner.pk, roles=sorted({"system_owner", dice.choice(Role.values)}), by=story.admin
            )
    with clock.freeze(moment(month, 25)):
        sequencing.sequence(by=SYSTEM)


def _period(dice: random.Random, story: Story, number: int) -> AuditPeriod:
    first = date(YEAR, 1, 1) + timedelta(days=dice.randrange(300))
    last = first + timedelta(days=dice.randrange(200))
    changes = {"from_on": first, "to_on": last, "open_until": last, "leaver_days": dice.choice([0, 1, 30])}
    wanted = details(story, name=f"Period {number}", framework=dice.choice(["soc2", "soc2", "iso27001"]), **changes)
    return periods.create(details=wanted, by=story.owner)


@pytest.mark.parametrize("seed", range(COMPANIES))
def test_no_honest_pack_is_called_spoiled(seed, db, tmp_path):
    dice = random.Random(f"company {seed}")
    own = override_settings(
        CERTIFY_LEDGER_ORIGIN="certify.example/ledger", CERTIFY_LEDGER_KEY_FILE=tmp_path / "key.json", CERTIFY_DATA_DIR=tmp_path
    )
    with own, transaction.atomic():
        story = tell(tmp_path)
        wanted = [_period(dice, story, number) for number in range(PACKS)]
        told = sequencing.sequence(by=SYSTEM)
        for month in sorted(dice.sample(range(1, 12), 4)):
            _month(dice, story, month)
        for number, period in enumerate(wanted):
            with clock.freeze(moment(12, 31)):
                # A pack is never built under a checkpoint that its period is not under.
                since = Checkpoint.objects.filter(size__gte=told.size)
                checkpoints = [sequencing.sequence(by=SYSTEM), *since.order_by("size")]
            target = tmp_path / f"{number}.zip"
            build(period, dice.choice([checkpoints[0], *checkpoints]), target)
            checks = verifier.Verifier(verifier.Pack(str(target))).run()
            assert [(check.title, check.problems) for check in checks if check.problems] == [], f"company {seed}, pack {number}"
