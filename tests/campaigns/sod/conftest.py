"""A second system beside the story's, and a rule across both."""

import pytest

from campaigns.actions import sod_conflicts, sod_rules
from campaigns.models import SodConflict, SodRule
from campaigns.sod_rules import Terms
from inventory.actions import snapshots, sources
from inventory.models import Source
from inventory.readers.rows import FileToRead
from ledger.actors import SYSTEM
from tests.story import Story

PAY_RIGHTS = """\
source,entitlement_id,name,kind,description,privileged,owner_id,tags
erp,pay,Pay invoices,role,Release payments,no,,payments
erp,book,Book entries,role,Write journals,no,,
"""
PAY_GRANTS = """\
source,account_id,account_name,identity_id,entitlement_id
erp,bcosta,Bruno Costa,p2,pay
erp,dekman,David Ekman,p4,book
erp,shared,Shared login,,pay
erp,shared,Shared login,,book
"""


def load_erp(story: Story, grants: str = PAY_GRANTS, rights: str = PAY_RIGHTS) -> None:
    """Load the second system, which is created with the first load."""
    source = Source.objects.filter(key="erp").first() or sources.create(
        key="erp", name="Payments", owner=story.system_owner, by=story.admin
    )
    files = []
    for kind, text in (("entitlements", rights), ("grants", grants)):
        path = story.folder / f"erp-{kind}.csv"
        path.write_text(text)
        files.append(FileToRead(kind, path, path.name))
    origin = snapshots.Origin("Exported by the test, from nowhere", "full")
    snapshots.load(source_id=source.pk, files=files, origin=origin, by=story.admin, accept_large_drop=True)


def terms(story: Story, **changes) -> Terms:
    """What the rule across both systems says."""
    said = {
        "key": "customers-pay",
        "name": "Change customers and pay",
        "side_a_name": "change customers",
        "side_a": ["crm/admin", "crm/read"],
        "side_b_name": "pay invoices",
        "side_b": ["tag:payments"],
        "severity": "high",
        "control": "Two people release every payment",
        "owner": story.owner,
    }
    return Terms(**said | changes)


def compare() -> None:
    """Find conflicts now."""
    sod_conflicts.refresh(by=SYSTEM)


def standing() -> set[tuple[str, str]]:
    """(rule, person or account) of every conflict that stands."""
    found = SodConflict.objects.standing().select_related("rule", "identity", "account")
    return {(one.rule.key, one.identity.key if one.identity else f"account {one.account.key}") for one in found}


@pytest.fixture
def rule(story) -> SodRule:
    """The rule, compared: Bruno reads and administers customers, and pays."""
    load_erp(story)
    made = sod_rules.create(terms=terms(story), by=story.owner)
    compare()
    return made


@pytest.fixture
def conflict(rule) -> SodConflict:
    """Bruno's conflict."""
    return SodConflict.objects.get(rule=rule)
